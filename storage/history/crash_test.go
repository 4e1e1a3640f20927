package history

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"zhenni"
)

// The test binary runs itself as the process that is killed.
const childDir = "ZHENNI_HISTORY_TEST_DIR"

const (
	crashIDs     = 50
	crashWorkers = 3
	crashItems   = 10
)

// crashItem is the credential of item j of what a worker notes i-th, and its outcome.
func crashItem(worker, i, j int) (int, zhenni.Outcome) {
	return (worker + 7*i + 3*j) % crashIDs, zhenni.Match + zhenni.Outcome((i+j)%2)
}

// noteForEver notes from three goroutines, by turns with a goroutine that has all of it made durable and then writes to
// standard output how much each has noted before. Segments are so small that they are sorted and merged all the time. The
// parent ends it.
func noteForEver(dir string) {
	o := small(dir, newClock())
	beat := make(chan time.Time)
	o.Beat = beat
	h, err := Open(o)
	if err != nil {
		panic(err)
	}
	run := h.writer.next // the writer's from the first beat on
	go func() {
		for now := range time.Tick(time.Millisecond) {
			beat <- now
		}
	}()
	turn := make(chan [crashWorkers]int)
	go func() {
		var noted [crashWorkers]int
		for {
			for worker := range crashWorkers {
				noteOne(h, run, worker, noted[worker])
				noted[worker]++
			}
			if noted[0]%10 == 0 {
				turn <- noted
			}
		}
	}()
	for noted := range turn {
		if err := h.Sync(context.Background()); err != nil {
			panic(err)
		}
		fmt.Println(run, noted[0], noted[1], noted[2])
	}
}

func noteOne(h *History, run uint32, worker, i int) {
	ids, outcomes := make([]zhenni.CredentialID, crashItems), make([]zhenni.Outcome, crashItems)
	for j := range ids {
		var id int
		id, outcomes[j] = crashItem(worker, i, j)
		ids[j] = testID(id)
	}
	who := zhenni.Asker{Tenant: 1, Party: fmt.Sprint(worker), Purpose: fmt.Sprint(run)}
	h.Note(who, time.Unix(int64(1_700_000_000+i), 0), ids, outcomes)
}

// killed runs a child until it has said n times what is durable, kills it, and returns what it said last.
func killed(t *testing.T, dir string, n int) (run uint32, noted [crashWorkers]int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, said := bufio.NewScanner(pipe), 0
	for lines.Scan() {
		if _, err := fmt.Sscan(lines.Text(), &run, &noted[0], &noted[1], &noted[2]); err != nil {
			t.Fatal(err)
		}
		if said++; said == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _ = io.Copy(io.Discard, pipe)
	_ = cmd.Wait()
	if said < n {
		t.Fatalf("the child ended by itself after %d", said)
	}
	return run, noted
}

// What was synced before a kill -9 is there after it, once and under its own credential, wherever the process was: appending,
// sorting or merging. What was not synced may be there too.
//
// FAULTS: S1
func TestSyncedSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	durable := map[string][crashWorkers]int{}
	for round := range killRounds {
		run, noted := killed(t, dir, 3+5*round%17)
		durable[fmt.Sprint(run)] = noted
		h := mustOpen(t, small(dir, newClock()))
		if round%2 == 0 {
			h.settle(t)
		}
		checkCrashed(t, h, durable)
		if h.Stats().Damaged > 0 {
			t.Error("a kill is taken for damage")
		}
		kill(h)
	}
}

// checkCrashed holds every entry against what was noted, and wants each that was durable once.
func checkCrashed(t *testing.T, h *History, durable map[string][crashWorkers]int) {
	t.Helper()
	type seen struct {
		run           string
		worker, i, id int
	}
	times := map[seen]int{}
	for id := range crashIDs {
		entries, _ := all(t, h, 1, testID(id), 97)
		for _, e := range entries {
			at := seen{run: e.Purpose, i: int(e.At.Unix() - 1_700_000_000), id: id}
			if _, err := fmt.Sscan(e.Party, &at.worker); err != nil {
				t.Fatal(err)
			}
			if !crashNoted(at.worker, at.i, id, e.Verdict) {
				t.Fatalf("credential %d has somebody else's %+v", id, e)
			}
			if times[at]++; times[at] > 1 {
				t.Fatalf("%+v is there twice", at)
			}
		}
	}
	for run, noted := range durable {
		for worker, n := range noted {
			for i := range n {
				for j := range crashItems {
					id, _ := crashItem(worker, i, j)
					if times[seen{run, worker, i, id}] != 1 {
						t.Fatalf("run %s: item %d of what %d noted as number %d is lost, of %d", run, j, worker, i, n)
					}
				}
			}
		}
	}
}

func crashNoted(worker, i, id int, verdict string) bool {
	for j := range crashItems {
		if n, outcome := crashItem(worker, i, j); n == id {
			return outcome.Verdict() == verdict
		}
	}
	return false
}

// copyWhatIsThere copies the files of a folder over those of another, but for what goes meanwhile.
func copyWhatIsThere(t *testing.T, from, to string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(from), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(to, name), 0o700))
		}
		b, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return errors.Join(err, os.WriteFile(filepath.Join(to, name), b, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An index takes the place of the segments and files that its name covers, wherever a crash left them.
//
// FAULTS: S1
func TestIndexTakesThePlaceOfItsSegments(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	h := mustOpen(t, o)
	c.advance(time.Minute)
	before := t.TempDir()
	for range 4 {
		c.advance(time.Second)
		noteBatch(h, c, o.items)
		if err := h.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
		copyWhatIsThere(t, o.Dir, before)
		h.settle(t)
	}
	kill(h)
	for _, dir := range []string{columnsDir, indexDir} { // as if none of it had been removed
		spans, err := list(before + "/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range spans {
			name := s.name()
			if dir == columnsDir {
				name = columnsName(s.first)
			}
			b, err := os.ReadFile(before + "/" + dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(o.Dir+"/"+dir+"/"+name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	h = mustOpen(t, o)
	if entries, _ := all(t, h, 1, testID(3), 10); len(entries) != 4 || h.Stats().Damaged != 0 {
		t.Errorf("%d entries, %+v", len(entries), h.Stats())
	}
	if len(allFiles(t, o.Dir)) > int(h.Stats().Files)+1 {
		t.Errorf("%v are left of %+v", allFiles(t, o.Dir), h.Stats())
	}
}
