package meter

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
)

// The environment variable that makes this test binary the process to be killed, with the file.
const childFile = "ZHENNI_METER_TEST_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		keepForEver(path)
	}
	os.Exit(m.Run())
}

const childNames = 100

// keepForEver counts up under a hundred names, from four goroutines, and writes to standard output what it has kept.
func keepForEver(path string) {
	s, err := Open(Options{Path: path, Beat: make(chan time.Time)})
	if err != nil {
		panic(err)
	}
	kept := make(chan [2]uint32, 64)
	for worker := range uint32(4) {
		go func() {
			for n := uint32(1); ; n++ {
				for name := worker; name < childNames; name += 4 {
					if err := s.Keep(fmt.Sprint("name-", name), []int64{int64(n), -int64(n)}); err != nil {
						panic(err)
					}
					kept <- [2]uint32{name, n}
				}
			}
		}()
	}
	out := bufio.NewWriterSize(os.Stdout, 8)
	for k := range kept {
		if err := binary.Write(out, binary.LittleEndian, k); err != nil {
			os.Exit(0)
		}
	}
}

// What Keep has returned from is there after kill -9, whole and of one moment.
//
// FAULTS: S1
func TestKilledProcessHasKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meter")
	for round, after := range []int{1, 150, 20_000} {
		want := killAfter(t, path, after)
		s := open(t, path)
		for name, n := range want {
			got := s.Kept(fmt.Sprint("name-", name))
			if len(got) != 2 || got[0] != -got[1] || got[0] < int64(n) {
				t.Errorf("round %d: %d has %v, kept were %d", round, name, got, n)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter kills a process that keeps numbers, and returns the last it told of, by name.
func killAfter(t *testing.T, path string, after int) map[uint32]uint32 {
	t.Helper()
	_ = os.Remove(path)
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), childFile+"="+path), os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	last, in := map[uint32]uint32{}, bufio.NewReader(pipe)
	for n := 1; ; n++ {
		var k [2]uint32
		if binary.Read(in, binary.LittleEndian, &k) != nil {
			break
		}
		if last[k[0]] = k[1]; n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	return last
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(Options{Path: path, Beat: make(chan time.Time)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func keep(t testing.TB, s *Store, name string, numbers ...int64) {
	t.Helper()
	if err := s.Keep(name, numbers); err != nil {
		t.Fatal(err)
	}
}

func TestKeptReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meter")
	longest := strings.Repeat("n", maxName)
	for _, path := range []string{path, ""} {
		s := open(t, path)
		keep(t, s, "a", 1, -2, 1<<62)
		keep(t, s, longest, make([]int64, maxNumbers)...)
		keep(t, s, "a", 4)
		for i := range 3 * growth {
			keep(t, s, fmt.Sprint(i), int64(i))
		}
		for range 2 {
			if got := s.Kept("a"); !slices.Equal(got, []int64{4}) {
				t.Errorf("%q: %v", path, got)
			}
			if got := s.Kept("100"); !slices.Equal(got, []int64{100}) || len(s.Kept(longest)) != maxNumbers || s.Kept("none") != nil {
				t.Errorf("%q: %v, %v, %v", path, got, s.Kept(longest), s.Kept("none"))
			}
			if path == "" {
				break
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, path)
		}
	}
}

func TestBoundsAndErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meter")
	s := open(t, path)
	for name, numbers := range map[string]int{"": 1, strings.Repeat("n", maxName+1): 1, "many": maxNumbers + 1} {
		if err := s.Keep(name, make([]int64, numbers)); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q, %d numbers: %v", name, numbers, err)
		}
	}
	keep(t, s, "known")
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"known", "new"} {
		if err := s.Keep(name, nil); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("closed, %s: %v", name, err)
		}
	}
	newer := append([]byte("zhenni meter 2\n"), make([]byte, 1024)...)
	for want, content := range map[error][]byte{
		zhenni.ErrCorrupt: bytes.Repeat([]byte("x"), 1024), zhenni.ErrFormat: newer,
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Options{Path: path}); !errors.Is(err, want) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%v, want %v, and what to do", err, want)
		}
	}
	if _, err := Open(Options{Path: t.TempDir()}); err == nil {
		t.Error("a folder is opened as a file")
	}
}

// Damage costs the place it is in, which the log says; a tail that is not whole was never used.
//
// FAULTS: S3 S4
func TestDamageCostsOnePlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meter")
	s := open(t, path)
	keep(t, s, "first", 1)
	keep(t, s, "second", 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range placeSize {
		damaged := bytes.Clone(whole)
		damaged[placeSize+at] ^= 1 << (at % 8)
		wantKept(t, path, damaged, nil, []int64{2}, "damaged")
	}
	wantKept(t, path, whole[:len(whole)-100], []int64{1}, []int64{2}, "")
	wantKept(t, path, whole[:2*placeSize+7], []int64{1}, nil, "")
	wantKept(t, path, whole[:9], nil, nil, "cut short")
	twice := bytes.Clone(whole)
	copy(twice[2*placeSize:], twice[placeSize:2*placeSize])
	wantKept(t, path, twice, []int64{1}, nil, "damaged")
}

// wantKept opens a file of some content, wants what is left of it, and uses a place of it again.
func wantKept(t *testing.T, path string, content []byte, first, second []int64, said string) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := Open(Options{Path: path, Beat: make(chan time.Time), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Kept("first"), first) || !slices.Equal(s.Kept("second"), second) || (said != "") != strings.Contains(log.String(), "not known any more") {
		t.Errorf("%v and %v, want %v and %v: %s", s.Kept("first"), s.Kept("second"), first, second, log.String())
	}
	keep(t, s, "third", 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if !slices.Equal(s.Kept("third"), []int64{3}) {
		t.Errorf("%v", s.Kept("third"))
	}
	_ = s.Close()
}

// What was changed is synced at the next beat, once.
func TestChangesAreSynced(t *testing.T) {
	beat := make(chan time.Time)
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "meter"), Beat: beat})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, s, "a", 1)
	beat <- time.Time{}
	beat <- time.Time{} // taken once the first was worked off
	if s.dirty.Load() {
		t.Error("not synced")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestKeepingAllocatesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "meter"))
	numbers := make([]int64, maxNumbers)
	if n := testing.AllocsPerRun(100, func() { keep(t, s, "party", numbers...) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrentNames(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "meter"))
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for n := range 200 {
				keep(t, s, fmt.Sprint(worker, "-", n%20), int64(n))
			}
		})
	}
	all.Wait()
	for worker := range 8 {
		if got := s.Kept(fmt.Sprint(worker, "-", 19)); !slices.Equal(got, []int64{199}) {
			t.Errorf("%d: %v", worker, got)
		}
	}
}

func BenchmarkKeep(b *testing.B) {
	for _, n := range []int{4, 33} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "meter"))
			numbers := make([]int64, n)
			for b.Loop() {
				keep(b, s, "window/front-desk", numbers...)
			}
		})
	}
}

// No content makes Open panic, or gives out numbers that nobody kept.
func FuzzFile(f *testing.F) {
	var p place
	p.numbers = []int64{1, 2}
	p.encode("quota/desk")
	head := make([]byte, placeSize)
	copy(head, magic)
	f.Add(append(head, p.image[:]...))
	f.Add(head)
	f.Add([]byte{})
	path := filepath.Join(f.TempDir(), "meter")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{Path: path, Beat: make(chan time.Time), Logger: slog.New(slog.DiscardHandler)})
		if errors.Is(err, zhenni.ErrFormat) || errors.Is(err, zhenni.ErrCorrupt) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range s.places {
			q := place{numbers: p.numbers}
			q.encode(name)
			if !bytes.Contains(content, q.image[:]) {
				t.Errorf("%q was never kept", name)
			}
		}
		keep(t, s, "next", 7)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
