package zhenni

import "testing"

// Who asks has the record of a yes once the session has ended by it, and of a group's members who were confirmed however that ended.
//
// FAULTS: C11 C12
func TestVouches(t *testing.T) {
	ends := []SessionEnd{
		SessionLive, SessionCompleted, SessionRefused, SessionTimeout, SessionWrongCode, SessionCredentialUnusable, SessionCancelled, SessionQuorumFailed,
	}
	for _, kind := range []SessionKind{SessionCounter, SessionPerson, SessionGroup} {
		for _, end := range ends {
			for state := SeatWaiting; state <= SeatUnusable; state++ {
				s := Session{Kind: kind, End: end, Quorum: 1, Seats: []Seat{{State: state}}}
				want := state == SeatConfirmed && end != SessionLive && (kind == SessionGroup || end == SessionCompleted)
				if got := s.Vouches(0); got != want || s.Vouches(1) || s.Vouches(-1) {
					t.Errorf("%s, %s, %s: %v, want %v", kind, end, state, got, want)
				}
			}
		}
	}
}
