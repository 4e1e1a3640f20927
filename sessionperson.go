package zhenni

import "fmt"

// Sharing is what a person who was asked lets who asks see beside the outcome.
type Sharing uint8

// What can be shared. Neither is ever part of a session: it is passed on once, and a session says only that it was.
const (
	ShareName Sharing = 1 << iota
	ShareSelfie
	allSharing = ShareName | ShareSelfie
)

var sharingNames = [...]struct {
	what Sharing
	name string
}{{ShareName, "name"}, {ShareSelfie, "selfie"}}

// Names returns the words for what is shared, in their order; nil for nothing.
func (s Sharing) Names() (names []string) {
	for _, n := range sharingNames {
		if s&n.what != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// ParseSharing reads one of the words of [Sharing.Names].
func ParseSharing(word string) (Sharing, bool) {
	for _, n := range sharingNames {
		if n.name == word {
			return n.what, true
		}
	}
	return 0, false
}

// Bounds of an [Introduction], in bytes.
const (
	MaxSealedName = 2 << 10
	MaxMaskedName = 300
)

// Introduction is what a person who asks another one said of both beforehand.
type Introduction struct {
	// Transaction is the one under which the session was asked for, a [ValidName].
	Transaction string
	// Expected is the name that who is asked has to have, sealed for Transaction; empty where any will do.
	Expected string
	// Towards is the tag of that name under the person who asks: equal for equal names of one asker, and good for nothing else.
	Towards NameTag
	// Asker is the masked name of who asks, empty where it is not shown.
	Asker string
	// Answers is the session in which who is asked here has asked, zero where this is the first of the two.
	Answers SessionID
	// Shared is what was passed on by who was asked.
	Shared Sharing
}

// checkIntroduction holds an introduction to its bounds.
func (s *Session) checkIntroduction() error {
	i := s.Introduction
	switch {
	case i == nil:
		return nil
	case s.Kind != SessionPerson:
		return fmt.Errorf("%w: introduction: it is persons who are introduced", ErrBadValue)
	case !ValidName(i.Transaction), len(i.Expected) > MaxSealedName, len(i.Asker) > MaxMaskedName, i.Shared != 0:
		return fmt.Errorf("%w: introduction: want a transaction, and names within their bounds", ErrBadValue)
	case (i.Expected == "") != i.Towards.IsZero():
		return fmt.Errorf("%w: introduction: an expected name has a tag, and nothing else", ErrBadValue)
	}
	return nil
}

// share notes what is passed on with a yes. The session before stays as it is.
func (s *Session) share(what Sharing) error {
	switch {
	case what == 0:
		return nil
	case s.Introduction == nil || what&^allSharing != 0:
		return fmt.Errorf("%w: it is persons who show something of themselves", ErrBadValue)
	}
	introduction := *s.Introduction
	introduction.Shared = what
	s.Introduction = &introduction
	return nil
}
