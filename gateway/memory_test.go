package gateway

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
)

// After a deadline, a failure nobody knows or a panic, the node may still read the batch: no later request gets its
// memory and no byte of it changes.
func TestMemoryThatIsLentIsNotUsedAgain(t *testing.T) {
	stream := string(arrowBody(t, testDim, listOf(arrow.PrimitiveTypes.Float32, testDim), nil, 200))
	lines := ""
	for range 200 {
		lines += goodDocument() + "\n"
	}
	for name, fail := range map[string]func() error{
		"deadline":      func() error { return zhenni.ErrDeadline },
		"unknown error": func() error { return errors.New("x") },
		"panic":         func() error { panic("x") },
	} {
		for media, body := range map[string]string{mediaJSON: goodDocument(), mediaNDJSON: lines, mediaArrow: stream} {
			t.Run(name+" "+media, func(t *testing.T) { checkLent(t, media, []byte(body), fail) })
		}
	}
}

// addresses are where the parts of a batch begin.
type addresses [4]uintptr

func addressesOf(b *zhenni.Batch) addresses {
	return addresses{
		uintptr(unsafe.Pointer(unsafe.SliceData(b.IDs))), uintptr(unsafe.Pointer(unsafe.SliceData(b.Outcomes))),
		uintptr(unsafe.Pointer(unsafe.SliceData(b.Int8))), uintptr(unsafe.Pointer(unsafe.SliceData(b.Float32))),
	}
}

func checkLent(t *testing.T, media string, body []byte, fail func() error) {
	f := start(t, nil)
	path := "/v1/verification-batches"
	if media == mediaJSON {
		path = "/v1/verifications"
	}
	var kept *zhenni.Batch // keeps the memory alive, as the node would
	f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		kept = b
		return fail()
	}
	if a := f.call("POST", path, "verifier", media, body); a.status < 500 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	ids, outcomes := append([]zhenni.CredentialID(nil), kept.IDs...), append([]zhenni.Outcome(nil), kept.Outcomes...)
	lent := addressesOf(kept)
	f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		for i, address := range addressesOf(b) {
			if address != 0 && address == lent[i] {
				t.Errorf("part %d of a lent batch is used again", i)
			}
		}
		answerAll(b)
		return nil
	}
	for range 20 {
		if a := f.call("POST", path, "verifier", media, body); a.status != 200 {
			t.Fatalf("status %d", a.status)
		}
	}
	for i := range ids {
		if kept.IDs[i] != ids[i] || kept.Outcomes[i] != outcomes[i] {
			t.Fatalf("item %d of a lent batch was changed", i)
		}
	}
}

// Overload is answered at once, and so is the lack of memory for bodies; neither is a verdict.
//
// FAULTS: O7
func TestOverloadIsAnsweredWithRetryAfter(t *testing.T) {
	f := start(t, func(c *Config) { c.RetryAfter = 1500 * time.Millisecond })
	f.node.verify = func(*zhenni.Batch, time.Time) error { return zhenni.ErrOverloaded }
	check := func(a answer) {
		t.Helper()
		if a.status != 503 || a.header.Get("Retry-After") != "2" || len(a.body) == 0 {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	}
	body := arrowBody(t, testDim, bytesOf(testDim), nil, 10)
	check(f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument())))
	check(f.call("POST", "/v1/verification-batches", "verifier", mediaNDJSON, []byte(goodDocument()+"\n")))
	check(f.call("POST", "/v1/verification-batches", "verifier", mediaArrow, body))
	asked := f.node.asked()
	f.server.depot.held.Store(f.server.depot.limit)
	check(f.call("POST", "/v1/verification-batches", "verifier", mediaArrow, body))
	if f.server.depot.held.Load() != f.server.depot.limit || f.node.asked() != asked {
		t.Error("a request without memory is counted, or was executed")
	}
}

func TestHeldMemoryIsGivenBack(t *testing.T) {
	f := start(t, nil)
	body := arrowBody(t, testDim, bytesOf(testDim), nil, 1000)
	for _, party := range []string{"verifier", "issuer", ""} {
		f.call("POST", "/v1/verification-batches", party, mediaArrow, body)
		f.call("POST", "/v1/verification-batches", party, mediaArrow, body[:100])
	}
	f.awaitConns(0)
	if held := f.server.depot.held.Load(); held != 0 {
		t.Errorf("%d bytes are held for no request", held)
	}
}

func TestBlocksAreAligned(t *testing.T) {
	d := &depot{}
	for _, size := range []int{0, 1, 4096, 4097, 1 << 20, 1<<20 + 1} {
		b := d.take(size)
		if len(b.bytes) < size || uintptr(unsafe.Pointer(unsafe.SliceData(b.bytes)))%64 != 0 {
			t.Errorf("a block of %d bytes for %d, or not aligned", len(b.bytes), size)
		}
		d.put(b)
	}
}

// Decoding and answering allocate nothing for an item: ten times the items take the same number of allocations.
func TestItemsAllocateNothing(t *testing.T) {
	s := looseServer(t)
	s.node = instantNode{newFakeNode()}
	allocations := func(n int) (stream, lines float64) {
		body := arrowBody(t, testDim, bytesOf(testDim), nil, n)
		text := []byte{}
		for range n {
			text = append(text, goodDocument()+"\n"...)
		}
		rq := looseRequest(s)
		stream = testing.AllocsPerRun(20, func() {
			in, err := readStream(body, form{id: true, vector: "probe", dim: testDim})
			if err != nil {
				t.Fatal(err)
			}
			outcomes := asOutcomes(rq.lease.take(in.total))
			s.writeStream(rq, s.served[0].streams[streamShape{in.item(), false}], in, outcomes)
			rq.ctx.Response.ResetBody()
			rq.lease.end()
		})
		lines = testing.AllocsPerRun(20, func() {
			b, err := s.decodeLines(rq, text)
			if err != nil {
				t.Fatal(err)
			}
			s.writeLines(rq, b, nil)
			rq.ctx.Response.ResetBody()
			rq.lease.end()
		})
		return stream, lines
	}
	fewStream, fewLines := allocations(100)
	manyStream, manyLines := allocations(1000)
	const slack = 30 // growth of the answer's buffer, and pools emptied by the collector
	if manyStream > fewStream+slack || manyLines > fewLines+slack {
		t.Errorf("allocations grow with the items: stream %v to %v, lines %v to %v", fewStream, manyStream, fewLines, manyLines)
	}
}

// A line may be one byte long and its answer hundreds: what is answered is counted before it is made.
//
// FAULTS: L7
func TestAnswersToLinesAreCounted(t *testing.T) {
	s := looseServer(t)
	s.node = instantNode{newFakeNode()}
	label := strings.Repeat(`\"`, maxLabelBytes)
	worst := `{"item":"` + label + `","credential":"","probe_int8":""}` + "\n"
	for name, line := range map[string]string{"empty": "\n", "the longest answer": worst} {
		body := []byte(strings.Repeat(line, 1000))
		rq := looseRequest(s)
		rq.transaction, rq.party.Evaluation = strings.Repeat("t", maxNameBytes), true
		b, err := s.decodeLines(rq, body)
		if err != nil {
			t.Fatal(err)
		}
		s.writeLines(rq, b, append(s.appendOrigin(nil, rq, true), "}\n"...))
		if made, held := len(rq.ctx.Response.Body()), s.depot.held.Load(); int64(made) > held {
			t.Errorf("%s: %d bytes of answers, %d are counted", name, made, held)
		}
		rq.lease.end()
	}
	s.depot.held.Store(s.depot.limit)
	for name, read := range map[string]func(*request) error{
		"verify": func(rq *request) error { _, err := s.decodeLines(rq, []byte("\n")); return err },
		"enrol":  func(rq *request) error { _, err := rq.countLines([]byte("\n")); return err },
	} {
		rq := looseRequest(s)
		if err := read(rq); err == nil || refusalOf(err).kind != kindOverloaded {
			t.Errorf("%s without memory: %v", name, err)
		}
		rq.lease.end()
	}
}

// What a node may still read is counted against the bound until nothing can reach it.
func TestLentMemoryStaysCounted(t *testing.T) {
	d := &depot{limit: 1 << 20}
	l := lease{depot: d}
	if err := l.reserve(64 << 10); err != nil {
		t.Fatal(err)
	}
	held := l.take(64 << 10)
	l.lent = true
	l.end()
	runtime.GC()
	if n := d.held.Load(); n != 64<<10 {
		t.Errorf("%d bytes counted while a node reads, want %d", n, 64<<10)
	}
	runtime.KeepAlive(held)
	for d.held.Load() != 0 { // the cleanup runs some time after a collection; the test's own deadline bounds the wait
		runtime.GC()
	}
}
