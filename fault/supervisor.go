package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"zhenni"
	"zhenni/bench"
)

// restartPause is how long a supervisor waits before it starts a server again; systemd's default.
const restartPause = 100 * time.Millisecond

// inFull and verifyOnly are how a server is started, and how it goes on where its store can not be opened for writing.
var (
	inFull     = []string{"--exit-when-full"}
	verifyOnly = []string{"--verify-only", "--unrecorded"}
)

// supervisor starts a server whenever it has ended, as the service manager of a machine does; where a start fails, the
// next one is verify-only, and the one after that in full again.
type supervisor struct {
	end     context.CancelFunc
	done    chan struct{}
	mu      sync.Mutex
	starts  int
	refusal string // of the last start that failed
	death   string // of the first server that ended by itself
	server  *Server
}

// supervise keeps the store served until stop.
func (r *Rig) supervise(ctx context.Context, store, address string) *supervisor {
	ctx, end := context.WithCancel(ctx)
	s := &supervisor{end: end, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		flags := inFull
		for ok := true; ok; ok = wait(ctx, restartPause) {
			server, err := r.start(ctx, store, address, flags...)
			s.note(ctx, server, err)
			if err != nil && len(flags) == len(inFull) {
				flags = verifyOnly
				continue
			}
			flags = inFull
			if err != nil {
				continue
			}
			select {
			case <-server.exited:
				s.noteDeath(server)
			case <-ctx.Done():
				server.kill()
			}
		}
	}()
	return s
}

func (s *supervisor) note(ctx context.Context, server *Server, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts++
	s.server = server
	if err != nil && ctx.Err() == nil {
		s.refusal = err.Error()
	}
}

func (s *supervisor) noteDeath(server *Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text := server.notes.String(); s.death == "" {
		at := max(0, len(text)-500)
		if found := panicked.FindStringIndex(text); found != nil {
			at = found[0]
		}
		s.death = fmt.Sprintf("%v: %s", server.err, strings.Join(strings.Split(text[at:min(len(text), at+500)], "\n"), " | "))
	}
}

// kill ends the server of the moment, to see it started again.
func (s *supervisor) kill() {
	s.mu.Lock()
	server := s.server
	s.mu.Unlock()
	if server != nil {
		server.kill()
	}
}

// stop kills the server and waits for the supervisor to end. It returns how often the server was started, and is for
// one goroutine, once; death and refusal may be read then.
func (s *supervisor) stop() (starts int) {
	s.end()
	<-s.done
	return s.starts
}

// watch asks for one verdict every few milliseconds and keeps the times of those that came.
type watch struct {
	end  context.CancelFunc
	done chan struct{}
	mu   sync.Mutex
	good []time.Time // when questions were sent that were answered with the right verdict
}

// watchVerdicts asks whether c, which is active and stays so, is matched with its person.
func watchVerdicts(url, key string, c credential, seed uint64) (*watch, error) {
	client, err := bench.NewClient(bench.Target{URL: url, Key: key, Timeout: 2 * time.Second})
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	w := &watch{end: end, done: make(chan struct{})}
	random := rand.New(rand.NewPCG(seed, 4))
	go func() {
		defer close(w.done)
		defer client.Close()
		for wait(ctx, 10*time.Millisecond) {
			sent := time.Now()
			if outcome, err := client.Verify(c.id, c.person().probe(random)); err == nil && outcome == zhenni.Match {
				w.mu.Lock()
				w.good = append(w.good, sent)
				w.mu.Unlock()
			}
		}
	}()
	return w, nil
}

// gap returns the longest time without a right verdict from since until now.
func (w *watch) gap(since time.Time) (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := since
	for _, t := range w.good {
		if t.After(last) {
			longest, last = max(longest, t.Sub(last)), t
		}
	}
	return max(longest, time.Since(last))
}

// lastAfter reports whether a right verdict was asked for after t.
func (w *watch) lastAfter(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.good) > 0 && w.good[len(w.good)-1].After(t)
}

// since is an error while no right verdict was asked for after t.
func (w *watch) since(t time.Time) error {
	if !w.lastAfter(t) {
		return errors.New("fault: no verdict yet")
	}
	return nil
}

func (w *watch) stop() {
	w.end()
	<-w.done
}
