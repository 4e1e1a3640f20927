package storage

import (
	"encoding/binary"
	"fmt"
	"time"

	"zhenni"
)

// What a status record has behind the body of version 1, where the credential was issued to a subject. A record without it
// is of version 1, and stays so.
const (
	lifeVersion = 2
	lifeSize    = 1 + 1 + 4 + 8 + 8 + zhenni.PublicKeySize + 32 + 16
)

// blank reports whether the status has nothing that version 1 does not have.
func (s status) blank() bool {
	return s.Subject.IsZero() && s.NameTag.IsZero() && s.Region == 0 && s.ValidUntil.IsZero() && s.Locked == 0 &&
		s.StatusIndex == 0 && s.device == [zhenni.PublicKeySize]byte{}
}

func (s status) appendLife(dst []byte) []byte {
	if s.blank() {
		return dst
	}
	dst = append(dst, lifeVersion, byte(s.Locked))
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

// decodeLife reads what appendLife writes. Whether the device's key is one is left to [status.whole].
func (s *status) decodeLife(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) != lifeSize || b[0] != lifeVersion {
		return fmt.Errorf("%w: status with %d bytes of version %d", zhenni.ErrCorrupt, len(b), b[0])
	}
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

// whole returns the credential with its device.
func (s status) whole() (zhenni.Credential, error) {
	device, err := zhenni.ParsePublicKey(s.device[:])
	if err != nil {
		return zhenni.Credential{}, fmt.Errorf("%w: the key of a device", zhenni.ErrCorrupt)
	}
	s.Device = device
	return s.Credential, nil
}

// with returns the status after a change of its credential.
func (s status) with(c zhenni.Credential) status {
	s.Credential = c
	c.Device.Append(s.device[:0])
	return s
}

// issuedStatus is the first status of a credential that is issued, whose template's key lies at a place of the key file.
func (s *Store) issuedStatus(st status, c zhenni.Enrol, place uint64) status {
	next := st.Credential
	next.Subject, next.NameTag, next.Region, next.Device = c.Subject, c.NameTag, c.Region, c.Device
	next.ValidUntil = untilTime(c.ValidUntil)
	next.StatusIndex = s.statusIndex(place)
	return st.with(next)
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
		if !c.NameTag.IsZero() || c.Region != 0 || !c.ValidUntil.IsZero() || !c.Device.IsZero() ||
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
