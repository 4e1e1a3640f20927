package gateway

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A listener counts the connections it accepts, in all and by address, and wraps each in a [conn].
type listener struct {
	net.Listener
	config *Config
	tls    *tls.Config // nil for plain HTTP
	counts *httpMetrics

	turning chan struct{} // one entry for each connection that is being turned away

	mu    sync.Mutex
	total int
	byIP  map[netip.Addr]int // guarded by mu; an address without connections has no entry
}

// maxTurning bounds the connections that are being turned away politely.
const maxTurning = 64

func newListener(inner net.Listener, config *Config, tlsConfig *tls.Config, counts *httpMetrics) *listener {
	return &listener{Listener: inner, config: config, tls: tlsConfig, counts: counts, byIP: map[netip.Addr]int{}, turning: make(chan struct{}, maxTurning)}
}

// Accept returns the next connection within the bounds. One beyond them is answered 503 and closed here.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
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
		_, _ = c.Write(rawAnswer(&refusal{kind: kindConnection}, l.config.RetryAfter))
		drain(c)
		_ = c.Close()
		<-l.turning
	}()
}
