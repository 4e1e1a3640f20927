package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/engine"
	"zhenni/storage"
)

var model = zhenni.Model{ID: "test-face.1", Dim: 16, Factor: zhenni.FactorFace}

const tenant zhenni.TenantID = 7

// arenaRow is what a row of the model takes of an arena.
const arenaRow = 64 + 64 + 16

// system is a store with the node that serves from it. What fails of it is made again by the next open.
type system struct {
	options storage.Options
	// rows is how many rows a segment of the arena holds.
	rows int64
	// panics is one in how many reads by id panic, 0 for none.
	panics uint64

	store *storage.Store
	arena *engine.Arena
	node  *actors.Node
}

// flaky is a store whose reads by id panic now and then.
type flaky struct {
	*storage.Store
	every uint64
	reads atomic.Uint64
}

func (f *flaky) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	if f.every > 0 && f.reads.Add(1)%f.every == 0 {
		panic("injected")
	}
	return f.Store.Reference(id, row)
}

func newSystem(t *testing.T, rows int64, panics uint64) *system {
	t.Helper()
	root, err := storage.NewRootKey([32]byte{1, 2, 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &system{
		options: storage.Options{Dir: t.TempDir(), Model: model, Root: root, Reserve: 1},
		rows:    rows, panics: panics,
	}
}

func (s *system) open(t *testing.T) {
	t.Helper()
	var err error
	if s.store, err = storage.Open(s.options); err != nil {
		t.Fatal(err)
	}
	if s.arena, err = engine.NewArena(model.Dim, s.rows*engine.Segments*arenaRow); err != nil {
		t.Fatal(err)
	}
	rule, err := zhenni.NewThreshold(0.95)
	if err != nil {
		t.Fatal(err)
	}
	config := actors.Config{
		Shards: 3, MessageItems: 4, PanicLimit: 1 << 16, Logger: slog.New(slog.DiscardHandler),
	}
	state := &flaky{Store: s.store, every: s.panics}
	if s.node, err = actors.Start(config, model, rule, s.arena, state); err != nil {
		t.Fatal(err)
	}
	<-s.node.Warmed()
}

func (s *system) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := errors.Join(s.node.Drain(ctx), s.arena.Close(), s.store.Close()); err != nil {
		t.Fatal(err)
	}
}

// people are n credentials of three segments, so that they crowd each other out of a small arena; another crowd is of
// others.
func people(crowd, n int) (ids []zhenni.CredentialID) {
	for i := range n {
		ids = append(ids, zhenni.CredentialID{byte(i % 3 << 6), 0, byte(i), byte(crowd), 1})
	}
	return ids
}

// rowOf is the reference of a credential: any two are far apart.
func rowOf(id zhenni.CredentialID) []int8 {
	r := rand.New(rand.NewPCG(uint64(id[3]), uint64(id[2])))
	row := make([]int8, model.Dim)
	for i := range row {
		row[i] = int8(r.IntN(255) - 127)
	}
	return row
}

// mated is a batch of a probe of the very person for each credential.
func mated(ids []zhenni.CredentialID) *zhenni.Batch {
	b := &zhenni.Batch{
		Tenant: tenant, Evaluation: true, Dim: model.Dim, IDs: ids, Outcomes: make([]zhenni.Outcome, len(ids)),
	}
	for _, id := range ids {
		b.Int8 = append(b.Int8, rowOf(id)...)
	}
	return b
}
