package storage

import (
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// sameAsMap is a store beside the dumbest one that does the same: maps. Small ranges make commands meet.
type sameAsMap struct {
	opts        Options
	store       *Store
	now         time.Time
	credentials map[zhenni.CredentialID]zhenni.Credential
	rows        map[zhenni.CredentialID][]int8
	parties     map[string]zhenni.RelyingParty
	given       map[string]zhenni.TenantID // what tenant an id was given to, for good
	cold        bool                       // there is a cold tier
}

func (m *sameAsMap) drawCommand(t *rapid.T) zhenni.Command {
	id := testID(rapid.IntRange(0, 5).Draw(t, "id"))
	tenant := zhenni.TenantID(rapid.IntRange(1, 2).Draw(t, "tenant"))
	party := string(rune('a' + rapid.IntRange(0, 2).Draw(t, "party")))
	m.now = m.now.Add(time.Second)
	switch rapid.IntRange(0, 4).Draw(t, "command") {
	case 0:
		e := testEnrol(rapid.IntRange(0, 200).Draw(t, "row"))
		e.ID, e.Tenant, e.At = id, tenant, m.now
		return e
	case 1:
		to := zhenni.Status(rapid.IntRange(1, 5).Draw(t, "to"))
		return zhenni.ChangeStatus{ID: id, Tenant: tenant, To: to, At: m.now}
	case 2:
		return zhenni.Erase{ID: id, Tenant: tenant, At: m.now}
	case 3:
		p := goldenParty.RelyingParty
		p.ID, p.Tenant, p.CreatedAt = party, tenant, m.now
		return zhenni.PutRelyingParty{Party: p}
	}
	return zhenni.RemoveRelyingParty{ID: party}
}

// expect applies a command to the maps.
func (m *sameAsMap) expect(cmd zhenni.Command) (zhenni.Credential, error) {
	switch c := cmd.(type) {
	case zhenni.Enrol:
		if _, ok := m.credentials[c.ID]; ok {
			return zhenni.Credential{}, zhenni.ErrExists
		}
		m.rows[c.ID] = c.Row
		m.credentials[c.ID] = zhenni.Credential{
			ID: c.ID, Tenant: c.Tenant, Level: c.Level, Status: zhenni.StatusActive, Generation: 1,
			EnrolledAt: c.At, ChangedAt: c.At,
		}
		return m.credentials[c.ID], nil
	case zhenni.ChangeStatus:
		return m.expectChange(c)
	case zhenni.Erase:
		return m.expectChange(zhenni.ChangeStatus{ID: c.ID, Tenant: c.Tenant, To: zhenni.StatusErased, At: c.At})
	case zhenni.PutRelyingParty:
		_, there := m.parties[c.Party.ID]
		if tenant, given := m.given[c.Party.ID]; given && (!there || tenant != c.Party.Tenant) {
			return zhenni.Credential{}, zhenni.ErrExists // an id stays with its tenant, and is not given again
		}
		m.parties[c.Party.ID], m.given[c.Party.ID] = c.Party, c.Party.Tenant
	case zhenni.RemoveRelyingParty:
		if _, ok := m.parties[c.ID]; !ok {
			return zhenni.Credential{}, zhenni.ErrNotFound
		}
		delete(m.parties, c.ID)
	}
	return zhenni.Credential{}, nil
}

func (m *sameAsMap) expectChange(c zhenni.ChangeStatus) (zhenni.Credential, error) {
	old, ok := m.credentials[c.ID]
	if !ok || old.Tenant != c.Tenant {
		return zhenni.Credential{}, zhenni.ErrNotFound
	}
	if old.Status == c.To {
		return old, nil
	}
	changed, err := old.WithStatus(c.To, c.At)
	if err != nil {
		return zhenni.Credential{}, zhenni.ErrIllegalChange
	}
	m.credentials[c.ID] = changed
	return changed, nil
}

func (m *sameAsMap) Apply(t *rapid.T) {
	cmds := make([]zhenni.Command, rapid.IntRange(1, 6).Draw(t, "commands"))
	for i := range cmds {
		cmds[i] = m.drawCommand(t)
	}
	results, err := m.store.Apply(t.Context(), cmds)
	if err != nil {
		t.Fatal(err)
	}
	for i, cmd := range cmds {
		want, wantErr := m.expect(cmd)
		if results[i].Credential != want || !errors.Is(results[i].Err, wantErr) {
			t.Fatalf("command %d, %+v: got %+v, want %+v, %v", i, cmd, results[i], want, wantErr)
		}
	}
}

func (m *sameAsMap) Reopen(t *rapid.T) {
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	m.opts.Cold = Cold(rapid.Uint8Range(0, uint8(ColdNone)).Draw(t, "cold"))
	m.cold = m.opts.Cold == ColdMade || m.opts.Cold == ColdKept && m.cold
	var err error
	if m.store, err = Open(m.opts); err != nil {
		t.Fatal(err)
	}
}

// Snapshot cuts the log.
func (m *sameAsMap) Snapshot(t *rapid.T) {
	if err := m.store.snapshot(); err != nil {
		t.Fatal(err)
	}
}

// Lose has the view made again.
func (m *sameAsMap) Lose(t *rapid.T) {
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(m.store.path(viewDir)); err != nil {
		t.Fatal(err)
	}
	m.Reopen(t)
}

// fill imports some credentials, onto a base or not.
func (m *sameAsMap) fill(t *rapid.T) {
	im, err := m.store.NewImport(t.Context(), ImportOptions{Base: rapid.Bool().Draw(t, "base")})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		if !rapid.Bool().Draw(t, "imported") {
			continue
		}
		e := testEnrol(n)
		e.Tenant = zhenni.TenantID(1 + n%2)
		_, _ = m.expect(e)
		if err := im.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	m.store.truncation.running.Wait()
}

// Check compares every credential, by its id and by a walk, and every relying party.
func (m *sameAsMap) Check(t *rapid.T) {
	row := make([]int8, testModel.Dim)
	for n := range 6 {
		want, there := m.credentials[testID(n)]
		got, err := m.store.Credential(testID(n))
		ref, refErr := m.store.Reference(testID(n), row)
		if !there {
			if !errors.Is(err, zhenni.ErrNotFound) || !errors.Is(refErr, zhenni.ErrNotFound) {
				t.Fatalf("absent credential %d: %v, %v", n, err, refErr)
			}
			continue
		}
		if want.Status == zhenni.StatusErased && errors.Is(refErr, zhenni.ErrNotFound) && err == nil && got == want {
			continue
		}
		if err := errors.Join(err, refErr); err != nil || got != want {
			t.Fatalf("credential %d: %+v, %v; want %+v", n, got, err, want)
		}
		if !slices.Equal(ref.Row, m.rows[want.ID]) || ref.Status != want.Status || ref.Generation != want.Generation {
			t.Fatalf("reference %d: %+v; want %+v", n, ref, want)
		}
	}
	m.checkMany(t)
	m.checkWalk(t)
}

// checkMany compares what is read together with what is read one by one.
func (m *sameAsMap) checkMany(t *rapid.T) {
	const n = 7
	ids, refs, errs, row := make([]zhenni.CredentialID, n), make([]zhenni.Reference, n), make([]error, n), make([]int8, testModel.Dim)
	for i := range ids {
		ids[i], refs[i].Row = testID(i%6), make([]int8, testModel.Dim)
	}
	m.store.ReferenceMany(ids, refs, errs)
	for i, id := range ids {
		want, err := m.store.Reference(id, row)
		same := refs[i].ID == want.ID && refs[i].Generation == want.Generation && refs[i].Status == want.Status && refs[i].Norm == want.Norm
		if (err == nil) != (errs[i] == nil) || err == nil && (!same || !slices.Equal(refs[i].Row, want.Row)) {
			t.Fatalf("%s together: %+v, %v; alone %+v, %v", id, refs[i], errs[i], want, err)
		}
	}
	if stats, ok := m.store.ColdStats(); ok != m.cold || stats.Damaged+stats.Doubted > 0 {
		t.Fatalf("cold tier: %v, %+v", ok, stats)
	}
}

func (m *sameAsMap) checkWalk(t *rapid.T) {
	walked := 0
	for _, c := range m.credentials {
		walked += int(bit(c.Status == zhenni.StatusErased))
	}
	err := m.store.References(0, zhenni.Slots-1, func(ref zhenni.Reference) error {
		walked++
		if !slices.Equal(ref.Row, m.rows[ref.ID]) || ref.Status == zhenni.StatusErased {
			t.Fatalf("walked reference %s", ref.ID)
		}
		return nil
	})
	if err != nil || walked != len(m.credentials) || m.store.Count() != int64(walked) {
		t.Fatalf("walked %d, counted %d, want %d: %v", walked, m.store.Count(), len(m.credentials), err)
	}
	parties := m.store.RelyingParties()
	if len(parties) != len(m.parties) {
		t.Fatalf("parties %v, want %v", parties, slices.Sorted(maps.Keys(m.parties)))
	}
	for _, p := range parties {
		if one, ok := m.store.RelyingParty(p.ID); !ok || !reflect.DeepEqual(one, p) || !reflect.DeepEqual(p, m.parties[p.ID]) {
			t.Fatalf("party %+v, want %+v", p, m.parties[p.ID])
		}
	}
}

func TestSameAsMap(t *testing.T) {
	t.Parallel()
	root, err := NewRootKey([32]byte{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := &sameAsMap{
			opts: Options{Dir: t.TempDir(), Model: testModel, Root: root, Reserve: 1, MemTable: minMemTable},
			now:  testTime, credentials: map[zhenni.CredentialID]zhenni.Credential{},
			rows: map[zhenni.CredentialID][]int8{}, parties: map[string]zhenni.RelyingParty{}, given: map[string]zhenni.TenantID{},
		}
		var err error
		if m.store, err = Open(m.opts); err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = m.store.Close() }()
		m.fill(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"": m.Check, "Apply": m.Apply, "Reopen": m.Reopen, "Snapshot": m.Snapshot, "Lose": m.Lose,
		})
	})
}
