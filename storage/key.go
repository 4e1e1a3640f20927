package storage

import (
	"encoding/binary"

	"zhenni"
)

// The first byte of a key in the view. Every prefix of the format is here and frozen with format 1.
const (
	prefixCredential = 'c' // c | credential id | s, and c | credential id | t | factor
	prefixErased     = 'e' // e | place in the key file
	prefixTenantKey  = 'k' // k | tenant | key version
	prefixKeyState   = 'f' // f
	prefixMeta       = 'm' // m | w, and m | a
	prefixParty      = 'p' // p | relying party id
	prefixDue        = 'v' // v | slot
	prefixIdentity   = 'i' // i, and i | pepper version
	prefixReproof    = 'r' // r | credential id
	prefixModel      = 'o' // o | number
)

// What follows a credential id. The status sorts before the template, so a scan meets them in that order, side by side.
// What stands before the kind of a subject is no id: see [Store.subjectKey].
const (
	kindStatus   = 's'
	kindTemplate = 't'
	kindPIN      = 'n'
	kindSubject  = 'u'
	kindFurther  = 'w' // a template of a further model: behind the one of the first
)

var (
	// waterKey holds the sealed high-water record.
	waterKey = []byte{prefixMeta, 'w'}
	// progressKey holds the position of the view in the log.
	progressKey = []byte{prefixMeta, 'a'}
	// identityKey holds the check value of the root that the subjects are known under. Those of peppers lie behind it.
	identityKey = []byte{prefixIdentity}
	// keyStateKey holds what the view knows of the key file.
	keyStateKey = []byte{prefixKeyState}
)

const (
	idEnd           = 1 + len(zhenni.CredentialID{})
	statusKeySize   = idEnd + 1
	templateKeySize = idEnd + 2
	tenantKeySize   = 1 + 4 + 2
	erasedKeySize   = 1 + 8
	pinKeySize      = idEnd + 1
	pepperKeySize   = 1 + 4
	subjectKeySize  = idEnd + 1 + 16
	dueKeySize      = 1 + 2
	reproofKeySize  = idEnd
	furtherKeySize  = idEnd + 3
)

func appendStatusKey(dst []byte, id zhenni.CredentialID) []byte {
	dst = append(dst, prefixCredential)
	dst = append(dst, id[:]...)
	return append(dst, kindStatus)
}

func appendTemplateKey(dst []byte, id zhenni.CredentialID, factor zhenni.Factor) []byte {
	dst = append(dst, prefixCredential)
	dst = append(dst, id[:]...)
	return append(dst, kindTemplate, byte(factor))
}

func appendTenantKey(dst []byte, tenant zhenni.TenantID, version uint16) []byte {
	dst = append(dst, prefixTenantKey)
	dst = binary.BigEndian.AppendUint32(dst, uint32(tenant))
	return binary.BigEndian.AppendUint16(dst, version)
}

func appendErasedKey(dst []byte, place uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, prefixErased), place)
}

// parseErasedKey returns the place that a key of [prefixErased] names.
func parseErasedKey(key []byte) (place uint64, ok bool) {
	if len(key) != erasedKeySize || key[0] != prefixErased {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}

func appendPartyKey(dst []byte, id string) []byte {
	return append(append(dst, prefixParty), id...)
}

// slotKey is the smallest key of a slot: ids sort by their leading bits, so a range of slots is a range of keys.
func slotKey(slot zhenni.Slot) []byte {
	return binary.BigEndian.AppendUint16([]byte{prefixCredential}, uint16(slot)<<2)
}

// parseCredentialKey splits a key of [prefixCredential] into its id and kind; ok is false for any other shape.
func parseCredentialKey(key []byte, factor zhenni.Factor) (id zhenni.CredentialID, kind byte, ok bool) {
	if len(key) < statusKeySize || key[0] != prefixCredential {
		return id, 0, false
	}
	copy(id[:], key[1:idEnd])
	kind = key[idEnd]
	switch {
	case kind == kindStatus && len(key) == statusKeySize:
		return id, kind, true
	case kind == kindTemplate && len(key) == templateKeySize && key[idEnd+1] == byte(factor):
		return id, kind, true
	}
	return id, kind, false
}

func parseTenantKey(key []byte) (tenant zhenni.TenantID, version uint16, ok bool) {
	if len(key) != tenantKeySize || key[0] != prefixTenantKey {
		return 0, 0, false
	}
	return zhenni.TenantID(binary.BigEndian.Uint32(key[1:])), binary.BigEndian.Uint16(key[5:]), true
}
