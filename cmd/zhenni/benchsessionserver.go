package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zhenni/bench/result"
)

// sessionServer is zhenni serve in a process of its own, with sessions, on a store of its own.
type sessionServer struct {
	dir, url         string
	issuer, verifier string // API keys
	engine           string // key to which identities are sealed
	process          *exec.Cmd
}

// startSessionServer starts one that takes so many sessions being followed, and adds the parties. It is set up by the commands that an
// operator would use.
func startSessionServer(ctx context.Context, followed int) (_ *sessionServer, err error) {
	s := &sessionServer{}
	if s.dir, err = os.MkdirTemp("", "zhenni-sessions-"); err != nil {
		return nil, environment("%w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for name, content := range map[string][]byte{"profile.json": syntheticProfile, "services.json": []byte(benchService)} {
		if err := os.WriteFile(s.in(name), content, 0o600); err != nil {
			return nil, environment("%w", err)
		}
	}
	identity := []string{"--identity-root", s.in("identity.root"), "--identity-key", s.in("identity.key")}
	if s.engine, err = command(ctx, append([]string{"keys", "identity"}, identity...)...); err != nil {
		return nil, err
	}
	many := strconv.Itoa(2*followed + 256)
	if err := s.serve(ctx, append(identity, "--max-connections", many, "--max-connections-per-ip", many)...); err != nil {
		return nil, err
	}
	add := []string{"rp", "add", "--store", s.in("store"), "--tenant", "1"}
	if s.issuer, err = command(ctx, append(add, "app", "--role", "issuer")...); err != nil {
		return nil, err
	}
	s.verifier, err = command(ctx, append(add, "asker", "--role", "verifier", "--service", "bench")...)
	return s, err
}

func (s *sessionServer) in(name string) string { return filepath.Join(s.dir, name) }

// command runs a command of this program and returns what it prints.
func command(ctx context.Context, args ...string) (string, error) {
	var results, notes bytes.Buffer
	if err := dispatch(ctx, args, &output{results: &results, notes: &notes}); err != nil {
		return "", fmt.Errorf("zhenni %s: %w", args[0], err)
	}
	return strings.TrimSpace(results.String()), nil
}

// serve starts the process, and returns once it says where it listens. What it says after that is let go.
func (s *sessionServer) serve(ctx context.Context, flags ...string) error {
	program, err := os.Executable()
	if err != nil {
		return environment("%w", err)
	}
	args := []string{"serve", "--store", s.in("store"), "--create-key", "--listen", "127.0.0.1:0", "--arena", "64MiB", "--sessions", "make",
		"--profile", s.in("profile.json"), "--catalogue", s.in("services.json")}
	s.process = exec.CommandContext(ctx, program, append(args, flags...)...)
	notes, err := s.process.StderrPipe()
	if err != nil {
		return environment("%w", err)
	}
	if err := s.process.Start(); err != nil {
		return environment("%w", err)
	}
	lines, said := bufio.NewScanner(notes), ""
	for s.url == "" && lines.Scan() {
		said = lines.Text()
		if _, rest, found := strings.Cut(said, " on http://"); found {
			address, _, _ := strings.Cut(rest, " ")
			s.url = "http://" + address
		}
	}
	go func() { _, _ = io.Copy(io.Discard, notes) }()
	if s.url == "" {
		return environment("the server did not start: %s", said)
	}
	return nil
}

// resident is the memory of the server, in bytes.
func (s *sessionServer) resident() int64 {
	bytes, _ := result.KernelBytes(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid), "VmRSS")
	return bytes
}

// processor is what the server has used of the cores, 0 where the kernel does not tell.
func (s *sessionServer) processor() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	const user, tick = 11, 10 * time.Millisecond // behind the name; proc(5)
	if err != nil || len(fields) < user+2 {
		return 0
	}
	ours, _ := strconv.ParseInt(fields[user], 10, 64)
	system, _ := strconv.ParseInt(fields[user+1], 10, 64)
	return time.Duration(ours+system) * tick
}

// close ends the server and removes its folder.
func (s *sessionServer) close() error {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Signal(syscall.SIGTERM)
		_ = s.process.Wait() // what it had in hand is of no use to anybody
	}
	return os.RemoveAll(s.dir)
}
