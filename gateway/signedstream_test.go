package gateway

import (
	"bytes"
	"testing"

	"zhenni/gateway/httpsig"

	"github.com/apache/arrow-go/v18/arrow"
)

// hashedLedger notes how much of a request it is given to digest.
type hashedLedger struct {
	Ledger
	sizes []int
}

func (l *hashedLedger) Digest(route, media string, body []byte) [16]byte {
	l.sizes = append(l.sizes, len(body))
	return l.Ledger.Digest(route, media, body)
}

// A signed stream under a transaction id is hashed once, for its signature: by that it is known again when it is signed anew, and
// told from another. One whose digest is by another algorithm is another.
//
// FAULTS: A6 A16
func TestSignedStreamIsHashedOnce(t *testing.T) {
	l := &hashedLedger{Ledger: openLedger(t, t.TempDir(), &leafLog{})}
	f := startSigning(t, func(c *Config) { c.Ledger = l })
	first := arrowBody(t, testDim, bytesOf(testDim), arrow.BinaryTypes.String, 300)
	second := bytes.Clone(first)
	second[len(second)-40]++
	by3 := f.hotel.Digesting(httpsig.BLAKE3)
	ask := func(s *httpsig.Signer, body []byte) answer {
		t.Helper()
		return f.send(signMessage(t, s, f.stamp(), signedRequest{method: "POST", path: "/v1/verification-batches", host: "x", body: string(body)},
			httpsig.Field{Name: "content-type", Value: []byte(mediaArrow)}, httpsig.Field{Name: "transaction-id", Value: []byte("bulk-1")}))
	}
	decided := ask(by3, first)
	if decided.status != 200 {
		t.Fatalf("%d %s", decided.status, decided.body)
	}
	for name, e := range map[string]struct {
		signer *httpsig.Signer
		body   []byte
		status int
	}{
		"again": {by3, first, 200}, "another body": {by3, second, 409}, "digested by another algorithm": {f.hotel, first, 409},
	} {
		a := ask(e.signer, e.body)
		if a.status != e.status || e.status == 200 && (a.header.Get("Replayed") != "true" || !bytes.Equal(a.body, decided.body)) {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	if f.node.asked() != 1 {
		t.Errorf("decided %d times", f.node.asked())
	}
	for _, size := range l.sizes {
		if size > httpsig.MaxBodyDigest {
			t.Errorf("%d bytes hashed again", size)
		}
	}
}
