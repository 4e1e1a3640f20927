//go:build long

package storage

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zhenni"
)

// A million credentials of dimension 128 are backed up, copied as files beside it, and restored.
func TestBackupRateOfAMillion(t *testing.T) {
	const people = 1_000_000
	opts := childOptions(t.TempDir())
	opts.Model, opts.MemTable = zhenni.Model{ID: "test-128.1", Dim: 128, Factor: zhenni.FactorFace}, 0
	s := openStore(t, opts)
	im, err := s.NewImport(t.Context(), ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	random, row := rand.New(rand.NewPCG(1, 2)), make([]int8, 128)
	for n := range people {
		for i := range row {
			row[i] = int8(random.IntN(255) - 127)
		}
		var id zhenni.CredentialID
		binary.BigEndian.PutUint64(id[:], uint64(n)*(1<<64/people))
		if err := im.Add(zhenni.Enrol{ID: id, Tenant: 7, Level: zhenni.LevelFull, Model: "test-128.1", Row: row, At: testTime}); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	busy := processorTime(t)
	rate := func(what string, n int64) {
		took, used := time.Since(began), processorTime(t)-busy
		t.Logf("%-8s %7.2f s  %6.1f MB/s  %9.0f credentials/s  %6.2f s of processor", what, took.Seconds(),
			float64(n)/1e6/took.Seconds(), people/took.Seconds(), used.Seconds())
		began, busy = time.Now(), processorTime(t)
	}
	rate("commit", 0)
	dir := t.TempDir()
	began, busy = time.Now(), processorTime(t)
	done := backUp(t, s, dir)
	rate("backup", done.TotalBytes)
	copyFiles(t, dir, t.TempDir())
	rate("cp", done.TotalBytes)
	if _, err := VerifyBackup(t.Context(), dir, opts.Root); err != nil {
		t.Fatal(err)
	}
	rate("verify", done.TotalBytes)
	enrolledWide(t, s)
	began, busy = time.Now(), processorTime(t)
	added := backUp(t, s, dir)
	rate("add 1000", added.Bytes)
	o := RestoreOptions{Options: opts, From: dir, KeysCopy: keysCopy(dir)}
	o.Dir = filepath.Join(t.TempDir(), "new")
	began, busy = time.Now(), processorTime(t)
	if made, err := Restore(t.Context(), o); err != nil || made.Credentials != people+1000 {
		t.Fatal(made, err)
	}
	rate("restore", added.TotalBytes)
}

// processorTime is what the process has used of the processor.
func processorTime(t *testing.T) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// enrolledWide enrols a thousand more.
func enrolledWide(t *testing.T, s *Store) {
	cmds := make([]zhenni.Command, 1000)
	row := make([]int8, 128)
	row[0] = 1
	for i := range cmds {
		id := zhenni.CredentialID{15: 1, 14: byte(i), 13: byte(i >> 8), 12: 9}
		cmds[i] = zhenni.Enrol{ID: id, Tenant: 7, Level: zhenni.LevelFull, Model: "test-128.1", Row: row, At: testTime}
	}
	mustApply(t, s, cmds...)
}

// copyFiles copies every file of a folder and syncs it.
func copyFiles(t *testing.T, from, to string) {
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		in, err := os.Open(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(filepath.Join(to, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, in); err != nil {
			t.Fatal(err)
		}
		if err := out.Sync(); err != nil {
			t.Fatal(err)
		}
		_, _ = in.Close(), out.Close()
	}
}
