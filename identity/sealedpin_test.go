package identity

import (
	"strings"
	"testing"

	"zhenni/identity/pin"
)

// FAULTS: L2 L4 L10 L11
func TestSealedPIN(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	pinHeader := strings.Replace(testHeader, SealedTyp, SealedPINTyp, 1)
	const good = `{"pin":"58204917","transaction":"txn-1"}`
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, test := range []struct {
		what, header, payload string
		want                  error
	}{
		{"good", pinHeader, good, nil},
		{"full-width", pinHeader, with("58204917", "５８２０４９１７"), nil},
		{"under an identity's typ", testHeader, good, SealedType},
		{"an identity under a PIN's", pinHeader, testPayload, SealedPINPayload},
		{"unknown member", pinHeader, with("}", `,"name":"x"}`), SealedPINPayload},
		{"twice", pinHeader, with("}", `,"pin":"71940285"}`), SealedPINPayload},
		{"a number", pinHeader, with(`"58204917"`, "58204917"), SealedPINPayload},
		{"no PIN", pinHeader, `{"transaction":"txn-1"}`, SealedPINPayload},
		{"no transaction", pinHeader, `{"pin":"58204917"}`, SealedPINPayload},
		{"trailing data", pinHeader, good + "x", SealedPINPayload},
		{"another transaction", pinHeader, with("txn-1", "txn-2"), SealedTransaction},
		{"seven digits", pinHeader, with("58204917", "5820491"), pin.Length},
		{"a letter", pinHeader, with("58204917", "5820491x"), pin.Character},
	} {
		digits, err := opener.OpenPIN(sealRaw(t, key.Public(), test.header, test.payload), "txn-1")
		if err != test.want || (err == nil) != (digits != pin.Digits{}) {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
		}
		digits.Forget()
		if err != nil && strings.Contains(err.Error(), "5820491") {
			t.Errorf("%s: %v shows digits", test.what, err)
		}
	}
	sealed, err := SealPIN(key.Public(), "58204917", "txn-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opener.Open(sealed, "txn-1", today); err != SealedType {
		t.Errorf("a PIN as an identity: %v", err)
	}
	if _, err := opener.OpenPIN(sealed, ""); err != SealedTransaction {
		t.Errorf("of no transaction: %v", err)
	}
	if _, err := SealPIN(key.Public(), "58204917", ""); err == nil {
		t.Error("sealed for no transaction")
	}
}

func TestBirth(t *testing.T) {
	n, err := ParseNumber([]byte("11010519491231002X"), today)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Birth().Format("2006-01-02"); got != "1949-12-31" {
		t.Error(got)
	}
	if n.Forget(); !n.Birth().IsZero() {
		t.Error("a forgotten number has a date of birth")
	}
}
