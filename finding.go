package zhenni

import "time"

// Finding is what there is to say of a request for verification once it is decided, to whoever signs its result.
type Finding struct {
	Party       RelyingParty
	Transaction string
	// At is when it was decided.
	At time.Time
	// Profile is the id of the threshold that decided; Unsupported says that its data do not carry its rate.
	Profile     string
	Unsupported bool
	// Service and Purpose are what it was asked for, both a [ValidName], or both empty.
	Service, Purpose string
	// Bound is the session that a single verification is a comparison of, zero where it is of none.
	Bound Binding
	// Items is the number of items of a request in bulk, of which nothing more is said. It is 0 for a single verification.
	Items int
	// Outcome is Match or NoMatch of a single verification, Pending of a request in bulk.
	Outcome Outcome
	// Grounds are what a Match rests on, and nil for anything else: a no says nothing of the person.
	Grounds *Grounds
}

// Grounds are what a yes rests on.
type Grounds struct {
	// Credential is the one that was asked about, as it is stored.
	Credential Credential
	// Level is what the yes says of its level, which may be less than it has.
	Level Level
	// Methods are how the person was verified, in the words of RFC 8176 where it has one: face, vbm for a voice, fpt for a
	// fingerprint, pin, pop for a signature by the device.
	Methods []string
	// Assertions are what the yes states, each a [ValidName]; none where no policy says so.
	Assertions []string
	// FMR is the false match rate of the whole transaction, in (0, 1], or 0 where none is stated.
	FMR float64
}

// Binding says of which session a comparison is, and which one of it.
type Binding struct {
	Session SessionID
	// Payment is [Payment.Hash] of what a session of that kind is bound to, zero of any other.
	Payment [32]byte
	// Tries is the number of comparisons that the seat has had with this one, in [1, MaxTries].
	Tries uint8
}

// Binding is that of the next comparison of a seat.
func (s *Session) Binding(seat int) Binding {
	b := Binding{Session: s.ID, Tries: s.Seats[seat].Tried + 1}
	if s.Payment != nil {
		b.Payment = s.Payment.Hash()
	}
	return b
}
