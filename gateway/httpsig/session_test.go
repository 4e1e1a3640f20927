package httpsig

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"testing"

	"zhenni"
)

// Both sides derive the same secret, which another order of keys or another id does not have. It is
// frozen: clients in other languages derive it too.
func TestSessionSecret(t *testing.T) {
	private := func(digits string) *ecdh.PrivateKey {
		b, err := hex.DecodeString(digits)
		key, err2 := ecdh.X25519().NewPrivateKey(must(t, b, err))
		return must(t, key, err2)
	}
	alice := private("77076d0a7318a57d3c16c17251b26645c6c2f5a8d5a1f5b5d5a5d5a5d5a5d5a5")
	bob := private("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
	a, b := alice.PublicKey().Bytes(), bob.PublicKey().Bytes()
	secret, err := SessionSecret(alice, a, b, "s.1")
	other, err2 := SessionSecret(bob, a, b, "s.1")
	if !bytes.Equal(must(t, secret, err), must(t, other, err2)) || len(secret) != MinSecret {
		t.Fatalf("%x and %x", secret, other)
	}
	if got := hex.EncodeToString(secret); got != frozenSecret {
		t.Errorf("the derivation is frozen: %s", got)
	}
	for name, derive := range map[string]func() ([]byte, error){
		"another id": func() ([]byte, error) { return SessionSecret(alice, a, b, "s.2") },
		"turned":     func() ([]byte, error) { return SessionSecret(bob, b, a, "s.1") },
	} {
		if got, err := derive(); bytes.Equal(must(t, got, err), secret) {
			t.Errorf("%s: the same secret", name)
		}
	}
	for name, public := range map[string][]byte{"short": a[1:], "zero": make([]byte, 32), "nothing": nil} {
		if _, err := SessionSecret(bob, public, b, "s.1"); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// frozenSecret was computed by another implementation of RFC 7748 and RFC 5869.
const frozenSecret = "5d0ea98f84fce6449c2f6d9b0e51e1587c881cdcf0cfd6affdb520fc9b47d500"
