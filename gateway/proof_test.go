package gateway

import (
	"bytes"
	"testing"

	"zhenni"
	"zhenni/storage/ledger"
)

// A proof carries the issue that did not come to be for a minute, and no longer: then the reference is looked at again, in a new
// transaction. What was issued is answered for as long as the decision is kept.
//
// FAULTS: C8
func TestProofIsNoStandingPermission(t *testing.T) {
	doc, p := loadDescription(t), startProving(t, noLimits, nil)
	begun := p.now.Load()
	ask := func(transaction string, after int64) answer {
		p.now.Store(begun + after)
		a := p.ask("issuer", transaction, true, "")
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		return a
	}
	p.node.applyErr = zhenni.ErrUnavailable
	for _, transaction := range []string{"late", "soon"} {
		if a := ask(transaction, 0); a.status != 503 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	p.node.applyErr = nil
	if a := ask("late", 60); a.status != 410 || !bytes.Contains(a.body, []byte("proof_expired")) {
		t.Errorf("a minute later: %d %s", a.status, a.body)
	}
	if a := ask("late", -10); a.status != 410 {
		t.Errorf("before it was proved: %d %s", a.status, a.body)
	}
	p.wantCounts("expired", 2, 0, 2)
	for _, after := range []int64{59, 3600} {
		if a := ask("soon", after); a.status != 201 {
			t.Errorf("%d s later: %d %s", after, a.status, a.body)
		}
	}
	p.wantCounts("continued", 2, 2, 2)
	if a := ask("anew", 3600); a.status != 201 {
		t.Errorf("in a new transaction: %d %s", a.status, a.body)
	}
	p.wantCounts("anew", 3, 3, 3)
}

// What is recorded of a proof is of the credential to be issued: by no proof in the log does the party learn the reference, nor
// whether there is one.
//
// FAULTS: Z2 B2
func TestRecordOfAProofShowsNoReference(t *testing.T) {
	p := startProving(t, noLimits, openHistory(t))
	for person, transaction := range map[string]string{"sealed": "t-1", "other": "t-2"} {
		p.askAs(person, "issuer", transaction, false, "")
		proof, err := p.server.config.Ledger.(*ledger.Ledger).Proof("issuer", transaction, 0)
		if err != nil {
			t.Fatal(err)
		}
		var made zhenni.CredentialID
		copy(made[:], "issuer/"+transaction)
		if proof.Opening.Credential != made || zhenni.Outcome(proof.Opening.Code) != zhenni.NoMatch {
			t.Errorf("%s: %s, %v; want %s", person, proof.Opening.Credential, proof.Opening.Code, made)
		}
	}
}

// The same face tried again on a person without a reference is no face tried on several people, as it is none on a person with
// one; and both cost the same looks at the references.
//
// FAULTS: Z2
func TestAbsentPersonIsOneCredential(t *testing.T) {
	for _, person := range []string{"sealed", "other"} {
		p := startProving(t, zhenni.PartyRules{AlarmPercent: 101, StopPercent: 101, AlarmShared: 1, StopShared: 2}, nil)
		p.ask("terminal", "known", false, "") // so that somebody was found
		found, missed := p.held.found, p.held.missed
		for _, transaction := range []string{"t-1", "t-2", "t-3"} {
			if a := p.askAs(person, "issuer", transaction, false, ""); a.status != 403 {
				t.Errorf("%s: %d %s", person, a.status, a.body)
			}
		}
		if stats := p.server.LimitStats(); stats.Alarms != 0 || stats.Stops != 0 {
			t.Errorf("%s: %+v", person, stats)
		}
		if found, missed = p.held.found-found, p.held.missed-missed; found != 6 || missed != 3 { // each issue looks at the issuing tenant too
			t.Errorf("%s: %d looks found, %d did not", person, found, missed)
		}
	}
}
