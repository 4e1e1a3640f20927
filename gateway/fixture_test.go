package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

const testDim = 8

// fakeNode answers Match where a probe's first element is positive and NoMatch where it is not, and remembers what it
// was asked.
type fakeNode struct {
	mu       sync.Mutex
	verified [][]zhenni.CredentialID
	evals    []bool
	applied  []zhenni.Command
	// deadlines are those of what was asked since takeDeadlines.
	deadlines []time.Time
	records   map[zhenni.CredentialID]zhenni.Credential
	pins      map[zhenni.CredentialID]zhenni.PIN
	parties   map[string]zhenni.RelyingParty
	damaged   map[zhenni.CredentialID]zhenni.TenantID // whose records do not open
	verify    func(*zhenni.Batch, time.Time) error    // nil: answer
	ready     error
	applyErr  error
	looks     atomic.Int64 // at records
}

func (n *fakeNode) Verify(b *zhenni.Batch, deadline time.Time) error {
	n.mu.Lock()
	n.verified = append(n.verified, append([]zhenni.CredentialID(nil), b.IDs...))
	n.evals = append(n.evals, b.Evaluation)
	n.deadlines = append(n.deadlines, deadline)
	verify := n.verify
	n.mu.Unlock()
	if err := b.Validate(testDim); err != nil {
		return err
	}
	if verify != nil {
		return verify(b, deadline)
	}
	answerAll(b)
	return nil
}

func answerAll(b *zhenni.Batch) {
	for i := range b.IDs {
		first := float32(0)
		if b.Int8 != nil {
			first = float32(b.Int8[i*b.Dim])
		} else {
			first = b.Float32[i*b.Dim]
		}
		switch {
		case first == -128 || first != first:
			b.Outcomes[i] = zhenni.RefusedProbe
		case first > 0:
			b.Outcomes[i] = zhenni.Match
		default:
			b.Outcomes[i] = zhenni.NoMatch
		}
	}
}

func (n *fakeNode) takeDeadlines() []time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken := n.deadlines
	n.deadlines = nil
	return taken
}

func (n *fakeNode) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	deadline, _ := ctx.Deadline()
	n.deadlines = append(n.deadlines, deadline)
	if n.applyErr != nil {
		return nil, n.applyErr
	}
	n.applied = append(n.applied, commands...)
	results := make([]zhenni.Result, len(commands))
	for i, command := range commands {
		results[i] = n.applyOne(command)
	}
	return results, nil
}

func (n *fakeNode) applyOne(command zhenni.Command) zhenni.Result {
	switch c := command.(type) {
	case zhenni.Enrol:
		record := zhenni.Credential{ID: c.ID, Tenant: c.Tenant, Level: c.Level, Status: zhenni.StatusActive, Generation: 1, EnrolledAt: c.At, ChangedAt: c.At}
		if !c.Subject.IsZero() {
			record.StatusIndex, record.Rotation = zhenni.NewStatusIndex(17, 362700), c.Rotation
		}
		n.records[c.ID] = record
		return zhenni.Result{Credential: record}
	case zhenni.ChangeStatus:
		record, ok := n.records[c.ID]
		if !ok || record.Tenant != c.Tenant {
			return zhenni.Result{Err: zhenni.ErrNotFound}
		}
		if record.Status == c.To {
			return zhenni.Result{Credential: record}
		}
		changed, err := record.WithStatus(c.To, c.At)
		n.records[c.ID] = changed
		return zhenni.Result{Credential: changed, Err: err}
	case zhenni.Erase:
		return n.applyOne(zhenni.ChangeStatus{ID: c.ID, Tenant: c.Tenant, To: zhenni.StatusErased, At: c.At})
	case zhenni.ResetAttempts:
		record, ok := n.records[c.ID]
		if !ok || record.Tenant != c.Tenant {
			return zhenni.Result{Err: zhenni.ErrNotFound}
		}
		return zhenni.Result{Credential: record}
	case zhenni.PutRelyingParty:
		n.parties[c.Party.ID] = c.Party
	case zhenni.RemoveRelyingParty:
		if _, ok := n.parties[c.ID]; !ok {
			return zhenni.Result{Err: zhenni.ErrNotFound}
		}
		delete(n.parties, c.ID)
	case zhenni.StopRelyingParty:
		return n.stopParty(c.ID, c.At)
	case zhenni.LiftRelyingParty:
		return n.stopParty(c.ID, time.Time{})
	case zhenni.PutModel:
	default:
		return n.applyLive(command)
	}
	return zhenni.Result{}
}

func (n *fakeNode) stopParty(id string, at time.Time) zhenni.Result {
	p, ok := n.parties[id]
	if !ok || p.Stopped.IsZero() && at.IsZero() {
		return zhenni.Result{Err: fmt.Errorf("%w: not stopped", zhenni.ErrNotFound)}
	}
	p.Stopped = at
	n.parties[id] = p
	return zhenni.Result{}
}

func (n *fakeNode) Credential(id zhenni.CredentialID) (zhenni.Credential, error) {
	n.looks.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if tenant, ok := n.damaged[id]; ok {
		return zhenni.Credential{Tenant: tenant}, zhenni.ErrCorrupt
	}
	if record, ok := n.records[id]; ok {
		return record, nil
	}
	return zhenni.Credential{}, zhenni.ErrNotFound
}

func (n *fakeNode) RelyingParty(id string) (zhenni.RelyingParty, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	party, ok := n.parties[id]
	return party, ok
}

func (n *fakeNode) Ready() error { return n.ready }

func (n *fakeNode) Stats() zhenni.Stats {
	return zhenni.Stats{
		Admitted: 7, Shards: make([]zhenni.ShardStats, 2), Store: zhenni.StoreStats{Changes: true},
		Cold: &zhenni.ColdStats{Records: 5, Index: 60, Disk: 4096, Pages: 11, Damaged: 2, Doubted: 3},
	}
}

// asked returns how often the node was asked to verify or to change anything.
func (n *fakeNode) asked() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.verified) + len(n.applied)
}

// keyOf is the key of a party of the fixture.
func keyOf(id string) zhenni.APIKey {
	key := zhenni.APIKey{Party: id}
	copy(key.Secret[:], "secret of "+id)
	return key
}

func newFakeNode() *fakeNode {
	n := &fakeNode{records: map[zhenni.CredentialID]zhenni.Credential{}, pins: map[zhenni.CredentialID]zhenni.PIN{}, parties: map[string]zhenni.RelyingParty{}}
	for id, p := range map[string]zhenni.RelyingParty{
		"verifier": {Tenant: 1, Roles: zhenni.RoleVerifier},
		"issuer":   {Tenant: 1, Roles: zhenni.RoleIssuer},
		"both":     {Tenant: 1, Roles: zhenni.RoleIssuer | zhenni.RoleVerifier},
		"other":    {Tenant: 2, Roles: zhenni.RoleIssuer | zhenni.RoleVerifier},
		"trial":    {Tenant: 3, Roles: zhenni.RoleIssuer | zhenni.RoleVerifier, Evaluation: true},
	} {
		p.ID, p.KeyHash = id, keyOf(id).Hash()
		n.parties[id] = p
	}
	return n
}

func testProfile(t testing.TB, dim int, supported bool) zhenni.Profile {
	t.Helper()
	threshold, err := zhenni.NewThreshold(0.5)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := zhenni.Profile{
		Model: zhenni.Model{ID: "test-model", Dim: dim, Factor: zhenni.FactorFace}, FMRTarget: 1e-6, Supported: supported,
		Cosine: 0.5, Threshold: threshold,
	}.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

// fixture is a server on a real listener with a fake node behind it.
type fixture struct {
	t      testing.TB
	node   *fakeNode
	server *Server
	addr   string
}

func testConfig(t testing.TB) Config {
	return Config{
		Profile: testProfile(t, testDim, true), Now: func() time.Time { return time.Unix(1700000000, 0) },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), LingerTimeout: 100 * time.Millisecond,
		Limits: noLimits, VerifyTimeout: time.Minute, // disks stall that others use too
	}
}

// noLimits are for tests whose requests are none that an honest party makes.
var noLimits = zhenni.PartyRules{AlarmPercent: 101, StopPercent: 101, AlarmShared: 1 << 40, StopShared: 1 << 40, PerMinute: 1 << 40}

func start(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	config := testConfig(t)
	if change != nil {
		change(&config)
	}
	f := &fixture{t: t, node: newFakeNode()}
	var err error
	if f.server, err = New(config, f.node); err != nil {
		t.Fatal(err)
	}
	f.listen()
	return f
}

// listen serves until the test ends.
func (f *fixture) listen() {
	f.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.addr = ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- f.server.Serve(ln) }()
	f.t.Cleanup(func() {
		stop(f.server)
		if err := <-done; err != nil {
			f.t.Errorf("Serve: %v", err)
		}
	})
}

// stop shuts a server down, five seconds at most. That looks for open connections ten times a second, which is most of the time of
// a short test: those that their clients have closed are waited for before, for a moment.
func stop(s *Server) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; n < 20 && max(s.http.GetOpenConnectionsCount(), s.operators.GetOpenConnectionsCount()) > 0; n++ {
		<-tick.C
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.Shutdown(ctx)
}

// dial opens a connection that is closed with the test and fails its reads after ten seconds.
func (f *fixture) dial() net.Conn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// answer is one parsed response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// exchange sends raw bytes on a new connection and returns every answer until the server closes it or want answers came.
func (f *fixture) exchange(raw []byte, want int) (answers []answer, closed bool) {
	f.t.Helper()
	c := f.dial()
	defer c.Close()
	go func() { _, _ = c.Write(raw) }()
	return readAnswers(c, want)
}

func readAnswers(c net.Conn, want int) (answers []answer, closed bool) {
	br := bufio.NewReader(c)
	for len(answers) < want {
		response, err := http.ReadResponse(br, nil)
		if err != nil {
			return answers, true
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return answers, true
		}
		answers = append(answers, answer{response.StatusCode, response.Header, body})
		if response.Close {
			_, err := br.ReadByte()
			return answers, err != nil
		}
	}
	return answers, false
}

// call sends one request as a party and returns its answer.
func (f *fixture) call(method, path, party, media string, body []byte, extra ...string) answer {
	f.t.Helper()
	var b bytes.Buffer
	b.WriteString(method + " " + path + " HTTP/1.1\r\nHost: x\r\n")
	if party != "" {
		b.WriteString("Authorization: Bearer " + keyOf(party).String() + "\r\n")
	}
	if media != "" {
		b.WriteString("Content-Type: " + media + "\r\n")
	}
	for _, line := range extra {
		b.WriteString(line + "\r\n")
	}
	if method == "POST" {
		b.WriteString("Content-Length: " + itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	answers, _ := f.exchange(b.Bytes(), 1)
	if len(answers) != 1 {
		f.t.Fatalf("%s %s: %d answers", method, path, len(answers))
	}
	return answers[0]
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(dst []byte, n int) []byte {
	if n >= 10 {
		dst = appendInt(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}

func testID(i int) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint64(id[:], uint64(i+1))
	return id
}

// int8Probe is a probe the fake node matches where match is true, in base64.
func int8Probe(dim int, match bool) string {
	row := make([]byte, dim)
	row[0], row[dim-1] = 0xff, 3
	if match {
		row[0] = 1
	}
	return base64.StdEncoding.EncodeToString(row)
}

func float32Probe(dim int, first float32) string {
	row := make([]byte, 4*dim)
	binary.LittleEndian.PutUint32(row, math.Float32bits(first))
	binary.LittleEndian.PutUint32(row[4*dim-4:], math.Float32bits(2))
	return base64.StdEncoding.EncodeToString(row)
}

// awaitConns returns once the server holds n connections.
func (f *fixture) awaitConns(n int64) {
	f.t.Helper()
	tick, over := time.NewTicker(time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for f.server.metrics.conns.Load() != n {
		select {
		case <-tick.C:
		case <-over:
			f.t.Fatalf("the server does not come to hold %d connections", n)
		}
	}
}

// flakyNode applies once and is then unavailable.
type flakyNode struct {
	*fakeNode
	calls int
}

func (n *flakyNode) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	if n.calls++; n.calls > 1 {
		return nil, zhenni.ErrUnavailable
	}
	return n.fakeNode.Apply(ctx, commands)
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// listens reports whether the server still takes connections.
func (f *fixture) listens() bool {
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// metrics is the text of the server's metrics.
func (f *fixture) metrics() string {
	w := httptest.NewRecorder()
	f.server.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}
