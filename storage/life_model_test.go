package storage

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// lifeModel is a store beside maps that live by the table of the root package alone. Small ranges make commands meet.
type lifeModel struct {
	opts        Options
	store       *Store
	now         time.Time
	credentials map[zhenni.CredentialID]zhenni.Credential
	rows        map[zhenni.CredentialID][]int8
	last        map[person]zhenni.CredentialID
	keys        []zhenni.PublicKey
}

// person is a subject as one tenant knows it.
type person struct {
	tenant  zhenni.TenantID
	subject zhenni.SubjectHandle
}

func (m *lifeModel) drawIssue(t *rapid.T) zhenni.Enrol {
	e := testEnrol(rapid.IntRange(0, 3).Draw(t, "row"))
	e.ID, e.Tenant, e.At = m.drawID(t), zhenni.TenantID(rapid.IntRange(1, 2).Draw(t, "tenant")), m.now
	e.Level = zhenni.Level(rapid.IntRange(1, 2).Draw(t, "level"))
	e.Subject = zhenni.SubjectHandle{byte(rapid.IntRange(1, 2).Draw(t, "subject")), 0xaa}
	e.NameTag, e.Region, e.Device = zhenni.NameTag{1}, 330100, m.drawKey(t)
	e.Issue = zhenni.Issue(rapid.IntRange(0, 2).Draw(t, "issue"))
	if rapid.Bool().Draw(t, "ends") {
		e.ValidUntil = m.now.Add(time.Duration(rapid.IntRange(2, 60).Draw(t, "until")) * time.Second)
	}
	if live := m.credentials[m.last[person{e.Tenant, e.Subject}]]; live.Live() && rapid.IntRange(0, 9).Draw(t, "knows") > 0 {
		e.Replaces = live.ID
	}
	return e
}

func (m *lifeModel) drawID(t *rapid.T) zhenni.CredentialID {
	return testID(rapid.IntRange(1, 8).Draw(t, "id"))
}

func (m *lifeModel) drawKey(t *rapid.T) zhenni.PublicKey {
	return m.keys[rapid.IntRange(0, len(m.keys)-1).Draw(t, "key")]
}

func (m *lifeModel) drawCommand(t *rapid.T) zhenni.Command {
	m.now = m.now.Add(time.Second)
	kind := rapid.IntRange(0, 9).Draw(t, "command")
	if kind < 3 {
		return m.drawIssue(t)
	}
	id := m.drawID(t)
	tenant := m.credentials[id].Tenant
	if rapid.IntRange(0, 9).Draw(t, "stranger") == 0 {
		tenant++
	}
	switch kind {
	case 3:
		return zhenni.MoveDevice{ID: id, Tenant: tenant, From: m.drawKey(t), To: m.drawKey(t), At: m.now}
	case 4:
		factors := zhenni.Factors(rapid.SampledFrom([]zhenni.Factors{1, 2, 4, 6}).Draw(t, "factors"))
		return zhenni.LockFactors{ID: id, Tenant: tenant, Factors: factors, Locked: rapid.Bool().Draw(t, "locked"), At: m.now}
	case 5:
		return zhenni.ReportLoss{ID: id, Tenant: tenant, At: m.now}
	case 6:
		until := m.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "renewed")) * time.Second)
		return zhenni.Renew{ID: id, Tenant: tenant, ValidUntil: until, At: m.now}
	case 7:
		return zhenni.Expire{ID: id, Tenant: tenant, At: m.now}
	case 8:
		return zhenni.Erase{ID: id, Tenant: tenant, At: m.now}
	}
	to := zhenni.Status(rapid.IntRange(1, 5).Draw(t, "to"))
	return zhenni.ChangeStatus{ID: id, Tenant: tenant, To: to, At: m.now}
}

// expect applies a command to the maps.
func (m *lifeModel) expect(cmd zhenni.Command) (zhenni.Credential, error) {
	type credential = zhenni.Credential
	switch c := cmd.(type) {
	case zhenni.Enrol:
		return m.expectIssue(c)
	case zhenni.ChangeStatus:
		return m.change(c.ID, c.Tenant, func(now credential) (credential, error) { return orSame(now, c.To, c.At) })
	case zhenni.Erase:
		return m.change(c.ID, c.Tenant, func(now credential) (credential, error) { return orSame(now, zhenni.StatusErased, c.At) })
	case zhenni.MoveDevice:
		return m.change(c.ID, c.Tenant, func(now credential) (credential, error) { return now.WithDevice(c.From, c.To, c.At) })
	case zhenni.LockFactors:
		if c.Factors.Validate() != nil {
			return credential{}, zhenni.ErrBadValue
		}
		return m.change(c.ID, c.Tenant, func(now credential) (credential, error) { return now.WithLock(c.Factors, c.Locked, c.At) })
	case zhenni.ReportLoss:
		return m.change(c.ID, c.Tenant, func(now credential) (credential, error) { return now.Lost(c.At) })
	case zhenni.Renew:
		return m.change(c.ID, c.Tenant, func(now credential) (credential, error) { return now.RenewedUntil(c.ValidUntil, c.At) })
	case zhenni.Expire:
		return m.change(c.ID, c.Tenant, func(now credential) (credential, error) { return now.ExpiredAt(c.At) })
	}
	panic("another command")
}

func orSame(now zhenni.Credential, to zhenni.Status, at time.Time) (zhenni.Credential, error) {
	if now.Status == to {
		return now, nil
	}
	return now.WithStatus(to, at)
}

func (m *lifeModel) change(
	id zhenni.CredentialID, tenant zhenni.TenantID, change func(zhenni.Credential) (zhenni.Credential, error),
) (zhenni.Credential, error) {
	now, ok := m.credentials[id]
	if !ok || now.Tenant != tenant {
		return zhenni.Credential{}, zhenni.ErrNotFound
	}
	next, err := change(now)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if subject := (person{tenant, now.Subject}); next.Status == zhenni.StatusErased && m.last[subject] == id {
		delete(m.last, subject)
	}
	m.credentials[id] = next
	return next, nil
}

func (m *lifeModel) expectIssue(c zhenni.Enrol) (zhenni.Credential, error) {
	if have, ok := m.credentials[c.ID]; ok {
		same := have.Tenant == c.Tenant && have.Level == c.Level && have.Subject == c.Subject && slices.Equal(m.rows[c.ID], c.Row)
		if have.Generation == 1 {
			same = same && have.Device == c.Device && have.ValidUntil.Equal(untilTime(c.ValidUntil))
		}
		if same {
			return have, nil
		}
		return zhenni.Credential{}, zhenni.ErrExists
	}
	subject := person{c.Tenant, c.Subject}
	last := m.credentials[m.last[subject]]
	if last.Live() != (c.Replaces != zhenni.CredentialID{}) || last.Live() && last.ID != c.Replaces {
		return zhenni.Credential{}, zhenni.ErrIllegalChange
	}
	next, err := last.SucceededBy(c.Issue, c.Level, c.At)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if next != last {
		m.credentials[last.ID] = next
	}
	m.last[subject], m.rows[c.ID] = c.ID, c.Row
	m.credentials[c.ID] = zhenni.Credential{
		ID: c.ID, Tenant: c.Tenant, Level: c.Level, Status: zhenni.StatusActive, Generation: 1, EnrolledAt: c.At, ChangedAt: c.At,
		Subject: c.Subject, NameTag: c.NameTag, Region: c.Region, ValidUntil: untilTime(c.ValidUntil), Device: c.Device,
	}
	return m.credentials[c.ID], nil
}

// unplaced is a credential without its place in the status lists, which the maps do not know.
func unplaced(c zhenni.Credential) zhenni.Credential {
	c.StatusIndex = 0
	return c
}

// sentinel is what of the root's errors an error is.
func sentinel(err error) error {
	for _, known := range []error{zhenni.ErrBadValue, zhenni.ErrExists, zhenni.ErrNotFound, zhenni.ErrIllegalChange} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

func (m *lifeModel) Apply(t *rapid.T) {
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
		if unplaced(results[i].Credential) != want || sentinel(results[i].Err) != sentinel(wantErr) {
			t.Fatalf("command %d, %+v: got %+v, want %+v, %v", i, cmd, results[i], want, wantErr)
		}
	}
}

func (m *lifeModel) Reopen(t *rapid.T) {
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	m.opts.Cold = Cold(rapid.Uint8Range(0, uint8(ColdNone)).Draw(t, "cold"))
	var err error
	if m.store, err = Open(m.opts); err != nil {
		t.Fatal(err)
	}
}

// Snapshot cuts the log.
func (m *lifeModel) Snapshot(t *rapid.T) {
	if err := m.store.snapshot(); err != nil {
		t.Fatal(err)
	}
}

// Rotate gives both tenants new keys.
func (m *lifeModel) Rotate(t *rapid.T) {
	for tenant := range zhenni.TenantID(2) {
		if err := m.store.RotateTenant(t.Context(), tenant+1, nil); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// Lose has the view made again.
func (m *lifeModel) Lose(t *rapid.T) {
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(m.store.path(viewDir)); err != nil {
		t.Fatal(err)
	}
	m.Reopen(t)
}

// Check compares every credential, every subject and what is due.
func (m *lifeModel) Check(t *rapid.T) {
	row := make([]int8, testModel.Dim)
	live := map[person]zhenni.CredentialID{}
	var due []zhenni.CredentialID
	for id, want := range m.credentials {
		got, err := m.store.Credential(id)
		if err != nil || unplaced(got) != want || got.StatusIndex == 0 {
			t.Fatalf("credential %s: %+v, %v; want %+v", id, got, err, want)
		}
		if want.Live() {
			live[person{want.Tenant, want.Subject}] = id
			if want.Overdue(m.now) {
				due = append(due, id)
			}
		}
		ref, err := m.store.Reference(id, row)
		if want.Status == zhenni.StatusErased && errors.Is(err, zhenni.ErrNotFound) {
			continue
		}
		if err != nil || ref.ValidUntil != untilSecond(want.ValidUntil) || ref.Locked != want.Locked.Has(testModel.Factor) {
			t.Fatalf("reference %s: %+v, %v; want %+v", id, ref, err, want)
		}
	}
	for _, tenant := range []zhenni.TenantID{1, 2} {
		for n := range 3 {
			who := person{tenant, zhenni.SubjectHandle{byte(n), 0xaa}}
			got, err := m.store.Subject(who.tenant, who.subject)
			if id, ok := live[who]; ok && (err != nil || got.ID != id) || !ok && !errors.Is(err, zhenni.ErrNotFound) {
				t.Fatalf("subject %v: %s, %v; want %s", n, got.ID, err, id)
			}
		}
	}
	if got := allDue(t, m.store, m.now, 2); !slices.Equal(sortedIDs(got), sortedIDs(due)) {
		t.Fatalf("due %v, want %v", got, due)
	}
}

func sortedIDs(ids []zhenni.CredentialID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	slices.Sort(texts)
	return texts
}

// FAULTS: C4 C8 C9
func TestLifeSameAsMap(t *testing.T) {
	t.Parallel()
	root, err := NewRootKey([32]byte{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := &lifeModel{
			opts: Options{Dir: t.TempDir(), Model: testModel, Root: root, Reserve: 1, MemTable: minMemTable},
			now:  testTime, credentials: map[zhenni.CredentialID]zhenni.Credential{},
			rows: map[zhenni.CredentialID][]int8{}, last: map[person]zhenni.CredentialID{}, keys: testDevices(t),
		}
		var err error
		if m.store, err = Open(m.opts); err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = m.store.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"": m.Check, "Apply": m.Apply, "Apply again": m.Apply, "Reopen": m.Reopen, "Snapshot": m.Snapshot, "Lose": m.Lose,
			"Rotate": m.Rotate,
		})
		if report, err := m.store.Check(t.Context(), nil); err != nil || !report.OK() {
			rt.Fatalf("%+v, %v", report, err)
		}
	})
}
