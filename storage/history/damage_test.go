package history

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhenni"
)

// apart is how many seconds the requests of someHistory are: so that a gap, with what may be late around it, has a few of them
// and not all.
const apart = 40

// someHistory makes a history of 30 requests, each about ten of twenty credentials, in several files: merged,
// sorted, and as they were noted.
func someHistory(t *testing.T, dir string) Options {
	t.Helper()
	c := newClock()
	o := small(dir, c)
	h := mustOpen(t, o)
	for i := range 30 {
		c.advance(apart * time.Second)
		ids, outcomes := make([]zhenni.CredentialID, 10), make([]zhenni.Outcome, 10)
		for j := range ids {
			ids[j], outcomes[j] = testID((i+j)%20), zhenni.Match
		}
		h.Note(desk("desk"), c.Now(), ids, outcomes)
		if err := h.do(context.Background(), func() { h.drain(true) }); err != nil {
			t.Fatal(err)
		}
		if i == 11 || i == 15 || i == 19 || i == 23 {
			h.settle(t)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	return o
}

// allFiles lists the files of a folder.
func allFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// checkDamaged asks about every credential: what is told is true, and what is not told is in a gap.
func checkDamaged(t *testing.T, h *History) {
	t.Helper()
	missing := 0
	for id := range 20 {
		entries, page := all(t, h, 1, testID(id), 100)
		told := map[int64]bool{}
		for _, e := range entries {
			i := int(e.At.Unix()-1_700_000_000)/apart - 1
			if told[e.At.Unix()] || (id-i%20+20)%20 >= 10 || i < 0 || i >= 30 {
				t.Fatalf("credential %d: %+v was never noted, or is told twice", id, e)
			}
			told[e.At.Unix()] = true
		}
		for i := range 30 {
			at := time.Unix(int64(1_700_000_000+(i+1)*apart), 0)
			if (id-i%20+20)%20 >= 10 || told[at.Unix()] {
				continue
			}
			if missing++; !within(page.Gaps, at) {
				t.Fatalf("credential %d: number %d is missing, and the gaps are %v", id, i, page.Gaps)
			}
		}
	}
	if missing == 300 {
		t.Fatal("one file has taken everything along")
	}
}

func within(gaps []zhenni.AskedGap, at time.Time) bool {
	for _, g := range gaps {
		if !at.Before(g.From) && !at.After(g.To) {
			return true
		}
	}
	return false
}

// Damage to any file, by a flipped bit, a cut or a removal, costs what is in it and no more; nothing untrue is told, and what
// is missing is said to be. Only a damaged state, which knows what was forgotten, refuses the folder.
//
// FAULTS: S3 S4 S5
func TestDamageIsAGap(t *testing.T) {
	model := t.TempDir()
	o := someHistory(t, model)
	names := allFiles(t, model)
	if len(names) < 4 {
		t.Fatalf("only %v", names)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 2 + damages {
			dir := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(dir, os.DirFS(model)); err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(model, name)
			damage(t, filepath.Join(dir, rel), content, n, r)
			o.Dir = dir
			h, err := Open(o)
			if filepath.Base(name) == stateFile {
				if !errors.Is(err, zhenni.ErrCorrupt) {
					t.Fatalf("a damaged state: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", rel, err)
			}
			checkDamaged(t, h)
			h.settle(t)
			checkDamaged(t, h)
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// damage removes a file, cuts it, or flips a bit in it.
func damage(t *testing.T, path string, content []byte, n int, r *rand.Rand) {
	t.Helper()
	if n == 0 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	b := append([]byte(nil), content...)
	if at := r.IntN(len(b)); n == 1 {
		b = b[:at]
	} else {
		b[at] ^= 1 << r.IntN(8)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Two files that change places do not open: each is bound to its name.
//
// FAULTS: S7 Z6
func TestSwappedFilesDoNotOpen(t *testing.T) {
	dir := t.TempDir()
	o := someHistory(t, dir)
	spans, err := list(filepath.Join(dir, indexDir))
	if err != nil || len(spans) < 2 {
		t.Fatal(spans, err)
	}
	a, b := filepath.Join(dir, indexDir, spans[0].name()), filepath.Join(dir, indexDir, spans[1].name())
	if err := errors.Join(os.Rename(a, a+".x"), os.Rename(b, a), os.Rename(a+".x", b)); err != nil {
		t.Fatal(err)
	}
	h := mustOpen(t, o)
	checkDamaged(t, h)
	if h.Stats().Damaged != 2 {
		t.Errorf("%d files are damaged, want 2", h.Stats().Damaged)
	}
}
