package storage

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"zhenni"
	"zhenni/storage/keyfile"
)

// A record of version 3 is a template under a key that is derived from its credential's, which lies at the place that the
// record names: so that whoever destroys that key destroys every template of the credential at once, and whoever wraps it
// anew has wrapped all of them. One without a body says that the credential has no template of the model, and is where
// that of number 0 would be: what is at its key leads to the place, whatever models the credential has.
const (
	derivedVersion    = 3
	derivedHeaderSize = keyedHeaderSize + nonceSize
	derivedOverhead   = derivedHeaderSize + tagSize
)

func isDerived(sealed []byte) bool { return len(sealed) > 0 && sealed[0] == derivedVersion }

// hasPlace reports whether a record names a place of the key file.
func hasPlace(sealed []byte) bool { return isKeyed(sealed) || isDerived(sealed) }

// isBare reports whether a record that its slot's tally vouches for says that there is no template.
func isBare(sealed []byte) bool { return isDerived(sealed) && len(sealed) == derivedOverhead }

// errNoTemplate is of a credential without a template of the model asked for: to whoever compares, one that is not there.
var errNoTemplate = fmt.Errorf("%w: no template of the model", zhenni.ErrNotFound)

// keyFront is what the slot at a record's place was wrapped for: the front of a template of version 2.
func (h header) keyFront() []byte { return h.appendKeyed(make([]byte, 0, keyedHeaderSize)) }

// appendAssociated builds the associated data of a record of version 3. What it names is what that of the others names; the
// record's own key says which number of model it is.
func appendAssociated(dst, front []byte, model string, key []byte) []byte {
	v := vault{model: model}
	return v.associate(dst, front, key)
}

// deriveKey makes the key of one template of a credential from the credential's.
func deriveKey(credentialKey, key []byte) ([]byte, error) {
	derived, err := hkdf.Expand(sha256.New, credentialKey, "zhenni storage 1 template "+string(key), keySize)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return derived, nil
}

// sealDerived returns the record of version 3 that belongs at key. Each is sealed under a nonce drawn for it: of one key there
// are no more than a few.
func (v *vault) sealDerived(m *storedModel, h header, credentialKey, key, body []byte, sc *scratch) ([]byte, error) {
	var nonce [nonceSize]byte
	if err := v.draw(nonce[:], sc); err != nil {
		return nil, err
	}
	derived, err := deriveKey(credentialKey, key)
	if err != nil {
		return nil, err
	}
	defer clear(derived)
	aead, err := newGCM(derived)
	if err != nil {
		return nil, err
	}
	out := h.appendKeyed(sc.room(derivedOverhead + len(body)))
	out[0] = derivedVersion
	out = append(out, nonce[:]...)
	sc.aad = appendAssociated(sc.aad[:0], out, m.ID, key)
	return aead.Seal(out, nonce[:], body, sc.aad), nil
}

// openDerived opens the record of version 3 at key, whose body lies in sc: [errNoTemplate] for one that has none.
func openDerived(m *storedModel, credentialKey, key, sealed []byte, sc *scratch) ([]byte, error) {
	if len(sealed) < derivedOverhead || !isDerived(sealed) {
		return nil, fmt.Errorf("%w: not a record of version %d", zhenni.ErrCorrupt, derivedVersion)
	}
	derived, err := deriveKey(credentialKey, key)
	if err != nil {
		return nil, err
	}
	front := sealed[:derivedHeaderSize]
	sc.aad = appendAssociated(sc.aad[:0], front, m.ID, key)
	body, err := openBody(derived, front[keyedHeaderSize:], sealed[derivedHeaderSize:], sc)
	if err == nil && len(body) == 0 {
		return nil, errNoTemplate
	}
	return body, err
}

// credentialKey unwraps the key of a credential at a place, which is the caller's to clear. That it opens says that the
// place is the credential's.
func (s *Store) credentialKey(ring keyring, st status, place uint64, sc *scratch) (key [keySize]byte, err error) {
	h := header{tenant: st.Tenant, generation: st.template, place: place}
	_, unwrapped, err := s.vault.unwrap(ring, &h, appendTemplateKey(nil, st.ID, s.label.Model.Factor), h.keyFront(), sc)
	if err != nil {
		return key, err
	}
	copy(key[:], unwrapped)
	clear(unwrapped)
	return key, nil
}

// openFurther opens a template of version 3 into row.
func (s *Store) openFurther(ring keyring, st status, m *storedModel, key, value []byte, row []int8, sc *scratch) (norm int32, err error) {
	h, err := parseKeyed(value)
	if err != nil {
		return 0, err
	}
	if h.tenant != st.Tenant || h.generation != st.template {
		return 0, fmt.Errorf("%w: a template of generation %d, the status names %d", zhenni.ErrCorrupt, h.generation, st.template)
	}
	credentialKey, err := s.credentialKey(ring, st, h.place, sc)
	if err != nil {
		return 0, err
	}
	defer clear(credentialKey[:])
	body, err := openDerived(m, credentialKey[:], key, value, sc)
	if err != nil {
		return 0, err
	}
	return decodeTemplate(row, body)
}

// sealFirst returns the first records of a credential, whose template is of any model, in the order of their keys. The key is
// left in sc.slot.
func (s *Store) sealFirst(
	by *tenantKey, c zhenni.Enrol, m *storedModel, norm int32, place uint64, sc *scratch,
) (zhenni.Credential, []record, error) {
	if m.Number == 0 {
		credential, records, err := s.sealEnrolment(by, c, norm, place, sc)
		return credential, records[:], err
	}
	st := s.firstStatus(c, place)
	h := header{tenant: c.Tenant, generation: st.template, place: place}
	credentialKey, err := s.drawSlot(by, h, c.ID, sc)
	defer clear(credentialKey[:])
	if err == nil {
		st.sealed, err = s.vault.sealPersonOf(credentialKey[:], st, sc)
	}
	if err != nil {
		return zhenni.Credential{}, nil, err
	}
	first, err := s.sealStatus(by, st, sc)
	if err != nil {
		return zhenni.Credential{}, nil, err
	}
	records := []record{first}
	for _, part := range []struct {
		model *storedModel
		body  []byte
	}{{&storedModel{StoredModel: zhenni.StoredModel{Model: s.label.Model}}, nil}, {m, appendTemplate(nil, c.Row, norm)}} {
		key := part.model.templateKey(nil, c.ID)
		value, err := s.vault.sealDerived(part.model, h, credentialKey[:], key, part.body, sc)
		clear(part.body)
		if err != nil {
			return zhenni.Credential{}, nil, err
		}
		records = append(records, record{key, value})
	}
	return st.Credential, records, nil
}

// drawSlot draws the key of a credential and leaves in sc.slot what belongs at its place in the key file.
func (s *Store) drawSlot(by *tenantKey, h header, id zhenni.CredentialID, sc *scratch) (key [keySize]byte, err error) {
	var random [nonceSize + keySize]byte
	defer clear(random[:])
	if err := s.vault.draw(random[:], sc); err != nil {
		return key, err
	}
	copy(key[:], random[nonceSize:])
	sc.aad = s.vault.associate(sc.aad[:0], h.keyFront(), appendTemplateKey(nil, id, s.label.Model.Factor))
	by.wrap(&sc.slot, random[:nonceSize], key[:], sc.aad)
	return key, nil
}

// putTemplate gives a credential a template of a further model.
func (b *batch) putTemplate(c zhenni.PutTemplate) (zhenni.Credential, error) {
	m, err := b.modelOf(c.Model)
	if err != nil {
		return zhenni.Credential{}, err
	}
	norm, err := checkRow(c.Row, &m.Model)
	if err != nil {
		return zhenni.Credential{}, err
	}
	st, _, err := b.transition(c.ID, c.Tenant, func(now zhenni.Credential) (zhenni.Credential, error) {
		return now, errors.Join(now.TakesTemplate(normalTime(c.At)), now.StillProved(c.Proved), now.RotatedBy(c.Rotation))
	})
	if err != nil {
		return zhenni.Credential{}, err
	}
	switch there, err := b.template(st, m); {
	case err == nil:
		defer clear(there)
		if slices.Equal(there, c.Row) {
			return st.Credential, nil
		}
		return zhenni.Credential{}, fmt.Errorf("%w: a template of model %s", zhenni.ErrExists, m.ID)
	case !errors.Is(err, errNoTemplate):
		return zhenni.Credential{}, err
	}
	h, credentialKey, err := b.credentialKey(st)
	if err != nil {
		return zhenni.Credential{}, err
	}
	defer clear(credentialKey[:])
	key, body := m.templateKey(nil, c.ID), appendTemplate(nil, c.Row, norm)
	defer clear(body)
	value, err := b.store.vault.sealDerived(m, h, credentialKey[:], key, body, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	b.put(record{key, value})
	return st.Credential, nil
}

// credentialKey unwraps the key of a credential, also of one that this batch has enrolled, whose key is not in the file yet.
func (b *batch) credentialKey(st status) (h header, key [keySize]byte, err error) {
	s, sc := b.store, &b.sc
	sc.key = appendTemplateKey(sc.key[:0], st.ID, s.label.Model.Factor)
	if err := get(b.txn, sc); err != nil {
		return h, key, missingIsCorrupt(err)
	}
	if !hasPlace(sc.value) {
		return h, key, fmt.Errorf("%w: the template is of a version that goes alone", zhenni.ErrCorrupt)
	}
	if h, err = parseKeyed(sc.value); err != nil {
		return h, key, err
	}
	if h.tenant != st.Tenant || h.generation != st.template {
		return h, key, fmt.Errorf("%w: a template of generation %d, the status names %d", zhenni.ErrCorrupt, h.generation, st.template)
	}
	if h.place < b.firstNew() || h.place >= b.keys.places {
		key, err = s.credentialKey(b.ring, st, h.place, sc)
		return h, key, err
	}
	sc.slot = keyfile.Slot(b.slots[(h.place-b.firstNew())*keyfile.SlotSize:][:keyfile.SlotSize])
	_, unwrapped, err := s.vault.unwrapSlot(b.ring, &h, sc.key, h.keyFront(), sc)
	if err != nil {
		return h, key, err
	}
	copy(key[:], unwrapped)
	clear(unwrapped)
	return h, key, nil
}

// template opens the template of a credential by a model: [errNoTemplate] where it has none.
func (b *batch) template(st status, m *storedModel) ([]int8, error) {
	_, credentialKey, err := b.credentialKey(st)
	if err != nil {
		return nil, err
	}
	defer clear(credentialKey[:])
	sc, key := &b.sc, m.templateKey(nil, st.ID)
	sc.key = append(sc.key[:0], key...)
	switch err := get(b.txn, sc); {
	case errors.Is(err, zhenni.ErrNotFound):
		return nil, errNoTemplate
	case err != nil:
		return nil, err
	}
	var body []byte
	if isKeyed(sc.value) {
		sc.aad = b.store.vault.associate(sc.aad[:0], sc.value[:keyedHeaderSize], key)
		body, err = openBody(slices.Clone(credentialKey[:]), sc.slot.Payload()[:nonceSize], sc.value[keyedHeaderSize:], sc)
	} else {
		body, err = openDerived(m, credentialKey[:], key, sc.value, sc)
	}
	if err != nil {
		return nil, err
	}
	row := make([]int8, m.Dim)
	_, err = decodeTemplate(row, body)
	return row, err
}
