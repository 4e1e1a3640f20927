package evidence

import (
	"bytes"
	"testing"
)

// A token that is read has one form: what was understood, written again, is the same. None of a stranger's is opened.
//
// FAULTS: L12
func FuzzOpen(f *testing.F) {
	private := signers(f)["Ed25519"]
	for _, s := range signers(f) {
		f.Add(signed(f, testClaims(), s))
	}
	c := testClaims()
	c.Kind, c.Level, c.Terminal, c.Nonce = Possession, 0, "", ""
	f.Add(signed(f, c, private))
	stranger := keyOf(f, signers(f)["P-256"])
	f.Fuzz(func(t *testing.T, token []byte) {
		read, err := Parse(token)
		if err != nil {
			return
		}
		claims := read.Claims()
		again := base64url.AppendEncode([]byte(header(read.algorithm)+"."), claims.appendTo(nil))
		again = base64url.AppendEncode(append(again, '.'), read.signature[:])
		if !bytes.Equal(again, token) {
			t.Fatalf("%s was read as %s", token, again)
		}
		if !claims.valid() {
			t.Fatalf("not valid: %+v", claims)
		}
		if read.Verify(stranger) == nil && claims.KeyID != stranger.Thumbprint() {
			t.Fatalf("opened with a key it does not name: %s", token)
		}
	})
}

// The claims alone, since a fuzzer does not get through base64 to them.
//
// FAULTS: L12
func FuzzClaims(f *testing.F) {
	c := testClaims()
	f.Add(string(c.appendTo(nil)))
	c.Kind, c.Level, c.Nonce = Document, 0, ""
	f.Add(string(c.appendTo(nil)))
	f.Fuzz(func(t *testing.T, text string) {
		var c Claims
		if len(text) > maxClaims || !c.read(text) {
			return
		}
		if again := string(c.appendTo(nil)); again != text || !c.valid() {
			t.Fatalf("%q was read as %q", text, again)
		}
	})
}
