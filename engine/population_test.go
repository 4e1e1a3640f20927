package engine_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"zhenni"
	"zhenni/engine"
)

const tenant zhenni.TenantID = 7

var errStore = errors.New("the disk is on fire")

// newID draws an id, as the server does. With few segments all ids fall into the first so many.
func newID(rng *rand.Rand, segments int) zhenni.CredentialID {
	var random [16]byte
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	perSegment := 256 / engine.Segments
	random[0] = byte(rng.IntN(segments)*perSegment + rng.IntN(perSegment))
	return zhenni.NewCredentialID(random)
}

// newEmbedding draws a person, in any dimension far from the zero vector.
func newEmbedding(rng *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	v[0] += float32(math.Copysign(1, float64(v[0])))
	return v
}

// near returns another capture of the same person: v with some noise.
func near(rng *rand.Rand, v []float32) []float32 {
	w := make([]float32, len(v))
	for i := range w {
		w[i] = v[i] + 0.3*float32(rng.NormFloat64())
	}
	return w
}

func quantised(t testing.TB, v []float32) ([]int8, int32) {
	t.Helper()
	row := make([]int8, len(v))
	norm, err := engine.Prepare(row, v)
	if err != nil {
		t.Fatal(err)
	}
	return row, norm
}

func newReference(t testing.TB, id zhenni.CredentialID, v []float32) zhenni.Reference {
	t.Helper()
	row, norm := quantised(t, v)
	return zhenni.Reference{ID: id, Tenant: tenant, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: norm}
}

// faultyStore is a store that fails on demand, by credential.
type faultyStore struct {
	engine.MemoryStore
	fail    map[zhenni.CredentialID]error
	poison  map[zhenni.CredentialID]bool
	walkErr error
	walks   func() // before a walk
	reads   int
}

func (s *faultyStore) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	s.reads++
	if s.poison[id] {
		row[0] = 99
		panic("poison record")
	}
	if err := s.fail[id]; err != nil {
		row[0] = 99
		return zhenni.Reference{}, err
	}
	return s.MemoryStore.Reference(id, row)
}

func (s *faultyStore) References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error {
	if s.walks != nil {
		s.walks()
	}
	if err := s.MemoryStore.References(first, last, visit); err != nil {
		return err
	}
	return s.walkErr
}

func newArena(t testing.TB, dim int, budget int64) *engine.Arena {
	t.Helper()
	a, err := engine.NewArena(dim, budget)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// rowBytes is what a row of dim elements costs in the arena: a header line, whole lines of elements, two index slots.
func rowBytes(dim int) int64 { return int64(64 + (dim+63)/64*64 + 16) }

// rowsEach is the budget of an arena of n rows a segment.
func rowsEach(n, dim int) int64 { return int64(n) * engine.Segments * rowBytes(dim) }

func threshold(t testing.TB, cosine float64) zhenni.Threshold {
	t.Helper()
	rule, err := zhenni.NewThreshold(cosine)
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

// batchOf makes a batch of int8 probes.
func batchOf(ids []zhenni.CredentialID, probes [][]int8) *zhenni.Batch {
	b := &zhenni.Batch{Tenant: tenant, Dim: len(probes[0]), IDs: ids, Outcomes: make([]zhenni.Outcome, len(ids))}
	for _, p := range probes {
		b.Int8 = append(b.Int8, p...)
	}
	return b
}

// floatBatchOf makes a batch of float32 probes.
func floatBatchOf(ids []zhenni.CredentialID, probes [][]float32) *zhenni.Batch {
	b := &zhenni.Batch{Tenant: tenant, Dim: len(probes[0]), IDs: ids, Outcomes: make([]zhenni.Outcome, len(ids))}
	for _, p := range probes {
		b.Float32 = append(b.Float32, p...)
	}
	return b
}

// every lists all items of a batch.
func every(b *zhenni.Batch) []uint32 {
	items := make([]uint32, b.Len())
	for i := range items {
		items[i] = uint32(i)
	}
	return items
}

// verifyOne asks one question about one int8 probe.
func verifyOne(m *engine.Matcher, id zhenni.CredentialID, probe []int8) zhenni.Outcome {
	b := batchOf([]zhenni.CredentialID{id}, [][]int8{probe})
	m.Verify(b, []uint32{0})
	return b.Outcomes[0]
}
