package storage

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhenni"
)

// testDevices returns no key and two keys.
func testDevices(t testing.TB) []zhenni.PublicKey {
	t.Helper()
	keys := make([]zhenni.PublicKey, 3)
	for i := range keys[1:] {
		public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
		key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, public)
		if err != nil {
			t.Fatal(err)
		}
		keys[i+1] = key
	}
	return keys
}

// testIssue is an enrolment with all that belongs to a subject.
func testIssue(t testing.TB, n int) zhenni.Enrol {
	e := testEnrol(n)
	e.Subject = zhenni.SubjectHandle(bytes.Repeat([]byte{0xd7, byte(n), 0x4b, 0x99}, 8))
	e.NameTag, e.Region = zhenni.NameTag(bytes.Repeat([]byte{0xe3, byte(n)}, 8)), 330100
	e.ValidUntil, e.Device = testTime.Add(24*time.Hour), testDevices(t)[1]
	return e
}

type tester interface {
	Helper()
	Fatal(args ...any)
}

// allDue is all that Due returns, a page at a time.
func allDue(t tester, s *Store, now time.Time, limit int) (ids []zhenni.CredentialID) {
	t.Helper()
	seen := map[zhenni.CredentialID]bool{}
	for from := 0; from < zhenni.Slots; {
		due, next, err := s.Due(now, from, limit)
		if err != nil || len(due) > limit || next < from {
			t.Fatal(len(due), next, err)
		}
		for _, c := range due {
			if !seen[c.ID] {
				ids = append(ids, c.ID)
			}
			seen[c.ID] = true
		}
		if next == from { // more is due in the slot than one page has room for
			limit *= 2
		}
		from = next
	}
	return ids
}

func goldenLife(t testing.TB) status {
	st := goldenStatus
	c := st.Credential
	c.Subject, c.NameTag, c.Region = zhenni.SubjectHandle{1, 31: 2}, zhenni.NameTag{3, 15: 4}, 330100
	c.ValidUntil, c.Device = untilTime(testTime), testDevices(t)[1]
	c.Locked, c.StatusIndex = zhenni.FactorsOf(zhenni.FactorVoice), zhenni.NewStatusIndex(1, 0x54321)
	st.form = lifeClear
	return st.with(c)
}

func TestGoldenLife(t *testing.T) {
	st := goldenLife(t)
	body := st.appendBody(nil)
	golden(t, "status-life", body)
	back, err := decodeStatus(st.ID, header{tenant: st.Tenant, generation: st.Generation}, body)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := new(Store).person(nil, back, nil, nil); err != nil || c != st.Credential {
		t.Errorf("%+v, %v", c, err)
	}
	for n := range body {
		if _, err := decodeStatus(st.ID, header{tenant: 7, generation: 5}, body[:n]); err == nil && n != statusSize {
			t.Errorf("%d of %d bytes decode", n, len(body))
		}
	}
	s := &Store{keys: storeKeys{subject: bytes.Repeat([]byte{5}, keySize)}}
	golden(t, "keys-life", append(s.subjectKey(7, st.Subject), dueKey(0x1234)...))
}

// A record of version 1 reads on, and a credential without a subject is written as one.
func TestStatusWithoutASubjectIsOfVersionOne(t *testing.T) {
	st, err := decodeStatus(goldenStatus.ID, header{tenant: 7, generation: 5}, fromGolden(t, "status"))
	if err != nil || st != goldenStatus || len(st.appendBody(nil)) != statusSize {
		t.Errorf("%+v, %v", st, err)
	}
}

// No handle, tag or key of a device is to be read from any file, nor is a handle the key of anything.
//
// FAULTS: B2
func TestSubjectIsNotReadableOnDisk(t *testing.T) {
	opts := testOptions(t)
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	e := testIssue(t, 1)
	mustApply(t, s, e)
	if err := errors.Join(s.snapshot(), s.Close()); err != nil {
		t.Fatal(err)
	}
	device := e.Device.Append(nil)
	err = filepath.WalkDir(opts.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for what, secret := range map[string][]byte{"handle": e.Subject[:16], "tag": e.NameTag[:], "device": device[1:17]} {
			if bytes.Contains(b, secret) {
				t.Errorf("%s holds the %s", path, what)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An issue that voids another is one commit with it: whatever of the log is left, one of the two is live.
//
// FAULTS: C4 C8
func TestReissueIsOneCommit(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	first := testIssue(t, 1)
	mustApply(t, s, first)
	before := s.committer.reached.sequence
	second, third := testIssue(t, 2), testIssue(t, 3)
	second.Subject, second.Issue, second.Replaces = first.Subject, zhenni.IssueByCard, first.ID
	third.Subject, third.Issue, third.Replaces = first.Subject, zhenni.IssueByCard, first.ID
	results, err := s.Apply(t.Context(), []zhenni.Command{second, third, second})
	if err != nil || results[0].Err != nil || !errors.Is(results[1].Err, zhenni.ErrIllegalChange) || results[2] != results[0] {
		t.Fatalf("%+v, %v", results, err)
	}
	if n := s.committer.reached.sequence - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	if old, err := s.Credential(first.ID); err != nil || old.Status != zhenni.StatusSuperseded {
		t.Errorf("the credential replaced: %+v, %v", old, err)
	}
	if again := mustApply(t, s, second); again[0] != results[0] {
		t.Errorf("repeated: %+v", again)
	}
	if results, err := s.Apply(t.Context(), []zhenni.Command{third}); err != nil || !errors.Is(results[0].Err, zhenni.ErrIllegalChange) {
		t.Errorf("the loser again: %+v, %v", results, err)
	}
}

// FAULTS: Z1
func TestSubjectsOfTenantsAreStrangers(t *testing.T) {
	s := openStore(t, testOptions(t))
	ours, theirs := testIssue(t, 1), testIssue(t, 1)
	theirs.ID, theirs.Tenant = testID(2), 8
	mustApply(t, s, ours, theirs)
	for _, e := range []zhenni.Enrol{ours, theirs} {
		if c, err := s.Subject(e.Tenant, e.Subject); err != nil || c.ID != e.ID {
			t.Errorf("tenant %d: %s, %v", e.Tenant, c.ID, err)
		}
	}
	if _, err := s.Subject(9, ours.Subject); !errors.Is(err, zhenni.ErrNotFound) {
		t.Error(err)
	}
	for _, cmd := range []zhenni.Command{
		zhenni.MoveDevice{ID: ours.ID, Tenant: 8, From: ours.Device, At: testTime}, zhenni.ReportLoss{ID: ours.ID, Tenant: 8},
		zhenni.LockFactors{ID: ours.ID, Tenant: 8}, zhenni.Renew{ID: ours.ID, Tenant: 8}, zhenni.Expire{ID: ours.ID, Tenant: 8},
	} {
		results, err := s.Apply(t.Context(), []zhenni.Command{cmd})
		if err != nil || !errors.Is(results[0].Err, zhenni.ErrNotFound) {
			t.Errorf("%T: %+v, %v", cmd, results, err)
		}
	}
}

// Who is erased leaves no way from the handle to the credential, and nothing of the person in its record.
func TestErasureForgetsTheSubject(t *testing.T) {
	s := openStore(t, testOptions(t))
	e := testIssue(t, 1)
	told := mustApply(t, s, e, zhenni.Erase{ID: e.ID, Tenant: e.Tenant, At: testTime})
	c, err := s.Credential(e.ID)
	if c != told[1].Credential {
		t.Errorf("told %+v, kept %+v", told[1].Credential, c)
	}
	if err != nil || !c.Subject.IsZero() || !c.NameTag.IsZero() || !c.Device.IsZero() || c.Region != 0 || c.StatusIndex == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	again := testIssue(t, 1)
	again.ID = testID(2)
	mustApply(t, s, again)
	if c, err := s.Subject(e.Tenant, e.Subject); err != nil || c.ID != again.ID {
		t.Errorf("%s, %v", c.ID, err)
	}
}

// What a subject's record is changed to by a foreign hand is found by the walk of its slot.
//
// FAULTS: C14
func TestSubjectRecordIsTallied(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	e := testIssue(t, 1)
	mustApply(t, s, e)
	old := sealedAt(t, s, s.subjectKey(e.Tenant, e.Subject))
	next := testIssue(t, 2)
	next.Subject, next.Issue, next.Replaces = e.Subject, zhenni.IssueByCard, e.ID
	mustApply(t, s, next)
	putBehind(t, s, old)
	s.doubt()
	if _, err := s.Subject(e.Tenant, e.Subject); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a subject's record put back as it was: %v", err)
	}
}

func sealedAt(t *testing.T, s *Store, key []byte) record {
	t.Helper()
	sc := scratch{key: key}
	if err := s.look(func(txn reading) error { return get(txn, &sc) }); err != nil {
		t.Fatal(err)
	}
	return record{key, sc.value}
}

// putBehind writes a record to the view behind the store's back.
func putBehind(t *testing.T, s *Store, r record) {
	t.Helper()
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	if err := errors.Join(txn.Set(r.key, r.value), txn.Commit()); err != nil {
		t.Fatal(err)
	}
}

// Nothing is due before its time; what was renewed or ended otherwise is not, and the index follows across a restart.
func TestDueIsWhatIsOverdue(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	for n := 1; n <= 3; n++ {
		mustApply(t, s, testIssue(t, n))
	}
	end := testIssue(t, 1).ValidUntil
	mustApply(t, s, zhenni.Renew{ID: testID(1), Tenant: 7, ValidUntil: end.Add(time.Hour), At: testTime},
		zhenni.ChangeStatus{ID: testID(2), Tenant: 7, To: zhenni.StatusRevoked, At: testTime})
	for range 2 {
		if due := allDue(t, s, end.Add(-time.Second), 10); due != nil {
			t.Errorf("before the end %v are due", due)
		}
		if due := allDue(t, s, end, 10); len(due) != 1 || due[0] != testID(3) {
			t.Errorf("at the end %v are due", due)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	results, err := s.Apply(t.Context(), []zhenni.Command{
		zhenni.Expire{ID: testID(3), Tenant: 7, At: end}, zhenni.Expire{ID: testID(1), Tenant: 7, At: end},
	})
	if err != nil || results[0].Credential.Status != zhenni.StatusExpired || !errors.Is(results[1].Err, zhenni.ErrIllegalChange) {
		t.Errorf("%+v, %v", results, err)
	}
	if due := allDue(t, s, end, 10); due != nil {
		t.Errorf("after the sweep %v are due", due)
	}
	if due := allDue(t, s, end.Add(time.Hour), 10); len(due) != 1 || due[0] != testID(1) {
		t.Errorf("after the renewed end %v are due", due)
	}
}

// An import takes references without a subject, as before; a backup of a store with subjects is restored with them.
//
// FAULTS: S15
func TestSubjectsAreInABackup(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	im, err := s.NewImport(t.Context(), ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := im.Add(testIssue(t, 1)); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("an import of a subject: %v", err)
	}
	if err := errors.Join(im.Add(testEnrol(9)), im.Commit()); err != nil {
		t.Fatal(err)
	}
	e := testIssue(t, 1)
	mustApply(t, s, e)
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "keys")
	if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir, KeysCopy: copied}); err != nil {
		t.Fatal(err)
	}
	restored := opts
	restored.Dir = t.TempDir()
	if _, err := Restore(t.Context(), RestoreOptions{Options: restored, From: dir, KeysCopy: copied}); err != nil {
		t.Fatal(err)
	}
	r := openStore(t, restored)
	if c, err := r.Subject(e.Tenant, e.Subject); err != nil || c.ID != e.ID || c.Device != e.Device {
		t.Errorf("%+v, %v", c, err)
	}
	if due := allDue(t, r, e.ValidUntil, 10); len(due) != 1 {
		t.Errorf("%v are due", due)
	}
}

func TestEnrolmentRefusesHalfASubject(t *testing.T) {
	s := openStore(t, testOptions(t))
	spoil := map[string]func(*zhenni.Enrol){
		"no subject":   func(e *zhenni.Enrol) { e.Subject = zhenni.SubjectHandle{} },
		"ended":        func(e *zhenni.Enrol) { e.ValidUntil = e.At },
		"other issue":  func(e *zhenni.Enrol) { e.Issue = 3 },
		"other region": func(e *zhenni.Enrol) { e.Region = 7 },
	}
	for what, edit := range spoil {
		e := testIssue(t, 1)
		edit(&e)
		results, err := s.Apply(t.Context(), []zhenni.Command{e})
		if err != nil || !errors.Is(results[0].Err, zhenni.ErrBadValue) {
			t.Errorf("%s: %+v, %v", what, results, err)
		}
	}
}

// The root that the subjects are known under is bound once, for good, and so is the pepper of each version: across an import, a
// restart and a view made anew.
//
// FAULTS: C3
func TestSecretsAreBoundOnce(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	bind := []zhenni.Command{
		zhenni.BindIdentityRoot{Check: [16]byte{1, 2}}, zhenni.BindPepper{Version: 1, Check: [16]byte{1, 4}}, zhenni.BindPepper{Version: 258, Check: [16]byte{1, 5}},
	}
	others := []zhenni.Command{
		zhenni.BindIdentityRoot{Check: [16]byte{1, 3}}, zhenni.BindPepper{Version: 1, Check: [16]byte{1, 5}}, zhenni.BindPepper{Version: 258, Check: [16]byte{1, 2}},
	}
	mustApply(t, s, bind...)
	mustApply(t, s, bind...)
	im, err := s.NewImport(t.Context(), ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(im.Add(testEnrol(9)), im.Commit()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		mustApply(t, s, bind...)
		for _, other := range others {
			if r := apply(t, s, other); !errors.Is(r.Err, zhenni.ErrWrongKey) {
				t.Errorf("%+v: %+v", other, r)
			}
		}
		if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() {
			t.Errorf("%+v, %v", report, err)
		}
		if err := errors.Join(s.Close(), os.RemoveAll(s.path(viewDir))); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}
