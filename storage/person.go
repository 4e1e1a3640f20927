package storage

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"zhenni"
)

// What a status knows of a person, handle, name tag, region, device and the commitment to a rotation key, lies in it sealed under a key that is made of the
// template's: the key file has that, and nothing else, so that an erasure destroys it for every copy of every status that
// there ever was. The status itself opens under the tenant's key, as before. What a credential is compared by is not of the
// person, and needs no key more than it did.
const (
	personLabel      = "zhenni person v1"
	personSize       = 4 + zhenni.PublicKeySize + 32 + 16
	sealedPersonSize = nonceSize + personSize + tagSize
	// Of a credential whose templates are rotated a commitment stands behind the rest.
	sealedRotatedSize = sealedPersonSize + len(zhenni.RotationCommitment{})
)

// sealedPerson is what is known of a person, sealed; zero is nothing.
type sealedPerson struct {
	text    [sealedRotatedSize]byte
	rotated bool
}

// bytes returns it, of the length that they have.
func (p *sealedPerson) bytes() []byte {
	if p.rotated {
		return p.text[:]
	}
	return p.text[:sealedPersonSize]
}

// samePerson reports whether the same is known of the persons of two credentials.
func samePerson(a, b zhenni.Credential) bool {
	return a.Subject == b.Subject && a.NameTag == b.NameTag && a.Region == b.Region && a.Device == b.Device && a.Rotation == b.Rotation
}

// personKey makes the key of a person of the key of the template.
func personKey(recordKey []byte) (cipher.AEAD, error) {
	key, err := hkdf.Expand(sha256.New, recordKey, personLabel, keySize)
	if err != nil {
		return nil, fmt.Errorf("%w: no key for a person: %w", zhenni.ErrUnavailable, err)
	}
	defer clear(key)
	return newGCM(key)
}

// sealPerson seals what is known of the person of c under a fresh nonce.
func (v *vault) sealPerson(recordKey []byte, c zhenni.Credential, sc *scratch) (sealed sealedPerson, err error) {
	aead, err := personKey(recordKey)
	if err != nil {
		return sealed, err
	}
	sealed.rotated = !c.Rotation.IsZero()
	text := sealed.bytes()
	if err := v.draw(text[:nonceSize], sc); err != nil {
		return sealed, err
	}
	var body [personSize + len(c.Rotation)]byte
	defer clear(body[:])
	b := binary.LittleEndian.AppendUint32(body[:0], uint32(c.Region))
	b = append(append(c.Device.Append(b), c.Subject[:]...), c.NameTag[:]...)
	if sealed.rotated {
		b = append(b, c.Rotation[:]...)
	}
	aead.Seal(text[:nonceSize], text[:nonceSize], b, appendStatusKey(nil, c.ID))
	return sealed, nil
}

// sealPersonOf is sealPerson of a first status, nothing where it is nobody's.
func (v *vault) sealPersonOf(recordKey []byte, st status, sc *scratch) (sealedPerson, error) {
	if st.Subject.IsZero() {
		return sealedPerson{}, nil
	}
	return v.sealPerson(recordKey, st.Credential, sc)
}

// openPerson completes c by what is sealed of its person: [zhenni.ErrCorrupt].
func openPerson(recordKey []byte, sealed *sealedPerson, c zhenni.Credential) (zhenni.Credential, error) {
	aead, err := personKey(recordKey)
	if err != nil {
		return c, err
	}
	var body [personSize + len(c.Rotation)]byte
	defer clear(body[:])
	text := sealed.bytes()
	b, err := aead.Open(body[:0], text[:nonceSize], text[nonceSize:], appendStatusKey(nil, c.ID))
	if err != nil {
		return c, fmt.Errorf("%w: what is known of a person fails its seal", zhenni.ErrCorrupt)
	}
	device, err := zhenni.KeptPublicKey(b[4:][:zhenni.PublicKeySize])
	region := zhenni.Region(binary.LittleEndian.Uint32(b))
	if err != nil || region.Validate() != nil {
		return c, fmt.Errorf("%w: what is known of a person is out of range", zhenni.ErrCorrupt)
	}
	c.Device, c.Region = device, region
	rest := b[4+zhenni.PublicKeySize:]
	rest = rest[copy(c.Subject[:], rest):]
	copy(c.Rotation[:], rest[copy(c.NameTag[:], rest):])
	if sealed.rotated == c.Rotation.IsZero() {
		return c, fmt.Errorf("%w: a commitment to a rotation key that is none", zhenni.ErrCorrupt)
	}
	return c, nil
}

// person returns the credential of a status with what is known of its person: [zhenni.ErrCorrupt] where that does not open.
// Fresh are keys that are not in the file yet, nil for none.
func (s *Store) person(ring keyring, st status, fresh *keyChanges, sc *scratch) (zhenni.Credential, error) {
	if st.form == lifeClear {
		device, err := zhenni.KeptPublicKey(st.device[:])
		if err != nil {
			return st.Credential, fmt.Errorf("%w: the key of a device", zhenni.ErrCorrupt)
		}
		st.Device = device
		return st.Credential, nil
	}
	if st.sealed == (sealedPerson{}) {
		return st.Credential, nil
	}
	recordKey, err := s.recordKey(ring, st, fresh, sc)
	if err != nil {
		return st.Credential, err
	}
	defer clear(recordKey)
	return openPerson(recordKey, &st.sealed, st.Credential)
}

// recordKey reads the key of the template that a status names, in sc, for the caller to overwrite.
func (s *Store) recordKey(ring keyring, st status, fresh *keyChanges, sc *scratch) ([]byte, error) {
	h := header{tenant: st.Tenant, generation: st.template, place: st.place}
	sc.key = appendTemplateKey(sc.key[:0], st.ID, s.label.Model.Factor)
	front := h.appendKeyed(make([]byte, 0, keyedHeaderSize))
	if fresh != nil && fresh.slot(st.place, &sc.slot) {
		_, recordKey, err := s.vault.unwrapSlot(ring, &h, sc.key, front, sc)
		return recordKey, err
	}
	_, recordKey, err := s.vault.unwrap(ring, &h, sc.key, front, sc)
	return recordKey, err
}

// whole returns the credential of a status with what is known of its person, and without it where that is shut, since it does not
// open any more: what a status says of a credential, above all that it is over, holds without its person.
func (s *Store) whole(ring keyring, st status, fresh *keyChanges, sc *scratch) (c zhenni.Credential, shut bool, err error) {
	c, err = s.person(ring, st, fresh, sc)
	if errors.Is(err, zhenni.ErrCorrupt) && st.form != lifeClear {
		return st.Credential, true, nil
	}
	return c, false, err
}

// settled is what a look finds, or another look where the first one found a person shut: the key may have been destroyed between
// record and key, by an erasure whose status a look from then on finds.
func settled(look func() (c zhenni.Credential, shut bool, err error)) (zhenni.Credential, error) {
	c, shut, err := look()
	if shut {
		c, _, err = look()
	}
	return c, err
}

// settledReference is settled for a reference, which is looked at again where it did not open.
func settledReference(look func() (zhenni.Reference, error)) (zhenni.Reference, error) {
	r, err := look()
	if errors.Is(err, zhenni.ErrCorrupt) {
		return look()
	}
	return r, err
}

func (b *batch) whole(st status) (zhenni.Credential, error) {
	c, _, err := b.store.whole(b.ring, st, &b.keyChanges, &b.sc)
	return c, err
}

// sealAfter returns the record of a status after a change. What is known of the person is sealed anew only where the change is
// of that, or where it still lies in the clear; it goes with an erasure, and where it did not open it stays as it lies.
func (b *batch) sealAfter(before, after status) (record, error) {
	next, err := b.keepPerson(before, after)
	if err != nil {
		return record{}, err
	}
	return b.store.sealStatus(b.ring[next.Tenant], next, &b.sc)
}

func (b *batch) keepPerson(before, after status) (status, error) {
	known := before.sealed != sealedPerson{} || !samePerson(after.Credential, zhenni.Credential{})
	switch {
	case after.Status == zhenni.StatusErased || !known:
		return after.nobody(), nil
	case before.form != lifeClear && samePerson(before.Credential, after.Credential):
		return after, nil
	}
	if before.sealed == (sealedPerson{}) {
		place, held, err := b.placeOf(after.ID)
		if before.form == lifeClear && (err != nil || !held) {
			return after, nil // without a key it stays as it lies
		}
		if err != nil {
			return after, err
		}
		after.place = place
	}
	recordKey, err := b.store.recordKey(b.ring, after, &b.keyChanges, &b.sc)
	if err != nil {
		return after, err
	}
	defer clear(recordKey)
	after.sealed, err = b.store.vault.sealPerson(recordKey, after.Credential, &b.sc)
	after.form = lifeSealed
	return after, err
}

// nobody is s without what is known of its person.
func (s status) nobody() status {
	s.Subject, s.NameTag, s.Region, s.Device, s.Rotation = zhenni.SubjectHandle{}, zhenni.NameTag{}, 0, zhenni.PublicKey{}, zhenni.RotationCommitment{}
	s.form, s.place, s.sealed, s.device = lifeSealed, 0, sealedPerson{}, [zhenni.PublicKeySize]byte{}
	return s
}

// sealedBody returns the body of a status with what is known of the person sealed. One that has it sealed already, or nothing,
// or not the key to do it with, is returned as it is.
func (s *Store) sealedBody(h header, key, body []byte) (sealed []byte, err error) {
	id, _, _ := parseCredentialKey(key, s.label.Model.Factor)
	st, err := decodeStatus(id, h, body)
	if err != nil || st.form != lifeClear {
		return body, err
	}
	err = s.look(func(txn reading) error {
		b := &batch{store: s, txn: txn, ring: *s.ring.Load(), keyChanges: keyChanges{keys: s.committer.keys}}
		now, err := b.whole(st)
		if err != nil {
			return err
		}
		st.Credential = now
		st, err = b.keepPerson(st, st)
		return err
	})
	return st.appendBody(nil), err
}
