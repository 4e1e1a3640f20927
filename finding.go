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
