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

// sealSubject returns the record that says which credential a subject was issued last; zero is none. It is the store's, so
// that the rotation of a tenant's key does not reach it.
func (s *Store) sealSubject(key []byte, last zhenni.CredentialID, sc *scratch) (record, error) {
	value, err := s.vault.seal(s.keys.system, 0, 0, key, last[:], sc)
	return record{key, value}, err
}

func (s *Store) openSubject(key, value []byte, sc *scratch) (last zhenni.CredentialID, err error) {
	_, body, err := s.vault.open(keyring{0: s.keys.system}, key, value, sc)
	if err != nil {
		return last, err
	}
	if len(body) != len(last) {
		return last, fmt.Errorf("%w: a subject of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	return zhenni.CredentialID(body), nil
}

// last returns the credential that a subject was issued last, a status without an id where there is none. key is the
// subject's.
func (s *Store) last(txn reading, ring keyring, key []byte, sc *scratch) (status, error) {
	if err := s.agree(zhenni.Slot(slotOf(key))); err != nil {
		return status{}, err
	}
	sc.key = append(sc.key[:0], key...)
	err := get(txn, sc)
	if errors.Is(err, zhenni.ErrNotFound) {
		return status{}, nil
	}
	if err != nil {
		return status{}, err
	}
	id, err := s.openSubject(sc.key, sc.value, sc)
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

// Subject returns the live credential of a subject with a tenant, active or suspended, as of one moment:
// [zhenni.ErrNotFound] where there is none, [zhenni.ErrCorrupt].
func (s *Store) Subject(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (zhenni.Credential, error) {
	if err := s.enter(); err != nil {
		return zhenni.Credential{}, err
	}
	defer s.gate.RUnlock()
	txn := s.begin(false)
	defer txn.Discard()
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	st, err := s.last(txn, *s.ring.Load(), s.subjectKey(tenant, subject), sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if !st.Live() {
		return zhenni.Credential{}, fmt.Errorf("%w: the subject has no live credential", zhenni.ErrNotFound)
	}
	return st.whole()
}

// subject holds a live credential against the index of its subject.
func (c *inspection) subject(st status) {
	if st.Subject.IsZero() || !st.Live() {
		return
	}
	var sc scratch
	sc.key = c.store.subjectKey(st.Tenant, st.Subject)
	err := get(c.txn, &sc)
	if err == nil {
		var last zhenni.CredentialID
		if last, err = c.store.openSubject(sc.key, sc.value, &sc); err == nil && last == st.ID {
			return
		}
	}
	c.add("subject", st.ID.String())
}

// bindIdentityRoot keeps the first check value and compares every later one.
func (b *batch) bindIdentityRoot(check [16]byte) error {
	b.sc.key = append(b.sc.key[:0], identityKey...)
	err := get(b.txn, &b.sc)
	if err == nil {
		bound, err := b.store.openIdentity(b.sc.value, &b.sc)
		if err == nil && subtle.ConstantTimeCompare(bound[:], check[:]) != 1 {
			err = fmt.Errorf("%w: the root of the subject handles is another", zhenni.ErrWrongKey)
		}
		return err
	}
	if !errors.Is(err, zhenni.ErrNotFound) {
		return err
	}
	value, err := b.store.vault.seal(b.store.keys.system, 0, 0, identityKey, check[:], &b.sc)
	if err != nil {
		return err
	}
	b.put(record{identityKey, value})
	return nil
}

func (s *Store) openIdentity(value []byte, sc *scratch) (check [16]byte, err error) {
	_, body, err := s.vault.open(keyring{0: s.keys.system}, identityKey, value, sc)
	if err != nil {
		return check, err
	}
	if len(body) != len(check) {
		return check, fmt.Errorf("%w: a check value of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	return [16]byte(body), nil
}
