package audit

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"zhenni"
)

func openChanges(t testing.TB, l *Log, s Secrets) *Changes {
	t.Helper()
	c, err := OpenChanges(l, s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testChanges(n int) []zhenni.Change {
	changes := make([]zhenni.Change, n)
	for i := range changes {
		changes[i] = zhenni.Change{
			At: testStart, Tenant: 7, Credential: zhenni.CredentialID{byte(i)}, Status: zhenni.StatusActive, Generation: 1,
		}
	}
	return changes
}

// Every change of a commit has a leaf whose opening can be made again, and the newest commit is found after a reopening,
// also where its note is lost or behind, and where its entry was deleted.
//
// FAULTS: C10 S4 S5
func TestChangesAreFoundAgain(t *testing.T) {
	disk := newMemory()
	s := openSecrets(t, disk)
	o := Options{Files: disk, Signer: s.Signer, Key: s.Key, Queue: 1024, Segment: 64 << 10, Beat: make(chan time.Time)}
	l := openLog(t, o)
	c := openChanges(t, l, s)
	if err := c.Record(1, testChanges(3)); err != nil {
		t.Fatal(err)
	}
	behind := bytes.Clone(disk.cached[changesFile])
	if err := c.Record(2, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Record(2, nil); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a commit twice: %v", err)
	}
	if _, err := l.Append(t.Context(), []Leaf{{Kind: KindVerification, At: testStart}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Publish(t.Context()), c.Ready()); err != nil {
		t.Fatal(err)
	}
	entry, err := l.Entry(1)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ParseLeaf(entry)
	if err != nil || leaf.Number != 1 || leaf.Kind != KindChange {
		t.Fatalf("%+v, %v", leaf, err)
	}
	if opening := c.Opening(1, 1, testChanges(3)[1]); opening.Commitment() != leaf.Hash {
		t.Error("the opening is of another leaf")
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(copyOf(disk.cached), Keys{Log: s.Key}); err != nil || !r.OK() || r.Size != 5 {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, note := range map[string][]byte{
		"as it was": bytes.Clone(disk.cached[changesFile]), "behind": behind, "lost": nil, "damaged": make([]byte, changesSize),
	} {
		files := copyOf(disk.cached)
		delete(files.cached, changesFile)
		if note != nil {
			files.cached[changesFile] = note
		}
		if name != "as it was" {
			if r, err := Verify(files, Keys{Log: s.Key}); err != nil || r.OK() {
				t.Errorf("%s: verifies: %+v, %v", name, r, err)
			}
		}
		o.Files = files
		if c := openChanges(t, openLog(t, o), s); c.Recorded() != 2 {
			t.Errorf("%s: commit %d", name, c.Recorded())
		}
	}
}

// A log put back as it was earlier, beside the newest note, has lost changes.
//
// FAULTS: S6
func TestChangesOfALogPutBack(t *testing.T) {
	disk := newMemory()
	s := openSecrets(t, disk)
	o := Options{Files: disk, Signer: s.Signer, Key: s.Key, Queue: 1024, Segment: 64 << 10, Beat: make(chan time.Time)}
	var earlier *memory
	for commit := range uint64(2) {
		l := openLog(t, o)
		c := openChanges(t, l, s)
		if err := errors.Join(c.Record(commit+1, nil), c.Close(), l.Close()); err != nil {
			t.Fatal(err)
		}
		if earlier == nil {
			earlier = copyOf(disk.cached)
		}
	}
	earlier.cached[changesFile] = disk.cached[changesFile]
	o.Files = earlier
	if _, err := OpenChanges(openLog(t, o), s); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("without its last change: %v, want ErrCorrupt", err)
	}
}

// FAULTS: S5
func TestChangesBelowWhatWasDeleted(t *testing.T) {
	disk := newMemory()
	s := openSecrets(t, disk)
	o := Options{Files: disk, Signer: s.Signer, Key: s.Key, Queue: 1024, Segment: 64 << 10, Beat: make(chan time.Time)}
	l := openLog(t, o)
	c := openChanges(t, l, s)
	if err := c.Record(5, nil); err != nil {
		t.Fatal(err)
	}
	verifications := make([]Leaf, 600)
	for i := range verifications {
		verifications[i] = Leaf{Kind: KindVerification, At: testStart}
	}
	if _, err := l.Append(t.Context(), verifications); err != nil {
		t.Fatal(err)
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if below, err := l.Prune(600); err != nil || below != 512 {
		t.Fatal(below, err)
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(disk, Keys{Log: s.Key}); err != nil || !r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	o.Files = copyOf(disk.cached)
	if c := openChanges(t, openLog(t, o), s); c.Recorded() != 5 {
		t.Errorf("commit %d", c.Recorded())
	}
	lost := copyOf(disk.cached)
	delete(lost.cached, changesFile)
	o.Files = lost
	if _, err := OpenChanges(openLog(t, o), s); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("without the note: %v", err)
	}
}

// A change that the store made waits for room in the queue; a stalled disk is told.
//
// FAULTS: O8 S11
func TestChangesWaitForTheDisk(t *testing.T) {
	disk := newMemory()
	syncing, release := make(chan struct{}, 1), make(chan struct{})
	hold := false
	disk.beforeSync = func() error {
		if hold {
			syncing <- struct{}{}
			<-release
		}
		return nil
	}
	s := openSecrets(t, disk)
	l := openLog(t, Options{Files: disk, Signer: s.Signer, Key: s.Key, Queue: 8, Segment: 64 << 10, Beat: make(chan time.Time)})
	c := openChanges(t, l, s)
	hold = true
	answers := make(chan error, 3)
	verification := []Leaf{{Kind: KindVerification, At: testStart}}
	go func() { _, err := l.Append(t.Context(), verification); answers <- err }()
	<-syncing
	full := make([]Leaf, 8)
	for i := range full {
		full[i] = verification[0]
	}
	g, _, err := l.enqueue(full, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), verification); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("a full queue: %v", err)
	}
	if l.Stall() == 0 {
		t.Error("the stall is not seen")
	}
	go func() { answers <- c.Record(1, testChanges(3)) }()
	close(release)
	go func() {
		for range syncing {
		}
	}()
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	<-g.done
	if c.Recorded() != 1 {
		t.Error("not recorded")
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	close(syncing)
}

// A disk that is nearly full takes no verification and readies no change, but the change that the store has made; with room
// again, everything.
//
// FAULTS: S8
func TestNothingIsTakenWithoutRoom(t *testing.T) {
	disk, beat := newMemory(), make(chan time.Time)
	s := openSecrets(t, disk)
	full := errors.New("the disk is full")
	asked := full
	l := openLog(t, Options{
		Files: disk, Signer: s.Signer, Key: s.Key, Queue: 64, Segment: 64 << 10, Beat: beat, Room: func() error { return asked },
	})
	c := openChanges(t, l, s)
	verification := []Leaf{{Kind: KindVerification, At: testStart}}
	if _, err := l.Append(t.Context(), verification); !errors.Is(err, zhenni.ErrUnavailable) || !errors.Is(err, zhenni.ErrNoRoom) || !errors.Is(err, full) {
		t.Errorf("a verification: %v", err)
	}
	if err := c.Ready(); !errors.Is(err, zhenni.ErrNoRoom) {
		t.Errorf("ready: %v", err)
	}
	if err := c.Record(1, nil); err != nil {
		t.Errorf("a change that was made: %v", err)
	}
	asked = nil
	beat <- testStart
	beat <- testStart // the first is done with when the second is taken
	if _, err := l.Append(t.Context(), verification); err != nil || c.Ready() != nil {
		t.Errorf("with room again: %v, %v", err, c.Ready())
	}
}

// A commit of 512 changes: their openings, leaves and one group on a disk in memory.
func BenchmarkRecord(b *testing.B) {
	disk := newMemory()
	s := openSecrets(b, disk)
	l := openLog(b, Options{Files: disk, Signer: s.Signer, Key: s.Key, Queue: 1024, Segment: 64 << 10, Beat: make(chan time.Time)})
	c := openChanges(b, l, s)
	changes := testChanges(512)
	for b.Loop() {
		if err := c.Record(c.Recorded()+1, changes); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(changes)), "ns/change")
}
