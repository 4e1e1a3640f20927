package gateway

import (
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"zhenni"
)

// blocked is an entropy source that answers nothing until it is opened, and then that it has failed.
type blocked struct{ asked, open chan struct{} }

func (b *blocked) Read([]byte) (int, error) {
	b.asked <- struct{}{}
	<-b.open
	return 0, errors.New("no entropy")
}

// A source that fails, ends early or is empty gives nobody an id: neither a credential, alone or among many, nor a
// transaction.
//
// FAULTS: R12
func TestShortEntropyIssuesNothing(t *testing.T) {
	reference := `{"reference_int8":"` + int8Probe(testDim, true) + `"}`
	for name, source := range map[string]func() io.Reader{
		"failing":   func() io.Reader { return iotest.ErrReader(errors.New("x")) },
		"empty":     func() io.Reader { return iotest.ErrReader(io.EOF) },
		"too short": func() io.Reader { return io.LimitReader(zeros{}, 15) },
	} {
		for _, call := range []struct{ path, party, media, body, transaction string }{
			{"/v1/enrolments", "issuer", mediaJSON, reference, "Transaction-Id: t"},
			{"/v1/enrolments", "issuer", mediaNDJSON, reference + "\n" + reference + "\n", "Transaction-Id: t"},
			{"/v1/verifications", "verifier", mediaJSON, goodDocument(), "Model: test-model"},
		} {
			f := start(t, func(c *Config) { c.Entropy = source() })
			a := f.call("POST", call.path, call.party, call.media, []byte(call.body), call.transaction)
			if a.status != 503 || a.header.Get("Retry-After") == "" || f.node.asked() != 0 {
				t.Errorf("%s: %s %s: %d, the node was asked %d times", name, call.path, call.media, a.status, f.node.asked())
			}
		}
	}
}

// zeros is a source that never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A source that blocks holds up what needs it and nothing else; when it fails at last, nothing was issued.
//
// FAULTS: R12
func TestBlockedEntropyHoldsUpNothingElse(t *testing.T) {
	source := &blocked{make(chan struct{}, 8), make(chan struct{})}
	f := start(t, func(c *Config) { c.Entropy = source })
	enrolled := make(chan answer, 1)
	go func() {
		body := []byte(`{"reference_int8":"` + int8Probe(testDim, true) + `"}`)
		enrolled <- f.call("POST", "/v1/enrolments", "issuer", mediaJSON, body, "Transaction-Id: t")
	}()
	<-source.asked
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: u"); a.status != 200 {
		t.Errorf("a verification meanwhile: %d", a.status)
	}
	asked := f.node.asked()
	close(source.open)
	if a := <-enrolled; a.status != 503 || f.node.asked() != asked {
		t.Errorf("%d, the node was asked %d times", a.status, f.node.asked()-asked)
	}
}

// Bodies are taken up to the very bound on memory and not a byte beyond it; what is turned away holds nothing, and what
// ends makes room.
//
// FAULTS: R8
func TestMemoryIsShedAtTheBound(t *testing.T) {
	body := arrowBody(t, testDim, bytesOf(testDim), nil, 1000)
	f := start(t, nil)
	const calls = 4
	f.server.depot.limit = int64(calls * len(body) * streamWeight)
	begun, open := make(chan struct{}, calls), make(chan struct{})
	f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		begun <- struct{}{}
		<-open
		answerAll(b)
		return nil
	}
	ask := func() answer { return f.call("POST", "/v1/verification-batches", "verifier", mediaArrow, body) }
	answers := make(chan answer, calls)
	for range calls {
		go func() { answers <- ask() }()
		<-begun
	}
	for range 3 * calls {
		if a := ask(); a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("beyond the bound: %d", a.status)
		}
	}
	if held := f.server.depot.held.Load(); held != f.server.depot.limit {
		t.Errorf("%d bytes are held, the bound is %d", held, f.server.depot.limit)
	}
	close(open)
	for range calls {
		if a := <-answers; a.status != 200 {
			t.Errorf("within the bound: %d", a.status)
		}
	}
	if a := ask(); a.status != 200 {
		t.Errorf("after it: %d", a.status)
	}
}
