package fault

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
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startLimit is how long a server may take from its start to its listener.
const startLimit = 60 * time.Second

// notesKept bounds what is kept of a server's standard error, from its beginning and from its end.
const notesKept = 64 << 10

// errHung is a server that neither served nor ended in [startLimit].
var errHung = errors.New("fault: the server neither serves nor ends")

// errStuck is a server that SIGTERM does not end.
var errStuck = errors.New("fault: still running 30 s after SIGTERM")

// Server is zhenni serve in a process of its own.
type Server struct {
	URL string
	// Ready is the time from its start until it listened.
	Ready time.Duration

	cmd    *exec.Cmd
	notes  notes
	exited chan struct{} // closed once it ended and was waited for
	err    error         // of its end, valid then
}

// notes keeps the beginning and the end of what a server says.
type notes struct {
	mu         sync.Mutex
	head, tail []byte
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if room := notesKept - len(n.head); room > 0 {
		n.head = append(n.head, p[:min(room, len(p))]...)
		return len(p), nil
	}
	n.tail = append(n.tail, p...)
	n.tail = n.tail[max(0, len(n.tail)-notesKept):]
	return len(p), nil
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return string(n.head) + string(n.tail)
}

var servingOn = regexp.MustCompile(`^Serving .* on (https?://\S+) with profile`)

// freeAddress returns an address of the loopback that nobody listens on, for a server that is started again and again
// under the same one.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("fault: %w", err)
	}
	return ln.Addr().String(), ln.Close()
}

// start serves the store at address and returns once it listens. A server that ended instead is returned with an
// error, so that its last words can be read.
func (r *Rig) start(ctx context.Context, store, address string, flags ...string) (*Server, error) {
	args := append([]string{"serve", "--store", store, "--key-file", keyFile(store), "--profile", r.Profile, "--listen", address,
		"--arena", "32MiB", "--admin-socket", socket(store), "--max-connections-per-ip", "1000"}, flags...)
	s := &Server{cmd: exec.Command(r.Binary, args...), exited: make(chan struct{})}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the terminal is for the rig to handle
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	began, serving := time.Now(), make(chan string, 1)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	go s.listen(stderr, serving)
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case s.URL = <-serving:
		s.Ready = time.Since(began)
		return s, nil
	case <-s.exited:
		return s, fmt.Errorf("fault: the server ended: %w: %s", s.err, lastLine(s.notes.String()))
	case <-limit.C:
		err = errHung
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.kill()
	return s, err
}

// listen reads what the server says until it ends.
func (s *Server) listen(stderr io.Reader, serving chan<- string) {
	lines := bufio.NewScanner(io.TeeReader(stderr, &s.notes))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if found := servingOn.FindStringSubmatch(lines.Text()); found != nil {
			serving <- found[1]
			break
		}
	}
	_, _ = io.Copy(&s.notes, stderr)
	s.err = s.cmd.Wait()
	close(s.exited)
}

// kill ends the server with SIGKILL and waits for it. A second call does nothing.
func (s *Server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.exited
}

// terminate asks the server to end in order.
func (s *Server) terminate() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	select {
	case <-s.exited:
		if s.err != nil {
			return fmt.Errorf("fault: stopped in order: %w: %s", s.err, lastLine(s.notes.String()))
		}
		return nil
	case <-time.After(30 * time.Second):
		s.kill()
		return errStuck
	}
}

// ended reports whether the server is gone.
func (s *Server) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// keyFile and socket lie beside the store, so that the store's folder holds what must survive and nothing else.
func keyFile(store string) string { return store + ".key" }
func socket(store string) string  { return store + ".sock" }

// addParty makes the relying party that the rig asks as, in the store of a server that runs, and returns its API key.
func (r *Rig) addParty(store string) (string, error) {
	cmd := exec.Command(r.Binary, "rp", "add", "rig", "--tenant", "1", "--role", "issuer", "--role", "verifier", "--evaluation",
		"--store", store, "--key-file", keyFile(store), "--admin-socket", socket(store))
	var out, notes bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &notes
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("fault: rp add: %w: %s", err, &notes)
	}
	return strings.TrimSpace(out.String()), nil
}

// check runs zhenni check on a store that nobody serves and returns what it said.
func (r *Rig) check(store string) (string, error) {
	out, err := exec.Command(r.Binary, "check", "--store", store, "--key-file", keyFile(store)).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("fault: check of %s: %w: %s", filepath.Base(store), err, out)
	}
	return string(out), nil
}

// diskBytes is the space that a folder takes.
func diskBytes(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // gone while it was read
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				total += st.Blocks * 512
			}
		}
		return nil
	})
	return total
}
