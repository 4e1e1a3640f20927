package commandlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zhenni"
)

// tally is a machine that keeps every entry it applied. It forgets on demand, as a lost view would.
type tally struct {
	entries  []string
	at       uint64
	restored int
	fresh    bool
	spoil    bool // snapshots do not verify
}

var errRefused = errors.New("refused")

func (m *tally) Inspect(_ uint64, entry []byte) error {
	if bytes.Equal(entry, []byte("bad")) {
		return zhenni.ErrCorrupt
	}
	return nil
}

func (m *tally) Check(entry []byte) error { return m.Inspect(0, entry) }

func (m *tally) Apply(index uint64, entry []byte) error {
	if index <= m.at {
		return nil
	}
	m.at, m.fresh = index, true
	switch string(entry) {
	case "refuse":
		return errRefused
	case "panic":
		panic("here")
	}
	m.entries = append(m.entries, string(entry))
	return nil
}

func (m *tally) Snapshot() (Snapshot, error) {
	if !m.fresh {
		return nil, ErrNothingNew
	}
	m.fresh = false
	out := binary.LittleEndian.AppendUint64(nil, m.at)
	return frozen(append(out, bytes.Join(asBytes(m.entries), []byte("\n"))...)), nil
}

func asBytes(texts []string) (all [][]byte) {
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

func (m *tally) VerifySnapshot(r io.Reader) error {
	if _, err := io.ReadAll(r); err != nil || m.spoil {
		return errors.Join(zhenni.ErrCorrupt, err)
	}
	return nil
}

func (m *tally) Restore(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.at, m.entries = binary.LittleEndian.Uint64(b), nil
	for text := range bytes.SplitSeq(b[8:], []byte("\n")) {
		m.entries = append(m.entries, string(text))
	}
	m.restored++
	return nil
}

type frozen []byte

func (f frozen) Write(w io.Writer) error { _, err := w.Write(f); return err }
func (f frozen) Release()                {}

func start(t *testing.T, dir string, m *tally) *Log {
	t.Helper()
	l, err := Open(dir, m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(m.at); err != nil {
		t.Fatal(errors.Join(err, l.Close()))
	}
	t.Cleanup(func() { _ = l.Close() }) // most tests have closed it
	return l
}

func propose(t *testing.T, l *Log, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if _, err := l.Propose(context.Background(), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEntriesComeBackInOrder(t *testing.T) {
	dir, kept := t.TempDir(), new(tally)
	l := start(t, dir, kept)
	propose(t, l, "a", "b", "c")
	closeLog(t, l)
	l = start(t, dir, kept)
	propose(t, l, "d")
	closeLog(t, l)
	lost := new(tally)
	closeLog(t, start(t, dir, lost))
	for name, m := range map[string]*tally{"kept": kept, "lost": lost} {
		if want := []string{"a", "b", "c", "d"}; !slices.Equal(m.entries, want) {
			t.Errorf("%s: %q, want %q", name, m.entries, want)
		}
	}
}

func TestSnapshotCutsTheLog(t *testing.T) {
	dir, kept := t.TempDir(), new(tally)
	l := start(t, dir, kept)
	propose(t, l, "a", "b")
	for range 2 { // the second has nothing new
		if err := l.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	propose(t, l, "c")
	closeLog(t, l)
	lost := new(tally)
	l = start(t, dir, lost)
	if l.first <= 2 || l.SnapshotIndex() == 0 || lost.restored != 1 || fmt.Sprint(lost.entries) != "[a b c]" {
		t.Errorf("log from %d, snapshot to %d, %d restored, %q", l.first, l.SnapshotIndex(), lost.restored, lost.entries)
	}
	closeLog(t, l)
	l = start(t, dir, kept)
	if kept.restored != 0 {
		t.Error("a machine that has everything was restored")
	}
	closeLog(t, l)
	if err := os.RemoveAll(filepath.Join(dir, "snapshots")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, new(tally), slog.New(slog.DiscardHandler)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a cut log without its snapshot: %v, want ErrCorrupt", err)
	}
}

func TestUnverifiedSnapshotCutsNothing(t *testing.T) {
	dir, m := t.TempDir(), &tally{spoil: true}
	l := start(t, dir, m)
	propose(t, l, "a", "b")
	if err := l.Snapshot(); err == nil {
		t.Error("a snapshot that does not verify is taken")
	}
	closeLog(t, l)
	lost := new(tally)
	if l = start(t, dir, lost); l.SnapshotIndex() != 0 || fmt.Sprint(lost.entries) != "[a b]" {
		t.Errorf("snapshot to %d, %q", l.SnapshotIndex(), lost.entries)
	}
}

func TestRefusalIsTheAnswerAndStopsNothing(t *testing.T) {
	m := new(tally)
	l := start(t, t.TempDir(), m)
	if _, err := l.Propose(t.Context(), []byte("refuse")); !errors.Is(err, errRefused) {
		t.Errorf("%v, want the machine's refusal", err)
	}
	propose(t, l, "a")
}

// FAULTS: S18
func TestPanicStopsTheLogNotTheProcess(t *testing.T) {
	m := new(tally)
	l := start(t, t.TempDir(), m)
	for _, text := range []string{"panic", "a"} {
		if _, err := l.Propose(t.Context(), []byte(text)); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", text, err)
		}
	}
	if len(m.entries) != 0 {
		t.Errorf("applied after a panic: %q", m.entries)
	}
}

func TestProposeBounds(t *testing.T) {
	l := start(t, t.TempDir(), new(tally))
	if _, err := l.Propose(t.Context(), make([]byte, MaxEntry+1)); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("too long: %v, want ErrBadValue", err)
	}
	closeLog(t, l)
	if _, err := l.Propose(t.Context(), []byte("a")); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("closed: %v, want ErrUnavailable", err)
	}
}

// FAULTS: S3 S4 S5
func TestDamagedCatalogIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, new(tally))
	propose(t, l, "a")
	closeLog(t, l)
	path := filepath.Join(dir, catalogFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string) {
		if _, err := Open(dir, new(tally), slog.New(slog.DiscardHandler)); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", what, err)
		}
	}
	for at := range whole {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(fmt.Sprintf("byte %d changed", at))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refused("lost")
	if segments, err := filepath.Glob(filepath.Join(dir, "*.wal")); err != nil || len(segments) != 1 {
		t.Errorf("%d segments are left, %v", len(segments), err)
	}
}

// FuzzCatalog feeds catalogs to their parser, which must only not fail badly.
func FuzzCatalog(f *testing.F) {
	f.Add([]byte("00\n{}"))
	f.Add([]byte("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if page, err := parseCatalog(b); err == nil && page.Stable == nil {
			t.Error("a catalog without room for Raft")
		}
	})
}

// FAULTS: S3
func TestDamagedLogIsRefusedOrCut(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, new(tally))
	for n := range 20 {
		propose(t, l, fmt.Sprintf("entry %02d", n))
	}
	closeLog(t, l)
	segments, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < 1200; at += 101 {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		if err := os.WriteFile(segments[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		m := new(tally)
		l, err := Open(dir, m, slog.New(slog.DiscardHandler))
		if err != nil {
			if !errors.Is(err, zhenni.ErrCorrupt) {
				t.Errorf("byte %d: %v, want ErrCorrupt", at, err)
			}
			continue
		}
		_ = l.Close()
	}
}
