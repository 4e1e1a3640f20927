package zhenni

import (
	"slices"
	"time"
)

// AskerView is what who asks sees of a session. A credential that is of no use is not to be told from one that did not match,
// and how the members of a group answered not before the end; nor is it seen how often a phone tried.
type AskerView struct {
	// End is the outcome, of which [SessionCompleted] is a yes where Confirmed is set.
	End       SessionEnd
	Confirmed bool
	// Opened is how many of those asked have opened the session, Answered how many of a group have been settled.
	Opened, Answered int
	// CodeRight says that the code was read out and typed in.
	CodeRight bool
	// Seats are the states of a group's members, once it has ended.
	Seats    []SeatState
	Deadline time.Time
}

// ForAsker returns what who asks may see of s.
func (s Session) ForAsker() AskerView {
	v := AskerView{End: s.End, Confirmed: s.Confirmed(), Deadline: s.Deadline}
	if s.End == SessionCredentialUnusable {
		v.End = SessionCompleted
	}
	for i := range s.Seats {
		seat := &s.Seats[i]
		if seat.State != SeatWaiting {
			v.Opened++
		}
		v.CodeRight = v.CodeRight || seat.CodeRight
		if s.Kind != SessionGroup {
			continue
		}
		if seat.State.settled() {
			v.Answered++
		}
		if s.End != SessionLive {
			v.Seats = append(v.Seats, seat.State.toAsker())
		}
	}
	return v
}

// Vouches reports whether who asks may have the record of the comparison that confirmed a seat: once the session has ended, and where
// that yes is part of how. Of any other comparison they have none. A match that came too late, or beside wrong digits, is no yes; that of
// another face than the name that was asked for is no match; and the record of a no tells how often was tried.
func (s *Session) Vouches(seat int) bool {
	return s.End != SessionLive && seat >= 0 && seat < len(s.Seats) && s.Seats[seat].State == SeatConfirmed &&
		(s.Kind == SessionGroup || s.Confirmed())
}

// toAsker is the state as who asks sees it.
func (s SeatState) toAsker() SeatState {
	if s == SeatUnusable {
		return SeatNotConfirmed
	}
	return s
}

// Equal reports whether two views show the same.
func (v AskerView) Equal(o AskerView) bool {
	return v.End == o.End && v.Confirmed == o.Confirmed && v.Opened == o.Opened && v.Answered == o.Answered &&
		v.CodeRight == o.CodeRight && slices.Equal(v.Seats, o.Seats) && v.Deadline.Equal(o.Deadline)
}

// HolderView is what the person in a seat sees of a session: how their own answer went, and how the session ended.
type HolderView struct {
	Kind             SessionKind
	Party            string
	Service, Purpose string
	Payment          *Payment
	// Message is of a [SessionRemote]: it has to be the one on the screen of who asks.
	Message string
	Due     time.Time
	// State is that of the seat, TriesLeft the comparisons it may still take.
	State     SeatState
	TriesLeft int
	// Code is to be read out to who asks where CodeShown is set; where CodeWanted is, it is to be typed in.
	Code                  uint8
	CodeShown, CodeWanted bool
	End                   SessionEnd
	Confirmed             bool
	Deadline              time.Time
}

// ForSeat returns what the person in a seat may see of s.
func (s Session) ForSeat(i int) HolderView {
	seat := &s.Seats[i]
	v := HolderView{
		Kind: s.Kind, Party: s.Party, Service: s.Service, Purpose: s.Purpose, Payment: s.Payment, Due: s.Due,
		State: seat.State, End: s.End, Confirmed: s.Confirmed(), Deadline: s.Deadline,
	}
	if s.Remote != nil {
		v.Message = s.Remote.Message
	}
	if s.End != SessionLive {
		return v
	}
	if !seat.State.settled() {
		v.TriesLeft = int(s.Tries) - int(seat.Tried)
	}
	code := sessionRules[s.Kind].code
	v.CodeWanted = code == codeByHolder && !seat.CodeRight && !seat.State.settled()
	v.CodeShown = code == codeByAsker && !seat.CodeRight && seat.State != SeatWaiting
	if v.CodeShown {
		v.Code = s.Code
	}
	return v
}

// CodeForAsker is the code that who asks reads out, where it is the other side that types it in.
func (s Session) CodeForAsker() (code uint8, shown bool) {
	if sessionRules[s.Kind].code != codeByHolder || s.End != SessionLive {
		return 0, false
	}
	return s.Code, true
}

// AskerTypesCode reports whether who asks types the code that the phone shows.
func (s Session) AskerTypesCode() bool {
	return sessionRules[s.Kind].code == codeByAsker && s.End == SessionLive
}
