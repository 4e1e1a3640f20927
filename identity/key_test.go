package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"zhenni"
)

func TestPrivateKeyIsReadBack(t *testing.T) {
	k := testKey(t, 1)
	scalar, err := k.Bytes()
	if err != nil || len(scalar) != PrivateKeySize {
		t.Fatalf("%d bytes, %v", len(scalar), err)
	}
	same, err := ParsePrivateKey(scalar)
	if err != nil || same.Public().ID() != k.Public().ID() {
		t.Fatalf("%v", err)
	}
	clear(scalar)
	if _, err := newOpener(t, same).Open(mustSeal(t, k.Public(), "张三", "11010519491231002X", "t"), "t", today); err != nil {
		t.Errorf("%v", err)
	}
	order := unhex(t, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551")
	for _, bad := range [][]byte{nil, make([]byte, PrivateKeySize), make([]byte, 31), append(make([]byte, 32), 1), order} {
		if k, err := ParsePrivateKey(bad); k != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// The published form says what a client has to know, and its kid is the thumbprint of RFC 7638.
func TestPublicKeyIsPublished(t *testing.T) {
	k := testKey(t, 1).Public()
	point, err := k.key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	thumbprint := sha256.Sum256(jwkOf(point, ""))
	if k.ID() != base64.RawURLEncoding.EncodeToString(thumbprint[:]) {
		t.Errorf("the id is %s", k.ID())
	}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]string
	more := fmt.Sprintf(`,"use":"enc","alg":"ECDH-ES+A256KW","kid":%q`, k.ID())
	err = errors.Join(json.Unmarshal(text, &got), json.Unmarshal(jwkOf(point, more), &want))
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%s, %v", text, err)
	}
	same, err := ParsePublicKey(text)
	if err != nil || same.ID() != k.ID() || !same.key.Equal(k.key) {
		t.Errorf("read back: %v", err)
	}
	if _, err := json.Marshal(PublicKey{}); err == nil {
		t.Error("no key is published")
	}
}

// FAULTS: L4
func TestPublicKeysThatAreNot(t *testing.T) {
	k := testKey(t, 1)
	text, err := json.Marshal(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) string { return strings.Replace(string(text), old, new, 1) }
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := newPublicKey(&large.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := json.Marshal(wide)
	if err != nil {
		t.Fatal(err)
	}
	for what, jwk := range map[string]string{
		"nothing":       "",
		"another use":   with(`"enc"`, `"sig"`),
		"another name":  with(k.Public().ID(), testKey(t, 2).Public().ID()),
		"another curve": string(p384),
		"curve's name":  with("P-256", "P-384"),
		"off the curve": with(`"x":"`, `"x":"A`),
		"private":       with("}", `,"d":"`+base64.RawURLEncoding.EncodeToString(scalar)+`"}`),
		"symmetric":     `{"kty":"oct","k":"AAAA","use":"enc","kid":"x"}`,
		"long":          string(text) + strings.Repeat(" ", MaxSealed),
	} {
		if read, err := ParsePublicKey([]byte(jwk)); read != (PublicKey{}) || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", what, err)
		} else if bytes.Contains([]byte(err.Error()), scalar) {
			t.Errorf("%s: the error shows the key", what)
		}
	}
}
