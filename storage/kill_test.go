package storage

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"zhenni"
)

// backUpForEver writes, cuts the log and backs up into the folder backup beside the store, and writes the number of
// credentials of each backup that was answered to standard output.
func backUpForEver(dir string) {
	s, err := Open(childOptions(filepath.Join(dir, "store")))
	if err != nil {
		panic(err)
	}
	for round := uint32(0); ; round++ {
		for range 5 {
			if _, err := s.Apply(context.Background(), []zhenni.Command{testEnrol(int(s.Count()))}); err != nil {
				panic(err)
			}
		}
		if round%3 == 2 {
			if err := s.snapshot(); err != nil {
				panic(err)
			}
		}
		done, err := s.Backup(context.Background(), BackupOptions{Dir: filepath.Join(dir, "backup"), KeysCopy: keysCopy(filepath.Join(dir, "backup"))})
		if err != nil {
			panic(err)
		}
		if err := binary.Write(os.Stdout, binary.LittleEndian, uint32(done.Credentials)); err != nil {
			os.Exit(0)
		}
	}
}

// A process is killed in the middle of a backup, again and again. The last backup that was answered, or a later one, is
// there whole each time.
//
// FAULTS: S1 S15
func TestKilledBackupLeavesTheLastOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 6 {
		cmd := child(t, "backup", dir)
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		out, last := bufio.NewReader(pipe), uint32(0)
		if err := binary.Read(out, binary.LittleEndian, &last); err != nil {
			t.Fatal(err)
		}
		for range random.IntN(1 << 20) { // somewhere in what follows
			_ = cmd.Process.Pid
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for binary.Read(out, binary.LittleEndian, &last) == nil {
			continue
		}
		_ = cmd.Wait() // killed
		done, err := VerifyBackup(t.Context(), filepath.Join(dir, "backup"), childOptions(dir).Root)
		if err != nil || done.Credentials < int64(last) {
			t.Errorf("round %d: %+v, %v; %d credentials were backed up", round, done, err, last)
		}
	}
	s, done := restored(t, filepath.Join(dir, "backup"), nil)
	row := make([]int8, testModel.Dim)
	for n := range int(done.Credentials) {
		if _, err := s.Reference(testID(n), row); err != nil {
			t.Errorf("credential %d: %v", n, err)
		}
	}
}

// dying kills the process at the report of that number.
type dying struct {
	slog.Handler
	left *int
}

func (d dying) Enabled(context.Context, slog.Level) bool { return true }

func (d dying) Handle(context.Context, slog.Record) error {
	if *d.left--; *d.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return nil
}

// restoreAndDie restores and is killed at a report of what it does: dir is the folders and the number of the report.
func restoreAndDie(dir string) {
	parts := strings.Split(dir, "|")
	left, err := strconv.Atoi(parts[2])
	if err != nil {
		panic(err)
	}
	o := RestoreOptions{Options: childOptions(parts[1]), From: parts[0], KeysCopy: keysCopy(parts[0])}
	o.Logger = slog.New(dying{slog.DiscardHandler, &left})
	if _, err := Restore(context.Background(), o); err != nil {
		panic(err)
	}
	fmt.Print("restored")
	os.Exit(0)
}

// A restore is killed at one step after another: until it is done nothing opens the folder, and then it is whole.
//
// FAULTS: S1
func TestKilledRestoreIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	_, backup := backedUp(t)
	dir := filepath.Join(t.TempDir(), "store")
	killed := 0
	for at := 1; ; at += 3 {
		if at > 300 {
			t.Fatal("a restore makes fewer reports")
		}
		cmd := child(t, "restore", fmt.Sprint(backup, "|", dir, "|", at))
		out, err := cmd.Output()
		if string(out) == "restored" {
			break
		}
		killed++
		if cmd.ProcessState == nil || cmd.ProcessState.Success() || cmd.ProcessState.Exited() {
			t.Fatalf("step %d: neither killed nor restored: %q, %v", at, out, err)
		}
		if _, err := Open(childOptions(dir)); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Fatalf("step %d: a restore half done is opened: %v", at, err)
		}
	}
	if killed < 3 {
		t.Errorf("killed at %d steps only", killed)
	}
	if s := openStore(t, childOptions(dir)); prefix(t, s) != 12 {
		t.Errorf("%d credentials, want 12", s.Count())
	}
}

// wideOptions are of a store whose memtables and segments of the log are soon full.
func wideOptions(dir string) Options {
	opts := childOptions(dir)
	opts.Model = zhenni.Model{ID: "test-wide.1", Dim: 2048, Factor: zhenni.FactorFace}
	return opts
}

// runOutOfDescriptors lets the process open no more files, enrols until that is felt, and says how many credentials
// were acknowledged, how many of them are read, and whether changes are refused.
func runOutOfDescriptors(dir string) {
	s, err := Open(wideOptions(dir))
	if err != nil {
		panic(err)
	}
	row := make([]int8, 2048)
	row[0] = 1
	enrol := func(first int) error {
		cmds := make([]zhenni.Command, 500)
		for i := range cmds {
			cmds[i] = zhenni.Enrol{ID: testID(first + i), Tenant: 7, Level: zhenni.LevelFull, Model: "test-wide.1", Row: row, At: testTime}
		}
		_, err := s.Apply(context.Background(), cmds)
		return err
	}
	acknowledged, refused := 0, 0
	for acknowledged < 60_000 && refused < 3 {
		if err := enrol(acknowledged); err != nil {
			refused++
			continue
		}
		if acknowledged += 500; acknowledged == 500 {
			if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: 3}); err != nil {
				panic(err)
			}
		}
	}
	read := 0
	for n := range acknowledged {
		if _, err := s.Reference(testID(n), row); err == nil {
			read++
		}
	}
	fmt.Println(acknowledged, read, s.Accepting() != nil)
	os.Exit(0)
}

// A process may open no more files: changes are refused once one is needed, nothing that was acknowledged is lost, and
// it goes on verifying.
//
// FAULTS: S12
func TestDescriptorsRunOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := child(t, "descriptors", dir).Output()
	var acknowledged, read int
	var refused bool
	if n, _ := fmt.Sscan(string(out), &acknowledged, &read, &refused); n != 3 || err != nil {
		t.Fatalf("%q, %v", out, err)
	}
	if read != acknowledged || !refused {
		t.Errorf("%d of %d acknowledged are read; changes refused: %v", read, acknowledged, refused)
	}
	if s := openStore(t, wideOptions(dir)); s.Count() < int64(acknowledged) {
		t.Errorf("%d credentials after a restart, %d acknowledged", s.Count(), acknowledged)
	}
}
