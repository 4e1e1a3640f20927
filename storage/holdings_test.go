package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
	"zhenni/storage/keyfile"
)

// reissues are so many credentials of one subject, each in the place of the one before.
func reissues(t testing.TB, n int) (all []zhenni.Enrol) {
	for i := 1; i <= n; i++ {
		e := testIssue(t, i)
		if i > 1 {
			e.Subject, e.NameTag, e.Issue, e.Replaces = all[0].Subject, all[0].NameTag, zhenni.IssueByCard, all[i-2].ID
		}
		all = append(all, e)
	}
	return all
}

// holds expects the credentials of a subject, in any order.
func holds(t *testing.T, s *Store, of zhenni.Enrol, want ...zhenni.CredentialID) {
	t.Helper()
	ids, err := s.SubjectCredentials(t.Context(), of.Tenant, of.Subject)
	byID := func(a, b zhenni.CredentialID) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(ids, byID)
	want = slices.Clone(want)
	slices.SortFunc(want, byID)
	if err != nil || !slices.Equal(ids, want) {
		t.Errorf("%v, %v, want %v", ids, err, want)
	}
}

func erasureOfIssue(e zhenni.Enrol) zhenni.Erase {
	return zhenni.Erase{ID: e.ID, Tenant: e.Tenant, At: testTime.Add(time.Hour)}
}

// A subject's credentials are found whatever became of them, until each is erased; over a restart, and by no other tenant.
//
// FAULTS: C14 Z1
func TestCredentialsOfASubject(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	all := reissues(t, 4)
	holds(t, s, all[0])
	for _, e := range all {
		mustApply(t, s, e)
	}
	mustApply(t, s, testIssue(t, 9), zhenni.ChangeStatus{ID: all[3].ID, Tenant: all[3].Tenant, To: zhenni.StatusRevoked, At: testTime})
	holds(t, s, all[0], all[0].ID, all[1].ID, all[2].ID, all[3].ID)
	mustApply(t, s, erasureOfIssue(all[1]), erasureOfIssue(all[3]))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	holds(t, s, all[0], all[0].ID, all[2].ID)
	other := all[0]
	other.Tenant = 8
	holds(t, s, other)
	after := testIssue(t, 10) // nobody's place: the last one is erased
	after.Subject = all[0].Subject
	mustApply(t, s, after)
	holds(t, s, all[0], all[0].ID, all[2].ID, after.ID)
	mustApply(t, s, erasureOfIssue(after), erasureOfIssue(all[0]), erasureOfIssue(all[2]), erasureOfIssue(all[2]))
	holds(t, s, all[0])
	if r := checked(t, closed(t, s, opts)); !r.OK() {
		t.Errorf("%+v", r.Problems)
	}
}

// closed closes a store and returns what opens it again.
func closed(t *testing.T, s *Store, opts Options) Options {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return opts
}

// Once all credentials of a person are erased, no template and no person of any of them opens from log, snapshot, tables or a
// backup with the keys that are left, whatever became of the credential before; with the key file of before they do.
//
// FAULTS: C14 S16
func TestAPersonErasedWholeOpensFromNowhere(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	all, stranger := reissues(t, 4), testIssue(t, 9)
	var people [][]byte
	mustApply(t, s, stranger)
	for i, e := range all {
		mustApply(t, s, e)
		_, body := statusAt(t, s, e.ID)
		if people = append(people, body); i > 0 {
			_, body := statusAt(t, s, all[i-1].ID) // superseded
			people = append(people, body)
		}
	}
	early := crashClone(t, opts.Dir) // log and memtable
	remove(t, early, keysFile)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, zhenni.ChangeStatus{ID: all[3].ID, Tenant: all[3].Tenant, To: zhenni.StatusRevoked, At: testTime})
	_, body := statusAt(t, s, all[3].ID)
	people = append(people, body)
	backup := crashClone(t, closed(t, s, opts).Dir) // snapshot and table
	oldKeys := filepath.Join(t.TempDir(), "keys")
	if err := os.Rename(filepath.Join(backup, keysFile), oldKeys); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	ids, err := s.SubjectCredentials(t.Context(), all[0].Tenant, all[0].Subject)
	if err != nil || len(ids) != len(all) {
		t.Fatalf("%v, %v", ids, err)
	}
	for _, id := range ids {
		mustApply(t, s, zhenni.Erase{ID: id, Tenant: all[0].Tenant, At: testTime.Add(time.Hour)})
	}
	old, err := keyfile.Open(oldKeys, s.label.keysID(), s.keys.file, true)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for _, e := range all {
		for _, dir := range []string{opts.Dir, early, backup} {
			if n := templatesIn(t, dir, s, s.vault.keys, e.ID); n != 0 {
				t.Errorf("the template of %s opens from %d records", e.ID, n)
			}
			if n := templatesIn(t, dir, s, old, e.ID); n == 0 {
				t.Errorf("with the old key file the template of %s opens from none: the search finds nothing", e.ID)
			}
		}
	}
	if n := templatesIn(t, opts.Dir, s, s.vault.keys, stranger.ID); n == 0 {
		t.Error("another person's template does not open")
	}
	statusOpens(t, s, all, people)
}

// statusOpens expects statuses to open to nobody.
func statusOpens(t *testing.T, s *Store, all []zhenni.Enrol, bodies [][]byte) {
	t.Helper()
	for i, body := range bodies {
		sealed := 0
		for _, e := range all {
			st, err := decodeStatus(e.ID, header{tenant: e.Tenant, generation: 1}, body)
			if err != nil || st.sealed == (sealedPerson{}) || tells(body, e) {
				t.Fatalf("status %d: %v", i, err)
			}
			if _, err := s.person(*s.ring.Load(), st, nil, new(scratch)); errors.Is(err, zhenni.ErrCorrupt) {
				sealed++
			}
		}
		if sealed != len(all) {
			t.Errorf("status %d opens to a person", i)
		}
	}
}

// oldSubject puts the record of a subject as a store without the index wrote it.
func oldSubject(t *testing.T, s *Store, of zhenni.Enrol, last zhenni.CredentialID) {
	t.Helper()
	key := s.subjectKey(of.Tenant, of.Subject)
	value, err := s.vault.seal(s.keys.system, 0, 0, key, last[:], new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.seize(); err != nil {
		t.Fatal(err)
	}
	defer s.resume()
	if err := s.commitRecords([]record{{key, value}}); err != nil {
		t.Fatal(err)
	}
}

// Of a store from before the index the earlier credentials are found by a walk, before and after the next issue; a walk that does
// not end in time says so.
func TestCredentialsFromBeforeTheIndex(t *testing.T) {
	s := openStore(t, testOptions(t))
	all := reissues(t, 3)
	mustApply(t, s, all[0], all[1], testIssue(t, 9))
	oldSubject(t, s, all[0], all[1].ID)
	if c, err := s.Subject(all[0].Tenant, all[0].Subject); err != nil || c.ID != all[1].ID {
		t.Fatalf("the last one: %+v, %v", c, err)
	}
	holds(t, s, all[0], all[0].ID, all[1].ID)
	mustApply(t, s, all[2])
	holds(t, s, all[0], all[0].ID, all[1].ID, all[2].ID)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if ids, err := s.SubjectCredentials(ended, all[0].Tenant, all[0].Subject); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("out of time: %v, %v", ids, err)
	}
	mustApply(t, s, erasureOfIssue(all[0]), erasureOfIssue(all[1]), erasureOfIssue(all[2]))
	holds(t, s, all[0])
}

// What a subject holds reads back, and is bounded.
func TestHoldings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, ids := holdings{known: true}, []zhenni.CredentialID(nil)
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			if len(ids) > 0 && rapid.Bool().Draw(t, "erased") {
				at := rapid.IntRange(0, len(ids)-1).Draw(t, "which")
				next, was := h.without(ids[at])
				if !was {
					t.Fatalf("%s is not held", ids[at])
				}
				h, ids = next, slices.Delete(ids, at, at+1)
			} else {
				id := zhenni.CredentialID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
				if id == (zhenni.CredentialID{}) || slices.Contains(ids, id) {
					continue
				}
				next, err := h.with(id)
				if err != nil {
					t.Fatal(err)
				}
				h, ids = next, append([]zhenni.CredentialID{id}, ids...)
			}
			again, err := decodeHoldings(h.append(nil))
			if err != nil || again.last != h.last || again.known != h.known || !slices.Equal(again.all(), ids) {
				t.Fatalf("%+v, %v, want %v", again, err, ids)
			}
		}
	})
	full := holdings{last: testID(1), earlier: make([]zhenni.CredentialID, maxEarlier)}
	if _, err := full.with(testID(2)); !errors.Is(err, zhenni.ErrIllegalChange) {
		t.Errorf("beyond the bound: %v", err)
	}
	if _, err := decodeHoldings(full.append(nil)); err != nil {
		t.Errorf("at the bound: %v", err)
	}
	for _, size := range []int{0, 1, 15, 18, 32, 17 + 16*(maxEarlier+1)} {
		if _, err := decodeHoldings(make([]byte, size)); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := decodeHoldings(append([]byte{2}, make([]byte, 16)...)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("another flag: %v", err)
	}
}
