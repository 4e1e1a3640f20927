package gateway

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A listener counts the connections it accepts, in all and by address, and wraps each in a [conn].
type listener struct {
	net.Listener
	config *Config
	tls    *tls.Config // nil for plain HTTP
	counts *httpMetrics

	turning chan struct{} // one entry for each connection that is being turned away
	stopped *atomic.Bool  // the server's: set before its listeners are closed

	mu      sync.Mutex
	total   int
	byIP    map[netip.Addr]int // guarded by mu; an address without connections has no entry
	closing sync.Once
}

// maxTurning bounds the connections that are being turned away politely.
const maxTurning = 64

func newListener(inner net.Listener, s *Server) *listener {
	return &listener{
		Listener: inner, config: &s.config, tls: s.tls, counts: s.metrics, stopped: &s.stopped,
		turning: make(chan struct{}, maxTurning), byIP: map[netip.Addr]int{},
	}
}

// acceptPause is how long no connection is accepted after the system had no room for one.
const acceptPause = 50 * time.Millisecond

// Accept returns the next connection within the bounds. One beyond them is answered 503 and closed here. fasthttp ends
// with the first error it is given, so one that passes is not an error.
func (l *listener) Accept() (net.Conn, error) {
	for {
		if l.stopped.Load() { // before fasthttp knew the listener, which it has not closed then
			_ = l.Close()
			return nil, net.ErrClosed
		}
		inner, err := l.Listener.Accept()
		if passes(err) {
			time.Sleep(acceptPause)
			continue
		}
		if err != nil {
			return nil, err
		}
		ip := addrOf(inner)
		if !l.enter(ip) {
			l.turnAway(inner)
			continue
		}
		c := &conn{Conn: inner, listener: l, ip: ip}
		if l.tls != nil {
			c.tls = tls.Server(inner, l.tls)
			c.Conn = c.tls
		}
		return c, nil
	}
}

// Close stops listening. The second call does nothing: when a shutdown meets a new connection, it and Accept both close.
func (l *listener) Close() (err error) {
	l.closing.Do(func() { err = l.Listener.Close() })
	return err
}

// passes reports whether accepting may succeed again by itself: the process or the system is at its limit of open
// files or memory, or the client has gone.
func passes(err error) bool {
	for _, passing := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// addrOf is the address a connection counts for; an IPv6 one counts as its /64, which one subscriber holds whole.
func addrOf(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	if ip.Is6() {
		prefix, _ := ip.Prefix(64)
		ip = prefix.Addr()
	}
	return ip
}

func (l *listener) enter(ip netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total >= l.config.MaxConns || l.byIP[ip] >= l.config.MaxConnsPerIP {
		return false
	}
	l.total++
	l.counts.conns.Add(1)
	l.byIP[ip]++
	return true
}

func (l *listener) leave(ip netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	l.counts.conns.Add(-1)
	if l.byIP[ip]--; l.byIP[ip] == 0 {
		delete(l.byIP, ip)
	}
}

// turnAway answers 503 beside the accepting goroutine, for as long as few are turned away at once; beyond that, and
// where TLS would have to be spoken first, the connection is just closed.
func (l *listener) turnAway(c net.Conn) {
	l.counts.refusedConns.Inc()
	if l.tls != nil {
		_ = c.Close()
		return
	}
	select {
	case l.turning <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	go func() {
		_ = c.SetDeadline(time.Now().Add(l.config.LingerTimeout))
		_, _ = c.Write(rawAnswer(&refusal{kind: kindConnection}, l.config))
		drain(c)
		_ = c.Close()
		<-l.turning
	}()
}
