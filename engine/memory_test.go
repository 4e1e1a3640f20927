package engine_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"zhenni"
	"zhenni/engine"
)

func TestMemoryStore(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var s engine.MemoryStore
	id := newID(rng, 1)
	row := make([]int8, 4)
	if _, err := s.Reference(id, row); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("empty store: %v", err)
	}
	r := newReference(t, id, newEmbedding(rng, 4))
	want := slices.Clone(r.Row)
	s.Put(r)
	r.Row[0]++
	got, err := s.Reference(id, row)
	if err != nil || got.ID != id || !slices.Equal(row, want) || &got.Row[0] != &row[0] {
		t.Errorf("%+v, %v; want row %v in the slice passed", got, err, want)
	}
	if _, err := s.Reference(id, make([]int8, 5)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("other dimension: %v", err)
	}
	s.Remove(id)
	if _, err := s.Reference(id, row); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
}

func TestMemoryStoreWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var s engine.MemoryStore
	var want []zhenni.CredentialID
	for range 200 {
		id := newID(rng, engine.Segments)
		s.Put(newReference(t, id, newEmbedding(rng, 4)))
		if slot := id.Slot(); slot >= 1000 && slot <= 9000 {
			want = append(want, id)
		}
	}
	slices.SortFunc(want, func(x, y zhenni.CredentialID) int { return bytes.Compare(x[:], y[:]) })
	var got []zhenni.CredentialID
	err := s.References(1000, 9000, func(r zhenni.Reference) error {
		got = append(got, r.ID)
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d records, %v; want %d in order", len(got), err, len(want))
	}
	visits := 0
	err = s.References(0, zhenni.Slots-1, func(zhenni.Reference) error {
		visits++
		return errStore
	})
	if !errors.Is(err, errStore) || visits != 1 {
		t.Errorf("%v after %d visits", err, visits)
	}
}

// Two shards verify side by side, then exchange their segments and go on, while somebody reads the stats.
func TestShardsShareAnArena(t *testing.T) {
	const dim, n = 32, 200
	rng := rand.New(rand.NewPCG(4, 4))
	store := &engine.MemoryStore{}
	a := newArena(t, dim, rowsEach(50, dim))
	var batches [2]*zhenni.Batch
	for segment := range batches {
		ids, probes := make([]zhenni.CredentialID, n), make([][]int8, n)
		for i := range ids {
			ids[i] = newID(rng, 1)
			ids[i][0] |= byte(segment * 256 / engine.Segments)
			person := newEmbedding(rng, dim)
			store.Put(newReference(t, ids[i], person))
			probes[i], _ = quantised(t, near(rng, person))
		}
		batches[segment] = batchOf(ids, probes)
	}
	for round := range 4 {
		var shards sync.WaitGroup
		for shard := range 2 {
			shards.Go(func() {
				b := batches[(shard+round)%2]
				clear(b.Outcomes)
				engine.NewMatcher(a, store, threshold(t, 0.5)).Verify(b, every(b))
			})
		}
		if stats := a.Stats(); stats.Rows > stats.Capacity {
			t.Errorf("%+v", stats)
		}
		shards.Wait()
		for _, b := range batches {
			if tally := tallyOf(b.Outcomes); tally.Match != n {
				t.Fatalf("round %d: %+v, want %d matches", round, tally, n)
			}
		}
	}
}
