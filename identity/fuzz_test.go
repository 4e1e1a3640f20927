package identity

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FAULTS: L10 L11
func FuzzNumber(f *testing.F) {
	for _, text := range []string{
		"11010519491231002X", "440524188001010014", "１１０１０５１９４９１２３１００２ｘ", "110105491231002", "11010519491331002X",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := ParseNumber(text, today)
		if err != nil {
			mustBeFault(t, err, string(text))
			return
		}
		again, err := ParseNumber(n.bytes(), today)
		if err != nil || string(again.bytes()) != string(n.bytes()) || !isDigits(string(n.bytes()[:numberLen-1])) {
			t.Errorf("%q is read as %q, then %v", text, n.bytes(), err)
		}
	})
}

// FAULTS: L10 L11
func FuzzName(f *testing.F) {
	for _, text := range []string{
		"张三", "阿卜杜拉\u2022买买提", "Jose\u0301 O’Brien", "བཀྲ་ཤིས", "ئابدۇللا", "\u1100\u1175\u11B7", "张\u202e三",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := ParseName(text)
		if err != nil {
			mustBeFault(t, err, string(text))
			return
		}
		form := n.Reveal()
		again, err := ParseName([]byte(form))
		if err != nil || again.Reveal() != form || foldedName(again) != foldedName(n) {
			t.Errorf("%q becomes %q, then %q, %v", text, form, again.Reveal(), err)
		}
		folded := foldedName(n)
		if !utf8.ValidString(form) || !norm.NFC.IsNormalString(form) || !norm.NFC.IsNormalString(folded) || folded == "" ||
			strings.ContainsAny(form, "\x00\r\n\t<>&\"%;\u202e\u200b") || len(form) > MaxNameBytes {
			t.Errorf("%q becomes %q, %q", text, form, folded)
		}
	})
}

// FAULTS: L2 L3 L4 L12
func FuzzOpen(f *testing.F) {
	key := testKey(f, 1)
	opener := newOpener(f, key)
	sealed, err := os.ReadFile(filepath.Join("testdata", "sealed.txt"))
	if err != nil {
		f.Fatal(err)
	}
	good := strings.Fields(string(sealed))
	for _, text := range good {
		f.Add(text)
		f.Add(text[:len(text)/2])
	}
	f.Add("e30....")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := opener.Open(text, "txn-1", today)
		if err != nil {
			mustBeFault(t, err, text)
			return
		}
		for _, known := range good {
			if text == known {
				return
			}
		}
		t.Errorf("%q opens: %t", text, p.Number.bytes() != nil)
	})
}

// FAULTS: L2 L4 L10 L11
func FuzzPayload(f *testing.F) {
	for _, text := range []string{
		testPayload, `{"n\u0061me":"\ud840\udfb7\n","number":"","transaction":"txn-1"}`, `{"name":{"name":[]}}`, testPayload + "{}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want struct{ Name, Number, Transaction string }
		known := json.Unmarshal(text, &want)
		original := string(text)
		p, err := readPerson(text, "txn-1", today)
		if strings.Trim(string(text), "\x00") != "" {
			t.Errorf("%q is not overwritten", original)
		}
		if err != nil {
			mustBeFault(t, err, original)
			return
		}
		name, err := ParseName([]byte(want.Name))
		if known != nil || want.Transaction != "txn-1" || err != nil || name.Reveal() != p.Name.Reveal() {
			t.Errorf("%q: the standard library reads %+v, %v", original, want, known)
		}
		if number, err := ParseNumber([]byte(want.Number), today); err != nil || string(number.bytes()) != string(p.Number.bytes()) {
			t.Errorf("%q: the standard library reads another number", original)
		}
	})
}

// testdata/sealed.txt holds texts that were sealed once and have to open for ever, one by each algorithm.
func TestSealedTextsOpenForEver(t *testing.T) {
	path := filepath.Join("testdata", "sealed.txt")
	key := testKey(t, 1)
	if os.Getenv("ZHENNI_REWRITE") == "1" {
		text := sealRaw(t, key.Public(), testHeader, testPayload) + "\n" + sealRaw(t, key.Public(), directHeader, testPayload) + "\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, sealed := range strings.Fields(string(text)) {
		if p, err := newOpener(t, key).Open(sealed, "txn-1", today); err != nil || p.Name.Reveal() != "张三" {
			t.Errorf("%v", err)
		}
	}
}
