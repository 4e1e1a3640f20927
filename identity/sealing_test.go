package identity

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// Two texts under one ephemeral key and nonce are known by it, whatever they seal and however the key is written: the point with
// the other y agrees on the same key. Texts under another of either are not.
//
// FAULTS: A18
func TestSealingIsOfKeyAndNonce(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	keys, nonces := make([]*ecdh.PrivateKey, 2), make([][]byte, 2)
	for i := range keys {
		keys[i], _ = ecdh.P256().GenerateKey(rand.Reader)
		nonces[i] = make([]byte, nonceSize)
		rand.Read(nonces[i])
	}
	other := strings.Replace(testPayload, "张三", "李四", 1)
	sealing := func(k, n int, epk []byte, head, payload string) [32]byte {
		t.Helper()
		text := sealUnder(t, key.Public(), keys[k], nonces[n], epk, head, payload)
		person, err := opener.Open(text, "txn-1", today)
		if err != nil {
			t.Fatal(err)
		}
		person.Forget()
		sum, err := Sealing(text)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	plain := []([]byte){jwkOf(keys[0].PublicKey(), ""), jwkOf(keys[1].PublicKey(), "")}
	first := sealing(0, 0, plain[0], directHeader, testPayload)
	for what, same := range map[string][32]byte{
		"another content": sealing(0, 0, plain[0], directHeader, other),
		"the other y":     sealing(0, 0, negated(keys[0].PublicKey()), directHeader, other),
		"a wrapped key":   sealing(0, 0, plain[0], testHeader, other),
	} {
		if same != first {
			t.Errorf("%s: not known again", what)
		}
	}
	if sealing(0, 1, plain[0], directHeader, testPayload) == first || sealing(1, 0, plain[1], directHeader, testPayload) == first {
		t.Error("another key or nonce is taken for the same")
	}
}

// negated writes the point of a key with the other y.
func negated(key *ecdh.PublicKey) []byte {
	y := new(big.Int).SetBytes(key.Bytes()[33:])
	y.Sub(elliptic.P256().Params().P, y)
	written := base64.RawURLEncoding.EncodeToString(y.FillBytes(make([]byte, coordinateSize)))
	return []byte(strings.Replace(string(jwkOf(key, "")), base64.RawURLEncoding.EncodeToString(key.Bytes()[33:]), written, 1))
}

func TestSealingOfWhatIsNotSealed(t *testing.T) {
	for _, text := range []string{"", "a.b", "....", "e30....", "e30..AAAA.AAAA.AAAA"} {
		if _, err := Sealing(text); err == nil {
			t.Errorf("%q has a sealing", text)
		}
	}
}
