package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

const testIssued = 1_700_000_000

var testNow = time.Unix(testIssued+10, 0)

// signers are one of each algorithm, the same in every run.
func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte("evidence"))
	nist, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"Ed25519": ed25519.NewKeyFromSeed(seed[:]), "P-256": nist}
}

func keyOf(t testing.TB, private crypto.Signer) zhenni.PublicKey {
	t.Helper()
	key, err := publicOf(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func testClaims() Claims {
	return Claims{
		Kind: Liveness, Subject: zhenni.CredentialID{1, 2, 3}, Capture: sha256.Sum256([]byte("probe")), Transaction: "t-1", Party: "hotel",
		Terminal: "desk.7", Nonce: "bm9uY2Utb2YtYS10ZXN0", IssuedAt: testIssued, Level: zhenni.LivenessActive,
	}
}

// expected is what a token of the claims is about.
func expected(c Claims) Expected {
	return Expected{c.Subject, c.Capture, c.Transaction, c.Party, c.Nonce, time.Minute}
}

func signed(t testing.TB, c Claims, private crypto.Signer) []byte {
	t.Helper()
	token, err := Sign(c, private)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func drawClaims(t *rapid.T) Claims {
	name := rapid.StringMatching(`[a-z0-9._-]{1,64}`)
	c := Claims{
		Kind: Kind(rapid.IntRange(int(Liveness), int(Document)).Draw(t, "kind")), Transaction: name.Draw(t, "transaction"),
		Party: name.Draw(t, "party"), IssuedAt: rapid.Int64Range(1, maxIssuedAt).Draw(t, "issued"),
	}
	copy(c.Subject[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "subject"))
	copy(c.Capture[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "capture"))
	if c.Kind == Liveness {
		c.Level = zhenni.Liveness(rapid.IntRange(1, 2).Draw(t, "level"))
	}
	if c.Kind > Possession || c.Kind == Liveness && rapid.Bool().Draw(t, "by a terminal") {
		c.Terminal = name.Draw(t, "terminal")
	}
	if c.Terminal == "" {
		c.Subject[0] |= 1 // a device signs for no issue
	}
	if rapid.Bool().Draw(t, "signed request") {
		c.Nonce = rapid.StringMatching(`[A-Za-z0-9_-]{16,64}`).Draw(t, "nonce")
	}
	return c
}
