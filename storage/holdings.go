package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"zhenni"
)

// maxEarlier is the most credentials of one subject with a tenant that are over and not erased: an issue beyond them wants some
// erased first.
const maxEarlier = 1000

// The body of a subject's record is the id of the credential issued last, zeros for none; or flags u8, that id and the ids of those
// issued before which are not erased. A record of the first form is of a time before there was the second.
const earlierKnown = 1 // flag: every one that is not erased is there

// holdings are the credentials that a subject was issued and that are not erased.
type holdings struct {
	last    zhenni.CredentialID // zero for none
	earlier []zhenni.CredentialID
	known   bool // that there are no others
}

func (h holdings) append(dst []byte) []byte {
	dst = append(dst, bit(h.known)*earlierKnown)
	dst = append(dst, h.last[:]...)
	for i := range h.earlier {
		dst = append(dst, h.earlier[i][:]...)
	}
	return dst
}

func decodeHoldings(b []byte) (h holdings, err error) {
	const size = len(h.last)
	switch {
	case len(b) == size:
		return holdings{last: zhenni.CredentialID(b)}, nil
	case len(b)%size != 1 || len(b) < 1+size || len(b) > 1+size*(1+maxEarlier) || b[0] > earlierKnown:
		return h, fmt.Errorf("%w: a subject of %d bytes", zhenni.ErrCorrupt, len(b))
	}
	h.known, b = b[0] == earlierKnown, b[1:]
	for id := range slices.Chunk(b[size:], size) {
		h.earlier = append(h.earlier, zhenni.CredentialID(id))
	}
	h.last = zhenni.CredentialID(b[:size])
	return h, nil
}

// all lists them.
func (h holdings) all() []zhenni.CredentialID {
	if h.last == (zhenni.CredentialID{}) {
		return h.earlier
	}
	return append([]zhenni.CredentialID{h.last}, h.earlier...)
}

// with returns h after another was issued: [zhenni.ErrIllegalChange] beyond [maxEarlier].
func (h holdings) with(id zhenni.CredentialID) (holdings, error) {
	next := holdings{last: id, earlier: h.all(), known: h.known}
	if len(next.earlier) > maxEarlier {
		return h, fmt.Errorf("%w: a subject with more than %d credentials: erase those that are over", zhenni.ErrIllegalChange, maxEarlier)
	}
	return next, nil
}

// without returns h after one was erased; held is false where it is not of them.
func (h holdings) without(id zhenni.CredentialID) (next holdings, held bool) {
	next = holdings{last: h.last, known: h.known}
	if h.last == id {
		next.last = zhenni.CredentialID{}
	}
	for _, other := range h.earlier {
		if other != id {
			next.earlier = append(next.earlier, other)
		}
	}
	return next, len(next.all()) < len(h.all())
}

// holdings reads the record of a subject at its key. Who has none was issued nothing.
func (s *Store) holdings(txn reading, key []byte, sc *scratch) (holdings, error) {
	if err := s.agree(zhenni.Slot(slotOf(key))); err != nil {
		return holdings{}, err
	}
	sc.key = append(sc.key[:0], key...)
	err := get(txn, sc)
	if errors.Is(err, zhenni.ErrNotFound) {
		return holdings{known: true}, nil
	}
	if err != nil {
		return holdings{}, err
	}
	return s.openSubject(sc.key, sc.value, sc)
}

// SubjectCredentials returns the ids of all credentials of a subject with a tenant that are not erased, live or over, as of one
// moment. Where some were issued before the store kept an index of those that are over, it walks the store and opens the person of
// every credential of the tenant: [zhenni.ErrDeadline] when ctx ends before that, and [zhenni.ErrCorrupt] where part of the
// store could not be read, for it might have one.
func (s *Store) SubjectCredentials(ctx context.Context, tenant zhenni.TenantID, subject zhenni.SubjectHandle) ([]zhenni.CredentialID, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.gate.RUnlock()
	m := s.freeze(0, zhenni.Slots-1)
	defer m.txn.Discard()
	var sc scratch
	held, err := s.holdings(m.txn, s.subjectKey(tenant, subject), &sc)
	if err != nil || held.known {
		return held.all(), err
	}
	return s.walkSubject(ctx, m, tenant, subject)
}

// walkSubject looks at the person of every credential of a tenant. One whose person opens no more has no template that opens.
func (s *Store) walkSubject(ctx context.Context, m moment, tenant zhenni.TenantID, subject zhenni.SubjectHandle) (ids []zhenni.CredentialID, err error) {
	ring, met := *s.ring.Load(), 0
	var sc scratch
	err = s.carried(m, 0, zhenni.Slots-1, func(c *carried) error {
		if met++; met%checkStride == 1 && ctx.Err() != nil {
			return inTime(ctx)
		}
		switch {
		case c.damaged:
			return fmt.Errorf("%w: credentials that can not be read may be the subject's: run zhenni check", zhenni.ErrCorrupt)
		case c.Tenant != tenant || c.Status == zhenni.StatusErased:
			return nil
		}
		who, _, err := s.whole(ring, c.status, nil, &sc)
		if err == nil && who.Subject == subject {
			ids = append(ids, c.ID)
		}
		return err
	})
	return ids, err
}
