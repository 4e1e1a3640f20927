package receipt

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"zhenni"
)

func testIssuer(t testing.TB, published Keys, signers ...Signer) *Issuer {
	t.Helper()
	i, err := NewIssuer("https://zhenni.example", testPseudonyms(t, 1), published, signers...)
	return must(t, i, err)
}

func aFinding(o zhenni.Outcome) zhenni.Finding {
	f := zhenni.Finding{
		Party: zhenni.RelyingParty{ID: "bank", Tenant: 1, Sector: "finance"}, Transaction: "t-1", At: testTime, Profile: testProfile, Outcome: o,
	}
	if o == zhenni.Match {
		f.Grounds = &zhenni.Grounds{
			Credential: zhenni.Credential{ID: zhenni.CredentialID{7}, Tenant: 1, Level: zhenni.LevelFull}, Level: zhenni.LevelFull, Methods: []string{"face"},
		}
	}
	return f
}

// A finding becomes a result in two steps, before and after it is recorded, and is the same result every time.
//
// FAULTS: A16
func TestDraftsAreSignedAgain(t *testing.T) {
	batch := aFinding(zhenni.Pending)
	batch.Items = 3
	for _, a := range every {
		i := testIssuer(t, nil, testSigner(t, a, 1))
		keys, err := ParseKeys(i.JWKS())
		must(t, keys, err)
		for name, e := range map[string]struct {
			finding zhenni.Finding
			index   int64
		}{
			"yes": {aFinding(zhenni.Match), 5}, "no": {aFinding(zhenni.NoMatch), 0}, "batch": {batch, 9},
			"unrecorded": {aFinding(zhenni.Match), NotRecorded},
		} {
			draft, err := i.Draft(e.finding)
			must(t, draft, err)
			first, err := i.Sign(draft, e.index, [32]byte{8})
			must(t, first, err)
			if again, err := i.Sign(draft, e.index, [32]byte{8}); !bytes.Equal(must(t, again, err), first) {
				t.Errorf("%s, %s: signed again it is another", a, name)
			}
			c, err := Verify(string(first), keys, Expectations{Audience: "bank", Issuer: "https://zhenni.example", Transaction: "t-1"})
			if err != nil || c.LogIndex != e.index || c.Outcome != e.finding.Outcome || c.Items != e.finding.Items || len(draft) > MaxDraft {
				t.Errorf("%s, %s: %v %+v", a, name, err, c)
			}
			if c.Items > 0 != (c.Root == [32]byte{8}) {
				t.Errorf("%s, %s: %+v", a, name, c)
			}
		}
	}
}

// No credential id is in a result, and of a person only the pseudonym.
//
// FAULTS: B2
func TestResultsNameNoCredential(t *testing.T) {
	i := testIssuer(t, nil, testSigner(t, Ed25519, 1))
	f := aFinding(zhenni.Match)
	f.Grounds.Credential.ID = zhenni.CredentialID([]byte("sixteen letters!"))
	draft, err := i.Draft(f)
	must(t, draft, err)
	result, err := i.Sign(draft, 0, [32]byte{})
	c, _, err := Open(string(must(t, result, err)), Keys{testSigner(t, Ed25519, 1).Key()})
	payload := c.payload()
	if bytes.Contains(payload, f.Grounds.Credential.ID[:]) || strings.Contains(string(payload), f.Grounds.Credential.ID.String()) {
		t.Errorf("%s", payload)
	}
	if want := testPseudonyms(t, 1).OfCredential(f.Party, f.Grounds.Credential.ID); err != nil || c.Subject != want {
		t.Errorf("%v: %s, want %s", err, c.Subject, want)
	}
}

// After a rotation the new key signs, the old one signs again what it signed, and whoever believes the published keys
// believes both. A key that is gone signs nothing, in place of which no other does.
//
// FAULTS: A15
func TestRotation(t *testing.T) {
	old, next := testSigner(t, ES256, 1), testSigner(t, Ed25519, 2)
	before, after, later := testIssuer(t, Keys{next.Key()}, old), testIssuer(t, nil, next, old), testIssuer(t, Keys{old.Key()}, next)
	draft, err := before.Draft(aFinding(zhenni.Match))
	must(t, draft, err)
	first, err := before.Sign(draft, 1, [32]byte{})
	must(t, first, err)
	if again, err := after.Sign(draft, 1, [32]byte{}); !bytes.Equal(must(t, again, err), first) {
		t.Error("signed again it is another")
	}
	if result, err := later.Sign(draft, 1, [32]byte{}); result != nil || !errors.Is(err, zhenni.ErrEvicted) {
		t.Errorf("without its key: %v", err)
	}
	for _, i := range []*Issuer{before, after, later} {
		draft, err := i.Draft(aFinding(zhenni.NoMatch))
		must(t, draft, err)
		signed, err := i.Sign(draft, 1, [32]byte{})
		must(t, signed, err)
		for _, believed := range []*Issuer{before, after, later} {
			keys, err := ParseKeys(believed.JWKS())
			if len(must(t, keys, err)) != 2 {
				t.Errorf("%d keys are published", len(keys))
			}
			for _, result := range [][]byte{first, signed} {
				if _, err := Verify(string(result), keys, Expectations{Audience: "bank"}); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestFindingsWithoutAResult(t *testing.T) {
	i := testIssuer(t, nil, testSigner(t, Ed25519, 1))
	for name, change := range map[string]func(*zhenni.Finding){
		"a refusal":            func(f *zhenni.Finding) { f.Outcome, f.Grounds = zhenni.RefusedUnavailable, nil },
		"no outcome":           func(f *zhenni.Finding) { f.Outcome, f.Grounds = zhenni.Pending, nil },
		"a yes on nothing":     func(f *zhenni.Finding) { f.Grounds = nil },
		"a no on something":    func(f *zhenni.Finding) { f.Outcome = zhenni.NoMatch },
		"a refusal with facts": func(f *zhenni.Finding) { f.Outcome = zhenni.RefusedInternal },
		"a batch with an item": func(f *zhenni.Finding) { f.Items = 1 },
	} {
		f := aFinding(zhenni.Match)
		change(&f)
		if draft, err := i.Draft(f); draft != nil || !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, draft := range [][]byte{nil, {1}, make([]byte, 12), append([]byte{2}, make([]byte, 100)...)} {
		if result, err := i.Sign(draft, 0, [32]byte{}); result != nil || !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("draft %x: %v", draft, err)
		}
	}
	batch := aFinding(zhenni.Pending)
	batch.Items = 2
	draft, err := i.Draft(batch)
	must(t, draft, err)
	if _, err := i.Sign(draft, NotRecorded, [32]byte{}); !errors.Is(err, zhenni.ErrBadResult) {
		t.Errorf("a batch in no log: %v", err)
	}
}

func TestIssuersThatAreRefused(t *testing.T) {
	s, p := testSigner(t, Ed25519, 1), testPseudonyms(t, 1)
	var many Keys
	for n := range byte(maxKeys) {
		many = many.Add(testSigner(t, Ed25519, n+2).Key())
	}
	for name, make := range map[string]func() (*Issuer, error){
		"no name":       func() (*Issuer, error) { return NewIssuer("", p, nil, s) },
		"a blank":       func() (*Issuer, error) { return NewIssuer("a b", p, nil, s) },
		"no pseudonyms": func() (*Issuer, error) { return NewIssuer("a", nil, nil, s) },
		"no signer":     func() (*Issuer, error) { return NewIssuer("a", p, nil) },
		"too many keys": func() (*Issuer, error) { return NewIssuer("a", p, many, s) },
	} {
		if i, err := make(); i != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The longest result there can be fits its bounds, and what is kept of it fits a stored answer with room to spare.
func TestTheLongestResult(t *testing.T) {
	long := func(s string) string { return strings.Repeat(s, 64) }
	c := aYes()
	c.Issuer, c.Audience, c.Transaction, c.Profile = strings.Repeat("x", maxIssuer), long("b"), long("c"), long("d")
	c.Service, c.Purpose = long("e"), long("f")
	c.Bound = ofSession(c, &aPayment).Bound
	c.Transaction = "session." + c.Bound.Session.String() + "." + strings.Repeat("1", 23)
	c.Unsupported, c.Evaluation, c.FMR, c.LogIndex, c.At = true, true, 1.2345678901234567e-300, 1<<63-1, testTime.AddDate(30000, 0, 0)
	c.Methods, c.Assertions = nil, nil
	for i := range maxWords {
		c.Methods = append(c.Methods, long(string(rune('a'+i))))
		c.Assertions = append(c.Assertions, long(string(rune('a'+i))))
	}
	s := testSigner(t, ES256, 1)
	result := mustSign(t, s, c)
	got, _, err := Open(result, Keys{s.Key()})
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Fatal(err)
	}
	t.Logf("%d bytes, payload %d", len(result), len(c.payload()))
	if len(result) > maxResult || MaxDraft > zhenni.MaxStoredAnswer/2+draftHead {
		t.Error("too long")
	}
}
