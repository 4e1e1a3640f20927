package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"zhenni"
)

// subjectKey is where the record of a subject with a tenant lies: among the credentials, by a keyed digest, so that the
// handle is not to be read from the disk, and that the record is tallied, walked and copied with a slot like theirs.
func (s *Store) subjectKey(tenant zhenni.TenantID, subject zhenni.SubjectHandle) []byte {
	mac := hmac.New(sha256.New, s.keys.subject)
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(tenant)))
	mac.Write(subject[:])
	sum := mac.Sum(nil)
	key := append(make([]byte, 0, subjectKeySize), prefixCredential)
	key = append(key, sum[:idEnd-1]...)
	return append(append(key, kindSubject), sum[idEnd-1:]...)
}

func isSubjectKey(key []byte) bool {
	return len(key) == subjectKeySize && key[0] == prefixCredential && key[idEnd] == kindSubject
}

// sealSubject returns the record that says which credentials a subject was issued. It is the store's, so that the rotation of a
// tenant's key does not reach it.
func (s *Store) sealSubject(key []byte, h holdings, sc *scratch) (record, error) {
	value, err := s.vault.seal(s.keys.system, 0, 0, key, h.append(nil), sc)
	return record{key, value}, err
}

func (s *Store) openSubject(key, value []byte, sc *scratch) (holdings, error) {
	_, body, err := s.vault.open(keyring{0: s.keys.system}, key, value, sc)
	if err != nil {
		return holdings{}, err
	}
	return decodeHoldings(body)
}

// last returns the credential that a subject was issued last, a status without an id where there is none. key is the
// subject's.
func (s *Store) last(txn reading, ring keyring, key []byte, sc *scratch) (status, error) {
	held, err := s.holdings(txn, key, sc)
	id := held.last
	if err != nil || id == (zhenni.CredentialID{}) {
		return status{}, err
	}
	if err := s.agree(id.Slot()); err != nil {
		return status{}, err
	}
	st, err := s.status(txn, ring, id, sc)
	if errors.Is(err, zhenni.ErrNotFound) {
		err = fmt.Errorf("%w: the last credential of a subject is missing", zhenni.ErrCorrupt)
	}
	return st, err
}

// Subject returns the live credential of a subject with a tenant, active or suspended, as of one moment, as [Store.Credential]
// does: [zhenni.ErrNotFound] where there is none, [zhenni.ErrCorrupt].
func (s *Store) Subject(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (zhenni.Credential, error) {
	if err := s.enter(); err != nil {
		return zhenni.Credential{}, err
	}
	defer s.gate.RUnlock()
	return settled(func() (zhenni.Credential, bool, error) { return s.liveOf(tenant, subject) })
}

// liveOf is one look at the live credential of a subject.
func (s *Store) liveOf(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (c zhenni.Credential, shut bool, err error) {
	txn := s.begin(false)
	defer txn.Discard()
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	ring := *s.ring.Load()
	st, err := s.last(txn, ring, s.subjectKey(tenant, subject), sc)
	if err != nil {
		return zhenni.Credential{}, false, err
	}
	if !st.Live() {
		return zhenni.Credential{}, false, fmt.Errorf("%w: the subject has no live credential", zhenni.ErrNotFound)
	}
	return s.whole(ring, st, nil, sc)
}

// subject holds a live credential against the index of its subject. Without the key of its template it is nobody's.
func (c *inspection) subject(f found) {
	var sc scratch
	who, err := c.store.person(c.ring, f.status, nil, &sc)
	if err != nil && f.fault == sound {
		c.add("person", f.ID.String())
	}
	if who.Subject.IsZero() || !who.Live() {
		return
	}
	sc.key = c.store.subjectKey(who.Tenant, who.Subject)
	err = get(c.txn, &sc)
	if err == nil {
		var held holdings
		if held, err = c.store.openSubject(sc.key, sc.value, &sc); err == nil && held.last == who.ID {
			return
		}
	}
	c.add("subject", who.ID.String())
}

// bindCheck keeps the first check value at a key and compares every later one: that of the root of the subject handles, or of
// a pepper.
func (b *batch) bindCheck(key []byte, check [16]byte) error {
	b.sc.key = append(b.sc.key[:0], key...)
	err := get(b.txn, &b.sc)
	if err == nil {
		bound, err := b.store.openCheck(key, b.sc.value, &b.sc)
		if err == nil && subtle.ConstantTimeCompare(bound[:], check[:]) != 1 {
			err = fmt.Errorf("%w: not the secret that this store began with", zhenni.ErrWrongKey)
		}
		return err
	}
	if !errors.Is(err, zhenni.ErrNotFound) {
		return err
	}
	value, err := b.store.vault.seal(b.store.keys.system, 0, 0, key, check[:], &b.sc)
	if err != nil {
		return err
	}
	b.put(record{key, value})
	return nil
}

func (s *Store) openCheck(key, value []byte, sc *scratch) (check [16]byte, err error) {
	_, body, err := s.vault.open(keyring{0: s.keys.system}, key, value, sc)
	if err != nil {
		return check, err
	}
	if len(body) != len(check) {
		return check, fmt.Errorf("%w: a check value of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	return [16]byte(body), nil
}
