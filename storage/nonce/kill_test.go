package nonce

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"zhenni"
)

// The environment variable that makes this test binary the process to be killed, with the folder.
const childFolder = "ZHENNI_NONCE_TEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		rememberForEver(dir)
	}
	os.Exit(m.Run())
}

// rememberForEver takes digests in four goroutines and writes the number of each to standard output once it is taken. Its clock moves on by
// ten seconds every 2,000, so that it begins segments too.
func rememberForEver(dir string) {
	o := testOptions(dir)
	s, err := Open(o)
	if err != nil {
		panic(err)
	}
	taken := make(chan uint32, 64)
	for worker := range uint32(4) {
		go func() {
			for n := worker; ; n += 4 {
				if err := remember(s, int(n), killClock(n)); err != nil {
					panic(err)
				}
				taken <- n
			}
		}()
	}
	out := bufio.NewWriterSize(os.Stdout, 4)
	for n := range taken {
		if err := binary.Write(out, binary.LittleEndian, n); err != nil {
			os.Exit(0)
		}
	}
}

func killClock(n uint32) time.Time {
	return testNow.Add(time.Duration(n/2000) * span * time.Second)
}

// A process is killed while it takes requests. The next one refuses every request that was taken and is still in time, and
// takes every other.
//
// FAULTS: A11 S1
func TestKilledProcessIsNoReplay(t *testing.T) {
	for _, after := range []int{1, 700, 1999, 2001, 9000} {
		dir := t.TempDir()
		taken := killAfter(t, dir, after)
		last := uint32(0)
		for _, n := range taken {
			last = max(last, n)
		}
		o := testOptions(dir)
		o.Fresh, o.Now, o.Logger = false, killClock(last), slog.New(slog.DiscardHandler)
		s := openTest(t, o)
		replays := 0
		for _, n := range taken {
			created := killClock(n)
			if until := created.Add(time.Minute); until.After(o.Now) {
				if err := s.Remember(digestOf(int(n)), created, until, o.Now); !errors.Is(err, zhenni.ErrReplayed) {
					t.Fatalf("killed after %d: %d is taken again: %v", after, n, err)
				}
				replays++
			}
		}
		for n := range 100 {
			if err := remember(s, 1<<30+n, o.Now); err != nil {
				t.Fatalf("killed after %d: a good one: %v", after, err)
			}
		}
		t.Logf("killed after %d taken: %d in time", len(taken), replays)
	}
}

// killAfter kills a process that takes requests, and returns all that it took.
func killAfter(t *testing.T, dir string, after int) (taken []uint32) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), childFolder+"="+dir), os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(pipe)
	for {
		var n uint32
		err := binary.Read(in, binary.LittleEndian, &n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if taken = append(taken, n); len(taken) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	return taken
}
