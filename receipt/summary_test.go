package receipt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
)

func aSummary() Summary {
	return Summary{Issuer: "https://zhenni.example", Audience: "bank", GroupOutcome: zhenni.GroupOutcome{
		Session: zhenni.SessionID{0xab, 15: 1}, Service: "vote", Purpose: "resolve", End: zhenni.SessionCompleted,
		Seats: 3, Quorum: 2, Confirmed: 2, At: testTime,
	}}
}

// summaries are of every form, by name.
func summaries() map[string]Summary {
	all, failed, late, trial, one := aSummary(), aSummary(), aSummary(), aSummary(), aSummary()
	all.Quorum, all.Confirmed = 3, 3
	failed.End, failed.Confirmed = zhenni.SessionQuorumFailed, 1
	late.End, late.Confirmed = zhenni.SessionTimeout, 0
	trial.Evaluation = true
	one.Seats, one.Quorum, one.Confirmed = 1, 1, 0
	return map[string]Summary{"yes": aSummary(), "all": all, "failed": failed, "late": late, "trial": trial, "one": one}
}

func summarised(t testing.TB, s Signer, said Summary) string {
	t.Helper()
	text, err := testIssuer(t, nil, s).Summarise(zhenni.RelyingParty{ID: said.Audience, Evaluation: said.Evaluation}, said.GroupOutcome)
	return string(must(t, text, err))
}

const goldenSummaries = "testdata/summaries.golden"

// The form of a summary is frozen, and one is read as what was said, under each algorithm.
func TestSummariesAreFrozen(t *testing.T) {
	var text strings.Builder
	for _, a := range every {
		s, all := testSigner(t, a, 1), summaries()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			said := summarised(t, s, all[name])
			fmt.Fprintf(&text, "%s %s %s\n", a, name, said)
			got, key, err := OpenSummary(said, Keys{testSigner(t, a, 2).Key(), s.Key()})
			if err != nil || got != all[name] || key.ID() != s.Key().ID() || !IsSummary(said) {
				t.Errorf("%s, %s: %+v, %v", a, name, got, err)
			}
		}
	}
	if *rewrite {
		if err := os.WriteFile(goldenSummaries, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(goldenSummaries); err != nil || text.String() != string(want) {
		t.Errorf("%s\nwant\n%s", &text, want)
	}
}

// A summary is for one party, of one session, and no result; what was changed in it, or was signed otherwise, is none.
//
// FAULTS: A7 A20 Z3
func TestSummariesAreBound(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	keys, text := Keys{s.Key()}, summarised(t, s, aSummary())
	for name, want := range map[string]Expectations{
		"another party":   {Audience: "hotel"},
		"another session": {Audience: "bank", Session: zhenni.SessionID{0xab}},
		"another issuer":  {Audience: "bank", Issuer: "https://other.example"},
		"a transaction":   {Audience: "bank", Transaction: "t-1"},
		"a payment":       {Audience: "bank", Payment: &aPayment},
		"from the future": {Audience: "bank", Now: testTime.Add(-time.Minute)},
		"too old":         {Audience: "bank", Now: testTime.Add(time.Hour), MaxAge: time.Minute},
	} {
		if said, _, err := OpenSummary(text, keys); err != nil || !errors.Is(want.CheckSummary(said), zhenni.ErrBadResult) {
			t.Errorf("%s: taken, %v", name, err)
		}
	}
	trial := summaries()["trial"]
	if want := (Expectations{Audience: "bank", Session: aSummary().Session, Now: testTime, Real: true}); want.CheckSummary(aSummary()) != nil || want.CheckSummary(trial) == nil {
		t.Error("it is not taken, or a trial is")
	}
	parts := strings.Split(text, ".")
	more := aSummary()
	more.Confirmed = 3
	for name, other := range map[string]string{
		"another payload": parts[0] + "." + urlBase64.EncodeToString(more.payload()) + "." + parts[2],
		"another key":     summarised(t, testSigner(t, Ed25519, 2), aSummary()),
		"a result":        mustSign(t, s, ofSession(aYes(), nil)),
		"cut":             text[:len(text)-1],
		"nothing":         "",
	} {
		if said, _, err := OpenSummary(other, keys); !errors.Is(err, zhenni.ErrBadResult) || said != (Summary{}) {
			t.Errorf("%s: %+v, %v", name, said, err)
		}
	}
	if _, _, err := Open(text, keys); !errors.Is(err, zhenni.ErrBadResult) || IsSummary(mustSign(t, s, aYes())) {
		t.Errorf("a summary is taken for a result: %v", err)
	}
}

// What contradicts itself is neither signed nor taken under a good signature, nor is another spelling.
//
// FAULTS: L2 L4
func TestSummariesThatAreNone(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	for name, change := range map[string]func(*Summary){
		"live":                  func(s *Summary) { s.End = zhenni.SessionLive },
		"a wrong code":          func(s *Summary) { s.End = zhenni.SessionWrongCode },
		"of no use":             func(s *Summary) { s.End = zhenni.SessionCredentialUnusable },
		"no session":            func(s *Summary) { s.Session = zhenni.SessionID{} },
		"nobody":                func(s *Summary) { s.Seats = 0 },
		"too many":              func(s *Summary) { s.Seats = zhenni.MaxSeats + 1 },
		"more wanted":           func(s *Summary) { s.Quorum = 4 },
		"none wanted":           func(s *Summary) { s.Quorum = 0 },
		"more confirmed":        func(s *Summary) { s.Confirmed = 4 },
		"fewer than none":       func(s *Summary) { s.Confirmed = -1 },
		"confirmed, and failed": func(s *Summary) { s.End = zhenni.SessionQuorumFailed },
		"completed, with one":   func(s *Summary) { s.Confirmed = 1 },
		"no service":            func(s *Summary) { s.Service = "" },
		"a purpose with quotes": func(s *Summary) { s.Purpose = `a"b` },
		"no party":              func(s *Summary) { s.Audience = "" },
		"before time":           func(s *Summary) { s.At = time.Unix(-1, 0) },
	} {
		said := aSummary()
		change(&said)
		if _, err := testIssuer(t, nil, s).Summarise(zhenni.RelyingParty{ID: said.Audience}, said.GroupOutcome); !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("%s: signed, %v", name, err)
		}
		checkNoSummary(t, s, name, said.payload())
	}
	good := aSummary()
	text := string(good.payload())
	for name, payload := range map[string]string{
		"white space": strings.Replace(text, ",", ", ", 1), "twice": strings.Replace(text, `"seats":3`, `"seats":2,"seats":3`, 1),
		"more": strings.Replace(text, "{", `{"sub":"x",`, 1), "another case": strings.Replace(text, `"quorum"`, `"Quorum"`, 1),
		"trailing": text + "{}", "cut": text[:len(text)-1], "none": "", "a fraction": strings.Replace(text, `"seats":3`, `"seats":3.0`, 1),
		"not a trial": strings.Replace(text, `,"outcome"`, `,"evaluation":false,"outcome"`, 1),
	} {
		checkNoSummary(t, s, name, []byte(payload))
	}
}

// checkNoSummary holds that a payload is none, signed as a summary is.
func checkNoSummary(t *testing.T, s Signer, name string, payload []byte) {
	t.Helper()
	text, err := seal(s, s.Key().summary, payload)
	if err != nil {
		t.Fatal(err)
	}
	if said, _, err := OpenSummary(string(text), Keys{s.Key()}); !errors.Is(err, zhenni.ErrBadResult) || said != (Summary{}) {
		t.Errorf("%s: %+v, %v", name, said, err)
	}
}

// FuzzOpenSummary reads any payload under a valid signature: what is taken says no more than its one text does.
func FuzzOpenSummary(f *testing.F) {
	for _, s := range summaries() {
		f.Add(s.payload())
	}
	signer := testSigner(f, Ed25519, 1)
	f.Fuzz(func(t *testing.T, payload []byte) {
		text, err := seal(signer, signer.Key().summary, payload)
		if err != nil {
			t.Fatal(err)
		}
		said, _, err := OpenSummary(string(text), Keys{signer.Key()})
		if err != nil && said != (Summary{}) || err == nil && !bytes.Equal(said.payload(), payload) {
			t.Fatalf("%+v, %v", said, err)
		}
	})
}
