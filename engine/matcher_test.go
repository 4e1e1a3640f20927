package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// enrolled is a matcher over one segment with n active credentials, all in memory.
type enrolled struct {
	*engine.Matcher
	arena   *engine.Arena
	store   *faultyStore
	ids     []zhenni.CredentialID
	persons [][]float32
	rng     *rand.Rand
}

func newEnrolled(t testing.TB, n, dim int, cosine float64) *enrolled {
	t.Helper()
	e := &enrolled{store: &faultyStore{}, rng: rand.New(rand.NewPCG(uint64(n), uint64(dim)))}
	for range n {
		id, person := newID(e.rng, 1), newEmbedding(e.rng, dim)
		e.store.Put(newReference(t, id, person))
		e.ids, e.persons = append(e.ids, id), append(e.persons, person)
	}
	e.arena = newArena(t, dim, rowsEach(n+64, dim))
	e.Matcher = engine.NewMatcher(e.arena, e.store, threshold(t, cosine))
	if err := e.Warm(0); err != nil {
		t.Fatal(err)
	}
	return e
}

// put enrols a row as it is.
func (e *enrolled) put(t testing.TB, row []int8) zhenni.CredentialID {
	t.Helper()
	norm, err := engine.CheckRow(row)
	if err != nil {
		t.Fatal(err)
	}
	id := newID(e.rng, 1)
	e.store.Put(zhenni.Reference{ID: id, Tenant: tenant, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: norm})
	if err := e.Refresh(id); err != nil {
		t.Fatal(err)
	}
	return id
}

func expect(t *testing.T, name string, got, want zhenni.Outcome) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s %s, want %s %s", name, got.Verdict(), got.Reason(), want.Verdict(), want.Reason())
	}
}

// FAULTS: N1 N2 N3 N4 N7
func TestBadProbesAreRefusedOneByOne(t *testing.T) {
	const dim = 65
	e := newEnrolled(t, 3, dim, 0.5)
	good := near(e.rng, e.persons[0])
	notANumber, infinite := slices.Clone(good), slices.Clone(good)
	notANumber[dim-1], infinite[dim-1] = float32(math.NaN()), float32(math.Inf(1))
	ids := fill(6, e.ids[0])
	b := floatBatchOf(ids, [][]float32{good, notANumber, infinite, good, make([]float32, dim), fill(dim, float32(1e-5))})
	tally := e.Verify(b, every(b))
	refused := zhenni.RefusedProbe
	want := []zhenni.Outcome{zhenni.Match, refused, refused, zhenni.Match, refused, refused}
	if !slices.Equal(b.Outcomes, want) || tally != (engine.Tally{Match: 2, Refused: 4}) {
		t.Errorf("float32: %v, tally %+v, want %v", b.Outcomes, tally, want)
	}
	row, _ := quantised(t, good)
	low := slices.Clone(row)
	low[dim-1] = -128
	b = batchOf(ids[:4], [][]int8{row, low, make([]int8, dim), row})
	e.Verify(b, every(b))
	if want := []zhenni.Outcome{zhenni.Match, refused, refused, zhenni.Match}; !slices.Equal(b.Outcomes, want) {
		t.Errorf("int8: %v, want %v", b.Outcomes, want)
	}
}

// A bad probe is refused in every state of the credential it is about, and the store is not read for it.
//
// FAULTS: N2 N7
func TestBadProbeReadsNothing(t *testing.T) {
	const dim = 65
	e := newEnrolled(t, 3, dim, 0.5)
	low := fill(dim, int8(3))
	low[40] = -128
	ids := []zhenni.CredentialID{e.ids[0], e.ids[0], {1, 2, 3}, e.ids[1]}
	refused := fill(4, zhenni.RefusedProbe)
	m := engine.NewMatcher(newArena(t, dim, rowsEach(64, dim)), e.store, threshold(t, 0.5))
	for _, state := range []string{"not read yet", "in memory"} {
		reads := e.store.reads
		b := batchOf(ids, [][]int8{low, make([]int8, dim), low, make([]int8, dim)})
		tally := m.Verify(b, every(b))
		if !slices.Equal(b.Outcomes, refused) || tally != (engine.Tally{Refused: 4}) || e.store.reads != reads {
			t.Errorf("%s: %v, %+v, %d reads", state, b.Outcomes, tally, e.store.reads-reads)
		}
		if err := m.Warm(0); err != nil {
			t.Fatal(err)
		}
	}
}

// FAULTS: N6
func TestOtherDimensionsAreNotCompared(t *testing.T) {
	e := newEnrolled(t, 1, 512, 0.5)
	for _, dim := range []int{0, 1, 511, 513, 1024} {
		b := &zhenni.Batch{
			Tenant: tenant, Dim: dim, IDs: e.ids, Int8: fill(dim, int8(1)), Outcomes: make([]zhenni.Outcome, 1),
		}
		e.Verify(b, every(b))
		expect(t, fmt.Sprint("dim ", dim), b.Outcomes[0], zhenni.RefusedProbe)
	}
	for _, dim := range []int{-1, 0, zhenni.MaxDim + 1} {
		if _, err := engine.NewArena(dim, 1<<30); err == nil {
			t.Errorf("an arena of dimension %d was made", dim)
		}
	}
}

// The largest products: 2048·127² and its opposite, where a 16-bit intermediate would have saturated.
//
// FAULTS: N8
func TestExtremeRows(t *testing.T) {
	for _, dim := range []int{1, 31, 512, 513, zhenni.MaxDim} {
		e := newEnrolled(t, 1, dim, 1)
		high, low := fill(dim, int8(127)), fill(dim, int8(-127))
		highID, lowID := e.put(t, high), e.put(t, low)
		b := batchOf([]zhenni.CredentialID{highID, highID, lowID, lowID}, [][]int8{high, low, high, low})
		b.Evaluation = true
		e.Verify(b, every(b))
		want := []zhenni.Outcome{zhenni.Match, zhenni.NoMatch, zhenni.NoMatch, zhenni.Match}
		if !slices.Equal(b.Outcomes, want) {
			t.Errorf("dim %d: %v, want %v", dim, b.Outcomes, want)
		}
	}
}

// Reference (2, 0…) and probe (1, 1, 1, 1): dot 2, norms 4 and 4, cosine exactly 0.5.
//
// FAULTS: N10
func TestExactlyAtTheThreshold(t *testing.T) {
	at := newEnrolled(t, 1, 16, 0.5)
	above := newEnrolled(t, 1, 16, 0.5000001)
	reference, probe := make([]int8, 16), make([]int8, 16)
	reference[0] = 2
	copy(probe, []int8{1, 1, 1, 1})
	expect(t, "at", verifyOne(at.Matcher, at.put(t, reference), probe), zhenni.Match)
	expect(t, "a hair below", verifyOne(above.Matcher, above.put(t, reference), probe), zhenni.NoMatch)
	probe[15] = 1
	expect(t, "below", verifyOne(at.Matcher, at.put(t, reference), probe), zhenni.NoMatch)
}

// Probes that are near everybody, or nobody in particular, pass for nobody.
//
// FAULTS: N11
func TestMasterProbes(t *testing.T) {
	const dim, n = 512, 300
	e := newEnrolled(t, n, dim, 0.35)
	mean, oneHot, saturated := make([]float32, dim), make([]float32, dim), make([]float32, dim)
	for _, person := range e.persons {
		for i, x := range person {
			mean[i] += x / n
		}
	}
	oneHot[0] = 1
	for i := range saturated {
		saturated[i] = float32(1 - 2*e.rng.IntN(2))
	}
	for name, probe := range map[string][]float32{
		"mean": mean, "constant": fill(dim, float32(1)), "one-hot": oneHot, "saturated": saturated,
	} {
		b := floatBatchOf(e.ids, slices.Repeat([][]float32{probe}, n))
		if tally := e.Verify(b, every(b)); tally != (engine.Tally{NoMatch: n}) {
			t.Errorf("%s: %+v", name, tally)
		}
	}
}

// FAULTS: N13
func TestReplayedTemplate(t *testing.T) {
	const dim = 128
	e := newEnrolled(t, 2, dim, 0.5)
	reference, _ := quantised(t, e.persons[0])
	changed := slices.Clone(reference)
	changed[5] ^= 1
	ids := []zhenni.CredentialID{e.ids[0], e.ids[0], e.ids[1]}
	b := batchOf(ids, [][]int8{reference, changed, reference})
	tally := e.Verify(b, every(b))
	want := []zhenni.Outcome{zhenni.NoMatch, zhenni.Match, zhenni.NoMatch}
	if !slices.Equal(b.Outcomes, want) || tally != (engine.Tally{Match: 1, NoMatch: 2, Replays: 1}) {
		t.Errorf("%v, %+v, want %v and one replay", b.Outcomes, tally, want)
	}
	b = floatBatchOf(ids[:1], [][]float32{e.persons[0]})
	if tally := e.Verify(b, every(b)); tally.Replays != 1 || b.Outcomes[0] != zhenni.NoMatch {
		t.Errorf("the embedding that was enrolled: %v, %+v", b.Outcomes, tally)
	}
	b = batchOf(ids, [][]int8{reference, changed, reference})
	b.Evaluation = true
	tally = e.Verify(b, every(b))
	want = []zhenni.Outcome{zhenni.Match, zhenni.Match, zhenni.NoMatch}
	if !slices.Equal(b.Outcomes, want) || tally.Replays != 0 {
		t.Errorf("evaluation: %v, %+v, want %v and no alarm", b.Outcomes, tally, want)
	}
}

// The two ways a probe may come are one comparison.
//
// FAULTS: N15
func TestFloatAndInt8ProbesGiveTheSameOutcomes(t *testing.T) {
	for _, dim := range []int{1, 64, 128, 192, 513} {
		e := newEnrolled(t, 100, dim, 0.4)
		var ids []zhenni.CredentialID
		var floats [][]float32
		var rows [][]int8
		for i := range 3000 {
			person := e.persons[i%100]
			if i%3 == 0 {
				person = e.persons[e.rng.IntN(100)]
			}
			probe := person
			if i%7 > 0 {
				probe = near(e.rng, person)
			}
			row := make([]int8, dim)
			if _, err := engine.Prepare(row, probe); err != nil {
				continue
			}
			ids, floats, rows = append(ids, e.ids[i%100]), append(floats, probe), append(rows, row)
		}
		x, y := floatBatchOf(ids, floats), batchOf(ids, rows)
		if tx, ty := e.Verify(x, every(x)), e.Verify(y, every(y)); tx != ty || !slices.Equal(x.Outcomes, y.Outcomes) {
			t.Errorf("dim %d: %+v from float32, %+v from int8", dim, tx, ty)
		}
	}
}

func TestVerifyDecidesOnlyThePendingOfItsItems(t *testing.T) {
	e := newEnrolled(t, 4, 8, 0.5)
	probes := make([][]int8, 4)
	for i := range probes {
		probes[i], _ = quantised(t, near(e.rng, e.persons[i]))
	}
	b := batchOf(e.ids, probes)
	b.Outcomes[1] = zhenni.RefusedCredentialID
	tally := e.Verify(b, []uint32{3, 1})
	want := []zhenni.Outcome{zhenni.Pending, zhenni.RefusedCredentialID, zhenni.Pending, zhenni.Match}
	if !slices.Equal(b.Outcomes, want) || tally != (engine.Tally{Match: 1}) {
		t.Errorf("%v, %+v, want %v", b.Outcomes, tally, want)
	}
}

// FAULTS: L7
func TestOneCredentialThousandTimes(t *testing.T) {
	const dim = 32
	e := newEnrolled(t, 1, dim, 0.5)
	e.Discard(0)
	e.store.reads = 0
	probe, _ := quantised(t, near(e.rng, e.persons[0]))
	b := batchOf(fill(3000, e.ids[0]), slices.Repeat([][]int8{probe}, 3000))
	if tally := e.Verify(b, every(b)); tally != (engine.Tally{Match: 3000}) || e.store.reads != 1 {
		t.Errorf("%+v after %d reads of the store, want 3000 matches after 1", tally, e.store.reads)
	}
}

func TestVerifyAllocatesNothing(t *testing.T) {
	const dim, n = 128, 1500
	e := newEnrolled(t, n, dim, 0.5)
	rows, floats := make([][]int8, n), make([][]float32, n)
	for i := range n {
		floats[i] = near(e.rng, e.persons[i])
		rows[i], _ = quantised(t, floats[i])
	}
	for i := 0; i < n; i += 3 {
		rows[i][0], floats[i][0] = -128, float32(math.Inf(1))
	}
	for name, b := range map[string]*zhenni.Batch{"int8": batchOf(e.ids, rows), "float32": floatBatchOf(e.ids, floats)} {
		items := every(b)
		allocs := testing.AllocsPerRun(5, func() {
			clear(b.Outcomes)
			e.Verify(b, items)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// These ids differ only where the index does not look: the header tells them apart.
func TestCredentialsOfOneTag(t *testing.T) {
	const dim, n = 64, 5
	e := newEnrolled(t, n+1, dim, 0.5)
	probes := make([][]int8, n+1)
	for i := range e.ids {
		e.ids[i] = zhenni.CredentialID{0x15, 0x7c, 0x4a, 0x7f, 0xb9, 0x79, 0x37, 0x9e, byte(i)}
		probes[i], _ = quantised(t, near(e.rng, e.persons[i]))
		if i < n {
			e.store.Put(newReference(t, e.ids[i], e.persons[i]))
		}
	}
	if err := e.Warm(engine.SegmentOf(e.ids[0])); err != nil {
		t.Fatal(err)
	}
	e.store.reads = 0
	b := batchOf(e.ids, probes)
	tally := e.Verify(b, every(b))
	expect(t, "unknown", b.Outcomes[n], zhenni.NoMatch)
	if tally != (engine.Tally{Match: n, NoMatch: 1}) || e.store.reads != 0 {
		t.Errorf("%v, %+v, %d reads of the store", b.Outcomes, tally, e.store.reads)
	}
}

// The decoy's header has no id of its own; the credential of 16 zero bytes is one like any other.
func TestCredentialOfZeros(t *testing.T) {
	e := newEnrolled(t, 1, 64, 0.5)
	e.Discard(0)
	e.ids[0] = zhenni.CredentialID{}
	e.store.Put(newReference(t, e.ids[0], e.persons[0]))
	for range 2 {
		probe, _ := quantised(t, near(e.rng, e.persons[0]))
		expect(t, "zeros", verifyOne(e.Matcher, e.ids[0], probe), zhenni.Match)
	}
}
