package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/engine"
	"zhenni/identity"
	"zhenni/identity/pin"
	"zhenni/storage"
	"zhenni/storage/history"
	"zhenni/storage/ledger"
)

// work is what was done for requests: what a tenant might learn something by, if it were not the same.
type work struct {
	references, credentials, subjects, applied, recorded, compared int64
}

// A countedStore counts what is asked of a store.
type countedStore struct {
	*storage.Store
	references, credentials, subjects, applied, recorded atomic.Int64
}

func (s *countedStore) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	s.references.Add(1)
	return s.Store.Reference(id, row)
}

func (s *countedStore) ReferenceMany(ids []zhenni.CredentialID, refs []zhenni.Reference, errs []error) {
	s.references.Add(int64(len(ids)))
	s.Store.ReferenceMany(ids, refs, errs)
}

func (s *countedStore) Credential(id zhenni.CredentialID) (zhenni.Credential, error) {
	s.credentials.Add(1)
	return s.Store.Credential(id)
}

func (s *countedStore) Subject(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (zhenni.Credential, error) {
	s.subjects.Add(1)
	return s.Store.Subject(tenant, subject)
}

func (s *countedStore) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	s.applied.Add(int64(len(commands)))
	return s.Store.Apply(ctx, commands)
}

// Ready, Recorded and Record implement storage.Recorder: every change that is made is recorded.
func (s *countedStore) Ready() error     { return nil }
func (s *countedStore) Recorded() uint64 { return uint64(s.recorded.Load()) }
func (s *countedStore) Record(commit uint64, _ []zhenni.Change) error {
	s.recorded.Store(int64(commit))
	return nil
}

// provenLog shows of an audit log the openings that a ledger keeps.
type provenLog struct {
	fakeLog
	ledger *ledger.Ledger
}

func (l *provenLog) Proof(party zhenni.RelyingParty, transaction string, item int) ([]byte, error) {
	proof, err := l.ledger.Proof(party.ID, transaction, item)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]int64{"index": proof.Index})
}

// manyIdentities knows a person for each transaction.
type manyIdentities struct{}

func (manyIdentities) Identify(_ []byte, party, transaction string, _ time.Time) (who Identified, err error) {
	sum := sha256.Sum256([]byte(party + "/" + transaction))
	copy(who.Credential[:], sum[:])
	copy(who.Subject[:], sum[:])
	who.NameTag = zhenni.NameTag{1}
	return who, nil
}

// closedPINs opens no PIN: whoever gets as far as that may set one.
type closedPINs struct{ PINs }

func (closedPINs) OpenPIN([]byte, string, string) (pin.Digits, error) {
	return pin.Digits{}, identity.SealedOpen
}

// tenants is a gateway over a real node and a real store, with a party of each role in tenant 1 and one of all in tenant 2.
type tenants struct {
	*fixture
	store *countedStore
	node  *actors.Node
	drawn int // ids
	// ahead is how many seconds it is later than at first.
	ahead atomic.Int64
}

func (w *tenants) now() time.Time { return testNow().Add(time.Duration(w.ahead.Load()) * time.Second) }

// keptParties are the parties of a node, as a registry changes them.
type keptParties struct{ *actors.Node }

func (p keptParties) RelyingParties() ([]zhenni.RelyingParty, error) {
	return p.Node.RelyingParties(), nil
}

const everybody = "everybody" // the party of tenant 2

var rolesOfTenancy = []string{"verifier", "issuer", "terminal", "auditor", "operator"}

func startTenants(t testing.TB, changes ...func(*Config)) *tenants {
	t.Helper()
	w := &tenants{fixture: &fixture{t: t}, store: &countedStore{}}
	profile, quiet := testProfile(t, testDim, true), slog.New(slog.DiscardHandler)
	w.openStore(profile.Model)
	arena, err := engine.NewArena(testDim, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	second := secondProfile(t)
	w.apply(zhenni.PutModel{Model: second.Model})
	beside, err := w.store.Templates(second.Model.ID)
	if err != nil {
		t.Fatal(err)
	}
	further, err := engine.NewArena(testDim, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = further.Close() })
	w.node, err = actors.Start(actors.Config{Shards: 1, Now: testNow, Logger: quiet, Beside: []actors.Comparison{
		{Model: second.Model, Rule: second.Threshold, Arena: further, Templates: beside},
	}}, profile.Model, profile.Threshold, arena, w.store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.node.Drain(context.Background())
		_ = arena.Close()
		_ = w.store.Close()
	})
	asked, err := history.Open(history.Options{Dir: t.TempDir(), Key: bytes.Repeat([]byte{7}, 32), Now: testNow, Beat: make(chan time.Time), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = asked.Close() })
	config := testConfig(t)
	answers := openLedger(t, t.TempDir(), &leafLog{})
	config.Ledger, config.History, config.Audit = answers, asked, &provenLog{ledger: answers}
	config.Beside, config.Migrations = []zhenni.Profile{second}, w.store
	config.Directory, config.Nonces, config.Registry = w.store, openNonces(t, 1000), NewRegistry(keptParties{w.node}, w.now)
	config.Now = w.now
	config.Identities, config.Subjects, config.PINs = manyIdentities{}, w.store, closedPINs{}
	for _, change := range changes {
		change(&config)
	}
	if w.server, err = New(config, w.node); err != nil {
		t.Fatal(err)
	}
	<-w.node.Warmed()
	w.listen()
	return w
}

// openStore opens the store, with the parties.
func (w *tenants) openStore(model zhenni.Model) {
	w.t.Helper()
	root, err := storage.NewRootKey([32]byte{1, 2, 3}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.store.Store, err = storage.Open(storage.Options{Dir: w.t.TempDir(), Model: model, Root: root, Reserve: 1, Recorder: w.store})
	if err != nil {
		w.t.Fatal(err)
	}
	parties := []zhenni.Command{zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
		ID: everybody, Tenant: 2, KeyHash: keyOf(everybody).Hash(), CreatedAt: testNow(),
		Roles: anyRole | zhenni.RoleOperator,
	}}}
	for _, word := range rolesOfTenancy {
		role, err := zhenni.ParseRole(word)
		if err != nil {
			w.t.Fatal(err)
		}
		parties = append(parties, zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
			ID: word, Tenant: 1, Roles: role, KeyHash: keyOf(word).Hash(), CreatedAt: testNow(),
		}})
	}
	w.apply(parties...)
}

// apply makes changes in the store; through the node once there is one.
func (w *tenants) apply(commands ...zhenni.Command) {
	w.t.Helper()
	apply := w.store.Apply
	if w.node != nil {
		apply = w.node.Apply
	}
	results, err := apply(context.Background(), commands)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil {
			w.t.Fatalf("command %d: %v", i, r.Err)
		}
	}
}

// An object is what a request is about.
type object string

// The objects: of the party's own tenant, of another, of nobody, and no id.
const (
	own, suspended, erased         object = "own", "suspended", "erased"
	foreign, foreignEnded, unknown object = "another tenant's", "another tenant's, erased", "unknown"
	malformed                      object = "malformed"
)

// make returns the id of a new credential that nobody has asked about, as it is written in a path.
func (w *tenants) make(o object) string {
	w.t.Helper()
	w.drawn++
	sum := sha256.Sum256([]byte(itoa(w.drawn)))
	id := zhenni.CredentialID(sum[:16])
	tenant := zhenni.TenantID(1)
	switch o {
	case malformed:
		return id.String()[:31] + "g"
	case unknown:
		return id.String()
	case foreign, foreignEnded:
		tenant = 2
	}
	w.apply(zhenni.Enrol{
		ID: id, Tenant: tenant, Level: zhenni.LevelLite, Model: "test-model", Row: tenantRow, At: testNow(),
		Subject: sum, NameTag: zhenni.NameTag{1}, ValidUntil: testNow().AddDate(10, 0, 0),
	})
	switch o {
	case suspended:
		w.apply(zhenni.ChangeStatus{ID: id, Tenant: tenant, To: zhenni.StatusSuspended, At: testNow()})
	case erased, foreignEnded:
		w.apply(zhenni.Erase{ID: id, Tenant: tenant, At: testNow()})
	}
	return id.String()
}

// tenantRow is everybody's reference; mated probes are near it, and not its copy.
var (
	tenantRow  = []int8{100, 90, 80, 70, 60, 50, 40, 30}
	matedProbe = "ZFpQRjwyKB8=" // the row, but for its last element
	strangeOne = "nKawusTO2OI=" // its opposite
)

// done is the work so far.
func (w *tenants) done() work {
	stats := w.node.Stats()
	compared := int64(0)
	for _, n := range stats.Outcomes {
		compared += int64(n)
	}
	return work{
		w.store.references.Load(), w.store.credentials.Load(), w.store.subjects.Load(), w.store.applied.Load(), w.store.recorded.Load(), compared,
	}
}

func (a work) since(b work) work {
	return work{
		a.references - b.references, a.credentials - b.credentials, a.subjects - b.subjects, a.applied - b.applied, a.recorded - b.recorded,
		a.compared - b.compared,
	}
}

// What of an answer is its own: when it was given and where it is in the log, beside the transaction.
var (
	ownParts       = regexp.MustCompile(`(Date|Log-Index): [^\r]*`)
	ownTransaction = regexp.MustCompile(`Transaction-Id: ([^\r]*)`)
)

// raw sends one request and returns the bytes of its answer, but for what is its own, and the work that it made.
func (w *tenants) raw(q sent, party string) (status int, text string, did work) {
	w.t.Helper()
	var b bytes.Buffer
	b.WriteString(q.method + " " + q.path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
	if party != "" {
		b.WriteString("Authorization: Bearer " + keyOf(party).String() + "\r\n")
	}
	if q.media != "" {
		b.WriteString("Content-Type: " + q.media + "\r\n")
	}
	for _, field := range q.fields {
		b.WriteString(field + "\r\n")
	}
	if q.method == "POST" {
		b.WriteString("Content-Length: " + itoa(len(q.body)) + "\r\n")
	}
	b.WriteString("\r\n" + q.body)
	before, c := w.done(), w.dial()
	defer c.Close()
	if _, err := c.Write(b.Bytes()); err != nil {
		w.t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil || len(answer) < 12 {
		w.t.Fatalf("%s %s: %v %q", q.method, q.path, err, answer)
	}
	status = int(answer[9]-'0')*100 + int(answer[10]-'0')*10 + int(answer[11]-'0')
	if transaction := ownTransaction.FindSubmatch(answer); transaction != nil {
		answer = bytes.ReplaceAll(answer, transaction[1], []byte("its own"))
	}
	return status, ownParts.ReplaceAllString(string(answer), "$1"), w.done().since(before)
}
