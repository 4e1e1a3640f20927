package ledger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"zhenni"
	"zhenni/storage/audit"
)

// The test binary runs itself as the process that is killed.
const childDir = "ZHENNI_LEDGER_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		settleForEver(dir)
	}
	if err := flag.Set("rapid.checks", rapidChecks); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// keptSecrets wrap nothing: the tests have no secret.
type keptSecrets struct{}

func (keptSecrets) Wrap(key, _ []byte) ([]byte, error)       { return bytes.Clone(key), nil }
func (keptSecrets) Unwrap(wrapped, _ []byte) ([]byte, error) { return bytes.Clone(wrapped), nil }

// openBoth opens the ledger and the audit log of a folder.
func openBoth(dir string) (*Ledger, *audit.Log, error) {
	files := audit.Folder(filepath.Join(dir, "audit"))
	secrets, err := audit.OpenSecrets(files, keptSecrets{}, nil)
	if err != nil {
		return nil, nil, err
	}
	log, err := audit.Open(audit.Options{Files: files, Signer: secrets.Signer, Key: secrets.Key})
	if err != nil {
		return nil, nil, err
	}
	o := small(filepath.Join(dir, "ledger"), log)
	o.Bytes = 1 << 30
	o.Answers = 1 << 16
	if o.Key, err = Key.Open(o.Dir, keptSecrets{}, nil); err != nil {
		return nil, log, err
	}
	l, err := Open(o)
	return l, log, err
}

// settleForEver settles from eight goroutines, singles and batches, and writes each to standard output once it is
// acknowledged: its name and the index of its leaf. The parent ends it.
func settleForEver(dir string) {
	l, log, err := openBoth(dir)
	if err != nil {
		panic(err)
	}
	first := log.Size()
	done := make(chan error)
	for worker := range 8 {
		go func() {
			for i := 0; ; i++ {
				title := fmt.Sprintf("t-%d-%d-%d", first, worker, i)
				r := request(title)
				if _, err := l.Begin(r); err != nil {
					done <- err
				}
				d := single(title)
				if worker%2 == 0 {
					d = batch(50, title)
				}
				d.Attempts = []zhenni.AttemptCount{count(worker, 1+i%40, int(first)<<32+i+1)}
				index, err := l.Settle(context.Background(), r, d)
				if err != nil {
					done <- err
				}
				fmt.Printf("%s %d\n", title, index)
			}
		}()
	}
	panic(<-done)
}

// killed runs a child until it has acknowledged n transactions, kills it and returns all that it acknowledged.
func killed(t *testing.T, dir string, n int) map[string]int64 {
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
	acknowledged := map[string]int64{}
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		title, number, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		index, bad := strconv.ParseInt(number, 10, 64)
		if err != nil || bad != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if acknowledged[title] = index; len(acknowledged) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if len(acknowledged) < n {
		t.Fatalf("the child ended by itself after %d", len(acknowledged))
	}
	return acknowledged
}

// What was acknowledged before a kill -9 is answered after it, and proven; every record has its leaf, and at most the
// last group of leaves has no record.
//
// FAULTS: S1 C10 R3 B1
func TestAcknowledgedSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	all := map[string]int64{}
	for round := range killRounds {
		acknowledged := killed(t, dir, 60+97*round%400)
		maps.Copy(all, acknowledged)
		if round == killRounds-1 {
			acknowledged = all
		}
		l, log, err := openBoth(dir)
		if err != nil {
			t.Fatal(err)
		}
		for title, index := range acknowledged {
			answer, err := l.Begin(request(title))
			if err != nil || answer == nil || string(answer.Answer) != title || answer.LogIndex != index {
				t.Fatalf("%s, acknowledged at %d: %+v, %v", title, index, answer, err)
			}
		}
		if stored := l.Stats().Stored; log.Size()-stored > groupLeaves || stored > log.Size() {
			t.Errorf("%d records and %d leaves", stored, log.Size())
		}
		checkCounts(t, l, acknowledged)
		checkEveryRecord(t, l)
		checkBalance(t, l)
		if round%2 == 0 {
			err = l.Close()
		} else {
			kill(l)
		}
		if err := errors.Join(err, log.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// checkCounts holds the failed attempts that are known against those that were acknowledged.
func checkCounts(t *testing.T, l *Ledger, acknowledged map[string]int64) {
	t.Helper()
	known := counts(l)
	for title := range acknowledged {
		var first, worker, i int
		if _, err := fmt.Sscanf(title, "t-%d-%d-%d", &first, &worker, &i); err != nil {
			t.Fatal(err)
		}
		if got := known[testID(worker)]; got.Version < uint64(first<<32+i+1) {
			t.Fatalf("%s was acknowledged, and of its credential version %d is known", title, got.Version)
		}
	}
}

// checkEveryRecord holds every record against the leaf it names.
func checkEveryRecord(t *testing.T, l *Ledger) {
	t.Helper()
	for i := range l.answers.count {
		p := *l.answers.at(i)
		entry, err := l.opts.Log.Entry(p.index())
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := audit.ParseLeaf(entry)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(l.opts.Dir, numbered(segmentDir, p.segment)))
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := readRecord(b[p.offset:]); !ok || r.leaf != leaf.Hash || r.key != p.key {
			t.Fatalf("the record at %d of segment %d is not of leaf %d", p.offset, p.segment, p.index())
		}
	}
}

// A record without its leaf was never acknowledged and is dropped; a leaf without its record is passed over.
//
// FAULTS: C10
func TestRecordsAndLeavesAreReconciled(t *testing.T) {
	log := &fakeLog{}
	o := small(t.TempDir(), log)
	l := mustOpen(t, o)
	settle(t, l, request("t-1"), single("a"))
	settle(t, l, request("t-2"), batch(3, "b"))
	kill(l)
	last := log.leaves[1]
	log.leaves = log.leaves[:1]
	l = mustOpen(t, o)
	if answer, err := l.Begin(request("t-1")); err != nil || string(answer.Answer) != "a" {
		t.Errorf("with its leaf: %v, %v", answer, err)
	}
	if answer, err := l.Begin(request("t-2")); answer != nil || err != nil {
		t.Errorf("without its leaf: %v, %v", answer, err)
	}
	kill(l)
	log.leaves = append(log.leaves, last)
	l = mustOpen(t, o)
	settle(t, l, request("t-3"), single("c"))
	if p, err := l.Proof("desk", "t-3", 0); err != nil || p.Index != 2 {
		t.Errorf("behind a leaf without its record: %+v, %v", p, err)
	}
	if answer, err := l.Begin(request("t-2")); answer != nil || err != nil {
		t.Errorf("a leaf without its record: %v, %v", answer, err)
	}
}
