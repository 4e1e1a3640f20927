package storage

import (
	"errors"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// voiceModel and laterModel are further models: one of another factor and dimension, and one that differs from the store's
// first in its id alone.
var (
	voiceModel = zhenni.Model{ID: "test-voice.1", Dim: 48, Factor: zhenni.FactorVoice}
	laterModel = zhenni.Model{ID: "test-face.2", Dim: testModel.Dim, Factor: testModel.Factor}
)

// rowBy is a template of a model, the same for the same number.
func rowBy(model zhenni.Model, n int) []int8 {
	row := make([]int8, model.Dim)
	for i := range row {
		row[i] = int8((i*11+n*len(model.ID)+int(model.ID[len(model.ID)-1]))%255 - 127)
	}
	return row
}

func putTemplate(model zhenni.Model, n int) zhenni.PutTemplate {
	return zhenni.PutTemplate{ID: testID(n), Tenant: 7, Model: model.ID, Row: rowBy(model, n), At: testTime}
}

func enrolBy(model zhenni.Model, n int) zhenni.Enrol {
	e := testEnrol(n)
	e.Model, e.Row = model.ID, rowBy(model, n)
	return e
}

// manyModels is a store of several models beside maps of what each credential has.
type manyModels struct {
	opts    Options
	store   *Store
	live    map[zhenni.CredentialID]zhenni.Status
	rows    map[string]map[zhenni.CredentialID][]int8 // by model
	retired map[string]bool
}

var threeModels = []zhenni.Model{testModel, voiceModel, laterModel}

func (m *manyModels) draw(t *rapid.T) (zhenni.Model, int) {
	return threeModels[rapid.IntRange(0, 2).Draw(t, "model")], rapid.IntRange(0, 5).Draw(t, "n")
}

func (m *manyModels) apply(t *rapid.T, cmd zhenni.Command) error {
	results, err := m.store.Apply(t.Context(), []zhenni.Command{cmd})
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Err
}

// want fails unless an error is the one of the rule.
func want(t *rapid.T, what string, got, wanted error) {
	if !errors.Is(got, wanted) || wanted == nil && got != nil {
		t.Fatalf("%s: %v, want %v", what, got, wanted)
	}
}

func (m *manyModels) serves(model zhenni.Model) bool {
	_, there := m.rows[model.ID]
	return there && !m.retired[model.ID]
}

func (m *manyModels) Add(t *rapid.T) {
	model, _ := m.draw(t)
	if m.retired[model.ID] {
		return // it would be another number: see TestModelAddedAgain
	}
	want(t, "put model", m.apply(t, zhenni.PutModel{Model: model}), nil)
	if m.rows[model.ID] == nil {
		m.rows[model.ID] = map[zhenni.CredentialID][]int8{}
	}
}

func (m *manyModels) Enrol(t *rapid.T) {
	model, n := m.draw(t)
	_, there := m.live[testID(n)]
	err := m.apply(t, enrolBy(model, n))
	switch {
	case !m.serves(model):
		want(t, "enrol", err, zhenni.ErrBadValue)
	case there:
		want(t, "enrol", err, zhenni.ErrExists)
	default:
		want(t, "enrol", err, nil)
		m.live[testID(n)], m.rows[model.ID][testID(n)] = zhenni.StatusActive, rowBy(model, n)
	}
}

func (m *manyModels) Put(t *rapid.T) {
	model, n := m.draw(t)
	cmd := putTemplate(model, n)
	other := rapid.Bool().Draw(t, "another row")
	if other {
		cmd.Row = rowBy(model, n+100)
	}
	status, there := m.live[testID(n)]
	row := m.rows[model.ID][testID(n)]
	err := m.apply(t, cmd)
	switch {
	case !m.serves(model):
		want(t, "put", err, zhenni.ErrBadValue)
	case !there:
		want(t, "put", err, zhenni.ErrNotFound)
	case status != zhenni.StatusActive && status != zhenni.StatusSuspended:
		want(t, "put", err, zhenni.ErrIllegalChange)
	case row != nil && !slices.Equal(row, cmd.Row):
		want(t, "put", err, zhenni.ErrExists)
	default:
		want(t, "put", err, nil)
		m.rows[model.ID][testID(n)] = cmd.Row
	}
}

func (m *manyModels) Change(t *rapid.T) {
	_, n := m.draw(t)
	to := rapid.SampledFrom([]zhenni.Status{zhenni.StatusActive, zhenni.StatusSuspended, zhenni.StatusRevoked}).Draw(t, "to")
	if m.apply(t, changed(n, to)) == nil {
		m.live[testID(n)] = to
	}
}

func (m *manyModels) Erase(t *rapid.T) {
	_, n := m.draw(t)
	if m.apply(t, erasure(n)) != nil {
		return
	}
	m.live[testID(n)] = zhenni.StatusErased
	for _, rows := range m.rows {
		delete(rows, testID(n))
	}
}

func (m *manyModels) Retire(t *rapid.T) {
	model, _ := m.draw(t)
	serving := 0
	for _, other := range threeModels {
		if m.serves(other) {
			serving++
		}
	}
	err := m.apply(t, zhenni.RetireModel{ID: model.ID})
	switch {
	case !m.serves(model):
		want(t, "retire", err, zhenni.ErrNotFound)
		return
	case serving == 1:
		want(t, "retire", err, zhenni.ErrIllegalChange)
		return
	}
	want(t, "retire", err, nil)
	m.retired[model.ID] = true
	clear(m.rows[model.ID])
	if !rapid.Bool().Draw(t, "drop") {
		return
	}
	at := slices.IndexFunc(m.store.Models(), func(s zhenni.StoredModel) bool { return s.ID == model.ID })
	want(t, "drop", m.store.DropTemplates(t.Context(), uint8(at), nil), nil)
}

func (m *manyModels) Rotate(t *rapid.T) {
	if err := m.store.RotateTenant(t.Context(), 7, nil); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		t.Fatal(err)
	}
}

func (m *manyModels) Reopen(t *rapid.T) {
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "lost view") {
		if err := os.RemoveAll(m.store.path(viewDir)); err != nil {
			t.Fatal(err)
		}
	}
	m.opts.Cold = Cold(rapid.Uint8Range(0, uint8(ColdNone)).Draw(t, "cold"))
	var err error
	if m.store, err = Open(m.opts); err != nil {
		t.Fatal(err)
	}
}

// Check compares every credential by every model, by its id and by a walk, and what is counted.
func (m *manyModels) Check(t *rapid.T) {
	for _, model := range threeModels {
		templates, err := m.store.Templates(model.ID)
		if !m.serves(model) {
			want(t, "templates", err, zhenni.ErrNotFound)
			continue
		}
		want(t, "templates", err, nil)
		m.checkModel(t, model, templates)
	}
}

// Inspect has the store itself look for what is wrong.
func (m *manyModels) Inspect(t *rapid.T) {
	report, err := m.store.Check(t.Context(), nil)
	if err != nil || !report.OK() {
		t.Fatalf("%+v, %v", report.Problems, err)
	}
}

func (m *manyModels) checkModel(t *rapid.T, model zhenni.Model, templates *Templates) {
	row := make([]int8, model.Dim)
	live, done := 0, 0
	for n := range 6 {
		id := testID(n)
		wanted := m.rows[model.ID][id]
		ref, err := templates.Reference(id, row)
		switch {
		case wanted == nil:
			want(t, "reference", err, zhenni.ErrNotFound)
		case err != nil || !slices.Equal(ref.Row, wanted) || ref.Status != m.live[id] || ref.ID != id:
			t.Fatalf("%s of %d: %+v, %v", model.ID, n, ref, err)
		}
		if s := m.live[id]; s == zhenni.StatusActive || s == zhenni.StatusSuspended {
			live++
			done += int(bit(wanted != nil))
		}
	}
	walked := map[zhenni.CredentialID][]int8{}
	err := templates.References(0, zhenni.Slots-1, func(r zhenni.Reference) error {
		walked[r.ID] = slices.Clone(r.Row)
		return nil
	})
	if err != nil || !maps.EqualFunc(walked, m.rows[model.ID], slices.Equal[[]int8]) {
		t.Fatalf("%s: walked %d of %d, %v", model.ID, len(walked), len(m.rows[model.ID]), err)
	}
	counted, err := m.store.Migration(t.Context(), model.ID, 0)
	if err != nil || counted.Total != int64(live) || counted.Done != int64(done) || counted.Pending != int64(live-done) {
		t.Fatalf("%s: %+v, %v; want %d of %d", model.ID, counted, err, done, live)
	}
	pending, _, more, err := m.store.Pending(model.ID, 7, zhenni.CredentialID{}, 100)
	if err != nil || more || len(pending)+done != live && !m.liveZero() {
		t.Fatalf("%s: %d pending, %v", model.ID, len(pending), err)
	}
}

// liveZero reports whether the credential of all zeros is live, which no list goes on behind.
func (m *manyModels) liveZero() bool {
	s := m.live[zhenni.CredentialID{}]
	return s == zhenni.StatusActive || s == zhenni.StatusSuspended
}

// Whatever is done to a store of several models, each credential has by each model what it was given, and nothing by another.
//
// FAULTS: C6 S1
func TestModelsAsMaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		opts := testOptions(t)
		opts.MemTable = minMemTable
		m := &manyModels{opts: opts, live: map[zhenni.CredentialID]zhenni.Status{}, retired: map[string]bool{},
			rows: map[string]map[zhenni.CredentialID][]int8{testModel.ID: {}}}
		var err error
		if m.store, err = Open(opts); err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := m.store.Close(); err != nil {
				t.Error(err)
			}
		}()
		actions := map[string]func(*rapid.T){
			"": m.Check, "inspect": m.Inspect, "add": m.Add, "add again": m.Add, "enrol": m.Enrol, "enrol more": m.Enrol, "put": m.Put, "put more": m.Put,
			"change": m.Change, "erase": m.Erase, "retire": m.Retire, "rotate": m.Rotate, "reopen": m.Reopen,
		}
		rt.Repeat(actions)
	})
}
