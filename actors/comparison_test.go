package actors

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"zhenni"
	"zhenni/engine"
)

const besideModel = "beside-model"

// twoWorlds is a node over two models of one dimension: what the second has of a credential is nothing like what the first has.
type twoWorlds struct {
	*world
	beside *engine.MemoryStore
}

func newTwoWorlds(seed uint64, credentials int) *twoWorlds {
	w := &twoWorlds{world: newWorld(seed, testDim, credentials), beside: &engine.MemoryStore{}}
	for _, id := range w.ids {
		w.put(id, zhenni.StatusActive)
	}
	return w
}

// besideRow is the reference of a credential by the second model.
func (w *twoWorlds) besideRow(id zhenni.CredentialID) (row []int8, norm int32) {
	flipped := id
	for i := range flipped {
		flipped[i] ^= 0x5a
	}
	return w.rowOf(flipped)
}

func (w *twoWorlds) put(id zhenni.CredentialID, status zhenni.Status) {
	row, norm := w.besideRow(id)
	w.beside.Put(zhenni.Reference{ID: id, Tenant: testTenant, Status: status, Generation: 1, Row: row, Norm: norm})
}

func (w *twoWorlds) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	for _, c := range commands {
		if c, ok := c.(zhenni.ChangeStatus); ok {
			w.put(c.ID, c.To)
		}
	}
	return w.world.Apply(ctx, commands)
}

// by is a batch of what the second model makes of the very persons, under the name of a model.
func (w *twoWorlds) by(model string, ids ...zhenni.CredentialID) *zhenni.Batch {
	b := w.mated(ids...)
	b.Model, b.Int8 = model, b.Int8[:0]
	for _, id := range ids {
		row, _ := w.besideRow(id)
		b.Int8 = append(b.Int8, row...)
	}
	return b
}

func startTwo(t testing.TB, w *twoWorlds, cfg Config) *Node {
	t.Helper()
	arena, rule := newArena(t, w.world)
	model := zhenni.Model{ID: besideModel, Dim: testDim, Factor: zhenni.FactorVoice}
	cfg.Beside = append(cfg.Beside, Comparison{Model: model, Rule: rule, Arena: arena, Templates: w.beside})
	first, rule := newArena(t, w.world)
	n, err := Start(cfg, zhenni.Model{ID: "test-model", Dim: testDim, Factor: zhenni.FactorFace}, rule, first, w)
	if err != nil {
		t.Fatal(err)
	}
	<-n.Warmed()
	t.Cleanup(func() { drain(t, n) })
	return n
}

// A batch is compared with the rows of the model that it names. The rows of the other, which are of the same dimension, and would
// match, are not what it is compared with; a name that is not served is refused, and starts nothing.
//
// FAULTS: L9
func TestModelsAreNeverCompared(t *testing.T) {
	w := newTwoWorlds(1, 200)
	n := startTwo(t, w, Config{Shards: 3})
	for _, model := range []string{"", "test-model"} {
		mated := w.mated(w.ids...)
		mated.Model = model
		verify(t, n, mated)
		wantAll(t, mated, zhenni.Match)
		crossed := w.by(model, w.ids...)
		verify(t, n, crossed)
		wantAll(t, crossed, zhenni.NoMatch)
	}
	mated := w.by(besideModel, w.ids...)
	verify(t, n, mated)
	wantAll(t, mated, zhenni.Match)
	crossed := w.mated(w.ids...)
	crossed.Model = besideModel
	verify(t, n, crossed)
	wantAll(t, crossed, zhenni.NoMatch)
	unknown := w.mated(w.ids...)
	unknown.Model = "another"
	if err := n.Verify(unknown, soon()); !errors.Is(err, zhenni.ErrBadBatch) || unknown.Outcomes[0] != zhenni.Pending {
		t.Errorf("a model that is not served: %v", err)
	}
}

// A credential without a template of the model asked for is answered like one that is not there, and nothing is counted at it.
func TestNoTemplateOfTheModel(t *testing.T) {
	w := newTwoWorlds(2, 20)
	lonely := zhenni.CredentialID{1, 2, 3}
	w.enrol(lonely, zhenni.StatusActive)
	n := startTwo(t, w, Config{Shards: 2})
	b := w.by(besideModel, lonely)
	b.Evaluation = false
	verify(t, n, b)
	wantAll(t, b, zhenni.NoMatch)
	if len(b.Attempts) != 0 {
		t.Errorf("counted %+v", b.Attempts)
	}
}

// Failed attempts by one model and by another are of one count: the credential is barred for both.
//
// FAULTS: B1
func TestAttemptsAreOfTheCredential(t *testing.T) {
	w := newTwoWorlds(3, 10)
	n := startTwo(t, w, Config{Shards: 1})
	id := w.ids[0]
	for i := range 5 {
		wrong := w.by("", id)
		if i%2 == 1 {
			wrong = w.mated(id)
			wrong.Model = besideModel
		}
		wrong.Evaluation = false
		verify(t, n, wrong)
		wantAll(t, wrong, zhenni.NoMatch)
		if len(wrong.Attempts) != 1 || wrong.Attempts[0].Total != uint16(i+1) {
			t.Fatalf("attempt %d: %+v", i, wrong.Attempts)
		}
	}
	for _, right := range []*zhenni.Batch{w.mated(id), w.by(besideModel, id)} {
		right.Evaluation = false
		verify(t, n, right)
		wantAll(t, right, zhenni.NoMatch)
	}
}

// A verification begun after a revocation was acknowledged matches by no model, while shards change and others ask.
//
// FAULTS: C1 C4
func TestRevokedByEveryModel(t *testing.T) {
	w := newTwoWorlds(4, 64)
	n := startTwo(t, w, Config{Shards: 2})
	stop := make(chan struct{})
	var noise sync.WaitGroup
	for seed := range uint64(2) {
		noise.Go(func() {
			r := rand.New(rand.NewPCG(seed, 2))
			for {
				select {
				case <-stop:
					return
				default:
				}
				id := w.ids[r.IntN(len(w.ids))]
				verify(t, n, w.mated(id))
				verify(t, n, w.by(besideModel, id))
			}
		})
	}
	for i, id := range w.ids {
		if i%16 == 8 {
			if err := n.SetShards(t.Context(), 1+i%5); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.Apply(t.Context(), []zhenni.Command{zhenni.ChangeStatus{ID: id, Tenant: testTenant, To: zhenni.StatusRevoked}}); err != nil {
			t.Fatal(err)
		}
		for _, b := range []*zhenni.Batch{w.mated(id), w.by(besideModel, id)} {
			verify(t, n, b)
			wantAll(t, b, zhenni.NoMatch)
		}
	}
	close(stop)
	noise.Wait()
}

// A model that is retired while the node serves matches nothing from then on.
func TestRetiredModelMatchesNothing(t *testing.T) {
	w := newTwoWorlds(5, 30)
	n := startTwo(t, w, Config{Shards: 2})
	for _, id := range w.ids {
		w.beside.Remove(id)
	}
	if _, err := n.Apply(t.Context(), []zhenni.Command{zhenni.RetireModel{ID: besideModel}}); err != nil {
		t.Fatal(err)
	}
	b := w.by(besideModel, w.ids...)
	verify(t, n, b)
	wantAll(t, b, zhenni.NoMatch)
	first := w.mated(w.ids...)
	verify(t, n, first)
	wantAll(t, first, zhenni.Match)
}

func TestComparisonsRefused(t *testing.T) {
	w := newTwoWorlds(6, 1)
	arena, rule := newArena(t, w.world)
	model := zhenni.Model{ID: "test-model", Dim: testDim, Factor: zhenni.FactorFace}
	good := Comparison{Model: zhenni.Model{ID: besideModel, Dim: testDim, Factor: zhenni.FactorFace}, Rule: rule, Arena: arena, Templates: w}
	twice, none, many := good, good, make([]Comparison, zhenni.MaxModels)
	twice.Model, none.Model = model, zhenni.Model{}
	for i := range many {
		many[i] = good
	}
	for name, beside := range map[string][]Comparison{"the first again": {twice}, "no model": {none}, "twice": {good, good}, "too many": many} {
		if _, err := Start(Config{Beside: beside}, model, rule, arena, w); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
