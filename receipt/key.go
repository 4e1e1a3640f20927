package receipt

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"zhenni"
)

// Algorithm is how a key signs results. It is a property of the key.
type Algorithm uint8

// The algorithms: Ed25519 (RFC 8032, RFC 8037), ECDSA on P-256 with SHA-256 (RFC 7518), and SM2 with SM3
// (GB/T 32918.2), whose names in JOSE, alg SM2 and crv SM2, no registry has.
const (
	Ed25519 Algorithm = iota + 1
	ES256
	SM2
)

// algorithms holds for each algorithm its word, its name in a header, and the type and curve of its keys.
var algorithms = [...]struct{ word, alg, kty, crv string }{
	Ed25519: {"ed25519", "EdDSA", "OKP", "Ed25519"},
	ES256:   {"es256", "ES256", "EC", "P-256"},
	SM2:     {"sm2", "SM2", "EC", "SM2"},
}

func (a Algorithm) known() bool { return a >= Ed25519 && a <= SM2 }

// String returns "ed25519", "es256" or "sm2".
func (a Algorithm) String() string {
	if !a.known() {
		return fmt.Sprintf("algorithm(%d)", uint8(a))
	}
	return algorithms[a].word
}

// ParseAlgorithm reads the word of an algorithm: [zhenni.ErrBadValue].
func ParseAlgorithm(word string) (Algorithm, error) {
	for a := Ed25519; a.known(); a++ {
		if word == a.String() {
			return a, nil
		}
	}
	return 0, fmt.Errorf("%w: algorithm %q: want ed25519, es256 or sm2", zhenni.ErrBadValue, word)
}

// typ is what a result is, so that no other token of the same key is taken for one.
const typ = "zhenni-result+jwt"

// urlBase64 is how JOSE writes bytes, in one form only.
var urlBase64 = base64.RawURLEncoding.Strict()

// A Key verifies results. It is checked when it is made and does not change. The zero value verifies nothing.
type Key struct {
	algorithm Algorithm
	id        string
	jwk       []byte
	protected string // the header of its results, encoded
	summary   string // that of its summaries
	verify    func(message, signature []byte) bool
}

// ID is the thumbprint of the key (RFC 7638), 43 characters.
func (k Key) ID() string { return k.id }

// Algorithm is the one by which the key signs.
func (k Key) Algorithm() Algorithm { return k.algorithm }

// JWK returns the key as a JSON Web Key (RFC 7517).
func (k Key) JWK() []byte { return slices.Clone(k.jwk) }

// newKey makes a key of the bytes of RFC 8032, or of an uncompressed point: [zhenni.ErrBadValue].
func newKey(algorithm Algorithm, point []byte) (Key, error) {
	var (
		k   = Key{algorithm: algorithm}
		err error
	)
	switch algorithm {
	case Ed25519:
		err = k.take(zhenni.KeyEd25519, point)
	case ES256:
		err = k.take(zhenni.KeyP256, point)
	case SM2:
		err = k.takeSM2(point)
	default:
		err = fmt.Errorf("%w: %s is unknown", zhenni.ErrBadValue, algorithm)
	}
	if err != nil {
		return Key{}, err
	}
	name := algorithms[algorithm].alg
	k.jwk = fmt.Appendf(k.jwk[:len(k.jwk)-1], `,"alg":"%s"}`, name)
	header := func(typ string) string {
		return urlBase64.EncodeToString(fmt.Appendf(nil, `{"alg":"%s","kid":"%s","typ":"%s"}`, name, k.id, typ))
	}
	k.protected, k.summary = header(typ), header(summaryType)
	return k, nil
}

// take makes k a key of the root package.
func (k *Key) take(algorithm zhenni.KeyAlgorithm, point []byte) error {
	public, err := zhenni.NewPublicKey(algorithm, point)
	if err != nil {
		return err
	}
	k.id, k.jwk, k.verify = public.ID(), public.JWK(), public.Verify
	if algorithm == zhenni.KeyP256 {
		k.verify = func(message, signature []byte) bool {
			return len(signature) == signatureSize && lowHalf(signature[32:]) && public.Verify(message, signature)
		}
	}
	return nil
}

// Keys are those whose results are believed, or that are published, each once.
type Keys []Key

// maxKeys and maxJWKS bound a set of keys: their number, and its text in bytes.
const (
	maxKeys = 32
	maxJWKS = 64 << 10
)

// JWKS returns the keys as a JSON Web Key Set.
func (ks Keys) JWKS() []byte {
	set := []byte(`{"keys":[`)
	for i, k := range ks {
		if i > 0 {
			set = append(set, ',')
		}
		set = append(set, k.jwk...)
	}
	return append(set, "]}\n"...)
}

// Add returns the keys with those of more that they do not have yet.
func (ks Keys) Add(more ...Key) Keys {
	for _, k := range more {
		if !slices.ContainsFunc(ks, func(o Key) bool { return o.id == k.id }) {
			ks = append(ks, k)
		}
	}
	return ks
}

// jwk are the members of a key that are read. A kid is asked for, since it is the digest of what the key is: a text that
// was read otherwise than it was meant does not fit it.
type jwk struct {
	Type    string  `json:"kty"`
	Curve   string  `json:"crv"`
	X       string  `json:"x"`
	Y       string  `json:"y"`
	ID      string  `json:"kid"`
	Use     string  `json:"use"`
	Alg     string  `json:"alg"`
	Private *string `json:"d"`
}

// ParseKeys reads a JSON Web Key Set, or a single JSON Web Key. Keys of other types and curves are left out, as RFC 7517
// has it; one that contradicts itself, is private or is for another use is [zhenni.ErrBadValue], and so is a set in which
// no key is left.
func ParseKeys(text []byte) (Keys, error) {
	if len(text) > maxJWKS {
		return nil, fmt.Errorf("%w: keys of %d bytes, want at most %d", zhenni.ErrBadValue, len(text), maxJWKS)
	}
	var set struct {
		Keys []jwk `json:"keys"`
		jwk
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("%w: not a JSON Web Key Set: %w", zhenni.ErrBadValue, err)
	}
	if set.Type != "" {
		set.Keys = append(set.Keys, set.jwk)
	}
	var keys Keys
	for _, j := range set.Keys {
		k, ours, err := j.key()
		if err != nil {
			return nil, err
		}
		if ours {
			keys = keys.Add(k)
		}
	}
	if len(keys) < 1 || len(keys) > maxKeys {
		return nil, fmt.Errorf("%w: a JSON Web Key Set with %d keys for results, want 1–%d", zhenni.ErrBadValue, len(keys), maxKeys)
	}
	return keys, nil
}

// key makes the key; ours is false where it is none for results.
func (j jwk) key() (k Key, ours bool, err error) {
	for a := Ed25519; a.known(); a++ {
		form := algorithms[a]
		if j.Type != form.kty || j.Curve != form.crv {
			continue
		}
		if j.Private != nil {
			return k, true, fmt.Errorf("%w: key %q is a private key; it has to be replaced, for others have seen it", zhenni.ErrBadValue, j.ID)
		}
		if j.Use != "" && j.Use != "sig" || j.Alg != "" && j.Alg != form.alg {
			return k, true, fmt.Errorf("%w: key %q is for another use: %s, %s", zhenni.ErrBadValue, j.ID, j.Use, j.Alg)
		}
		k, err = j.make(a)
		return k, true, err
	}
	return k, false, nil
}

func (j jwk) make(a Algorithm) (Key, error) {
	point, err := coordinate(j.X)
	if err == nil && a != Ed25519 {
		var y []byte
		y, err = coordinate(j.Y)
		point = slices.Concat([]byte{4}, point, y)
	}
	if err != nil {
		return Key{}, err
	}
	k, err := newKey(a, point)
	if err == nil && k.id != j.ID {
		err = fmt.Errorf("%w: key with kid %q has the thumbprint %s", zhenni.ErrBadValue, j.ID, k.id)
	}
	return k, err
}

// coordinate reads 32 bytes in their one form.
func coordinate(text string) ([]byte, error) {
	b, err := urlBase64.DecodeString(text)
	if err != nil || len(b) != 32 || len(text) != 43 {
		return nil, fmt.Errorf("%w: a coordinate that is not 32 bytes in base64url", zhenni.ErrBadValue)
	}
	return b, nil
}
