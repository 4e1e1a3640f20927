package storage

import (
	"encoding/binary"
	"fmt"
	"time"

	"zhenni"
)

// What a status record has behind the body of version 1, where the credential was issued to a subject. A record without it
// is of version 1, and stays so. Version 2 has what is known of the person in the clear; it is read, and written only where
// the person's key is not to be had. Version 3 has it sealed, version 4 with the commitment to a rotation key.
const (
	lifeClear   = 2
	lifeSealed  = 3
	lifeRotated = 4

	clearSize     = 1 + 1 + 4 + 8 + 8 + zhenni.PublicKeySize + 32 + 16
	anonymousSize = 1 + 1 + 8 + 8
	sealedSize    = anonymousSize + 8 + sealedPersonSize
	rotatedSize   = anonymousSize + 8 + sealedRotatedSize
)

// blank reports whether the status has nothing that version 1 does not have.
func (s status) blank() bool {
	return s.Subject.IsZero() && s.NameTag.IsZero() && s.Region == 0 && s.ValidUntil.IsZero() && s.Locked == 0 &&
		s.StatusIndex == 0 && s.device == [zhenni.PublicKeySize]byte{} && s.sealed == sealedPerson{}
}

func (s status) appendLife(dst []byte) []byte {
	if s.blank() {
		return dst
	}
	if s.form == lifeClear {
		return s.appendClear(dst)
	}
	version := byte(lifeSealed)
	if s.sealed.rotated {
		version = lifeRotated
	}
	dst = append(dst, version, byte(s.Locked))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(untilSecond(s.ValidUntil)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.StatusIndex))
	if s.sealed == (sealedPerson{}) {
		return dst
	}
	dst = binary.LittleEndian.AppendUint64(dst, s.place)
	return append(dst, s.sealed.bytes()...)
}

func (s status) appendClear(dst []byte) []byte {
	dst = append(dst, lifeClear, byte(s.Locked))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s.Region))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(untilSecond(s.ValidUntil)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.StatusIndex))
	dst = append(dst, s.device[:]...)
	dst = append(dst, s.Subject[:]...)
	return append(dst, s.NameTag[:]...)
}

// untilSecond is an end of validity in seconds since 1970, 0 for none.
func untilSecond(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// decodeLife reads what appendLife writes. What is sealed of the person is left to [Store.person], as is whether the key of a
// device is one.
func (s *status) decodeLife(b []byte) error {
	switch {
	case len(b) == 0:
		return nil
	case b[0] == lifeClear && len(b) == clearSize:
		return s.decodeClear(b)
	case b[0] == lifeRotated && len(b) == rotatedSize:
		s.sealed.rotated = true
	case b[0] != lifeSealed || len(b) != anonymousSize && len(b) != sealedSize:
		return fmt.Errorf("%w: status with %d bytes of version %d", zhenni.ErrCorrupt, len(b), b[0])
	}
	s.form = lifeSealed
	s.Locked = zhenni.Factors(b[1])
	until := int64(binary.LittleEndian.Uint64(b[2:]))
	if until != 0 {
		s.ValidUntil = time.Unix(until, 0).UTC()
	}
	s.StatusIndex = zhenni.StatusIndex(binary.LittleEndian.Uint64(b[10:]))
	whose := len(b) > anonymousSize
	if whose {
		s.place = binary.LittleEndian.Uint64(b[anonymousSize:])
		copy(s.sealed.bytes(), b[anonymousSize+8:])
	}
	if s.blank() || whose && s.sealed.text == [sealedRotatedSize]byte{} || s.Locked.Validate() != nil || until < 0 {
		return fmt.Errorf("%w: status out of range", zhenni.ErrCorrupt)
	}
	return nil
}

// decodeClear reads what appendClear writes.
func (s *status) decodeClear(b []byte) error {
	s.form = lifeClear
	s.Locked = zhenni.Factors(b[1])
	s.Region = zhenni.Region(binary.LittleEndian.Uint32(b[2:]))
	until := int64(binary.LittleEndian.Uint64(b[6:]))
	if until != 0 {
		s.ValidUntil = time.Unix(until, 0).UTC()
	}
	s.StatusIndex = zhenni.StatusIndex(binary.LittleEndian.Uint64(b[14:]))
	rest := b[22:]
	rest = rest[copy(s.device[:], rest):]
	rest = rest[copy(s.Subject[:], rest):]
	copy(s.NameTag[:], rest)
	if s.blank() || s.Locked.Validate() != nil || s.Region.Validate() != nil || until < 0 {
		return fmt.Errorf("%w: status out of range", zhenni.ErrCorrupt)
	}
	return nil
}

// with returns the status after a change of its credential; what is sealed of the person stays behind, see [batch.sealAfter].
func (s status) with(c zhenni.Credential) status {
	s.Credential = c
	if s.form == lifeClear {
		c.Device.Append(s.device[:0])
	}
	return s
}

// issuedStatus is the first status of a credential that is issued, whose template's key lies at a place of the key file.
func (s *Store) issuedStatus(st status, c zhenni.Enrol, place uint64) status {
	next := st.Credential
	next.Subject, next.NameTag, next.Region, next.Device, next.Rotation = c.Subject, c.NameTag, c.Region, c.Device, c.Rotation
	next.ValidUntil = untilTime(c.ValidUntil)
	next.StatusIndex = s.statusIndex(place)
	st.Credential, st.form, st.place = next, lifeSealed, place
	return st
}

// untilTime is an end of validity as it reads back: whole seconds, never later than it was said.
func untilTime(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Unix(t.Unix(), 0).UTC()
}

// checkIssue holds the parts of an enrolment that belong to a subject against their ranges.
func checkIssue(c zhenni.Enrol) error {
	if c.Subject.IsZero() {
		if !c.NameTag.IsZero() || c.Region != 0 || !c.ValidUntil.IsZero() || !c.Device.IsZero() || !c.Rotation.IsZero() ||
			c.Issue != zhenni.IssueOrdinary || c.Replaces != (zhenni.CredentialID{}) {
			return fmt.Errorf("%w: what belongs to a subject without one", zhenni.ErrBadValue)
		}
		return nil
	}
	switch {
	case c.ID == zhenni.CredentialID{}:
		return fmt.Errorf("%w: a credential id of zeros, which is none", zhenni.ErrBadValue)
	case !c.Issue.Known():
		return fmt.Errorf("%w: %s", zhenni.ErrBadValue, c.Issue)
	case !c.ValidUntil.IsZero() && (!c.ValidUntil.After(c.At) || untilSecond(c.ValidUntil) < 1):
		return fmt.Errorf("%w: a validity that ends before it begins", zhenni.ErrBadValue)
	}
	return c.Region.Validate()
}
