package receipt

import (
	"reflect"
	"testing"
)

// FuzzOpen reads any text as a result, and any payload under a valid signature: what is taken says no more than its one
// text does.
func FuzzOpen(f *testing.F) {
	var keys Keys
	signers := map[string]Signer{}
	for _, a := range every {
		s := testSigner(f, a, 1)
		signers[s.Key().ID()], keys = s, keys.Add(s.Key())
		for _, c := range forms() {
			f.Add(mustSign(f, s, c), string(c.payload()))
		}
	}
	s := testSigner(f, Ed25519, 1)
	f.Fuzz(func(t *testing.T, result, payload string) {
		checkOpened(t, result, keys, signers)
		signed, err := sign(s, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		checkOpened(t, string(signed), keys, signers)
	})
}

func checkOpened(t *testing.T, result string, keys Keys, signers map[string]Signer) {
	c, key, err := Open(result, keys)
	if err != nil {
		if !reflect.DeepEqual(c, Claims{}) {
			t.Fatalf("refused, and yet %+v", c)
		}
		return
	}
	if mustSign(t, signers[key.ID()], c) != result {
		t.Fatalf("%s has another text", result)
	}
}

// FuzzKeys reads any text as a set of keys: what is taken can be published and read again.
func FuzzKeys(f *testing.F) {
	for _, a := range every {
		f.Add(Keys{testSigner(f, a, 1).Key()}.JWKS())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ParseKeys(text)
		if err != nil {
			return
		}
		if again, err := ParseKeys(keys.JWKS()); err != nil || len(again) != len(keys) {
			t.Fatalf("%v: %s", err, keys.JWKS())
		}
	})
}
