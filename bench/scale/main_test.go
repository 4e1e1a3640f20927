package scale

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestMain lets the test binary be the process of a step.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != StepCommand {
		os.Exit(m.Run())
	}
	if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const plenty = 1 << 40

// small is a run of a second, in this process.
func small(t *testing.T) Scale {
	t.Helper()
	return Scale{
		Dir: t.TempDir(), Credentials: leastCredentials, Dim: 128, Hot: 1, ColdShare: 0.1, Threads: 2, Batch: 64, Questions: 2048,
		Rounds: 1, Time: time.Millisecond, Seed: 1,
	}
}

// host has so much memory free, and calls began when a step begins.
func host(memory int64, began func(step string)) Host {
	return Host{
		Room:    func() (Room, error) { return Room{Disk: plenty, Memory: memory}, nil },
		DiskUse: func(string) float64 { return 1 << 20 },
		Begin: func(step string) (func(done, total int64), func()) {
			began(step)
			return func(int64, int64) {}, func() {}
		},
	}
}

func leftBehind(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}
