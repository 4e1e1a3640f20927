package ledger

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/version2 anew")

// tried is a decision that counted failed attempts.
func tried(counts ...zhenni.AttemptCount) zhenni.Decision {
	d := batch(max(2, len(counts)), "tried")
	d.Attempts = counts
	return d
}

func count(who, total, version int) zhenni.AttemptCount {
	return zhenni.AttemptCount{
		Credential: testID(who), Lane: zhenni.Lane(who % 2),
		Attempts: zhenni.Attempts{Streak: uint16(total % 7), Total: uint16(total), At: 5, Eased: 4, Version: uint64(version)},
	}
}

// counts are what a ledger knows of attempts, without those that came to be clear.
func counts(l *Ledger) map[zhenni.CredentialID]zhenni.AttemptCount {
	all := map[zhenni.CredentialID]zhenni.AttemptCount{}
	for c := range l.Attempts {
		if !c.Clear() {
			all[c.Credential] = c
		}
	}
	return all
}

func wantCounts(t testing.TB, l *Ledger, want ...zhenni.AttemptCount) {
	t.Helper()
	all := map[zhenni.CredentialID]zhenni.AttemptCount{}
	for _, c := range want {
		all[c.Credential] = c
	}
	if got := counts(l); !maps.Equal(got, all) {
		t.Errorf("the counts are %v, want %v", got, all)
	}
}

// Counts that were answered are there after a close and after the end of the process; what was not settled is not, and of
// two the newer is, whichever came first.
//
// FAULTS: B1
func TestCountsAreKept(t *testing.T) {
	log := &fakeLog{}
	o := small(t.TempDir(), log)
	l := mustOpen(t, o)
	settle(t, l, request("t-1"), tried(count(1, 3, 30), count(2, 1, 31)))
	settle(t, l, request("t-2"), tried(count(1, 2, 20), count(3, 4, 32))) // decided before the other
	settle(t, l, request("t-3"), tried(count(2, 0, 40)))
	settle(t, l, request("t-4"), tried(count(2, 1, 31)))
	want := []zhenni.AttemptCount{count(1, 3, 30), count(3, 4, 32)}
	wantCounts(t, l, want...)
	refused := zhenni.ErrOverloaded
	log.set(func() error { return refused })
	r := request("t-5")
	if _, err := l.Begin(r); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), r, tried(count(1, 50, 99))); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	log.set(nil)
	for _, end := range []func(*Ledger){kill, func(l *Ledger) { _ = l.Close() }, kill} {
		end(l)
		l = mustOpen(t, o)
		wantCounts(t, l, want...)
	}
}

// What the segments had that are dropped while others are written is known when the process ends.
func TestCountsOutliveTheirSegment(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	l := mustOpen(t, o)
	settle(t, l, request("t-1"), tried(count(1, 3, 30), count(3, 4, 32)))
	for n := 0; l.writer.number < 9; n++ {
		settle(t, l, request("later-"+name(n)), single("a"))
	}
	kill(l)
	if _, err := os.Stat(filepath.Join(o.Dir, numbered(segmentDir, 1))); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the first segment is still there")
	}
	wantCounts(t, mustOpen(t, o), count(1, 3, 30), count(3, 4, 32))
}

// A record whose leaf the log does not have was never answered, and counts nothing.
func TestCountsWithoutALeaf(t *testing.T) {
	log := &fakeLog{}
	o := small(t.TempDir(), log)
	l := mustOpen(t, o)
	settle(t, l, request("t-1"), tried(count(1, 3, 30)))
	settle(t, l, request("t-2"), tried(count(1, 4, 40)))
	kill(l)
	log.leaves = log.leaves[:1]
	wantCounts(t, mustOpen(t, o), count(1, 3, 30))
}

// The file of counts is made again from what was answered, or the ledger does not open.
//
// FAULTS: S3 S6
func TestLostCountsAreNotForgotten(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"damaged": func(path string) error {
			b, err := os.ReadFile(path)
			if err == nil {
				b[len(b)/2] ^= 1
				err = os.WriteFile(path, b, 0o600)
			}
			return err
		},
		"cut":   func(path string) error { return os.Truncate(path, 50) },
		"empty": func(path string) error { return os.Truncate(path, 0) },
		"lost":  os.Remove,
	} {
		for _, segments := range []uint32{2, 9} {
			o := small(t.TempDir(), &fakeLog{})
			l := mustOpen(t, o)
			settle(t, l, request("t-1"), tried(count(1, 3, 30)))
			for n := 0; l.writer.number < segments; n++ {
				settle(t, l, request("later-"+name+"-"+string(rune('a'+n%26))+string(rune('a'+n/26))), single("a"))
			}
			if err := errors.Join(l.Close(), spoil(filepath.Join(o.Dir, countsFile))); err != nil {
				t.Fatal(err)
			}
			if segments == 2 {
				l = mustOpen(t, o)
				wantCounts(t, l, count(1, 3, 30))
				continue
			}
			if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Errorf("%s, with segments dropped: %v", name, err)
			}
			o.AcceptLoss = true
			wantCounts(t, mustOpen(t, o))
		}
	}
}

// A segment that is missing with its counts is a loss, even where its index says what transactions were in it.
func TestCountsOfAMissingSegment(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	l := mustOpen(t, o)
	settle(t, l, request("t-1"), tried(count(1, 3, 30)))
	if err := errors.Join(l.Close(), os.Remove(filepath.Join(o.Dir, numbered(segmentDir, 1))), os.Remove(filepath.Join(o.Dir, countsFile))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Error(err)
	}
}

// No file shows whose attempts were counted.
func TestCountsAreSealed(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	l := mustOpen(t, o)
	c := count(1, 3, 30)
	c.Credential = zhenni.CredentialID([]byte("canary-canary-ca"))
	settle(t, l, request("t-1"), tried(c))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, c.Credential[:]) {
			t.Errorf("%s shows a credential", d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMoreCountsThanItemsAreRefused(t *testing.T) {
	l := mustOpen(t, small(t.TempDir(), &fakeLog{}))
	r, d := request("t-1"), single("a")
	d.Attempts = []zhenni.AttemptCount{count(1, 1, 1), count(2, 1, 2)}
	if _, err := l.Begin(r); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), r, d); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
}

// Any run of settlements, ends and reopenings against a map of the newest. Counts may be settled in another order than they
// were made in.
func TestCountsSameAsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "zhenni-ledger-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		o := small(dir, &fakeLog{})
		l, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		model, version := map[zhenni.CredentialID]zhenni.AttemptCount{}, 100
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				l, err = Open(o)
			case 1:
				kill(l)
				l, err = Open(o)
			default:
				var some []zhenni.AttemptCount
				for range rapid.IntRange(0, 40).Draw(t, "counts") {
					version += 3
					back := rapid.IntRange(0, 60).Draw(t, "how old")
					c := count(rapid.IntRange(0, 4).Draw(t, "who"), rapid.IntRange(0, 3).Draw(t, "total"), version-back-back%3)
					some = append(some, c)
					if c.Version > model[c.Credential].Version {
						model[c.Credential] = c
					}
				}
				r, d := request(name(i)), tried(some...)
				if _, err = l.Begin(r); err == nil {
					_, err = l.Settle(t.Context(), r, d)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(model)
			maps.DeleteFunc(want, func(_ zhenni.CredentialID, c zhenni.AttemptCount) bool { return c.Clear() })
			if got := counts(l); !maps.Equal(got, want) {
				t.Fatalf("the counts are %v, want %v", got, want)
			}
		}
	})
}

// Clearings are remembered for as long as an older count may follow, and not in any number.
func TestClearingsAreBounded(t *testing.T) {
	c, clock := counted{}, newClock()
	c.make(Options{Counts: 10, Now: clock.Now})
	for i := range 2 * clearedMost {
		clear := count(i, 0, 7)
		c.add(&clear, clock.Now())
	}
	if len(c.cleared) != clearedMost {
		t.Errorf("%d clearings are remembered", len(c.cleared))
	}
	clock.advance(clearedKeep + time.Second)
	if _, n := c.encode(nil); n != 0 || len(c.cleared) != 0 {
		t.Errorf("%d clearings are written, %d kept", n, len(c.cleared))
	}
}

// Ledgers of every version are read, and go on: version 1 has no counts.
func TestVersionsAreRead(t *testing.T) {
	if *rewrite {
		writeVersion(t, filepath.Join("testdata", "version2"))
	}
	for version, want := range map[string][]zhenni.AttemptCount{"version1": nil, "version2": {count(1, 3, 30), count(3, 4, 32)}} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", version))); err != nil {
			t.Fatal(err)
		}
		log := &fakeLog{}
		leaves, err := os.ReadFile(filepath.Join(dir, "leaves"))
		for ; len(leaves) > 0; leaves = leaves[1+leaves[0]:] {
			log.leaves = append(log.leaves, leaves[1:1+leaves[0]])
		}
		o := small(dir, log)
		l, more := Open(o)
		if err := errors.Join(err, more); err != nil {
			t.Fatal(version, err)
		}
		for i, answer := range []string{"a", "b", "c"} {
			if a, err := l.Begin(request(name(i + 1))); err != nil || a == nil || string(a.Answer) != answer {
				t.Errorf("%s: transaction %d: %+v, %v", version, i+1, a, err)
			}
		}
		wantCounts(t, l, want...)
		settle(t, l, request("t-4"), tried(count(5, 5, 50)))
		kill(l)
		l = mustOpen(t, o)
		wantCounts(t, l, append(slices.Clone(want), count(5, 5, 50))...)
	}
}

// writeVersion writes the ledger that a later build is to read.
func writeVersion(t *testing.T, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	log := &fakeLog{}
	o := small(dir, log)
	l := mustOpen(t, o)
	d := single("a")
	d.Attempts = []zhenni.AttemptCount{count(1, 3, 30)}
	settle(t, l, request("t-1"), d)
	d = batch(3, "b")
	d.Attempts = []zhenni.AttemptCount{count(2, 1, 31), count(3, 4, 32), count(2, 0, 33)}
	settle(t, l, request("t-2"), d)
	_ = l.Close()
	l = mustOpen(t, o)
	settle(t, l, request("t-3"), single("c"))
	_ = l.Close()
	var leaves []byte
	for _, leaf := range log.leaves {
		leaves = append(append(leaves, byte(len(leaf))), leaf...)
	}
	if err := os.WriteFile(filepath.Join(dir, "leaves"), leaves, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, info := range infos(t, o) { // what is behind the last group is zeros
		path := filepath.Join(dir, segmentDir, info.Name())
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.Truncate(path, int64(len(bytes.TrimRight(b, "\x00"))+align-1)/align*align)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
