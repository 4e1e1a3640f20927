package zhenni

import "time"

// GroupOutcome is how a [SessionGroup] ended, as everybody who was in it may know: of whom so many were asked and so many confirmed, and
// of nobody who or how.
type GroupOutcome struct {
	Session          SessionID
	Service, Purpose string
	// End is the outcome as who asks sees it: completed, refused, timeout, cancelled or quorum_failed.
	End SessionEnd
	// Seats were asked, 1 to [MaxSeats]; Quorum of them had to be confirmed, all or fewer; Confirmed were.
	Seats, Quorum, Confirmed int
	// At is when it ended.
	At time.Time
}

// Yes reports whether so many were confirmed as had to be.
func (g GroupOutcome) Yes() bool { return g.End == SessionCompleted && g.Confirmed >= g.Quorum }

// GroupOutcome returns how a group ended; there is none of a session that is live, or of another kind.
func (s Session) GroupOutcome() (g GroupOutcome, ended bool) {
	if s.Kind != SessionGroup || s.End == SessionLive {
		return g, false
	}
	return GroupOutcome{
		Session: s.ID, Service: s.Service, Purpose: s.Purpose, End: s.ForAsker().End,
		Seats: len(s.Seats), Quorum: int(s.Quorum), Confirmed: s.count(SeatConfirmed), At: s.ChangedAt,
	}, true
}
