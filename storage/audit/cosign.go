package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// algorithmCosignature is the type that C2SP signed-note gives to Ed25519 cosignatures with a time.
const algorithmCosignature = 0x04

// cosignatureSize is time u64 | Ed25519 signature [64].
const cosignatureSize = 8 + ed25519.SignatureSize

// cosignedMessage is what a cosignature/v1 signs.
func cosignedMessage(at uint64, text []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatUint(at, 10)+"\n"), text...)
}

// cosignatureHash is the key id of C2SP signed-note: the start of SHA-256 over name, newline, type and key.
func cosignatureHash(name string, key ed25519.PublicKey) uint32 {
	b := append([]byte(name), '\n', algorithmCosignature)
	sum := sha256.Sum256(append(b, key...))
	return binary.BigEndian.Uint32(sum[:])
}

// CosignatureKey returns the written form of a witness' public key: "<name>+<hash>+<key>".
func CosignatureKey(name string, key ed25519.PublicKey) string {
	encoded := base64.StdEncoding.EncodeToString(append([]byte{algorithmCosignature}, key...))
	return fmt.Sprintf("%s+%08x+%s", name, cosignatureHash(name, key), encoded)
}

// NewCosignatureVerifier reads the written form of a witness' public key: [zhenni.ErrBadValue].
func NewCosignatureVerifier(key string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(key, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) != 1+ed25519.PublicKeySize || !validKeyName(name) ||
		CosignatureKey(name, b[1:]) != key {
		return nil, badValue("not the public key of a witness: want <name>+<hash>+<key>")
	}
	return cosignatureVerifier{name, ed25519.PublicKey(b[1:])}, nil
}

// validKeyName is the rule of signed notes, narrowed to printable ASCII.
func validKeyName(name string) bool {
	return validOrigin(name) && !strings.ContainsAny(name, "+ ")
}

type cosignatureVerifier struct {
	name string
	key  ed25519.PublicKey
}

func (v cosignatureVerifier) Name() string    { return v.name }
func (v cosignatureVerifier) KeyHash() uint32 { return cosignatureHash(v.name, v.key) }

func (v cosignatureVerifier) Verify(text, sig []byte) bool {
	if len(sig) != cosignatureSize {
		return false
	}
	return ed25519.Verify(v.key, cosignedMessage(binary.BigEndian.Uint64(sig), text), sig[8:])
}

// cosigner is the note.Signer of a witness.
type cosigner struct {
	cosignatureVerifier
	secret ed25519.PrivateKey
	now    func() time.Time
}

func (c cosigner) Sign(text []byte) ([]byte, error) {
	at := uint64(c.now().Unix())
	sig := binary.BigEndian.AppendUint64(nil, at)
	return append(sig, ed25519.Sign(c.secret, cosignedMessage(at, text))...), nil
}
