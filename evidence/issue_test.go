package evidence

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// A token about a capture for an issue names no credential, in one form; only a terminal signs it, and it holds for no credential.
//
// FAULTS: B10 B11
func TestTokenForAnIssue(t *testing.T) {
	now := time.Unix(testIssued, 0)
	c := testClaims()
	c.Subject = zhenni.CredentialID{}
	for algorithm, private := range signers(t) {
		token := signed(t, c, private)
		got, err := Open(token, keyOf(t, private), expected(c), now)
		want := c
		want.KeyID = keyOf(t, private).Thumbprint()
		if err != nil || got != want {
			t.Errorf("%v: %+v, %v; want %+v", algorithm, got, err, want)
		}
		if _, err := Open(token, keyOf(t, private), expected(testClaims()), now); !errors.Is(err, ErrSubject) {
			t.Errorf("%v: for a credential: %v", algorithm, err)
		}
		if _, err := Open(signed(t, testClaims(), private), keyOf(t, private), expected(c), now); !errors.Is(err, ErrSubject) {
			t.Errorf("%v: of a credential: %v", algorithm, err)
		}
	}
	var claims [maxClaims]byte
	text := string(c.appendTo(claims[:0]))
	if !bytes.Contains([]byte(text), []byte(`"sub":"issue"`)) {
		t.Errorf("%s", text)
	}
	for _, other := range []string{strings.Repeat("0", 32), "", "Issue"} {
		var read Claims
		if read.read(strings.Replace(text, `"issue"`, `"`+other+`"`, 1)) {
			t.Errorf("read with sub %q", other)
		}
	}
	c.Terminal = ""
	if c.valid() {
		t.Error("a device signs for an issue")
	}
}

// The device that a credential is to be issued to signs that it was there, and nothing else: of liveness and card a key that anybody
// makes says nothing.
//
// FAULTS: B11
func TestDeviceSignsForAnIssue(t *testing.T) {
	now, c := time.Unix(testIssued, 0), testClaims()
	c.Subject, c.Terminal, c.Level = zhenni.CredentialID{}, "", zhenni.LivenessNone
	for _, kind := range []Kind{Liveness, Possession, Card, Document} {
		c.Kind = kind
		if c.valid() != (kind == Possession) {
			t.Errorf("%v: valid is %v", kind, c.valid())
		}
	}
	c.Kind, c.Level = Liveness, zhenni.LivenessPassive
	if c.valid() {
		t.Error("liveness by a device that anybody makes")
	}
	c.Kind, c.Level = Possession, zhenni.LivenessNone
	for algorithm, private := range signers(t) {
		token := signed(t, c, private)
		if got, err := Open(token, keyOf(t, private), expected(c), now); err != nil || got.Kind != Possession {
			t.Errorf("%v: %+v, %v", algorithm, got, err)
		}
		if _, err := Open(token, keyOf(t, private), expected(testClaims()), now); !errors.Is(err, ErrSubject) {
			t.Errorf("%v: for a credential: %v", algorithm, err)
		}
	}
}
