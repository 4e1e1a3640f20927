package storage

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/keyfile"
)

// goldenSealed is a status with what is known of its person sealed.
func goldenSealed(t testing.TB) status {
	t.Helper()
	st := goldenLife(t)
	v := vault{entropy: bytes.NewReader(bytes.Repeat([]byte{6}, nonceSize))}
	sealed, err := v.sealPerson(bytes.Repeat([]byte{8}, keySize), st.Credential, new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	st = st.nobody()
	st.place, st.sealed = 1<<33, sealed
	return st
}

func TestGoldenPerson(t *testing.T) {
	st, want := goldenSealed(t), goldenLife(t).Credential
	body := st.appendBody(nil)
	golden(t, "status-sealed", body)
	back, err := decodeStatus(st.ID, header{tenant: st.Tenant, generation: st.Generation}, body)
	if err != nil || back != st {
		t.Fatalf("%+v, %v", back, err)
	}
	key := bytes.Repeat([]byte{8}, keySize)
	if c, err := openPerson(key, &back.sealed, back.Credential); err != nil || c != want {
		t.Errorf("%+v, %v", c, err)
	}
	other := back.Credential
	other.ID[0]++
	if _, err := openPerson(key, &back.sealed, other); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a person opens in another's status: %v", err)
	}
	key[0]++
	if _, err := openPerson(key, &back.sealed, back.Credential); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a person opens under another key: %v", err)
	}
	whole := st.nobody().appendBody(nil)
	for n := range body {
		if _, err := decodeStatus(st.ID, header{tenant: 7, generation: 5}, body[:n]); err == nil && n != statusSize && n != len(whole) {
			t.Errorf("%d of %d bytes decode", n, len(body))
		}
	}
}

// statusAt is the plaintext of a status as the view has it, which is as every log, snapshot and backup of the moment has it.
func statusAt(t *testing.T, s *Store, id zhenni.CredentialID) (r record, body []byte) {
	t.Helper()
	r = sealedAt(t, s, appendStatusKey(nil, id))
	_, body, err := s.vault.open(*s.ring.Load(), r.key, r.value, new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	return r, bytes.Clone(body)
}

// tells reports whether a body has something of the person of an issue.
func tells(body []byte, e zhenni.Enrol) bool {
	return bytes.Contains(body, e.Subject[:8]) || bytes.Contains(body, e.NameTag[:8]) || bytes.Contains(body, e.Device.Append(nil)[1:9])
}

// After an erasure every status that there ever was of the credential opens to whoever has all other keys of the store: to a
// status, and to nothing of whose it was. The one of the erasure has nothing to open.
//
// FAULTS: C14 S16
func TestErasureForgetsThePersonInEveryCopy(t *testing.T) {
	s := openStore(t, testOptions(t))
	e := testIssue(t, 1)
	mustApply(t, s, e)
	before := [][]byte{}
	for _, cmd := range []zhenni.Command{
		zhenni.MoveDevice{ID: e.ID, Tenant: e.Tenant, From: e.Device, To: testDevices(t)[2], At: testTime},
		zhenni.LockFactors{ID: e.ID, Tenant: e.Tenant, Factors: zhenni.FactorsOf(zhenni.FactorFace), Locked: true, At: testTime},
		zhenni.ReportLoss{ID: e.ID, Tenant: e.Tenant, At: testTime},
	} {
		_, body := statusAt(t, s, e.ID)
		before = append(before, body)
		mustApply(t, s, cmd)
		c, err := s.Credential(e.ID)
		if err != nil || c.Subject != e.Subject || c.NameTag != e.NameTag || c.Region != e.Region || c.Device.IsZero() {
			t.Fatalf("%T: %+v, %v", cmd, c, err)
		}
	}
	_, last := statusAt(t, s, e.ID)
	before = append(before, last)
	mustApply(t, s, zhenni.Erase{ID: e.ID, Tenant: e.Tenant, At: testTime.Add(time.Hour)})
	for i, body := range before {
		st, err := decodeStatus(e.ID, header{tenant: e.Tenant, generation: zhenni.Generation(i + 1)}, body)
		if err != nil || st.sealed == (sealedPerson{}) || st.StatusIndex == 0 || tells(body, e) {
			t.Fatalf("status %d: %+v, %v", i, st, err)
		}
		if c, err := s.person(*s.ring.Load(), st, nil, new(scratch)); !errors.Is(err, zhenni.ErrCorrupt) || !samePerson(c, zhenni.Credential{}) {
			t.Errorf("status %d opens to a person after the erasure: %v", i, err)
		}
	}
	_, after := statusAt(t, s, e.ID)
	if st, err := decodeStatus(e.ID, header{tenant: e.Tenant, generation: 9}, after); err != nil || len(after) != statusSize+anonymousSize || st.place != 0 {
		t.Errorf("the status of the erasure: %+v, %v", st, err)
	}
}

// A backup from before an erasure, restored with the keys from after it, has the credential as it stood then, and nobody
// whose it was; the person may be issued another in its place.
//
// FAULTS: S15 C14
func TestARestoredBackupKnowsNobodyErased(t *testing.T) {
	s := openStore(t, testOptions(t))
	e, other := testIssue(t, 1), testIssue(t, 2)
	mustApply(t, s, e, other)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	backUp(t, s, dir)
	mustApply(t, s, zhenni.Erase{ID: e.ID, Tenant: e.Tenant, At: testTime.Add(time.Hour)})
	if _, err := s.vault.keys.Copy(keysCopy(dir), nil); err != nil {
		t.Fatal(err)
	}
	r, _ := restored(t, dir, nil)
	c, err := r.Credential(e.ID)
	if err != nil || !samePerson(c, zhenni.Credential{}) || c.Status != zhenni.StatusActive {
		t.Errorf("erased: %+v, %v", c, err)
	}
	if c, err := r.Credential(other.ID); err != nil || c.Subject != other.Subject || c.Device != other.Device {
		t.Errorf("not erased: %+v, %v", c, err)
	}
	again := e
	again.ID, again.Issue, again.Replaces = testID(3), zhenni.IssueByCard, e.ID
	mustApply(t, r, again)
	if c, err := r.Subject(e.Tenant, e.Subject); err != nil || c.ID != again.ID || c.Subject != e.Subject {
		t.Errorf("issued again: %+v, %v", c, err)
	}
}

// What is wrong with the key of a template takes the person with it, and not what a status says: the credential is suspended,
// revoked and erased as ever, and has no device.
//
// FAULTS: S14
func TestACredentialWithoutItsKeyCanBeEnded(t *testing.T) {
	s := openStore(t, testOptions(t))
	e := testIssue(t, 1)
	mustApply(t, s, e)
	damaged := keyfile.Slot{1, 2, 3}
	damaged[keyfile.SlotSize-1] = 0xff
	if err := s.vault.keys.Replace(0, &damaged); err != nil {
		t.Fatal(err)
	}
	move := zhenni.MoveDevice{ID: e.ID, Tenant: e.Tenant, To: testDevices(t)[2], At: testTime}
	if r := apply(t, s, move); r.Err == nil {
		t.Error("a credential whose person does not open takes a device")
	}
	mustApply(t, s, zhenni.ReportLoss{ID: e.ID, Tenant: e.Tenant, At: testTime})
	if c, err := s.Credential(e.ID); err != nil || c.Status != zhenni.StatusSuspended || !c.Device.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
	mustApply(t, s, zhenni.ChangeStatus{ID: e.ID, Tenant: e.Tenant, To: zhenni.StatusRevoked, At: testTime})
	if c, err := s.Credential(e.ID); err != nil || c.Status != zhenni.StatusRevoked {
		t.Errorf("%+v, %v", c, err)
	}
}

// cleared puts a status of version 2 in the place of a credential's, as an older build wrote it.
func cleared(t *testing.T, s *Store, id zhenni.CredentialID) {
	t.Helper()
	c, err := s.Credential(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.seize(); err != nil {
		t.Fatal(err)
	}
	defer s.resume()
	st := status{Credential: c, template: 1, form: lifeClear}
	r, err := s.sealStatus((*s.ring.Load())[c.Tenant], st.with(c), new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.commitRecords([]record{r}); err != nil {
		t.Fatal(err)
	}
}

// A store of an older build reads on. The first change of a status seals its person, a rotation of the tenant's key those of all.
//
// FAULTS: K7
func TestAPersonInTheClearIsSealedOnTheWay(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	changed, rotated, gone := testIssue(t, 1), testIssue(t, 2), testIssue(t, 3)
	mustApply(t, s, changed, rotated, gone)
	for _, e := range []zhenni.Enrol{changed, rotated, gone} {
		want, _ := s.Credential(e.ID)
		cleared(t, s, e.ID)
		if _, body := statusAt(t, s, e.ID); !tells(body, e) {
			t.Fatal("the person is sealed")
		}
		if c, err := s.Credential(e.ID); err != nil || c != want {
			t.Errorf("%+v, %v, want %+v", c, err, want)
		}
	}
	mustApply(t, s, zhenni.ReportLoss{ID: changed.ID, Tenant: changed.Tenant, At: testTime}, zhenni.Erase{ID: gone.ID, Tenant: gone.Tenant, At: testTime})
	if _, body := statusAt(t, s, gone.ID); tells(body, gone) {
		t.Error("the person of an erased credential is in the clear")
	}
	if err := s.RotateTenant(t.Context(), rotated.Tenant, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, e := range []zhenni.Enrol{changed, rotated} {
			if _, body := statusAt(t, s, e.ID); tells(body, e) {
				t.Error("the person is in the clear still")
			}
			if c, err := s.Credential(e.ID); err != nil || c.Subject != e.Subject || c.NameTag != e.NameTag || c.Region != e.Region || c.Device != e.Device {
				t.Errorf("%+v, %v", c, err)
			}
		}
		if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() {
			t.Errorf("%+v, %v", report, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}

// Whoever looks at a credential while it is erased sees it with its device or sees it erased: never one that stands and has none.
//
// FAULTS: C1 C7
func TestErasureIsSeenWhole(t *testing.T) {
	s := openStore(t, testOptions(t))
	e, row := testIssue(t, 1), make([]int8, testModel.Dim)
	for n := range byte(20) {
		e.ID, e.Subject = zhenni.CredentialID{1, n}, zhenni.SubjectHandle{1, n}
		mustApply(t, s, e)
		id, tenant, erased := e.ID, e.Tenant, make(chan struct{})
		go func() {
			defer close(erased)
			if _, err := s.Apply(context.Background(), []zhenni.Command{zhenni.Erase{ID: id, Tenant: tenant, At: testTime}}); err != nil {
				t.Error(err)
			}
		}()
		for over := false; !over; {
			select {
			case <-erased:
				over = true
			default:
			}
			c, err := s.Credential(id)
			if err != nil || c.Status == zhenni.StatusActive && c.Device.IsZero() {
				t.Fatalf("%+v, %v", c, err)
			}
			if r, err := s.Reference(id, row); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
				t.Fatalf("%+v, %v", r, err)
			}
		}
	}
}

// A second look settles what the first one found shut, and only that.
func TestShutIsLookedAtAgain(t *testing.T) {
	for _, first := range []bool{false, true} {
		looks := 0
		c, err := settled(func() (zhenni.Credential, bool, error) {
			looks++
			return zhenni.Credential{Generation: zhenni.Generation(looks)}, first, nil
		})
		if want := 1 + int(bit(first)); err != nil || looks != want || int(c.Generation) != want {
			t.Errorf("shut %v: %d looks, %+v, %v", first, looks, c, err)
		}
	}
}
