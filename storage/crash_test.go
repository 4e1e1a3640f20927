package storage

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"zhenni"
)

// The test binary runs itself as the process that is killed, or that finds the store locked.
const (
	childRole = "ZHENNI_STORAGE_TEST_CHILD"
	childDir  = "ZHENNI_STORAGE_TEST_DIR"
)

func TestMain(m *testing.M) {
	role, size, _ := strings.Cut(os.Getenv(childRole), " ")
	switch role {
	case "":
		if err := flag.Set("rapid.checks", rapidChecks); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	case "write":
		writeForEver(os.Getenv(childDir))
	case "open":
		openOnce(os.Getenv(childDir))
	case "fill":
		n, err := strconv.ParseUint(size, 10, 64)
		if err != nil {
			panic(err)
		}
		fillAndWait(os.Getenv(childDir), n)
	case "backup":
		backUpForEver(os.Getenv(childDir))
	case "restore":
		restoreAndDie(os.Getenv(childDir))
	case "descriptors":
		runOutOfDescriptors(os.Getenv(childDir))
	}
}

func child(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func childOptions(dir string) Options {
	root, err := NewRootKey([32]byte{1, 2, 3}, nil)
	if err != nil {
		panic(err)
	}
	return Options{Dir: dir, Model: testModel, Root: root, Reserve: 1, MemTable: minMemTable}
}

// writeForEver enrols, then revokes every other credential and erases every eighth four enrolments later, and writes the number of each change to standard output
// once it is acknowledged.
func writeForEver(dir string) {
	s, err := Open(childOptions(dir))
	if err != nil {
		panic(err)
	}
	for n := uint32(s.Count()); ; n++ {
		cmds := []zhenni.Command{testEnrol(int(n))}
		if n%2 == 1 {
			cmds = append(cmds, changed(int(n), zhenni.StatusRevoked))
		}
		if n%8 == 7 {
			cmds = append(cmds, erasure(int(n-4)))
		}
		results, err := s.Apply(context.Background(), cmds)
		if err != nil || errors.Join(results[0].Err, results[len(results)-1].Err) != nil {
			panic(fmt.Sprint(results, err))
		}
		if err := binary.Write(os.Stdout, binary.LittleEndian, n); err != nil {
			os.Exit(0)
		}
	}
}

func openOnce(dir string) {
	_, err := Open(childOptions(dir))
	fmt.Println(errors.Is(err, zhenni.ErrLocked))
}

// FAULTS: S13
func TestSecondProcessIsRefused(t *testing.T) {
	opts := testOptions(t)
	openStore(t, opts)
	out, err := child(t, "open", opts.Dir).Output()
	if err != nil || string(out) != "true\n" {
		t.Errorf("the second process found the store locked: %q, %v", out, err)
	}
}

// killAfter runs a writing child, kills it once it has acknowledged some changes, and returns the last of them.
func killAfter(t *testing.T, dir string, acknowledged int) (last uint32) {
	t.Helper()
	cmd := child(t, "write", dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	for got := 0; ; got++ {
		err := binary.Read(out, binary.LittleEndian, &last)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if got == acknowledged {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	return last
}

// FAULTS: S1
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	opts := childOptions(t.TempDir())
	row := make([]int8, testModel.Dim)
	for round := range killRounds {
		last := killAfter(t, opts.Dir, 40+17*round)
		s, err := Open(opts)
		if err != nil {
			t.Fatal(err)
		}
		if s.Count() <= int64(last) {
			t.Errorf("round %d: %d credentials, %d acknowledged", round, s.Count(), last+1)
		}
		for n := range last + 1 {
			want := zhenni.StatusActive
			if n%2 == 1 {
				want = zhenni.StatusRevoked
			}
			if n%8 == 3 {
				keptOrErased(t, s, int(n), n+4 <= last)
				continue
			}
			if ref, err := s.Reference(testID(int(n)), row); err != nil || ref.Status != want {
				t.Errorf("round %d: credential %d: %s, %v; want %s", round, n, ref.Status, err, want)
			}
		}
		if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() {
			t.Errorf("round %d: %+v, %v", round, report.Problems, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// keptOrErased expects a credential to be erased with its key where that was acknowledged, else revoked or erased.
func keptOrErased(t *testing.T, s *Store, n int, acknowledged bool) {
	t.Helper()
	_, err := s.Reference(testID(n), make([]int8, testModel.Dim))
	switch c := mustCredential(t, s, n); {
	case c.Status == zhenni.StatusErased && errors.Is(err, zhenni.ErrNotFound):
	case c.Status == zhenni.StatusRevoked && err == nil && !acknowledged:
	default:
		t.Errorf("credential %d: %s, %v; its erasure was acknowledged: %t", n, c.Status, err, acknowledged)
	}
}
