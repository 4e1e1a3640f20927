package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// errAbsent is a peer whose programs this machine has not; its rows are left out.
var errAbsent = errors.New("not installed")

// find returns the path of a program in dir, in the PATH, or in one of the folders that packages put it in.
func find(dir, name string, elsewhere ...string) (string, error) {
	if dir != "" {
		return exec.LookPath(filepath.Join(dir, name))
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, pattern := range elsewhere {
		found, err := filepath.Glob(filepath.Join(pattern, name))
		if err == nil && len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, errAbsent)
}

// An account is the user that a peer's programs run as. The zero account is the caller.
type account struct{ uid, gid uint32 }

// unprivileged is the account for programs that refuse root: the first of the named users that exists, or the caller
// where that is not root.
func unprivileged(names ...string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		gid, also := strconv.ParseUint(u.Gid, 10, 32)
		if err == nil && also == nil && uid != 0 {
			return account{uint32(uid), uint32(gid)}, nil
		}
	}
	return account{}, fmt.Errorf("no user of %v to run as: %w", names, errAbsent)
}

// own gives a folder to the account.
func (a account) own(dir string) error {
	if a == (account{}) {
		return nil
	}
	return os.Chown(dir, int(a.uid), int(a.gid))
}

// attributes set a program apart: its own process group, so that an interrupt reaches the caller alone, which ends it
// in order; and its end by the kernel where the caller is killed.
func (a account) attributes(end syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: end}
	if a != (account{}) {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// command prepares a program that ends with ctx, by SIGTERM, and by SIGKILL ten seconds later.
func command(ctx context.Context, a account, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = a.attributes(syscall.SIGTERM)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output runs a program to its end and returns what it printed.
func output(cmd *exec.Cmd) (string, error) {
	var errText bytes.Buffer
	cmd.Stderr = &errText
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, tail(errText.String()+string(text)))
	}
	return string(text), nil
}

// A server is a program that runs beside this one until it is stopped.
type server struct {
	cmd    *exec.Cmd
	end    syscall.Signal
	ended  chan struct{}
	err    error // of Wait, valid once ended is closed
	lines  chan string
	log    logTail
	reader sync.WaitGroup
}

// startServer starts cmd and reads what it prints, line by line.
func startServer(cmd *exec.Cmd, end syscall.Signal) (*server, error) {
	s := &server{cmd: cmd, end: end, ended: make(chan struct{}), lines: make(chan string, 64)}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return nil, err
	}
	s.reader.Go(func() { s.read(r) })
	go func() {
		s.err = cmd.Wait()
		s.reader.Wait()
		close(s.ended)
	}()
	return s, nil
}

func (s *server) read(r io.ReadCloser) {
	defer r.Close()
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		s.log.add(scanner.Text())
		select {
		case s.lines <- scanner.Text():
		default: // nobody waits for a line any more
		}
	}
}

// await returns the first line that holds text.
func (s *server) await(ctx context.Context, text string) (string, error) {
	for {
		select {
		case line := <-s.lines:
			if strings.Contains(line, text) {
				return line, nil
			}
		case <-s.ended:
			return "", s.failed()
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// until calls ready, a few times a second, until it succeeds.
func (s *server) until(ctx context.Context, ready func() error) error {
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-s.ended:
			return s.failed()
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func (s *server) failed() error {
	return fmt.Errorf("%s ended: %v\n%s", filepath.Base(s.cmd.Path), s.err, s.log.text())
}

// stop ends the program by its own process id and waits for it.
func (s *server) stop() error {
	s.cmd.Process.Signal(s.end)
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("%s did not end and was killed", filepath.Base(s.cmd.Path))
	}
	return nil
}

// logTail keeps the last lines of a program.
type logTail struct {
	mu    sync.Mutex
	lines []string
}

func (l *logTail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines = append(l.lines, line); len(l.lines) > 20 {
		l.lines = l.lines[1:]
	}
}

func (l *logTail) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// freePort returns a port of the loopback that nobody listens on.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// firstField returns what follows a prefix up to the next blank, as in "Redis server v=7.0.15 sha=…".
func firstField(text, prefix string) string {
	_, after, _ := strings.Cut(text, prefix)
	field, _, _ := strings.Cut(after, " ")
	return strings.TrimSpace(field)
}
