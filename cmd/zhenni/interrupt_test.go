package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"zhenni"
	"zhenni/storage"
)

// interrupted runs the command line with a context that has ended.
func interrupted(t *testing.T, args ...string) (code int, notes string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code = run(ctx, args, &output{results: &stdout, notes: &stderr})
	return code, stderr.String()
}

// An interrupt ends a bulk run between two requests, also while it skips what was answered before. The same command
// then completes the files.
func TestInterruptEndsABulkRun(t *testing.T) {
	b := newBulk(t)
	asked := []string{"--url", b.url, "--api-key-file", b.keyFile}
	enrol := append([]string{"enrol", b.path("enrol"), "--map", b.path("map2.csv")}, asked...)
	if code, notes := interrupted(t, enrol...); code != exitEnvironment || strings.Count(b.read(t, "map2.csv"), "\n") != 1 {
		t.Errorf("enrol: exit code %d, %s\n%s", code, notes, b.read(t, "map2.csv"))
	}
	mustRun(t, enrol...)
	verify := append([]string{"verify", b.path("enrol"), "--out", b.path("answers.csv"), "--map", b.path("map2.csv")}, asked...)
	if code, notes := interrupted(t, verify...); code != exitEnvironment || b.read(t, "answers.csv") != resultHeading {
		t.Errorf("verify: exit code %d, %s\n%s", code, notes, b.read(t, "answers.csv"))
	}
	mustRun(t, verify...)
	if code, notes := interrupted(t, verify...); code != exitEnvironment {
		t.Errorf("verify again: exit code %d, %s", code, notes)
	}
}

// timeout(1) and others signal a process and then its group: the second SIGTERM is the first one again, and the server
// still stops in order.
func TestASignalDeliveredTwiceIsOne(t *testing.T) {
	server := startProcess(t, filepath.Join(t.TempDir(), "store"), "--create-key")
	for range 3 {
		if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	err := <-server.ended
	server.ended <- err
	if err != nil || !strings.Contains(server.notes.String(), "Draining") {
		t.Errorf("%v\n%s", err, server.notes)
	}
}

// An enrolment into a store that has some is recorded part by part: what is durable is never enrolled again.
func TestInterruptedEnrolmentIntoAStoreIsRecorded(t *testing.T) {
	b := bulk{dir: t.TempDir()}
	writeSet(t, b.path("first"), 3, enrolment, subjectName)
	offline := []string{"--store", b.path("store"), "--profile", "profiles/synthetic-512.json"}
	mustRun(t, append([]string{"enrol", b.path("first"), "--map", b.path("first.csv"), "--create-key"}, offline...)...)

	root, err := keyFlags{}.root(b.path("store"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := openRecorded(storage.Options{Dir: b.path("store"), Root: root}, auditOptions{dir: auditFlags{}.dir(b.path("store"))})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	set, err := readSet(t.Context(), &output{}, b.path("first"), "")
	if err != nil {
		t.Fatal(err)
	}
	samePerson := make([]int, 2*enrolPart)
	list, err := (&enrolCommand{Tenant: 1, Level: zhenni.LevelLite}).enrolments(set, samePerson, store.Model())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	recorded := 0
	err = applyAll(ctx, store, list, &progress{}, func(first, last int) error {
		recorded += last - first
		cancel()
		return nil
	})
	if err == nil || recorded != enrolPart || store.Count() != 3+int64(recorded) {
		t.Errorf("%v: %d recorded, the store has %d, want %d and 3 more", err, recorded, store.Count(), enrolPart)
	}
}

// Refusals that an earlier run wrote are refusals of the file: the command does not end with 0 because it was taken
// up again.
func TestResumedVerificationRemembersRefusals(t *testing.T) {
	b := newBulk(t)
	writeSet(t, b.path("probes"), bulkPeople, 1, func(i int) string { return strings.Repeat("x,refused,", i%2) + subjectName(i) })
	for range 2 {
		if code, notes := b.verify(t, "probes", "answers.csv"); code != exitNotSo || !strings.Contains(notes, "30 probes were refused") {
			t.Errorf("exit code %d, %s: want %d for half of the probes", code, notes, exitNotSo)
		}
	}
}

// Verified again into the same file nothing is asked, and the command says that this is why.
func TestVerifiedAgainSaysWhatWasAnsweredBefore(t *testing.T) {
	b := newBulk(t)
	writeSet(t, b.path("probes"), bulkPeople, 1, subjectName)
	for i, want := range []string{fmt.Sprintf("Asked %d in ", bulkPeople), fmt.Sprintf(" %d were answered there before.", bulkPeople)} {
		said := mustRun(t, "verify", b.path("probes"), "--out", b.path("answers.csv"), "--map", b.mapping, "--url", b.url, "--api-key-file", b.keyFile)
		if !strings.Contains(said, want) || strings.Contains(said, "before") != (i == 1) {
			t.Errorf("run %d: %s, want %q", i+1, said, want)
		}
	}
}

func TestVerifyRefusesAFileThatIsNoMapping(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "no mapping", "no,mapping\n"} {
		path := filepath.Join(dir, "map.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readMapping(path); err == nil {
			t.Errorf("%q is taken for a mapping", text)
		}
	}
}

// A quote in labels.csv that is never closed makes no record of the rest of the file.
func TestARecordOfLabelsIsBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	writeSet(t, dir, 3, enrolment, subjectName)
	source, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	long := "image_id,identity\n\"" + strings.Repeat("a\n", 8<<20)
	if err := os.WriteFile(filepath.Join(dir, "labels.csv"), []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = source.each(t.Context(), func(string, string, []float32) error { return nil })
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; err == nil || taken > 8<<20 {
		t.Errorf("%v after %d bytes", err, taken)
	}
}

// A profile or report is never put in the place of a device or a pipe.
func TestWritingAFileLeavesWhatIsNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	code, _, notes := runCommand(t, "calibrate", "--synthetic", "300", "--dim", "32", "--fmr", "1e-2", "--out", pipe)
	info, err := os.Stat(pipe)
	if code != exitUsage || err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("exit code %d, %s: %v, %v", code, notes, info.Mode(), err)
	}
}
