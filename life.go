package zhenni

import (
	"fmt"
	"slices"
	"time"
)

// Issue is how a credential is issued to a subject.
type Issue uint8

// The ways of issue. The zero value is the ordinary one: the app's, which makes a lite credential, or the terminal's,
// which makes a full one. By card the holder's card was read anew; re-enrolment is the issuer's, face to face. Both may put
// a credential in the place of one of the same level.
const (
	IssueOrdinary Issue = iota
	IssueByCard
	IssueReenrolment
	issues
)

var issueNames = names[Issue]{IssueOrdinary: "ordinary", IssueByCard: "card", IssueReenrolment: "reenrolment"}

// String returns "ordinary", "card" or "reenrolment".
func (i Issue) String() string { return issueNames.name(i, "issue") }

// MarshalText implements encoding.TextMarshaler.
func (i Issue) MarshalText() ([]byte, error) { return issueNames.marshal(i, "issue") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Issue) UnmarshalText(text []byte) error { return issueNames.unmarshal(i, text, "issue") }

// Known reports whether i is one of the ways of issue.
func (i Issue) Known() bool { return i < issues }

// issued is an issue of a level.
type issued struct {
	Issue
	Level
}

// standing is how the last credential of a subject stands when another is issued.
type standing struct {
	Level
	Status
}

// legalSuccessors is the whole table of issues that may follow the last credential of a subject. Over one that is live,
// active or suspended, they void it. A standing that is not here, superseded or erased or no credential at all, admits
// every issue; of a standing that is here, what is absent is refused.
//
//   - Nothing lite comes over a live full credential.
//   - A full one over a lite one needs no reason; one of the same level is a re-issue by card or a re-enrolment.
//   - A suspended credential may be a lost device in other hands, and a revoked one was taken away: nothing that the app
//     alone can ask for follows them.
var legalSuccessors = map[standing][]issued{
	{LevelLite, StatusActive}: {
		{IssueOrdinary, LevelFull}, {IssueByCard, LevelFull}, {IssueReenrolment, LevelFull},
		{IssueByCard, LevelLite}, {IssueReenrolment, LevelLite},
	},
	{LevelFull, StatusActive}: {{IssueByCard, LevelFull}, {IssueReenrolment, LevelFull}},
	{LevelLite, StatusSuspended}: {
		{IssueOrdinary, LevelFull}, {IssueByCard, LevelFull}, {IssueReenrolment, LevelFull},
		{IssueByCard, LevelLite}, {IssueReenrolment, LevelLite},
	},
	{LevelFull, StatusSuspended}: {{IssueByCard, LevelFull}, {IssueReenrolment, LevelFull}},
	{LevelLite, StatusRevoked}: {
		{IssueOrdinary, LevelFull}, {IssueByCard, LevelFull}, {IssueReenrolment, LevelFull},
		{IssueByCard, LevelLite}, {IssueReenrolment, LevelLite},
	},
	{LevelFull, StatusRevoked}: {
		{IssueOrdinary, LevelFull}, {IssueByCard, LevelFull}, {IssueReenrolment, LevelFull},
		{IssueByCard, LevelLite}, {IssueReenrolment, LevelLite},
	},
	{LevelLite, StatusExpired}: allIssued,
	{LevelFull, StatusExpired}: allIssued,
}

var allIssued = []issued{
	{IssueOrdinary, LevelLite}, {IssueOrdinary, LevelFull}, {IssueByCard, LevelLite},
	{IssueByCard, LevelFull}, {IssueReenrolment, LevelLite}, {IssueReenrolment, LevelFull},
}

// Live reports whether the credential may still be used or be made usable: it is active or suspended. A subject has at
// most one such credential with a tenant.
func (c Credential) Live() bool { return c.Status == StatusActive || c.Status == StatusSuspended }

// Overdue reports whether the validity of c has ended at the given time, whatever its status says yet.
func (c Credential) Overdue(at time.Time) bool {
	return !c.ValidUntil.IsZero() && !at.Before(c.ValidUntil)
}

// SucceededBy returns c, the last credential of a subject, after another was issued by i at a level: superseded if it was
// live, expired if it was overdue besides, else as it was. [ErrIllegalChange] where that issue may not follow, with c as
// it was. A zero c, no credential, admits every issue.
func (c Credential) SucceededBy(i Issue, level Level, at time.Time) (Credential, error) {
	status := c.Status
	if c.Live() && c.Overdue(at) {
		status = StatusExpired
	}
	legal, ruled := legalSuccessors[standing{c.Level, status}]
	if !ruled {
		legal = allIssued
	}
	if !slices.Contains(legal, issued{i, level}) {
		return c, fmt.Errorf("%w: %s issue, %s, after a credential that is %s and %s", ErrIllegalChange, i, level, c.Level, status)
	}
	switch {
	case !c.Live():
		return c, nil
	case status == StatusExpired:
		return c.WithStatus(StatusExpired, at)
	}
	return c.WithStatus(StatusSuperseded, at)
}

// changed is c after a change at the given time: whoever knows it by an earlier generation knows it no more.
func (c Credential) changed(at time.Time) Credential {
	c.ChangedAt = at
	c.Generation++
	return c
}

// usable reports why what only a working credential admits can not be done at the given time.
func (c Credential) usable(what string, at time.Time) error {
	if c.Status != StatusActive || c.Overdue(at) {
		return fmt.Errorf("%w: %s of a credential that is %s or overdue", ErrIllegalChange, what, c.Status)
	}
	return nil
}

// WithDevice returns c after the move from one device to another, either of which may be none, the zero key. From must be
// the key that c has: of two moves at once from one device one is made. To the key that it has already there is no move,
// and c is returned as it is: a retry is no error. Only an active credential moves; anything else is [ErrIllegalChange].
func (c Credential) WithDevice(from, to PublicKey, at time.Time) (Credential, error) {
	if err := c.usable("move", at); err != nil {
		return c, err
	}
	switch {
	case c.Device == to:
		return c, nil
	case c.Device != from:
		return c, fmt.Errorf("%w: move from a device that is not the active one", ErrIllegalChange)
	}
	c.Device = to
	return c.changed(at), nil
}

// WithLock returns c after some factors were locked, or unlocked. What is so already changes nothing. Locking needs a live
// credential, unlocking one that is active and not overdue: [ErrIllegalChange].
func (c Credential) WithLock(factors Factors, locked bool, at time.Time) (Credential, error) {
	if !locked {
		if err := c.usable("unlock", at); err != nil {
			return c, err
		}
	}
	if !c.Live() {
		return c, fmt.Errorf("%w: lock of a credential that is %s", ErrIllegalChange, c.Status)
	}
	next := c.Locked.Without(factors)
	if locked {
		next = c.Locked.With(factors)
	}
	if next == c.Locked {
		return c, nil
	}
	c.Locked = next
	return c.changed(at), nil
}

// Lost returns c after its loss was reported: suspended. One that is suspended stays so; anything but a live credential
// is [ErrIllegalChange].
func (c Credential) Lost(at time.Time) (Credential, error) {
	if c.Status == StatusSuspended {
		return c, nil
	}
	return c.WithStatus(StatusSuspended, at)
}

// RenewedUntil returns c with a later end of validity, in whole seconds. The end that it has already changes nothing. Only
// an active credential that has an end is renewed, before that, and never to an earlier one: [ErrIllegalChange].
func (c Credential) RenewedUntil(until, at time.Time) (Credential, error) {
	if err := c.usable("renewal", at); err != nil {
		return c, err
	}
	until = until.Truncate(time.Second)
	switch {
	case c.ValidUntil.IsZero():
		return c, fmt.Errorf("%w: renewal of a credential without an end", ErrIllegalChange)
	case until.Equal(c.ValidUntil):
		return c, nil
	case until.Before(c.ValidUntil):
		return c, fmt.Errorf("%w: renewal to an earlier end", ErrIllegalChange)
	}
	c.ValidUntil = until
	return c.changed(at), nil
}

// ExpiredAt returns c after its validity has ended: expired. One that is expired stays so; one that is not live, or not
// overdue, is [ErrIllegalChange].
func (c Credential) ExpiredAt(at time.Time) (Credential, error) {
	if c.Status == StatusExpired {
		return c, nil
	}
	if !c.Overdue(at) {
		return c, fmt.Errorf("%w: expiry before the end of validity", ErrIllegalChange)
	}
	return c.WithStatus(StatusExpired, at)
}
