package storage

import (
	"encoding/binary"
	"fmt"

	"zhenni"
	"zhenni/storage/keyfile"
)

// A record of version 2 names the place of its key in the key file, where the key lies wrapped as in a record of version
// 1 it lies in the record. Both forms are drawn in the package documentation.
const (
	keyedVersion    = 2
	keyedHeaderSize = 1 + 4 + 4 + 8
	keyedOverhead   = keyedHeaderSize + tagSize

	slotWrapped = nonceSize
	slotVersion = slotWrapped + wrappedKeySize
)

// The payload of a slot is exactly nonce, wrapped key and key version.
var _ [keyfile.PayloadSize]byte = [slotVersion + 2]byte{}

func isKeyed(sealed []byte) bool { return len(sealed) > 0 && sealed[0] == keyedVersion }

func (h header) appendKeyed(dst []byte) []byte {
	dst = append(dst, keyedVersion)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.tenant))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.generation))
	return binary.LittleEndian.AppendUint64(dst, h.place)
}

func parseKeyed(sealed []byte) (header, error) {
	if len(sealed) < keyedOverhead {
		return header{}, fmt.Errorf("%w: not a record of version %d", zhenni.ErrCorrupt, keyedVersion)
	}
	return header{
		tenant:     zhenni.TenantID(binary.LittleEndian.Uint32(sealed[1:])),
		generation: zhenni.Generation(binary.LittleEndian.Uint32(sealed[5:])),
		place:      binary.LittleEndian.Uint64(sealed[9:]),
	}, nil
}

// sealKeyed returns the record of version 2 that belongs at key, in memory as of seal, and leaves in sc.slot what belongs at
// its place in the key file. The two have one nonce, each under a key of its own; the record's is left in sc.recordKey, for
// the caller to overwrite.
func (v *vault) sealKeyed(by *tenantKey, h header, key, body []byte, sc *scratch) ([]byte, error) {
	var random [nonceSize + keySize]byte
	defer clear(random[:])
	if err := v.draw(random[:], sc); err != nil {
		return nil, err
	}
	nonce, recordKey := random[:nonceSize], random[nonceSize:]
	aead, err := newGCM(recordKey)
	if err != nil {
		return nil, err
	}
	out := h.appendKeyed(sc.room(keyedOverhead + len(body)))
	sc.aad = v.associate(sc.aad[:0], out, key)
	by.wrap(&sc.slot, nonce, recordKey, sc.aad)
	copy(sc.recordKey[:], recordKey)
	return aead.Seal(out, nonce, body, sc.aad), nil
}

// wrap fills a slot with a record key.
func (k *tenantKey) wrap(slot *keyfile.Slot, nonce, recordKey, aad []byte) {
	var payload [keyfile.PayloadSize]byte
	copy(payload[:], nonce)
	k.aead.Seal(payload[:slotWrapped], nonce, recordKey, aad)
	binary.LittleEndian.PutUint16(payload[slotVersion:], k.version)
	slot.Fill(payload[:])
}

// unwrap reads the slot of a record of version 2 and returns its nonce and key, both in sc. That it opens says that the
// slot belongs to the record's header: to its tenant, credential, factor, model, generation and place.
func (v *vault) unwrap(ring keyring, h *header, key, sealed []byte, sc *scratch) (nonce, recordKey []byte, err error) {
	if v.keys == nil {
		return nil, nil, fmt.Errorf("%w: there is no key file", zhenni.ErrCorrupt)
	}
	if sc.window != nil {
		err = sc.window.Read(v.keys, h.place, &sc.slot)
	} else {
		err = v.keys.Read(h.place, &sc.slot)
	}
	if err != nil {
		return nil, nil, err
	}
	return v.unwrapSlot(ring, h, key, sealed, sc)
}

// unwrapSlot is unwrap of the slot that is in sc.
func (v *vault) unwrapSlot(ring keyring, h *header, key, sealed []byte, sc *scratch) (nonce, recordKey []byte, err error) {
	payload := sc.slot.Payload()
	h.keyVersion = binary.LittleEndian.Uint16(payload[slotVersion:])
	by := ring[h.tenant].of(h.keyVersion)
	if by == nil {
		return nil, nil, fmt.Errorf("%w: no key of tenant %d, version %d", zhenni.ErrCorrupt, h.tenant, h.keyVersion)
	}
	nonce = payload[:nonceSize]
	sc.aad = v.associate(sc.aad[:0], sealed[:keyedHeaderSize], key)
	recordKey, err = by.aead.Open(sc.recordKey[:0], nonce, payload[slotWrapped:slotVersion], sc.aad)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: record key fails its seal", zhenni.ErrCorrupt)
	}
	return nonce, recordKey, nil
}

// openKeyed is open of a record of version 2.
func (v *vault) openKeyed(ring keyring, key, sealed []byte, sc *scratch) (header, []byte, error) {
	h, err := parseKeyed(sealed)
	if err != nil {
		return h, nil, err
	}
	nonce, recordKey, err := v.unwrap(ring, &h, key, sealed, sc)
	if err != nil {
		return h, nil, err
	}
	body, err := openBody(recordKey, nonce, sealed[keyedHeaderSize:], sc)
	return h, body, err
}
