package storage

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"

	"zhenni"
	"zhenni/storage/keyfile"
)

// The sealed form of a record, drawn in the package documentation and frozen with record version 1.
const (
	recordVersion = 1

	headerSize     = 1 + 4 + 2 + 4
	nonceSize      = 12
	tagSize        = 16
	keySize        = 32
	wrappedKeySize = keySize + tagSize
	nonceEnd       = headerSize + nonceSize
	wrappedEnd     = nonceEnd + wrappedKeySize
	sealOverhead   = wrappedEnd + tagSize
)

// header is the clear, authenticated front of a sealed record.
type header struct {
	tenant     zhenni.TenantID
	keyVersion uint16
	generation zhenni.Generation
	// place is where the record key lies in the key file, of a record of version 2.
	place uint64
}

func (h header) append(dst []byte) []byte {
	dst = append(dst, recordVersion)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.tenant))
	dst = binary.LittleEndian.AppendUint16(dst, h.keyVersion)
	return binary.LittleEndian.AppendUint32(dst, uint32(h.generation))
}

// parseHeader reads the front of a sealed record, which is long enough for an empty body: [zhenni.ErrCorrupt].
func parseHeader(sealed []byte) (header, error) {
	if len(sealed) < sealOverhead || sealed[0] != recordVersion {
		return header{}, fmt.Errorf("%w: not a record of version %d", zhenni.ErrCorrupt, recordVersion)
	}
	return header{
		tenant:     zhenni.TenantID(binary.LittleEndian.Uint32(sealed[1:])),
		keyVersion: binary.LittleEndian.Uint16(sealed[5:]),
		generation: zhenni.Generation(binary.LittleEndian.Uint32(sealed[7:])),
	}, nil
}

// tenantKey wraps the record keys of one tenant. It is immutable and safe for concurrent use.
type tenantKey struct {
	aead    cipher.AEAD
	version uint16
	// previous is the version before, while records under it may be there.
	previous *tenantKey
}

// of returns the key of a version, nil where there is none.
func (k *tenantKey) of(version uint16) *tenantKey {
	for k != nil && k.version != version {
		k = k.previous
	}
	return k
}

// keyring holds the newest tenant keys, by tenant. It is immutable: a change swaps a clone in, before the view has a record
// under a new key. So who takes it after he began to read the view has the key of every record he meets.
// Tenant 0 is the store itself and is always there. A nil entry is a key that is stored and does not open.
type keyring map[zhenni.TenantID]*tenantKey

// vault seals and opens records. Its fields do not change after Open; it is safe for concurrent use.
type vault struct {
	model   string
	entropy io.Reader
	keys    *keyfile.File
}

// scratch is the memory one open or seal needs; its slices are reused.
type scratch struct {
	key, value, aad, body []byte
	recordKey             [keySize]byte
	slot                  keyfile.Slot
	// window, where there is one, is what slots are read through.
	window *keyfile.Window
	// entropy, where it is not nil, stands for the vault's, and slab for the heap: sealed records lie in it, one behind
	// the other, until it is cut back.
	entropy io.Reader
	slab    []byte
}

// room returns memory for a sealed record of n bytes.
func (sc *scratch) room(n int) []byte {
	from := len(sc.slab)
	if cap(sc.slab)-from < n {
		return make([]byte, 0, n)
	}
	sc.slab = sc.slab[:from+n]
	return sc.slab[from : from : from+n]
}

// associate builds the associated data of both seals of a record: its header, the model and its own place.
// The key names credential, kind and factor, so a record copied to another place does not open there.
func (v *vault) associate(dst, front, key []byte) []byte {
	dst = append(dst, front...)
	dst = append(dst, byte(len(v.model)))
	dst = append(dst, v.model...)
	return append(dst, key...)
}

// draw fills random with what a nonce and a record key are made of.
func (v *vault) draw(random []byte, sc *scratch) error {
	entropy := v.entropy
	if sc.entropy != nil {
		entropy = sc.entropy
	}
	if _, err := io.ReadFull(entropy, random); err != nil {
		return fmt.Errorf("%w: no entropy to seal a record: %w", zhenni.ErrUnavailable, err)
	}
	return nil
}

// seal returns the sealed record that belongs at key, in fresh memory or in the scratch's slab.
func (v *vault) seal(
	by *tenantKey, tenant zhenni.TenantID, gen zhenni.Generation, key, body []byte, sc *scratch,
) ([]byte, error) {
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
	out := sc.room(sealOverhead + len(body))
	out = header{tenant: tenant, keyVersion: by.version, generation: gen}.append(out)
	sc.aad = v.associate(sc.aad[:0], out[:headerSize], key)
	out = append(out, nonce...)
	out = by.aead.Seal(out, nonce, recordKey, sc.aad)
	return aead.Seal(out, nonce, body, sc.aad), nil
}

// open checks and decrypts the record stored at key. The body lies in sc and is valid until sc is used again.
// Whatever is wrong with the record is [zhenni.ErrCorrupt], in whose text nothing of it appears.
func (v *vault) open(ring keyring, key, sealed []byte, sc *scratch) (header, []byte, error) {
	if isKeyed(sealed) {
		return v.openKeyed(ring, key, sealed, sc)
	}
	h, err := parseHeader(sealed)
	if err != nil {
		return h, nil, err
	}
	by := ring[h.tenant].of(h.keyVersion)
	if by == nil {
		return h, nil, fmt.Errorf("%w: no key of tenant %d, version %d", zhenni.ErrCorrupt, h.tenant, h.keyVersion)
	}
	sc.aad = v.associate(sc.aad[:0], sealed[:headerSize], key)
	nonce := sealed[headerSize:nonceEnd]
	recordKey, err := by.aead.Open(sc.recordKey[:0], nonce, sealed[nonceEnd:wrappedEnd], sc.aad)
	if err != nil {
		return h, nil, fmt.Errorf("%w: record key fails its seal", zhenni.ErrCorrupt)
	}
	body, err := openBody(recordKey, nonce, sealed[wrappedEnd:], sc)
	return h, body, err
}

// openBody opens a body under its record key, which it clears; sc.aad is the associated data.
func openBody(recordKey, nonce, sealed []byte, sc *scratch) ([]byte, error) {
	aead, err := newGCM(recordKey)
	clear(recordKey)
	if err != nil {
		return nil, err
	}
	body, err := aead.Open(sc.body[:0], nonce, sealed, sc.aad)
	if err != nil {
		return nil, fmt.Errorf("%w: record fails its seal", zhenni.ErrCorrupt)
	}
	sc.body = body
	return body, nil
}

// newGCM returns AES-256-GCM under a key of 32 bytes.
func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return cipher.NewGCM(block)
}
