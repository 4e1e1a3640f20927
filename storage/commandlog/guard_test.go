package commandlog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"zhenni"
)

// breaking is a disk whose operation number at fails, and every later one too unless it fails once.
type breaking struct {
	at, done int
	once     bool
	what     error
}

func (b *breaking) fault(operation string) error {
	b.done++
	if b.done == b.at || b.done > b.at && b.at > 0 && !b.once {
		return fmt.Errorf("%s: %w", operation, b.what)
	}
	return nil
}

// workOn opens a log on a breaking disk, proposes entries and snapshots, and returns what was acknowledged.
func workOn(t *testing.T, dir string, disk *breaking) (acknowledged []string) {
	t.Helper()
	m := new(tally)
	l, err := OpenFaulty(dir, m, slog.New(slog.DiscardHandler), disk.fault)
	if err != nil {
		return nil
	}
	defer func() {
		if err := l.Close(); errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("operation %d: the log does not end: %v", disk.at, err)
		}
	}()
	if err := l.Start(0); err != nil {
		return nil
	}
	for n := range 8 {
		text := fmt.Sprint("entry ", n)
		switch _, err := l.Propose(t.Context(), []byte(text)); {
		case err == nil:
			acknowledged = append(acknowledged, text)
		case !errors.Is(err, zhenni.ErrUnavailable):
			t.Errorf("operation %d: %v, want ErrUnavailable", disk.at, err)
		}
		if n == 4 {
			_ = l.Snapshot() // whether it can be taken is the disk's
		}
	}
	return acknowledged
}

// Every operation on the disk fails once, or from then on, and the process goes on: what was acknowledged is there when
// the log is opened again, in order, and what was not is either there or not.
//
// FAULTS: S8 S9
func TestFailingDiskLosesNothingAndEndsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("opens some hundred logs")
	}
	counted := new(breaking)
	workOn(t, t.TempDir(), counted)
	for at := 1; at <= counted.done+2; at++ {
		disk := &breaking{at: at, once: at%2 == 0, what: []error{syscall.EIO, syscall.ENOSPC}[at%3%2]}
		dir := t.TempDir()
		acknowledged := workOn(t, dir, disk)
		m := new(tally)
		l, err := Open(dir, m, slog.New(slog.DiscardHandler))
		if err == nil {
			err = errors.Join(l.Start(0), l.Close())
		}
		if err != nil {
			t.Errorf("operation %d of %d: the log does not open again: %v", at, counted.done, err)
			continue
		}
		if len(m.entries) < len(acknowledged) || !slices.Equal(m.entries[:len(acknowledged)], acknowledged) {
			t.Errorf("operation %d of %d: %q acknowledged, %q found", at, counted.done, acknowledged, m.entries)
		}
	}
}

// The term that Raft saves to elect itself is one of those operations; Raft ends the process over it.
//
// FAULTS: S9
func TestTermThatIsNotSavedStopsTheLogOnly(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, new(tally))
	propose(t, l, "a")
	closeLog(t, l)
	fault := func(operation string) error {
		if operation == "catalog" {
			return syscall.EIO
		}
		return nil
	}
	l, err := OpenFaulty(dir, new(tally), slog.New(slog.DiscardHandler), fault)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(0); !errors.Is(err, zhenni.ErrUnavailable) || !errors.Is(err, syscall.EIO) {
		t.Errorf("%v, want ErrUnavailable for EIO", err)
	}
	closeLog(t, l)
}

// Behind the first failure nothing reaches the disk, whoever asks.
//
// FAULTS: S9
func TestNothingIsWrittenAfterAFailure(t *testing.T) {
	disk := new(breaking)
	l, err := OpenFaulty(t.TempDir(), new(tally), slog.New(slog.DiscardHandler), disk.fault)
	if err != nil {
		t.Fatal(err)
	}
	defer closeLog(t, l)
	_ = l.disk.fail(syscall.EIO)
	before := disk.done
	for what, err := range map[string]error{
		"an entry":     l.disk.StoreLog(&raft.Log{Index: 1, Term: 1}),
		"a truncation": l.disk.DeleteRange(1, 1),
		"a value":      l.disk.Set([]byte("key"), []byte("value")),
	} {
		if !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", what, err)
		}
	}
	if disk.done != before {
		t.Errorf("the disk was asked %d times", disk.done-before)
	}
}

// A failed append is not tried again, not even by Raft: the disk answers once more, and nothing more is taken.
//
// FAULTS: S9
func TestFailedAppendLatches(t *testing.T) {
	disk := &breaking{once: true, what: syscall.EIO}
	dir := t.TempDir()
	l, err := OpenFaulty(dir, new(tally), slog.New(slog.DiscardHandler), disk.fault)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(0); err != nil {
		t.Fatal(err)
	}
	propose(t, l, "a")
	disk.at = disk.done + 2 // the sync of the next append
	for range 3 {
		if _, err := l.Propose(t.Context(), []byte("b")); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	}
	select {
	case <-l.Failed():
	case <-time.After(5 * time.Second):
		t.Error("the log does not say that it failed")
	}
	select {
	case <-l.disk.over:
	case <-time.After(5 * time.Second):
		t.Error("Raft was not told to end")
	}
	closeLog(t, l)
}

// FAULTS: S4 S5
func TestLookedAtLogIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, new(tally))
	propose(t, l, "a", "b")
	if err := l.Snapshot(); err != nil {
		t.Fatal(err)
	}
	propose(t, l, "c")
	closeLog(t, l)
	before := contents(t, dir)
	l, err := OpenReadOnly(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	first, last, err := l.Extent()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	if err := l.Entries(first, last, func(e Entry) error {
		if e.Command() {
			texts = append(texts, string(e.Data))
		}
		return nil
	}); err != nil || fmt.Sprint(texts) != "[c]" {
		t.Errorf("%q, %v; want c", texts, err)
	}
	snapshot, err := l.OpenSnapshot()
	if err != nil || snapshot.Index != l.SnapshotIndex() {
		t.Errorf("%+v, %v", snapshot, err)
	}
	_ = snapshot.Close()
	closeLog(t, l)
	if !bytes.Equal(contents(t, dir), before) {
		t.Error("the folder was changed")
	}
	if _, err := OpenReadOnly(t.TempDir(), slog.New(slog.DiscardHandler)); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("no log: %v, want ErrNotFound", err)
	}
}

// contents is every file of a folder with its name.
func contents(t *testing.T, dir string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all = append(append(all, path...), content...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSeededLogOpens(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	l := start(t, from, new(tally))
	propose(t, l, "a", "b")
	if err := l.Snapshot(); err != nil {
		t.Fatal(err)
	}
	propose(t, l, "c", "d")
	seed, err := NewSeed(to, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := l.OpenSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	first, last, err := l.Extent()
	if err := errors.Join(err, seed.Snapshot(snapshot.Index, snapshot.Term, snapshot), snapshot.Close(),
		l.Entries(first, last, seed.Append), seed.Close()); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	m := new(tally)
	l = start(t, to, m)
	propose(t, l, "e")
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(m.entries, want) {
		t.Errorf("%q, want %q", m.entries, want)
	}
}
