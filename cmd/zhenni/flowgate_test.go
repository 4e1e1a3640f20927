package main

import (
	"net"
	"sync"
	"testing"
)

// killPoint is when a server is killed: before a request reaches it, while it has it, or when it has answered and nobody has heard.
type killPoint int

const (
	beforeRequest killPoint = iota
	onRequest
	beforeAnswer
	killPoints
)

func (p killPoint) String() string {
	return [...]string{"before a request", "on a request", "before an answer is heard"}[p]
}

// gate is the one address of a server that is killed and started again. What a client sends is counted, and at the piece that is
// armed the server is replaced by another.
type gate struct {
	listener net.Listener
	replace  func() (address string)
	handlers sync.WaitGroup
	ended    chan struct{}

	mu     sync.Mutex // held while the server is replaced
	server string
	pieces int // sent by clients so far
	armed  int // the piece at which the server is killed, 0 for none
	kills  int
	point  killPoint
}

func startGate(t *testing.T, server string, replace func() string) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: listener, replace: replace, server: server, ended: make(chan struct{})}
	g.handlers.Go(g.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		close(g.ended)
		g.handlers.Wait()
	})
	return g
}

func (g *gate) url() string { return "http://" + g.listener.Addr().String() }

func (g *gate) accept() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.handlers.Go(func() { g.hand(client) })
	}
}

// hand takes one connection to the server that runs, until either side ends it.
func (g *gate) hand(client net.Conn) {
	defer client.Close()
	g.mu.Lock()
	address := g.server
	g.mu.Unlock()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	over := make(chan struct{})
	defer close(over)
	g.handlers.Go(func() {
		select { // who is silent, as the connection that a command left open, is not waited for
		case <-g.ended:
			_ = client.Close()
			_ = server.Close()
		case <-over:
		}
	})
	var drop sync.Once
	dropped := make(chan struct{})
	g.handlers.Go(func() {
		defer server.Close()
		pass(client, server, func() bool { return g.sent(beforeRequest, true) }, func() bool {
			if g.due(beforeAnswer) {
				drop.Do(func() { close(dropped) })
			}
			return g.sent(onRequest, false)
		})
	})
	pass(server, client, func() bool {
		select {
		case <-dropped:
			g.kill()
			return false
		default:
			return true
		}
	}, func() bool { return true })
}

// pass copies from one side to the other, as long as before and after each piece say so.
func pass(from, to net.Conn, before, after func() bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !before() {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil || !after() {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// sent counts a piece where that is asked for, kills the server where it is due, and reports whether the connection goes on.
func (g *gate) sent(point killPoint, count bool) bool {
	g.mu.Lock()
	if count {
		g.pieces++
	}
	due := g.armed != 0 && g.pieces == g.armed && g.point == point
	g.mu.Unlock()
	if due {
		g.kill()
	}
	return !due
}

func (g *gate) due(point killPoint) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.armed != 0 && g.pieces == g.armed && g.point == point
}

// kill replaces the server, once for each time that it was armed. Whoever comes meanwhile waits.
func (g *gate) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.armed != 0 {
		g.armed, g.kills = 0, g.kills+1
		g.server = g.replace()
	}
}

// arm has the server be killed at one of the pieces that come next, and counts from here.
func (g *gate) arm(piece int, point killPoint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pieces, g.armed, g.point = 0, piece, point
}

// killed is how often the server was killed.
func (g *gate) killed() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.kills
}

// counted is how many pieces came since it was armed.
func (g *gate) counted() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pieces
}
