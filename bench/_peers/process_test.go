package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestServerIsAwaitedAndEnded(t *testing.T) {
	s, err := startServer(command(t.Context(), account{}, "sh", "-c", "echo starting; echo ready on 7; exec sleep 600"), syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	line, err := s.await(t.Context(), "ready")
	if err != nil || line != "ready on 7" {
		t.Errorf("await returned %q, %v", line, err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(s.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}

func TestServerThatEndsSaysWhy(t *testing.T) {
	s, err := startServer(command(t.Context(), account{}, "sh", "-c", "echo no room >&2; exit 7"), syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.await(t.Context(), "ready"); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("await returned %v", err)
	}
}

func TestFind(t *testing.T) {
	if _, err := find("", "no-such-program"); !errors.Is(err, errAbsent) {
		t.Errorf("an absent program: %v", err)
	}
	dir := t.TempDir()
	for _, version := range []string{"14", "15"} {
		if err := os.MkdirAll(filepath.Join(dir, version, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "bin", "no-such-program"), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path, err := find("", "no-such-program", filepath.Join(dir, "*", "bin"))
	if err != nil || !strings.Contains(path, "15") {
		t.Errorf("found %q, %v: want the newest", path, err)
	}
}

func TestShortLeavesWhatIsGiven(t *testing.T) {
	given, kept := 7, 7
	setUnless(false, &given, 1)
	setUnless(true, &kept, 1)
	if given != 1 || kept != 7 {
		t.Errorf("%d and %d, want 1 and 7", given, kept)
	}
}
