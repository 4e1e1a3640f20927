package gateway

import (
	"bytes"
	"context"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhenni"
)

// A shutdown lets the request in hand finish, tells its client that the connection ends, and stops listening.
func TestShutdownLetsRequestsFinish(t *testing.T) {
	f := start(t, nil)
	begun, release := make(chan struct{}), make(chan struct{})
	f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		close(begun)
		<-release
		answerAll(b)
		return nil
	}
	conn := f.dial()
	if _, err := conn.Write([]byte(verification())); err != nil {
		t.Fatal(err)
	}
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- f.server.Shutdown(context.Background()) }()
	for f.listens() {
		runtime.Gosched()
	}
	close(release)
	answers, closed := readAnswers(conn, 2)
	if len(answers) != 1 || answers[0].status != 200 || !closed {
		t.Errorf("%v, closed %v", answers, closed)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// The deadline a node is given is the one configured for the route.
func TestDeadlines(t *testing.T) {
	f := start(t, func(c *Config) { c.VerifyTimeout, c.BatchTimeout = time.Second, time.Minute })
	var left time.Duration
	f.node.verify = func(b *zhenni.Batch, deadline time.Time) error {
		left = time.Until(deadline)
		answerAll(b)
		return nil
	}
	f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
	if left <= 0 || left > time.Second {
		t.Errorf("a verification has %v", left)
	}
	f.call("POST", "/v1/verification-batches", "verifier", mediaNDJSON, []byte(goodDocument()+"\n"))
	if left <= time.Second || left > time.Minute {
		t.Errorf("a batch has %v", left)
	}
}

// A failure of the node is never a verdict, whatever it wrote into the outcomes before.
func TestAFailureIsNoVerdict(t *testing.T) {
	f := start(t, nil)
	for _, err := range []error{zhenni.ErrDeadline, zhenni.ErrUnavailable, zhenni.ErrOverloaded, zhenni.ErrBadBatch, zhenni.ErrCorrupt} {
		f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
			answerAll(b)
			return err
		}
		for path, body := range map[string]string{"/v1/verifications": goodDocument(), "/v1/verification-batches": goodDocument() + "\n"} {
			media := mediaJSON
			if strings.HasSuffix(path, "batches") {
				media = mediaNDJSON
			}
			if a := f.call("POST", path, "verifier", media, []byte(body)); a.status < 500 || bytes.Contains(a.body, []byte("match")) {
				t.Errorf("%v: %d %s", err, a.status, a.body)
			}
		}
	}
}

// A nil error with an outcome that was not given is a refusal.
func TestAPendingOutcomeIsRefused(t *testing.T) {
	f := start(t, nil)
	f.node.verify = func(*zhenni.Batch, time.Time) error { return nil }
	a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
	if !bytes.Contains(a.body, []byte(`"outcome":"refused","reason":"internal"`)) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Every answer to an evaluation tenant is marked, and the node is told; a profile that is not supported is, too.
func TestAnswersAreMarked(t *testing.T) {
	f := start(t, func(c *Config) { c.Profile = testProfile(t, testDim, false) })
	for party, want := range map[string]bool{"trial": true, "both": false} {
		for _, a := range []answer{
			f.call("POST", "/v1/verifications", party, mediaJSON, []byte(goodDocument())),
			f.call("POST", "/v1/verification-batches", party, mediaNDJSON, []byte(goodDocument()+"\n")),
			f.call("POST", "/v1/enrolments", party, mediaJSON, []byte(`{"reference_int8":"`+int8Probe(testDim, true)+`"}`)),
		} {
			if marked := bytes.Contains(a.body, []byte(`"evaluation":true`)); marked != want {
				t.Errorf("%s: marked %v: %s", party, marked, a.body)
			}
			if bytes.Contains(a.body, []byte("outcome")) && !bytes.Contains(a.body, []byte(`"profile_supported":false`)) {
				t.Errorf("%s: the profile is not marked: %s", party, a.body)
			}
		}
		if got := f.node.evals[len(f.node.evals)-1]; got != want {
			t.Errorf("%s: the node is told %v", party, got)
		}
	}
}

func TestMetricsNameNobody(t *testing.T) {
	f := start(t, nil)
	f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
	f.call("TRACE", "/", "", "", nil)
	text := f.metrics()
	for _, want := range []string{
		`zhenni_http_request_seconds_count{class="2xx",route="/v1/verifications"} 1`, "zhenni_items_admitted_total 7",
		`zhenni_outcomes_total{reason="",verdict="match"} 0`, `zhenni_http_guarded_total{code="method_not_allowed"} 1`,
		`zhenni_shards{state="serving"} 2`, "zhenni_ready 1", "zhenni_store_takes_changes 1", `zhenni_build_info{version="devel"} 1`,
		"zhenni_cold_records 5\n", "zhenni_cold_index_bytes 60\n", "zhenni_cold_disk_bytes 4096\n", "zhenni_cold_pages_read_total 11\n",
		"zhenni_cold_records_damaged_total 2\n", "zhenni_cold_records_doubted_total 3\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, secret := range []string{"verifier", testID(1).String(), "127.0.0.1", "score"} {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
}

func TestTimesAreWritten(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(1700000000, 7_999_999), time.Unix(1700000000, 987_654_321)} {
		want := `,"time":"` + at.UTC().Format("2006-01-02T15:04:05.000Z") + `"`
		if got := string(appendTime(nil, "time", at)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// However many parts a batch is passed on in, its time is that of one batch.
func TestBatchHasOneDeadline(t *testing.T) {
	f := start(t, nil)
	both := goodDocument() + "\n" + `{"credential":"` + testID(1).String() + `","probe_float32":"` + float32Probe(testDim, 1) + "\"}\n"
	enrolments := strings.Repeat(`{"reference_float32":"`+float32Probe(testDim, 1)+"\"}\n", enrolChunk+1)
	for _, call := range []struct{ path, party, media, body string }{
		{"/v1/verification-batches", "verifier", mediaArrow, string(arrowBody(t, testDim, bytesOf(testDim), nil, 1, 2, 3))},
		{"/v1/verification-batches", "verifier", mediaNDJSON, both},
		{"/v1/enrolments", "issuer", mediaNDJSON, enrolments},
	} {
		a := f.call("POST", call.path, call.party, call.media, []byte(call.body))
		deadlines := f.node.takeDeadlines()
		if a.status != 200 || len(deadlines) < 2 {
			t.Fatalf("%s %s: %d in %d parts", call.path, call.media, a.status, len(deadlines))
		}
		if len(slices.Compact(deadlines)) != 1 {
			t.Errorf("%s %s: deadlines %v", call.path, call.media, deadlines)
		}
	}
}

// A shutdown that comes before the listener was served stops it all the same.
func TestShutdownBeforeServe(t *testing.T) {
	s := looseServer(t)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	select {
	case err := <-served:
		if _, open := ln.Accept(); err != nil || open == nil {
			t.Errorf("Serve: %v; the listener: %v", err, open)
		}
	case <-time.After(10 * time.Second):
		_ = ln.Close()
		t.Error("it is served")
	}
}

// fullListener has no room for the first connections.
type fullListener struct {
	net.Listener
	errs []error
}

func (l *fullListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
	}
	return l.Listener.Accept()
}

// A limit of open files delays a connection and does not end the server.
//
// FAULTS: S12
func TestAcceptOutlivesLimits(t *testing.T) {
	s := looseServer(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(&fullListener{inner, []error{syscall.EMFILE, syscall.ECONNABORTED}}) }()
	f := &fixture{t: t, server: s, addr: inner.Addr().String()}
	if answers, _ := f.exchange([]byte("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), 1); len(answers) != 1 || answers[0].status != 200 {
		t.Errorf("%v", answers)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error("Serve:", err)
	}
}

// A shutdown and an Accept that meets a connection late both close the listener; neither makes the other fail.
func TestListenerClosesTwice(t *testing.T) {
	f := start(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(ln, f.server)
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Accept(); err == nil {
		t.Error("a closed listener accepts")
	}
}
