package identity

import (
	"strings"
	"testing"
)

// FAULTS: L2 L4 L10 L11
func TestSealedName(t *testing.T) {
	key := testKey(t, 1)
	opener := newOpener(t, key)
	header := strings.Replace(testHeader, SealedTyp, SealedNameTyp, 1)
	const good = `{"name":"张三","transaction":"txn-1"}`
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, test := range []struct {
		what, header, payload string
		want                  error
	}{
		{"good", header, good, nil},
		{"under an identity's typ", testHeader, good, SealedType},
		{"an identity under its typ", header, testPayload, SealedNamePayload},
		{"unknown member", header, with("}", `,"number":"x"}`), SealedNamePayload},
		{"twice", header, with("}", `,"name":"x"}`), SealedNamePayload},
		{"no name", header, `{"transaction":"txn-1"}`, SealedNamePayload},
		{"no transaction", header, `{"name":"张三"}`, SealedNamePayload},
		{"another transaction", header, with("txn-1", "txn-2"), SealedTransaction},
		{"a digit", header, with("张三", "张3"), NameDigit},
	} {
		name, err := opener.OpenName(sealRaw(t, key.Public(), test.header, test.payload), "txn-1")
		if err != test.want || (err == nil) != (len(name.bytes()) > 0) {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "张") {
			t.Errorf("%s: %v shows the name", test.what, err)
		}
	}
	sealed, err := SealName(key.Public(), "张三", "txn-1")
	if err != nil {
		t.Fatal(err)
	}
	if name, err := opener.OpenName(sealed, "txn-1"); err != nil || name.Reveal() != "张三" {
		t.Errorf("%v", err)
	}
	if _, err := SealName(key.Public(), "张三", ""); err == nil {
		t.Error("sealed for no transaction")
	}
}
