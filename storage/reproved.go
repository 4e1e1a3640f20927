package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"zhenni"
)

// reproof is the body of the record that the failed attempts at a credential were forgotten.
type reproof struct {
	// version is that of the newest re-proof: what was counted under a lower one is forgotten.
	version uint64
	at      time.Time
	// credential is what it was then: its tenant, status and generation.
	credential zhenni.Credential
}

const reproofSize = 8 + timeSize + 4 + 4 + 1

func (r reproof) appendBody(dst []byte) []byte {
	dst = appendTime(binary.LittleEndian.AppendUint64(dst, r.version), r.at)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.credential.Tenant))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.credential.Generation))
	return append(dst, byte(r.credential.Status))
}

func decodeReproof(id zhenni.CredentialID, body []byte) (r reproof, err error) {
	if len(body) != reproofSize || !knownStatus(zhenni.Status(body[reproofSize-1])) {
		return r, fmt.Errorf("%w: re-proof of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	r.version = binary.LittleEndian.Uint64(body)
	r.at, err = decodeTime(body[8:])
	b := body[8+timeSize:]
	r.credential = zhenni.Credential{
		ID: id, Tenant: zhenni.TenantID(binary.LittleEndian.Uint32(b)),
		Generation: zhenni.Generation(binary.LittleEndian.Uint32(b[4:])), Status: zhenni.Status(b[8]),
	}
	return r, err
}

func appendReproofKey(dst []byte, id zhenni.CredentialID) []byte {
	return append(append(dst, prefixReproof), id[:]...)
}

// openReproof opens the record of a re-proof.
func (s *Store) openReproof(ring keyring, key, value []byte, sc *scratch) (reproof, error) {
	if len(key) != reproofKeySize {
		return reproof{}, fmt.Errorf("%w: key of a re-proof", zhenni.ErrCorrupt)
	}
	_, body, err := s.vault.open(ring, key, value, sc)
	if err != nil {
		return reproof{}, err
	}
	return decodeReproof(zhenni.CredentialID(key[1:]), body)
}

// resetAttempts notes that the failed attempts at a credential are forgotten, and clears the count of its PIN. The credential stays
// as it is, and so does the PIN. A later note replaces the one before, for versions grow.
func (b *batch) resetAttempts(c zhenni.ResetAttempts) (zhenni.Credential, error) {
	if c.Version == 0 {
		return zhenni.Credential{}, fmt.Errorf("%w: a re-proof without a version", zhenni.ErrBadValue)
	}
	if err := b.store.agree(c.ID.Slot()); err != nil {
		return zhenni.Credential{}, err
	}
	st, err := b.store.status(b.txn, b.ring, c.ID, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if st.Tenant != c.Tenant {
		return zhenni.Credential{}, zhenni.ErrNotFound
	}
	key := appendReproofKey(nil, c.ID)
	body := reproof{version: c.Version, at: normalTime(c.At), credential: st.Credential}.appendBody(nil)
	value, err := b.store.vault.seal(b.store.keys.system, 0, st.Generation, key, body, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	cleared, err := b.clearedPIN(c.ID)
	if err != nil {
		return zhenni.Credential{}, err
	}
	b.put(append(cleared, record{key, value})...)
	return st.Credential, nil
}

// clearedPIN returns what is put over the PIN's record of a credential whose slot was agreed to clear its count, nothing where
// nothing is counted. A PIN that does not open is left: nobody's will be right.
func (b *batch) clearedPIN(id zhenni.CredentialID) ([]record, error) {
	p, err := b.store.pin(b.txn, id, &b.sc)
	switch {
	case errors.Is(err, zhenni.ErrNotFound), errors.Is(err, zhenni.ErrCorrupt), err == nil && p.Attempts == (zhenni.PINAttempts{}):
		return nil, nil
	case err != nil:
		return nil, err
	}
	p.Attempts = zhenni.PINAttempts{}
	r, err := b.store.sealPIN(id, p, &b.sc)
	return []record{r}, err
}

// Reproofs returns every credential whose failed attempts were ever forgotten, with the version under which they were:
// as clear counts, in both lanes. A record that does not open is [zhenni.ErrCorrupt].
func (s *Store) Reproofs() (counts []zhenni.AttemptCount, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.gate.RUnlock()
	err = s.look(func(txn reading) error {
		ring := *s.ring.Load()
		var sc scratch
		return scan(txn, []byte{prefixReproof}, func(key, value []byte) error {
			r, err := s.openReproof(ring, key, value, &sc)
			if err != nil {
				return err
			}
			for _, lane := range []zhenni.Lane{zhenni.LaneOpen, zhenni.LanePossession} {
				counts = append(counts, zhenni.AttemptCount{
					Credential: r.credential.ID, Lane: lane, Attempts: zhenni.Attempts{Version: r.version},
				})
			}
			return nil
		})
	})
	return counts, err
}
