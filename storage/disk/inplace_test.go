package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is written where, and by which way, the file reads as a copy in memory does; what goes through is there for
// everybody at once.
func TestInPlaceIsAFile(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		const size = 16 * Sector
		path := filepath.Join(dir, "file")
		want := make([]byte, size)
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenInPlace(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for range rapid.IntRange(1, 8).Draw(t, "writes") {
			at := rapid.IntRange(0, size-1).Draw(t, "at")
			n := rapid.IntRange(0, size-at).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "sectors") {
				at, n = at/Sector*Sector, n/Sector*Sector
			}
			b := append(Grow(nil, n), bytes.Repeat([]byte{rapid.Byte().Draw(t, "value")}, n)...)
			if rapid.Bool().Draw(t, "through") {
				err = f.Through(b, int64(at))
			} else {
				_, err = f.WriteAt(b, int64(at))
			}
			if err != nil {
				t.Fatal(err)
			}
			copy(want[at:], b)
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes at %d: %v", n, at, err)
			}
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	})
}

// openZeros opens a new file of zeros.
func openZeros(t testing.TB, size int) *InPlace {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenInPlace(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A file that can not be written to says so, on both ways.
func TestThroughFails(t *testing.T) {
	f := openZeros(t, Sector)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{Grow(nil, Sector)[:Sector], {1}} {
		if f.Through(b, 0) == nil {
			t.Errorf("%d bytes went through a closed file", len(b))
		}
	}
	if _, err := OpenInPlace(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("an absent file was opened")
	}
}

func TestGrowKeepsContentAndAligns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b, want []byte
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			more := rapid.SliceOfN(rapid.Byte(), 0, 3*Sector).Draw(t, "more")
			b, want = append(Grow(b, len(more)), more...), append(want, more...)
			if !bytes.Equal(b, want) {
				t.Fatal("the content changed")
			}
			if whole := b[:len(b)/Sector*Sector]; len(whole) > 0 && !aligned(whole) {
				t.Fatal("not aligned")
			}
		}
	})
}

func TestRoundUp(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: Sector, Sector: Sector, Sector + 1: 2 * Sector} {
		if got := RoundUp(n); got != want {
			t.Errorf("RoundUp(%d) = %d, want %d", n, got, want)
		}
	}
}

// BenchmarkThrough writes a group of a ledger durably, around the page cache and by it: the floor of an answer.
func BenchmarkThrough(b *testing.B) {
	for name, group := range map[string][]byte{"direct": Grow(nil, 4*Sector)[:3*Sector], "cached": Grow(nil, 4*Sector)[1 : 3*Sector+1]} {
		b.Run(name, func(b *testing.B) {
			const size = 1 << 20
			f := openZeros(b, size)
			defer f.Close()
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				if err := f.Through(group, int64(i*len(group)%(size-len(group))/Sector*Sector)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A file is filled with what it was given, whatever the size and the memory.
func TestFill(t *testing.T) {
	large := Grow(nil, 2*fillDirect)[:2*fillDirect]
	for i := range large {
		large[i] = byte(i / Sector)
	}
	for name, content := range map[string][]byte{
		"empty": {}, "small": large[:10], "large": large, "not in sectors": large[:fillDirect+1], "not aligned": large[1 : fillDirect+1],
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(Fill(f, content), f.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes for %d, %v", name, len(got), len(content), err)
		}
	}
}

// A file is cleared up to the size given, in pieces.
func TestClear(t *testing.T) {
	for size, want := range map[int64]int{0: 0, Sector: 1, piece: 1, 2*piece + Sector: 3} {
		b, pieces := bytes.Repeat([]byte{1}, 3*piece), 0
		err := Clear(func(zeros []byte, at int64) error {
			pieces++
			if !aligned(zeros) {
				t.Error("not in sectors")
			}
			copy(b[at:], zeros)
			return nil
		}, size)
		if err != nil || pieces != want || bytes.Count(b, []byte{0}) != int(size) || bytes.IndexByte(b, 1) != int(size) {
			t.Errorf("%d bytes: %d pieces, %d zeros, %v", size, pieces, bytes.Count(b, []byte{0}), err)
		}
	}
	broken := errors.New("input/output error")
	if err := Clear(func([]byte, int64) error { return broken }, 4*piece); !errors.Is(err, broken) {
		t.Error(err)
	}
}
