package actors

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine"
)

const (
	testDim                    = 16
	testTenant zhenni.TenantID = 7
)

// world is a State in memory whose store can be made to fail: hook, where set, runs before every read by id.
type world struct {
	engine.MemoryStore
	dim  int
	hook atomic.Pointer[func(zhenni.CredentialID)]
	// cold makes the walk that warms the arena fail, so that every row is first read by id.
	cold bool
	// walk, where set, runs at the start of that walk.
	walk func()
	// slots is called at each walk too, with the first slot of it.
	slots func(first zhenni.Slot)
	ids   []zhenni.CredentialID
	// expire, where set, is told of every expiry; failing, where set, is what each is answered with.
	expire  func(zhenni.CredentialID)
	failing error
	// resets are the versions under which attempts were reset; refuse, where set, is what becomes of such a command.
	resets map[zhenni.CredentialID]uint64
	refuse error
}

// newWorld holds active credentials with ids spread over all segments. The same seed gives the same world.
func newWorld(seed uint64, dim, credentials int) *world {
	w := &world{dim: dim, resets: map[zhenni.CredentialID]uint64{}}
	r := rand.New(rand.NewPCG(seed, 1))
	for range credentials {
		var id zhenni.CredentialID
		binary.BigEndian.PutUint64(id[:8], r.Uint64())
		binary.BigEndian.PutUint64(id[8:], r.Uint64())
		w.ids = append(w.ids, id)
		w.enrol(id, zhenni.StatusActive)
	}
	return w
}

// rowOf is the reference of a credential: any two of them are far apart.
func (w *world) rowOf(id zhenni.CredentialID) (row []int8, norm int32) {
	r := rand.New(rand.NewPCG(binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])))
	row = make([]int8, w.dim)
	for i := range row {
		row[i] = int8(r.IntN(255) - 127)
		norm += int32(row[i]) * int32(row[i])
	}
	return row, norm
}

func (w *world) enrol(id zhenni.CredentialID, status zhenni.Status) {
	row, norm := w.rowOf(id)
	w.Put(zhenni.Reference{ID: id, Tenant: testTenant, Status: status, Generation: 1, Row: row, Norm: norm})
}

// onRead sets the hook; nil removes it.
func (w *world) onRead(hook func(zhenni.CredentialID)) {
	if hook == nil {
		w.hook.Store(nil)
		return
	}
	w.hook.Store(&hook)
}

// gate holds back reads of the given credential until open is called, with the credentials whose reads panic from then
// on.
func (w *world) gate(id zhenni.CredentialID) (open func(poison ...zhenni.CredentialID)) {
	closed := make(chan struct{})
	w.onRead(func(read zhenni.CredentialID) {
		if read == id {
			<-closed
		}
	})
	return func(poison ...zhenni.CredentialID) {
		w.panicOn(poison...)
		close(closed)
	}
}

// panicOn makes every read of the given credentials panic.
func (w *world) panicOn(ids ...zhenni.CredentialID) {
	bad := make(map[zhenni.CredentialID]bool, len(ids))
	for _, id := range ids {
		bad[id] = true
	}
	w.onRead(func(id zhenni.CredentialID) {
		if bad[id] {
			panic("poison")
		}
	})
}

func (w *world) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	if hook := w.hook.Load(); hook != nil {
		(*hook)(id)
	}
	return w.MemoryStore.Reference(id, row)
}

func (w *world) References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error {
	if w.walk != nil {
		w.walk()
	}
	if w.slots != nil {
		w.slots(first)
	}
	if w.cold {
		return zhenni.ErrCorrupt
	}
	return w.MemoryStore.References(first, last, visit)
}

func (w *world) Apply(_ context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	results := make([]zhenni.Result, len(commands))
	for i, c := range commands {
		switch c := c.(type) {
		case zhenni.Expire:
			results[i].Err = w.failing
			if w.expire != nil {
				w.expire(c.ID)
			}
		case zhenni.ResetAttempts:
			if results[i].Err = w.refuse; w.refuse == nil {
				w.resets[c.ID] = c.Version
			}
		case zhenni.ChangeStatus:
			w.enrol(c.ID, c.To)
		case zhenni.Erase:
			w.enrol(c.ID, zhenni.StatusRevoked)
		case zhenni.Enrol:
			w.enrol(c.ID, zhenni.StatusActive)
		}
	}
	return results, nil
}

func (w *world) Credential(zhenni.CredentialID) (zhenni.Credential, error) {
	return zhenni.Credential{}, zhenni.ErrNotFound
}

func (w *world) RelyingParty(string) (zhenni.RelyingParty, bool) { return zhenni.RelyingParty{}, false }

func (w *world) RelyingParties() []zhenni.RelyingParty { return nil }

// mated is a batch of probes of the very persons: each is answered Match while its credential is active.
func (w *world) mated(ids ...zhenni.CredentialID) *zhenni.Batch {
	b := &zhenni.Batch{
		Tenant: testTenant, Evaluation: true, Dim: w.dim, IDs: ids,
		Int8: make([]int8, 0, len(ids)*w.dim), Outcomes: make([]zhenni.Outcome, len(ids)),
	}
	for _, id := range ids {
		row, _ := w.rowOf(id)
		b.Int8 = append(b.Int8, row...)
	}
	return b
}

// repeated is a mated batch of n times the same credential.
func (w *world) repeated(id zhenni.CredentialID, n int) *zhenni.Batch {
	ids := make([]zhenni.CredentialID, n)
	for i := range ids {
		ids[i] = id
	}
	return w.mated(ids...)
}

// startNode starts a node on the world, waits until its shards serve, and drains it at the end of the test.
func startNode(t testing.TB, w *world, cfg Config) *Node {
	t.Helper()
	n := startCold(t, w, cfg)
	<-n.Warmed()
	if err := n.place.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { drain(t, n) })
	return n
}

// newArena has room for every row of the world.
func newArena(t testing.TB, w *world) (*engine.Arena, zhenni.Threshold) {
	t.Helper()
	arena, err := engine.NewArena(w.dim, int64(2*(len(w.ids)+4096)*(w.dim+128)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = arena.Close() })
	rule, err := zhenni.NewThreshold(0.95)
	if err != nil {
		t.Fatal(err)
	}
	return arena, rule
}

func startCold(t testing.TB, w *world, cfg Config) *Node {
	t.Helper()
	arena, rule := newArena(t, w)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	model := zhenni.Model{ID: "test-model", Dim: w.dim, Factor: zhenni.FactorFace}
	n, err := Start(cfg, model, rule, arena, w)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// drain takes the node down and checks its ledger: every admitted item was answered or expired, no token is out.
func drain(t testing.TB, n *Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.Drain(ctx); err != nil {
		t.Fatal("drain:", err)
	}
	checkLedger(t, n)
}

func checkLedger(t testing.TB, n *Node) {
	t.Helper()
	s := n.Stats()
	sum := s.Expired
	for _, count := range s.Outcomes {
		sum += count
	}
	if sum != s.Admitted || s.Outcomes[zhenni.Pending] != 0 {
		t.Errorf("admitted %d, answered or expired %d: %+v", s.Admitted, sum, s)
	}
	for i, shard := range s.Shards {
		if shard.InFlight != 0 {
			t.Errorf("shard %d holds %d tokens", i, shard.InFlight)
		}
	}
}

func soon() time.Time { return time.Now().Add(30 * time.Second) }

// verify fails the test unless the node answers the batch.
func verify(t testing.TB, n *Node, b *zhenni.Batch) {
	t.Helper()
	if err := n.Verify(b, soon()); err != nil {
		t.Error("verify:", err)
	}
}

// wantAll fails the test unless every outcome is the one wanted.
func wantAll(t testing.TB, b *zhenni.Batch, want zhenni.Outcome) {
	t.Helper()
	for i, o := range b.Outcomes {
		if o != want {
			t.Errorf("item %d: %s %s, want %s", i, o.Verdict(), o.Reason(), want.Verdict())
			return
		}
	}
}
