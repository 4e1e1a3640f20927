package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"zhenni/storage"
)

// An import that is killed has made whole parts, each person's index with the reference, and a run after it makes the rest:
// no mapping is left of the one that was killed. It holds no more than a few parts of the file, for it waits for more of a
// file that comes slowly with the first parts made.
//
// FAULTS: S1 C8
func TestAKilledImportIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, newIssueWorld(t))
	const parts = 6 // more than one processor holds
	const registered = parts*enrolPart + 100
	r.photographs(t, registered)
	whole, err := os.ReadFile(filepath.Join(r.folder, sealedFile))
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(r.folder, sealedFile)
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	made := int64(0)
	for _, fed := range []int{enrolPart, registered, registered} {
		r.kill(t, pipe, bytes.Join(lines[:fed], nil))
		now := r.count(t)
		if now < made || now%enrolPart != 0 || fed == registered && now == 0 {
			t.Fatalf("%d references after a kill, %d before, parts are of %d", now, made, enrolPart)
		}
		made = now
		mustRun(t, "check", "--store", r.store)
	}
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pipe, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(r.people), "references.csv")); err == nil {
		t.Error("a mapping of an import that was killed")
	}
	r.imports(t, importedReferences{Enrolled: registered - int(made), LeftOut: int(made)})
	mustRun(t, "check", "--store", r.store)
}

// kill runs an import on one processor, feeds it through a pipe that does not end, and kills it.
func (r registry) kill(t *testing.T, pipe string, text []byte) {
	t.Helper()
	cmd := exec.Command(os.Args[0], r.enrol()...)
	cmd.Env = append(os.Environ(), beZhenni+"=1", "GOMAXPROCS=1")
	said := new(bytes.Buffer)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	feed, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(feed)
	_, err = w.Write(text)
	if err == nil {
		err = w.Flush()
	}
	killed := cmd.Process.Kill()
	_ = cmd.Wait()
	_ = feed.Close()
	if err != nil || killed != nil {
		t.Fatalf("%v, %v: %s", err, killed, said)
	}
}

// count is the number of references in the store.
func (r registry) count(t *testing.T) int64 {
	t.Helper()
	root, err := keyFlags{}.root(r.store, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := openRecorded(storage.Options{Dir: r.store, Root: root}, auditOptions{dir: auditFlags{}.dir(r.store)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	return store.Count()
}
