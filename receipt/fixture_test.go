package receipt

import (
	"bytes"
	"testing"
	"time"

	"zhenni"
)

// must returns v, or fails.
func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// every is each algorithm.
var every = []Algorithm{Ed25519, ES256, SM2}

// testSigner is a signer of the algorithm, another for each n.
func testSigner(t testing.TB, a Algorithm, n byte) Signer {
	t.Helper()
	s, err := NewSigner(a, bytes.Repeat([]byte{n}, SecretSize))
	return must(t, s, err)
}

func testPseudonyms(t testing.TB, n byte) *Pseudonyms {
	t.Helper()
	p, err := NewPseudonyms(bytes.Repeat([]byte{n}, PseudonymRootSize))
	return must(t, p, err)
}

var testTime = time.Unix(1700000000, 0).UTC()

const testProfile = "00112233445566778899aabbccddeeff"

func aYes() Claims {
	return Claims{
		Issuer: "https://zhenni.example", Audience: "bank", At: testTime, Transaction: "t-1", Profile: testProfile,
		Outcome: zhenni.Match, Subject: urlBase64.EncodeToString(bytes.Repeat([]byte{7}, 32)), Level: zhenni.LevelFull,
		Methods: []string{"face", "pin"}, Assertions: []string{"identity_authentic", "document_valid", "same_person"}, FMR: 1e-6, LogIndex: 17,
	}
}

func aNo() Claims {
	c := aYes()
	c.Outcome, c.Subject, c.Level, c.Methods, c.Assertions, c.FMR = zhenni.NoMatch, "", 0, nil, nil, 0
	return c
}

func aBatch() Claims {
	c := aNo()
	c.Outcome, c.Items, c.Root = zhenni.Pending, 1000, [32]byte{1, 2, 3}
	return c
}

// forms are claims of every form, by name.
func forms() map[string]Claims {
	trial, bare, unrecorded := aYes(), aYes(), aNo()
	trial.Evaluation, trial.Unsupported, trial.Service, trial.Purpose = true, true, "counter.12", "p-1"
	bare.Assertions, bare.FMR, bare.Level, bare.Methods, bare.LogIndex = nil, 0, zhenni.LevelLite, []string{"face"}, 0
	unrecorded.LogIndex = NotRecorded
	return map[string]Claims{
		"yes": aYes(), "no": aNo(), "batch": aBatch(), "trial": trial, "bare": bare, "unrecorded": unrecorded,
		"seat": ofSession(aYes(), nil), "paid": ofSession(aYes(), &aPayment), "unpaid": ofSession(aNo(), &aPayment),
	}
}

func mustSign(t testing.TB, s Signer, c Claims) string {
	t.Helper()
	result, err := Sign(s, c)
	return must(t, result, err)
}

var aPayment = zhenni.Payment{Payee: "水务局", Amount: 1230, Currency: "CNY", Reference: "2026-11"}

// ofSession binds claims to the second comparison in a session.
func ofSession(c Claims, p *zhenni.Payment) Claims {
	s := zhenni.Session{ID: zhenni.SessionID{0xab, 15: 1}, Seats: []zhenni.Seat{{Tried: 1}}, Payment: p}
	c.Bound, c.Transaction = s.Binding(0), s.Transaction(0)
	return c
}
