package zhenni

import (
	"fmt"
	"time"
)

// MaxEvery bounds [Session.Every], in months.
const MaxEvery = 24

// maxGrace bounds the time between the day that a recurring proof of life is due on and its end, which is less than a period too.
const maxGrace = 92 * 24 * time.Hour

// inMonths is the day of a month so many months after t, at the same time of day, in UTC; of a shorter month its last day.
func inMonths(t time.Time, months int, day uint8) time.Time {
	t = t.UTC()
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(int(day), last)-1)
}

// Opens is the first moment at which a proof of life is taken: of one that recurs a month before it is due, so that nobody proves
// today that they will be alive next year; of any other session when it is begun.
func (s *Session) Opens() time.Time {
	if s.Every == 0 {
		return s.CreatedAt
	}
	return inMonths(s.Due, -1, s.DueDay)
}

// recur completes a session that recurs: every one after it is due on the same day of the month, or on the last of a shorter one.
func (s *Session) recur() {
	switch {
	case s.Every == 0:
		s.DueDay = 0
	case s.DueDay == 0:
		s.DueDay = uint8(s.Due.UTC().Day())
	}
}

func (s *Session) checkEvery() error {
	switch {
	case s.Every == 0:
		return nil
	case s.Kind != SessionLife || s.Every > MaxEvery || s.DueDay > 31:
		return fmt.Errorf("%w: every: want 1–%d months, of a proof of life", ErrBadValue, MaxEvery)
	case s.Deadline.After(s.Due.Add(maxGrace)) || s.Deadline.After(inMonths(s.Due, int(s.Every), s.DueDay)):
		return fmt.Errorf("%w: deadline: the grace of a proof of life that recurs is at most a period, and %s", ErrBadValue, maxGrace)
	}
	return nil
}

// Following returns the id of the session that follows s, and the token of its seat; there is one after a proof of life that
// recurs and was confirmed. They are of s alone: whenever they are asked for they are the same.
func (s Session) Following() (id SessionID, seat SessionToken, more bool) {
	if s.Every == 0 || !s.Confirmed() {
		return id, seat, false
	}
	next := Session{ID: s.nextID(), Secret: s.nextSecret()}
	return next.ID, next.SeatToken(0), true
}

func (s *Session) nextID() SessionID {
	drawn := s.key("zhenni session next id", 0)
	return SessionID(drawn[:len(SessionID{})])
}

func (s *Session) nextSecret() [32]byte { return s.key("zhenni session next secret", 0) }

// Successor returns the session that follows s, begun at a time: a proof of life that recurs and was confirmed is due again after
// its period, with the same grace; periods of which nothing is left at that time are passed over.
func (s Session) Successor(now time.Time) (next Session, more bool) {
	if _, _, more = s.Following(); !more {
		return next, false
	}
	now = latest(now, s.ChangedAt)
	next = s
	next.ID, next.Secret = s.nextID(), s.nextSecret()
	grace := s.Deadline.Sub(s.Due)
	for {
		next.Due = inMonths(next.Due, int(s.Every), s.DueDay)
		if next.Deadline = next.Due.Add(grace); next.Deadline.After(now) {
			break
		}
	}
	next, err := NewSession(next, now)
	return next, err == nil
}
