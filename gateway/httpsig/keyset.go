package httpsig

import (
	"encoding/json"
	"fmt"

	"zhenni"
)

// NewKey makes the key that verifies what the holder of a public key signs. The zero key is [zhenni.ErrBadValue].
func NewKey(public zhenni.PublicKey) (*Key, error) {
	if point, ok := public.Ed25519(); ok {
		return NewEd25519(point)
	}
	if point, ok := public.P256(); ok {
		return NewP256(point)
	}
	return nil, fmt.Errorf("%w: there is no public key", zhenni.ErrBadValue)
}

// Public returns the public key that k verifies with; ok is false for an HMAC key.
func (k *Key) Public() (public zhenni.PublicKey, ok bool) {
	var err error
	switch k.algorithm {
	case Ed25519:
		public, err = zhenni.NewPublicKey(zhenni.KeyEd25519, k.edwards)
	case P256:
		public, err = zhenni.NewPublicKey(zhenni.KeyP256, k.point)
	default:
		return public, false
	}
	return public, err == nil
}

// maxKeySet bounds the document of a set of keys, in bytes.
const maxKeySet = 64 << 10

// ParseJWKS reads 1 to [zhenni.MaxPartyKeys] public keys from a JSON Web Key Set (RFC 7517 §5), each with the rules of
// [ParseJWK] and each once, or from one JSON Web Key by itself: [zhenni.ErrBadValue].
func ParseJWKS(document []byte) ([]zhenni.PublicKey, error) {
	if len(document) > maxKeySet {
		return nil, badJWK("a set of more than 64 KiB")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, badJWK("not a JSON object with a list of keys")
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{document}
	}
	if len(set.Keys) == 0 || len(set.Keys) > zhenni.MaxPartyKeys {
		return nil, badJWK(fmt.Sprintf("a set of %d keys: want 1–%d", len(set.Keys), zhenni.MaxPartyKeys))
	}
	keys := make([]zhenni.PublicKey, 0, len(set.Keys))
	seen := make(map[zhenni.PublicKey]bool, len(set.Keys))
	for _, member := range set.Keys {
		key, err := ParseJWK(member)
		if err != nil {
			return nil, err
		}
		public, ok := key.Public()
		if !ok || seen[public] {
			return nil, badJWK("a key is in the set twice")
		}
		seen[public] = true
		keys = append(keys, public)
	}
	return keys, nil
}
