package nonce

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// testNow is in the middle of a segment.
var testNow = time.Unix(1_700_000_005, 0)

func testOptions(dir string) Options {
	return Options{Dir: dir, Boot: "this boot", Fresh: true, Now: testNow, Logger: slog.New(slog.DiscardHandler)}
}

func openTest(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func digestOf(n int) (d [16]byte) {
	binary.LittleEndian.PutUint64(d[:], uint64(n)+1)
	return d
}

// remember takes a request signed at now that is good for a minute.
func remember(s *Store, n int, now time.Time) error {
	return s.Remember(digestOf(n), now, now.Add(time.Minute), now)
}

// FAULTS: A9
func TestTakenOnce(t *testing.T) {
	for name, dir := range map[string]string{"files": t.TempDir(), "memory": ""} {
		s := openTest(t, testOptions(dir))
		if err := remember(s, 1, testNow); err != nil {
			t.Fatal(name, err)
		}
		for _, later := range []time.Duration{0, time.Second, 59 * time.Second} {
			err := s.Remember(digestOf(1), testNow, testNow.Add(time.Minute), testNow.Add(later))
			if !errors.Is(err, zhenni.ErrReplayed) {
				t.Errorf("%s: after %v: %v", name, later, err)
			}
		}
		if err := remember(s, 2, testNow); err != nil || s.Len() != 2 {
			t.Errorf("%s: another: %v, %d held", name, err, s.Len())
		}
	}
}

// FAULTS: A10
func TestOneOfManyAtOnce(t *testing.T) {
	s := openTest(t, testOptions(t.TempDir()))
	for round := range 50 {
		var wins, replays atomic.Int32
		var wait sync.WaitGroup
		begin := make(chan struct{})
		for range 64 {
			wait.Go(func() {
				<-begin
				switch err := remember(s, round, testNow.Add(time.Duration(round)*time.Second)); {
				case err == nil:
					wins.Add(1)
				case errors.Is(err, zhenni.ErrReplayed):
					replays.Add(1)
				}
			})
		}
		close(begin)
		if wait.Wait(); wins.Load() != 1 || replays.Load() != 63 {
			t.Fatalf("round %d: %d taken, %d replays", round, wins.Load(), replays.Load())
		}
	}
}

// A full segment refuses what is new and still knows what it has.
//
// FAULTS: O10
func TestFullRefusesWhatIsNew(t *testing.T) {
	o := testOptions(t.TempDir())
	o.Capacity = 10
	s := openTest(t, o)
	for n := range 10 {
		if err := remember(s, n, testNow); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := remember(s, 10, testNow); !errors.Is(err, zhenni.ErrOverloaded) {
			t.Errorf("one more: %v", err)
		}
	}
	for n := range 10 {
		if err := remember(s, n, testNow); !errors.Is(err, zhenni.ErrReplayed) {
			t.Errorf("digest %d: %v", n, err)
		}
	}
	if err := remember(s, 10, testNow.Add(span*time.Second)); err != nil {
		t.Errorf("in the next ten seconds: %v", err)
	}
}

// The process is gone without a word, and the next one knows what it took and refuses nothing good.
//
// FAULTS: A11
func TestOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	for start := range 4 {
		now := testNow.Add(time.Duration(start) * 7 * time.Second)
		o := testOptions(dir)
		o.Now, o.Fresh = now, start == 0
		s, err := Open(o) // and never closed
		if err != nil {
			t.Fatal(err)
		}
		for n := range start * 100 {
			created := testNow.Add(time.Duration(n/100) * 7 * time.Second)
			if err := s.Remember(digestOf(n), created, created.Add(time.Minute), now); !errors.Is(err, zhenni.ErrReplayed) {
				t.Fatalf("start %d: digest %d: %v", start, n, err)
			}
		}
		for n := start * 100; n < start*100+100; n++ {
			if err := remember(s, n, now); err != nil {
				t.Fatalf("start %d: a good one: %v", start, err)
			}
		}
	}
}

// What may have come before is refused where that can not be known, for seconds, and again after a second restart.
//
// FAULTS: A11
func TestUnknownPastIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"another boot":  func(o *Options) { o.Boot = "another boot" },
		"no boot":       func(o *Options) { o.Boot = "" },
		"missing file":  func(o *Options) { _ = os.Remove(filepath.Join(o.Dir, "3")) },
		"empty file":    func(o *Options) { _ = os.WriteFile(filepath.Join(o.Dir, "3"), nil, 0o600) },
		"missing files": func(o *Options) { _ = os.RemoveAll(o.Dir) },
		"memory only":   func(o *Options) { o.Dir = "" },
	} {
		o := testOptions(filepath.Join(t.TempDir(), "nonces"))
		first := openTest(t, o)
		if err := remember(first, 1, testNow); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		o.Fresh, o.Now, o.Logger = false, testNow.Add(time.Second), slog.New(slog.NewTextHandler(&log, nil))
		spoil(&o)
		for restart := range 2 {
			s := openTest(t, o)
			at := o.Now.Add(maxAhead)
			for _, created := range []time.Time{testNow, o.Now, o.Now.Add(maxAhead)} {
				if err := s.Remember(digestOf(1), created, created.Add(time.Minute), at); !errors.Is(err, zhenni.ErrUnavailable) {
					t.Errorf("%s: restart %d: created %v: %v", name, restart, created.Sub(testNow), err)
				}
			}
			if err := remember(s, 10+restart, at.Add(2*time.Second)); restart == 0 && err != nil {
				t.Errorf("%s: a good one, seconds later: %v", name, err)
			}
		}
		if !strings.Contains(log.String(), "not known") {
			t.Errorf("%s: the log does not say it: %s", name, log.String())
		}
	}
}

// Wherever a file is damaged, nothing that was taken is taken again.
//
// FAULTS: A11
func TestDamageIsNoReplay(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, testOptions(dir))
	for n := range 3 {
		if err := remember(s, n, testNow); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, string('0'+byte(testNow.Add(time.Minute).Unix()/span%held)))
	whole, err := os.ReadFile(path)
	if err != nil || len(whole) != headerSize+3*entrySize {
		t.Fatal(len(whole), err)
	}
	damaged := [][]byte{whole[:len(whole)-1], append(bytes.Clone(whole), 1)}
	for i := 0; i < len(whole); i += 3 {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		damaged = append(damaged, flipped)
	}
	for i, content := range damaged {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		again := copyOf(t, dir)
		o := testOptions(again)
		o.Fresh = false
		next := openTest(t, o)
		for n := range 3 {
			if err := remember(next, n, testNow); err == nil {
				t.Fatalf("damage %d: digest %d is taken again", i, n)
			}
		}
	}
}

// copyOf copies the files of a folder into another.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// A place that was given out when the process was killed is skipped; it is no damage.
func TestHolesAreNoDamage(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, testOptions(dir))
	if err := remember(s, 1, testNow); err != nil {
		t.Fatal(err)
	}
	g := s.segments[testNow.Add(time.Minute).Unix()/span%held]
	g.count.Add(2)
	if err := remember(s, 2, testNow); err != nil {
		t.Fatal(err)
	}
	o := testOptions(dir)
	o.Fresh = false
	next := openTest(t, o)
	for _, n := range []int{1, 2} {
		if err := remember(next, n, testNow); !errors.Is(err, zhenni.ErrReplayed) {
			t.Errorf("digest %d: %v", n, err)
		}
	}
	if err := remember(next, 3, testNow); err != nil || next.Len() != 5 {
		t.Errorf("%v, %d places", err, next.Len())
	}
}

// A clock that steps back meets times that are forgotten: they are refused until it is where it was, also by the next
// process.
//
// FAULTS: C13 R11
func TestClockStepsBack(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, testOptions(dir))
	if err := remember(s, 1, testNow); err != nil {
		t.Fatal(err)
	}
	ahead := testNow.Add(time.Hour)
	if err := remember(s, 2, ahead); err != nil {
		t.Fatal(err)
	}
	o := testOptions(dir)
	o.Fresh = false
	for name, store := range map[string]*Store{"the same process": s, "the next": openTest(t, o)} {
		for n, at := range []time.Time{testNow, testNow.Add(time.Second), ahead.Add(-2 * time.Minute)} {
			if err := remember(store, 1+10*n, at); !errors.Is(err, zhenni.ErrUnavailable) {
				t.Errorf("%s: at %v: %v", name, at.Sub(testNow), err)
			}
		}
		if err := remember(store, 2, ahead); !errors.Is(err, zhenni.ErrReplayed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := remember(s, 3, ahead.Add(-time.Second)); err != nil {
		t.Errorf("a second back, where everything is known: %v", err)
	}
}

func TestRefusesWhatIsGoodForTooLong(t *testing.T) {
	s := openTest(t, testOptions(""))
	for _, until := range []time.Duration{maxLeft + time.Second, 1000 * time.Hour} {
		if err := s.Remember(digestOf(1), testNow, testNow.Add(until), testNow); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%v: %v", until, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := remember(s, 1, testNow); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
	for _, o := range []Options{{}, {Now: testNow, Capacity: -1}, {Now: testNow, Capacity: 1<<24 + 1}} {
		if _, err := Open(o); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// A body may come so slowly that the signature of its head has ended by then. It counts once all the same, for as long as
// it can be known.
func TestTakenOnceThoughLate(t *testing.T) {
	s := openTest(t, testOptions(""))
	late := func(after time.Duration) error {
		return s.Remember(digestOf(1), testNow, testNow.Add(time.Minute), testNow.Add(after))
	}
	if err := late(70 * time.Second); err != nil {
		t.Error(err)
	}
	if err := late(70 * time.Second); !errors.Is(err, zhenni.ErrReplayed) {
		t.Error(err)
	}
	if err := remember(s, 2, testNow.Add(held*span*time.Second)); err != nil {
		t.Error(err)
	}
	if err := late(91 * time.Second); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("when it is forgotten: %v", err)
	}
}

// What comes too late for what is remembered is no clock that is behind: the log has that of a clock alone.
//
// FAULTS: C13
func TestLateIsNotBehind(t *testing.T) {
	var log bytes.Buffer
	o := testOptions("")
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := openTest(t, o)
	now := testNow.Add(30 * time.Second)
	if err := remember(s, 1, now); err != nil {
		t.Fatal(err)
	}
	if err := s.Remember(digestOf(2), testNow.Add(-time.Minute), testNow, now); !errors.Is(err, zhenni.ErrUnavailable) || log.Len() > 0 {
		t.Errorf("a body of 30 s: %v, %s", err, &log)
	}
	for range 2 {
		if err := remember(s, 3, now.Add(-time.Hour)); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Error(err)
		}
	}
	if n := strings.Count(log.String(), "the clock is behind"); n != 1 {
		t.Errorf("the log has it %d times: %s", n, &log)
	}
}

// While a file is made for the next ten seconds, as on a disk that stalls, those that are there go on.
func TestMakingASegmentStopsNobody(t *testing.T) {
	s := openTest(t, testOptions(t.TempDir()))
	if err := remember(s, 1, testNow); err != nil {
		t.Fatal(err)
	}
	s.making.Lock()
	turned := make(chan error)
	go func() { turned <- remember(s, 2, testNow.Add(span*time.Second)) }()
	for n := range 100 {
		if err := remember(s, 10+n, testNow); err != nil {
			t.Fatal(err)
		}
	}
	s.making.Unlock()
	if err := <-turned; err != nil || s.Len() != 102 {
		t.Errorf("%v, %d held", err, s.Len())
	}
}

// The file of the next ten seconds is there before they are, under another name; where the clock jumps over them, others are
// made.
func TestNextFileIsReady(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, testOptions(dir))
	for n, jump := range []int64{0, 1, 2, 20, 21, 29, 30, 1000} {
		now := testNow.Add(time.Duration(jump*span) * time.Second)
		if err := remember(s, n, now); err != nil {
			t.Fatal(err)
		}
		next := (s.newest + 1) % held
		content, err := os.ReadFile(s.files.next(int(next)))
		h, _, ok := readHeader(content)
		if err != nil || !ok || h.number != s.newest+1 || len(content) != headerSize {
			t.Errorf("after %d segments: %+v, %v", jump, h, err)
		}
		o := testOptions(copyOf(t, dir))
		o.Fresh, o.Now = false, now
		again := openTest(t, o)
		if err := remember(again, n, now); !errors.Is(err, zhenni.ErrReplayed) {
			t.Errorf("after %d segments: %v", jump, err)
		}
	}
}

// Whatever the order of requests, times and restarts, nothing is taken twice, and what is new and in time is taken.
//
// FAULTS: A9 A11
func TestSameAsASet(t *testing.T) {
	if err := flag.Set("rapid.checks", "40"); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		o := testOptions(filepath.Join(root, strconv.Itoa(round)))
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		taken, now := map[[16]byte]bool{}, testNow
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				o.Now, o.Fresh = now, false
				if s, err = Open(o); err != nil {
					t.Fatal(err)
				}
			case 1:
				now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "pass")) * time.Second)
			default:
				// The moment of a signature is part of what it signs: the same digest has the same time.
				ago := rapid.IntRange(-5, 60).Draw(t, "ago")
				created := now.Add(-time.Duration(ago) * time.Second)
				digest := digestOf(int(created.Unix())*3 + rapid.IntRange(0, 2).Draw(t, "which"))
				err := s.Remember(digest, created, created.Add(time.Minute), now)
				if want := taken[digest]; want != errors.Is(err, zhenni.ErrReplayed) || !want && err != nil {
					t.Fatalf("taken before: %v, %v", want, err)
				}
				taken[digest] = true
			}
		}
	})
}

func TestRememberingAllocatesNothing(t *testing.T) {
	s := openTest(t, testOptions(t.TempDir()))
	for n := range 1 << 14 { // room in every set
		if err := remember(s, n, testNow); err != nil {
			t.Fatal(err)
		}
	}
	if err := remember(s, 0, testNow.Add(held*span*time.Second)); err != nil { // the same memory again
		t.Fatal(err)
	}
	n, now := 0, testNow.Add(held*span*time.Second)
	if allocs := testing.AllocsPerRun(1000, func() {
		n++
		if err := remember(s, n, now); err != nil {
			t.Fatal(err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkRemember(b *testing.B) {
	o := testOptions(b.TempDir())
	o.Capacity = 1 << 24
	s := openTest(b, o)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			if err := remember(s, int(i), testNow.Add(time.Duration(i>>18)*span*time.Second)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
