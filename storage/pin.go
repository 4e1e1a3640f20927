package storage

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"zhenni"
)

// The body of a PIN's record: the count of attempts, then the verifier, of no bytes once the PIN is gone.
const (
	pinVersion  = 1
	pinHeadSize = 1 + 1 + timeSize + 4
)

// A PIN's record lies with those of its credential, and is the store's: the rotation of a tenant's key does not reach it,
// and whoever reads credentials does not read it.
func appendPINKey(dst []byte, id zhenni.CredentialID) []byte {
	dst = append(dst, prefixCredential)
	dst = append(dst, id[:]...)
	return append(dst, kindPIN)
}

func isPINKey(key []byte) bool {
	return len(key) == pinKeySize && key[0] == prefixCredential && key[idEnd] == kindPIN
}

// The check value of a pepper lies beside that of the root of the subject handles, at the number of its version.
func appendPepperKey(dst []byte, version uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, prefixIdentity), version)
}

func isPepperKey(key []byte) bool { return len(key) == pepperKeySize && key[0] == prefixIdentity }

// pinBy returns what seals the PIN's record at a key. A record is written for every attempt, and each credential has a key
// of its own for them, so that no key wraps more than an attempt at a time of one person makes.
func (s *Store) pinBy(key []byte) (*tenantKey, error) {
	mac := hmac.New(sha256.New, s.keys.pin)
	mac.Write(key)
	aead, err := newGCM(mac.Sum(nil))
	return &tenantKey{aead: aead}, err
}

func (s *Store) sealPIN(id zhenni.CredentialID, p zhenni.PIN, sc *scratch) (record, error) {
	key := appendPINKey(make([]byte, 0, pinKeySize), id)
	by, err := s.pinBy(key)
	if err != nil {
		return record{}, err
	}
	sc.body = appendPIN(sc.body[:0], p)
	value, err := s.vault.seal(by, 0, 0, key, sc.body, sc)
	return record{key, value}, err
}

func appendPIN(dst []byte, p zhenni.PIN) []byte {
	dst = appendTime(append(dst, pinVersion, p.Attempts.Begun), p.Attempts.PausedUntil)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(p.Generation))
	return append(dst, p.Verifier...)
}

func (s *Store) openPIN(key, value []byte, sc *scratch) (zhenni.PIN, error) {
	by, err := s.pinBy(key)
	if err != nil {
		return zhenni.PIN{}, err
	}
	_, body, err := s.vault.open(keyring{0: by}, key, value, sc)
	if err != nil {
		return zhenni.PIN{}, err
	}
	return decodePIN(body)
}

// decodePIN returns a PIN whose verifier is a copy.
func decodePIN(body []byte) (p zhenni.PIN, err error) {
	if len(body) < pinHeadSize || len(body) > pinHeadSize+zhenni.MaxPINVerifier || body[0] != pinVersion {
		return zhenni.PIN{}, fmt.Errorf("%w: PIN of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	p.Attempts.Begun = body[1]
	if p.Attempts.PausedUntil, err = decodeTime(body[2:]); err != nil {
		return zhenni.PIN{}, err
	}
	p.Generation = zhenni.Generation(binary.LittleEndian.Uint32(body[2+timeSize:]))
	p.Verifier = append(p.Verifier, body[pinHeadSize:]...)
	return p, nil
}

// pin reads the PIN of a credential whose slot was agreed: [zhenni.ErrNotFound] where there is none or none any more.
func (s *Store) pin(txn reading, id zhenni.CredentialID, sc *scratch) (zhenni.PIN, error) {
	sc.key = appendPINKey(sc.key[:0], id)
	if err := get(txn, sc); err != nil {
		return zhenni.PIN{}, err
	}
	p, err := s.openPIN(sc.key, sc.value, sc)
	if err == nil && len(p.Verifier) == 0 {
		return zhenni.PIN{}, fmt.Errorf("%w: the credential has no PIN any more", zhenni.ErrNotFound)
	}
	return p, err
}

// PIN returns what is kept of a credential's PIN, of whatever tenant: [zhenni.ErrNotFound], [zhenni.ErrCorrupt]. The verifier
// is the caller's.
func (s *Store) PIN(id zhenni.CredentialID) (zhenni.PIN, error) {
	if err := s.enter(); err != nil {
		return zhenni.PIN{}, err
	}
	defer s.gate.RUnlock()
	if err := s.agree(id.Slot()); err != nil {
		return zhenni.PIN{}, err
	}
	txn := s.begin(false)
	defer txn.Discard()
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	return s.pin(txn, id, sc)
}

// pinOwner returns the tenant's credential that a command about its PIN names.
func (b *batch) pinOwner(id zhenni.CredentialID, tenant zhenni.TenantID) (zhenni.Credential, error) {
	if err := b.store.agree(id.Slot()); err != nil {
		return zhenni.Credential{}, err
	}
	st, err := b.store.status(b.txn, b.ring, id, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if st.Tenant != tenant {
		return zhenni.Credential{}, zhenni.ErrNotFound
	}
	return b.whole(st)
}

func checkVerifier(verifier []byte) error {
	if len(verifier) < 1 || len(verifier) > zhenni.MaxPINVerifier {
		return fmt.Errorf("%w: PIN verifier of %d bytes: want 1–%d", zhenni.ErrBadValue, len(verifier), zhenni.MaxPINVerifier)
	}
	return nil
}

func (b *batch) setPIN(c zhenni.SetPIN) (zhenni.Credential, error) {
	if err := checkVerifier(c.Verifier); err != nil {
		return zhenni.Credential{}, err
	}
	owner, err := b.pinOwner(c.ID, c.Tenant)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if owner.Status != zhenni.StatusActive && owner.Status != zhenni.StatusSuspended {
		return zhenni.Credential{}, fmt.Errorf("%w: a PIN for a credential that is %s", zhenni.ErrIllegalChange, owner.Status)
	}
	if owner.Generation != c.Generation {
		return zhenni.Credential{}, fmt.Errorf("%w: a PIN for another generation", zhenni.ErrIllegalChange)
	}
	return b.writePIN(owner, zhenni.PIN{Verifier: c.Verifier, Generation: c.Generation})
}

// usedPIN returns the PIN of a credential of the tenant that is active and has it not locked.
func (b *batch) usedPIN(id zhenni.CredentialID, tenant zhenni.TenantID) (owner zhenni.Credential, p zhenni.PIN, err error) {
	if owner, err = b.pinOwner(id, tenant); err != nil {
		return zhenni.Credential{}, p, err
	}
	if owner.Status != zhenni.StatusActive {
		return zhenni.Credential{}, p, fmt.Errorf("%w: the credential is %s", zhenni.ErrNotFound, owner.Status)
	}
	if owner.Locked&zhenni.LockPIN != 0 {
		return zhenni.Credential{}, p, fmt.Errorf("%w: the PIN is locked", zhenni.ErrNotFound)
	}
	p, err = b.store.pin(b.txn, id, &b.sc)
	return owner, p, err
}

// renewPIN replaces the verifier that was read by whoever made the new one, and no later one.
func (b *batch) renewPIN(c zhenni.RenewPIN) (zhenni.Credential, error) {
	if err := checkVerifier(c.To); err != nil {
		return zhenni.Credential{}, err
	}
	owner, p, err := b.usedPIN(c.ID, c.Tenant)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if !bytes.Equal(p.Verifier, c.From) {
		return zhenni.Credential{}, fmt.Errorf("%w: the PIN was set anew meanwhile", zhenni.ErrIllegalChange)
	}
	p.Verifier = c.To
	return b.writePIN(owner, p)
}

func (b *batch) countPIN(c zhenni.CountPIN) (zhenni.Credential, error) {
	owner, p, err := b.usedPIN(c.ID, c.Tenant)
	if err != nil {
		return zhenni.Credential{}, err
	}
	before := p.Attempts
	if p.Attempts = (zhenni.PINAttempts{}); !c.Right {
		if p.Attempts, err = before.Begin(normalTime(c.At)); err != nil {
			return zhenni.Credential{}, err
		}
	}
	if p.Attempts == before {
		return owner, nil
	}
	return b.writePIN(owner, p)
}

func (b *batch) writePIN(owner zhenni.Credential, p zhenni.PIN) (zhenni.Credential, error) {
	r, err := b.store.sealPIN(owner.ID, p, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	b.put(r)
	return owner, nil
}

// eraseWithPIN erases a credential and forgets its PIN.
func (b *batch) eraseWithPIN(c zhenni.Erase) (zhenni.Credential, error) {
	gone, err := b.forgottenPIN(c.ID)
	if err != nil {
		return zhenni.Credential{}, err
	}
	credential, err := b.erase(c)
	if err == nil {
		b.put(gone...)
	}
	return credential, err
}

// forgottenPIN returns what is put over the PIN's record of a credential, nothing where there is no PIN. One that does not
// open is overwritten like another.
func (b *batch) forgottenPIN(id zhenni.CredentialID) ([]record, error) {
	if err := b.store.agree(id.Slot()); err != nil {
		return nil, err
	}
	_, err := b.store.pin(b.txn, id, &b.sc)
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return nil, nil
	case err != nil && !errors.Is(err, zhenni.ErrCorrupt):
		return nil, err
	}
	r, err := b.store.sealPIN(id, zhenni.PIN{}, &b.sc)
	return []record{r}, err
}
