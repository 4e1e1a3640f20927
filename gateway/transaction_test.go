package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/audit"
	"zhenni/storage/ledger"

	"github.com/apache/arrow-go/v18/arrow"
)

// leafLog is an audit log in memory.
type leafLog struct {
	mu     sync.Mutex
	leaves [][]byte
	err    error
	full   error
}

func (f *leafLog) Append(_ context.Context, leaves []audit.Leaf) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := len(f.leaves)
	if f.err != nil {
		return 0, f.err
	}
	for i := range leaves {
		f.leaves = append(f.leaves, leaves[i].Append(nil))
	}
	return int64(first), nil
}

func (f *leafLog) Entry(index int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leaves[index], nil
}

func (f *leafLog) Size() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.leaves))
}

func (f *leafLog) Room() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.full
}

func ledgerOptions(dir string, log ledger.Log) ledger.Options {
	return ledger.Options{
		Dir: dir, Key: bytes.Repeat([]byte{7}, 32), Log: log, Answers: 1000, Remembered: 1000, InHand: 1000,
		Now: testNow, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Beat: make(chan time.Time),
	}
}

func testNow() time.Time { return time.Unix(1700000000, 0) }

func openLedger(t testing.TB, dir string, log ledger.Log) *ledger.Ledger {
	t.Helper()
	return openLedgerOf(t, ledgerOptions(dir, log))
}

func openLedgerOf(t testing.TB, options ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// asked is a request for verification with its parts.
type asked struct {
	path, media string
	body        []byte
}

func requestsOfEveryForm(t testing.TB) map[string]asked {
	document := strings.TrimSuffix(goodDocument(), "}")
	bad := strings.Replace(goodDocument(), testID(1).String(), testID(2).String(), 1)
	return map[string]asked{
		"document":            {"/v1/verifications", mediaJSON, []byte(goodDocument())},
		"escaped document":    {"/v1/verifications", mediaJSON, []byte(strings.Replace(document, `"credential"`, `"\u0063redential"`, 1) + "}")},
		"refused document":    {"/v1/verifications", mediaJSON, []byte(`{"credential":"` + testID(1).String() + `","probe_float32":"` + float32Probe(testDim, float32(nan())) + `"}`)},
		"lines":               {"/v1/verification-batches", mediaNDJSON, []byte(goodDocument() + "\n{}\n" + strings.TrimSuffix(bad, "}") + `,"item":"\u0041"}` + "\n")},
		"lines of both kinds": {"/v1/verification-batches", mediaNDJSON, []byte(goodDocument() + "\n" + `{"credential":"` + testID(3).String() + `","probe_float32":"` + float32Probe(testDim, 1) + `"}` + "\n")},
		"stream":              {"/v1/verification-batches", mediaArrow, arrowBody(t, testDim, bytesOf(testDim), arrow.BinaryTypes.String, 30)},
		"stream of three":     {"/v1/verification-batches", mediaArrow, arrowBody(t, testDim, bytesOf(testDim), nil, 3, 5, 1)},
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

// A transaction sent again is not decided again and gets the same bytes, from the node that decided and from the one
// after it, whose clock and profile are others.
//
// FAULTS: A16 L8
func TestTransactionsAreAnsweredOnce(t *testing.T) {
	dir, log := t.TempDir(), &leafLog{}
	l := openLedger(t, dir, log)
	f := start(t, func(c *Config) { c.Ledger = l })
	first := map[string]answer{}
	n := 0
	for title, q := range requestsOfEveryForm(t) {
		transaction := "Transaction-Id: t-" + strconv.Itoa(n)
		first[title] = f.call("POST", q.path, "verifier", q.media, q.body, transaction)
		a := first[title]
		if want := 200; a.status != want && title != "refused document" || a.header.Get("Log-Index") != strconv.Itoa(n) || a.header.Get("Replayed") != "" {
			t.Fatalf("%s: %d %v %s", title, a.status, a.header, a.body)
		}
		asked := f.node.asked()
		checkReplay(t, title, f.call("POST", q.path, "verifier", q.media, q.body, transaction), a)
		if f.node.asked() != asked {
			t.Errorf("%s: decided twice", title)
		}
		other := append(bytes.Clone(q.body[:len(q.body)-1]), ' ', q.body[len(q.body)-1])
		if q.media == mediaArrow {
			other = arrowBody(t, testDim, bytesOf(testDim), nil, 4)
		}
		if a := f.call("POST", q.path, "verifier", q.media, other, transaction); a.status != 409 || !strings.Contains(string(a.body), `"transaction_reused"`) || a.header.Get("Retry-After") != "" {
			t.Errorf("%s, another request: %d %s", title, a.status, a.body)
		}
		if a := f.call("POST", q.path, "other", q.media, q.body, transaction); a.header.Get("Replayed") != "" {
			t.Errorf("%s: another party is told", title)
		}
		n = len(log.leaves)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	g := start(t, func(c *Config) {
		c.Ledger, c.Profile = openLedger(t, dir, log), testProfile(t, testDim, false)
		c.Now = func() time.Time { return testNow().Add(time.Hour) }
	})
	for title, q := range requestsOfEveryForm(t) {
		transaction := "Transaction-Id: " + first[title].header.Get("Transaction-Id")
		checkReplay(t, title+" after a restart", g.call("POST", q.path, "verifier", q.media, q.body, transaction), first[title])
	}
	if g.node.asked() != 0 {
		t.Error("decided again after a restart")
	}
}

func checkReplay(t *testing.T, title string, got, want answer) {
	t.Helper()
	if got.status != want.status || !bytes.Equal(got.body, want.body) || got.header.Get("Replayed") != "true" ||
		got.header.Get("Log-Index") != want.header.Get("Log-Index") || got.header.Get("Content-Type") != want.header.Get("Content-Type") {
		t.Errorf("%s: %d %v %q\nwant %d %v %q", title, got.status, got.header, got.body, want.status, want.header, want.body)
	}
}

func TestTransactionOfTheDocumentIsReplayed(t *testing.T) {
	l := openLedger(t, t.TempDir(), &leafLog{})
	f := start(t, func(c *Config) { c.Ledger = l })
	document := []byte(strings.TrimSuffix(goodDocument(), "}") + `,"transaction":"t-1"}`)
	first := f.call("POST", "/v1/verifications", "verifier", mediaJSON, document)
	checkReplay(t, "document", f.call("POST", "/v1/verifications", "verifier", mediaJSON, document), first)
	unnamed := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
	again := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: "+unnamed.header.Get("Transaction-Id"))
	if again.status != 409 {
		t.Errorf("an id that the server drew, named by the client: %d %s", again.status, again.body)
	}
}

// FAULTS: R1
func TestPanicsAndRefusalsAreDropped(t *testing.T) {
	log := &leafLog{}
	l := openLedger(t, t.TempDir(), log)
	f := start(t, func(c *Config) { c.Ledger = l })
	fail := map[string]func(*zhenni.Batch, time.Time) error{
		"panic":      func(*zhenni.Batch, time.Time) error { panic("x") },
		"overload":   func(*zhenni.Batch, time.Time) error { return zhenni.ErrOverloaded },
		"deadline":   func(*zhenni.Batch, time.Time) error { return zhenni.ErrDeadline },
		"not served": func(b *zhenni.Batch, _ time.Time) error { refuseAll(b); return nil },
	}
	for title, verify := range fail {
		for form, q := range requestsOfEveryForm(t) {
			if form == "lines" { // it has an item that was decided: that it can not be read
				continue
			}
			f.node.verify = verify
			transaction := "Transaction-Id: " + strings.ReplaceAll(title+"-"+form, " ", "-")
			if a := f.call("POST", q.path, "verifier", q.media, q.body, transaction); a.header.Get("Log-Index") != "" || strings.Contains(string(a.body), `"match"`) {
				t.Errorf("%s, %s: %d %s", title, form, a.status, a.body)
			}
			f.node.verify = nil
			if a := f.call("POST", q.path, "verifier", q.media, q.body, transaction); a.header.Get("Log-Index") == "" || a.header.Get("Replayed") != "" {
				t.Errorf("%s, %s again: %d %s", title, form, a.status, a.body)
			}
		}
	}
	s := l.Stats()
	if n := uint64(len(fail) * (len(requestsOfEveryForm(t)) - 1)); s.Admitted != 2*n || s.Answered != n || s.Refused != n || s.InHand != 0 {
		t.Errorf("%+v, want %d answered and as many refused", s, n)
	}
}

func refuseAll(b *zhenni.Batch) {
	for i := range b.Outcomes {
		b.Outcomes[i] = zhenni.RefusedUnavailable
	}
}

// FAULTS: O8
func TestNothingIsAnsweredThatIsNotRecorded(t *testing.T) {
	log := &leafLog{err: zhenni.ErrOverloaded}
	l := openLedger(t, t.TempDir(), log)
	f := start(t, func(c *Config) { c.Ledger = l })
	for _, err := range []error{zhenni.ErrOverloaded, zhenni.ErrUnavailable, errors.New("x")} {
		log.mu.Lock()
		log.err = err
		log.mu.Unlock()
		for title, q := range requestsOfEveryForm(t) {
			a := f.call("POST", q.path, "verifier", q.media, q.body)
			if a.status != 503 || strings.Contains(string(a.body), "match") {
				t.Errorf("%v, %s: %d %s", err, title, a.status, a.body)
			}
		}
	}
}

// The same request 64 times at once is decided once.
//
// FAULTS: A16
func TestSameRequestAtOnce(t *testing.T) {
	l := openLedger(t, t.TempDir(), &leafLog{})
	f := start(t, func(c *Config) { c.Ledger = l })
	answers := make(chan answer, 64)
	for range 64 {
		go func() {
			answers <- f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: t-1")
		}()
	}
	var body []byte
	for range 64 {
		a := <-answers
		switch {
		case a.status == 409 && a.header.Get("Retry-After") != "" && strings.Contains(string(a.body), "transaction_in_progress"):
		case a.status != 200:
			t.Errorf("%d %s", a.status, a.body)
		case body == nil:
			body = a.body
		case !bytes.Equal(body, a.body):
			t.Errorf("%s and %s", body, a.body)
		}
	}
	if f.node.asked() != 1 {
		t.Errorf("decided %d times", f.node.asked())
	}
}

// What was decided is in the log as it was asked.
func TestProofsOfStreamsAndLines(t *testing.T) {
	l := openLedger(t, t.TempDir(), &leafLog{})
	f := start(t, func(c *Config) { c.Ledger = l })
	requests := requestsOfEveryForm(t)
	for title, ids := range map[string][]zhenni.CredentialID{
		"stream of three": {testID(0), testID(1), testID(2), testID(3), testID(4), testID(5), testID(6), testID(7), testID(8)},
		"lines":           {testID(1), {}, testID(2)},
	} {
		q := requests[title]
		transaction := f.call("POST", q.path, "verifier", q.media, q.body).header.Get("Transaction-Id")
		for i, id := range ids {
			p, err := l.Proof("verifier", transaction, i)
			if err != nil || p.Opening.Credential != id || p.Leaf.Number != uint64(len(ids)) {
				t.Fatalf("%s, item %d: %+v, %v", title, i, p, err)
			}
			if err := p.Item.Check(p.Leaf, p.Opening); err != nil {
				t.Errorf("%s, item %d: %v", title, i, err)
			}
		}
	}
}

// fullLedger refuses every transaction.
type fullLedger struct {
	*ledger.Ledger
	err error
}

func (l fullLedger) Begin(zhenni.Request) (*zhenni.Answered, error) { return nil, l.err }

func TestAnswersOfTheLedgerAreDescribed(t *testing.T) {
	doc := loadDescription(t)
	l := openLedger(t, t.TempDir(), &leafLog{})
	for err, status := range map[error]int{
		zhenni.ErrInProgress: 409, zhenni.ErrReused: 409, zhenni.ErrEvicted: 410, zhenni.ErrOverloaded: 503, zhenni.ErrUnavailable: 503,
	} {
		f := start(t, func(c *Config) { c.Ledger = fullLedger{l, err} })
		for title, q := range requestsOfEveryForm(t) {
			a := f.call("POST", q.path, "verifier", q.media, q.body)
			checkDescribed(t, doc, "POST", q.path, a)
			if a.status != status || f.node.asked() != 0 {
				t.Errorf("%v, %s: %d", err, title, a.status)
			}
		}
	}
	f := start(t, func(c *Config) { c.Ledger = l })
	for title, q := range requestsOfEveryForm(t) {
		for range 2 {
			a := f.call("POST", q.path, "verifier", q.media, q.body, "Transaction-Id: "+strings.ReplaceAll(title, " ", "-"))
			checkDescribed(t, doc, "POST", q.path, a)
			headers := doc.Paths.Value(q.path).Post.Responses.Status(200).Value.Headers
			if headers["Log-Index"] == nil || headers["Replayed"] == nil || a.header.Get("Log-Index") == "" {
				t.Errorf("%s: headers %v", title, a.header)
			}
		}
	}
	if !strings.Contains(f.metrics(), `zhenni_transactions_total{result="answered"} `+itoa(len(requestsOfEveryForm(t)))) {
		t.Error("the transactions are not counted in the metrics")
	}
}
