package identity

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// FAULTS: L2 L3 L4
func TestSealedRotationKey(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	k := [RotationKeySize]byte(bytes.Repeat([]byte{0xa7}, RotationKeySize))
	header := strings.Replace(testHeader, SealedTyp, SealedRotationTyp, 1)
	written := base64.RawURLEncoding.EncodeToString(k[:])
	good := `{"rotation":"` + written + `","session":"s-1"}`
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, test := range []struct {
		what, header, payload string
		want                  error
	}{
		{"good", header, good, nil},
		{"under an identity's typ", testHeader, good, SealedType},
		{"an identity under its typ", header, testPayload, SealedRotationPayload},
		{"twice", header, with("}", `,"session":"s-1"}`), SealedRotationPayload},
		{"unknown member", header, with("}", `,"credential":"x"}`), SealedRotationPayload},
		{"no key", header, `{"session":"s-1"}`, SealedRotationPayload},
		{"no session", header, `{"rotation":"` + written + `"}`, SealedRotationPayload},
		{"a shorter key", header, with(written, written[4:]), SealedRotationPayload},
		{"another alphabet", header, with(written, "+"+written[1:]), SealedRotationPayload},
		{"bits too many", header, with(written, written[:42]+"d"), SealedRotationPayload},
		{"trailing data", header, good + "x", SealedRotationPayload},
		{"another session", header, with("s-1", "s-2"), SealedTransaction},
	} {
		got, err := opener.OpenRotation(sealRaw(t, key.Public(), test.header, test.payload), "s-1")
		if err != test.want || (err == nil) != (got == k) || err != nil && got != [RotationKeySize]byte{} {
			t.Errorf("%s: %x, %v, want %v", test.what, got, err, test.want)
		}
	}
	sealed, err := SealRotation(key.Public(), k, "s-1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := opener.OpenRotation(sealed, "s-1"); err != nil || got != k {
		t.Errorf("%x, %v", got, err)
	}
	if _, err := opener.Open(sealed, "s-1", today); err != SealedType {
		t.Errorf("as an identity: %v", err)
	}
	if _, err := SealRotation(key.Public(), k, ""); err == nil {
		t.Error("sealed for no session")
	}
	if _, err := newOpener(t, testKey(t, 2)).OpenRotation(sealed, "s-1"); err != SealedKey {
		t.Errorf("by another key: %v", err)
	}
}
