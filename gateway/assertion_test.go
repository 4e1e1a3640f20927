package gateway

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/receipt"
)

// A credential that was enrolled without an identity is of its level, and matches; that its identity is authentic is not said of
// it, neither in the answer nor in what is signed.
func TestEnrolledWithoutAnIdentityAssertsNone(t *testing.T) {
	for signed, receipts := range map[bool]Receipts{false: nil, true: testReceipts(t, receipt.Ed25519, 1)} {
		d := startDesk(t, func(c *Config) { c.Receipts = receipts })
		enrolled := d.node.records[testID(1)]
		enrolled.Subject = zhenni.SubjectHandle{}
		d.node.records[testID(1)] = enrolled
		a := d.ask(d.question())
		if a.status != 200 || !bytes.Contains(a.body, []byte(`"outcome":"match","assertions":{"identity_authentic":false,"document_valid":true,"same_person":true},"level":"full"`)) {
			t.Errorf("signed %v: %d %s", signed, a.status, a.body)
		}
		if !signed {
			continue
		}
		if c, err := d.claimsOf(a, "hotel"); err != nil || strings.Join(c.Assertions, " ") != "document_valid same_person" {
			t.Errorf("%v %+v", err, c)
		}
	}
}

// Nothing is said for a service about a credential that is gone since it was compared.
//
// FAULTS: C2
func TestYesOfACredentialThatIsGone(t *testing.T) {
	d := startDesk(t, nil)
	d.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		answerAll(b)
		d.enrol(testID(1), 1, zhenni.LevelFull, zhenni.StatusRevoked)
		return nil
	}
	if a := d.ask(d.question()); a.status != 503 || bytes.Contains(a.body, []byte("match")) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
