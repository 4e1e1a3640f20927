package gateway

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// A conn hands fasthttp one request at a time. It collects a head under its deadline, checks it with [checkHead], and
// only then lets it and exactly its body through, so that fasthttp never sees a byte that was not approved, nor the
// start of a request before the one ahead of it was read to its end. A head that fails is answered here and ends the
// connection; to fasthttp it looks like the client hanging up.
//
// Read and Write are used by one goroutine, Close by any: a shutdown closes idle connections.
type conn struct {
	net.Conn
	tls      *tls.Conn // nil for plain HTTP
	listener *listener
	ip       netip.Addr
	peer     *peer // nil where the client showed no certificate; set with the first head

	window     [maxHeadBytes]byte
	start, end int   // window[start:end] was received and not yet let through
	approved   int   // bytes of window[start:] that belong to a checked head
	body       int64 // bytes of the current body not yet let through
	served     bool  // a request was let through before

	answerBy time.Time   // when the answer in progress must be written; zero between answers
	unread   atomic.Bool // the client may still be sending: drain before closing, lest the answer be reset
	closing  sync.Once
}

// Read lets the next bytes of the current request through, or reads the next head.
func (c *conn) Read(p []byte) (int, error) {
	if c.approved == 0 && c.body == 0 {
		if err := c.readHead(); err != nil {
			return 0, err
		}
	}
	if c.approved > 0 {
		n := copy(p, c.window[c.start:c.start+c.approved])
		c.start += n
		c.approved -= n
		return n, nil
	}
	return c.readBody(p[:min(int64(len(p)), c.body)])
}

func (c *conn) readBody(p []byte) (n int, err error) {
	c.answerBy = time.Time{} // what was written so far, 100 Continue, is not the answer
	if c.start < c.end {
		n = copy(p, c.window[c.start:c.end])
		c.start += n
	} else {
		n, err = c.Conn.Read(p)
	}
	if c.body -= int64(n); c.body == 0 {
		c.unread.Store(false)
	}
	if c.body > 0 && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readHead collects and checks the next head. Its only error is io.EOF: there is no further request.
func (c *conn) readHead() error {
	c.answerBy = time.Time{}
	c.end = copy(c.window[:], c.window[c.start:c.end])
	c.start = 0
	size, r := c.collectHead()
	if r == nil && size == 0 {
		return io.EOF
	}
	var h head
	if r == nil {
		h, r = checkHead(c.window[:size])
	}
	if r == nil {
		r = c.checkRoute(h)
	}
	if r != nil {
		c.refuse(r)
		return io.EOF
	}
	c.approved, c.body, c.served = size, h.contentLength, true
	if h.contentLength > 0 {
		c.unread.Store(true)
	}
	if h.contentLength > int64(c.end-size) {
		_ = c.SetReadDeadline(time.Now().Add(c.allowance(h.contentLength)))
	}
	return nil
}

// collectHead receives until window starts with a whole head and returns its size; 0 is a client that went away, or
// stayed silent, between requests. The time of a head begins with its first byte, or with the connection.
func (c *conn) collectHead() (int, *refusal) {
	config := c.listener.config
	timed := false
	for scanned := 0; ; {
		size, r := scanHead(c.window[:c.end], scanned)
		if size > 0 || r != nil {
			return size, r
		}
		switch {
		case c.end == len(c.window):
			return 0, &refusal{kind: kindHeadLarge}
		case c.end == 0 && c.served:
			_ = c.SetReadDeadline(time.Now().Add(config.IdleTimeout))
		case !timed:
			timed = true
			_ = c.SetReadDeadline(time.Now().Add(config.HeaderTimeout))
		}
		scanned = c.end
		n, err := c.Conn.Read(c.window[c.end:])
		c.end += n
		if n == 0 && err != nil {
			return 0, c.lost(err)
		}
	}
}

// lost says what a head that stopped short is answered: nothing where none of it had come.
func (c *conn) lost(err error) *refusal {
	var timeout net.Error
	switch {
	case c.end == 0:
		return nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return &refusal{kind: kindTimeout}
	default:
		return &refusal{kindMalformed, "the head ends early"}
	}
}

// scanHead looks for the end of a head in data, the first scanned bytes of which were looked at before. It refuses a
// bare CR, a bare LF and a NUL as soon as they appear, so that no line can be read in two ways.
func scanHead(data []byte, scanned int) (size int, r *refusal) {
	for i := max(0, scanned-1); i < len(data); i++ {
		switch c := data[i]; {
		case c == '\n' && (i == 0 || data[i-1] != '\r'), c == '\r' && i+1 < len(data) && data[i+1] != '\n', c == 0:
			return 0, &refusal{kindMalformed, "a line does not end in CR LF"}
		case c == '\n' && i == 1:
			return 0, &refusal{kindMalformed, "the request line is empty"}
		case c == '\n' && i >= 3 && data[i-2] == '\n':
			return i + 1, nil
		}
	}
	return 0, nil
}

// checkRoute checks what only the connection knows: the size limit and the name of the TLS handshake.
func (c *conn) checkRoute(h head) *refusal {
	if h.contentLength > int64(c.listener.config.MaxBatchBytes) {
		return &refusal{kind: kindTooLarge}
	}
	if c.tls == nil {
		return nil
	}
	host, state := hostname(string(h.host)), c.tls.ConnectionState()
	named := state.ServerName
	if c.peer == nil && len(state.PeerCertificates) > 0 {
		c.peer = newPeer(state.PeerCertificates[0])
	}
	if _, err := netip.ParseAddr(host); err == nil && named == "" {
		return nil // RFC 6066: an address is never named in the handshake
	}
	if !strings.EqualFold(host, named) {
		return &refusal{kind: kindMisdirect}
	}
	return nil
}

// A peer is the client certificate of a connection, which is the same as long as that lasts: TLS 1.3 shows none anew.
type peer struct {
	hash                [sha256.Size]byte
	notBefore, notAfter time.Time
}

func newPeer(leaf *x509.Certificate) *peer {
	return &peer{sha256.Sum256(leaf.Raw), leaf.NotBefore, leaf.NotAfter}
}

// hostname cuts the port and the brackets of an IPv6 address off a Host.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// allowance is the time size bytes may take in either direction.
func (c *conn) allowance(size int64) time.Duration {
	config := c.listener.config
	return config.BodyTimeout + time.Duration(float64(size)/float64(config.MinRate)*float64(time.Second))
}

// Write sends part of an answer. The deadline starts with the answer and grows with its size only, so that a slow
// reader can not stretch it by taking a little at a time.
func (c *conn) Write(p []byte) (int, error) {
	if c.answerBy.IsZero() {
		c.answerBy = time.Now().Add(c.listener.config.BodyTimeout)
	}
	c.answerBy = c.answerBy.Add(c.allowance(int64(len(p))) - c.listener.config.BodyTimeout)
	if err := c.SetWriteDeadline(c.answerBy); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// refuse answers a head that was not let through. Every earlier answer has been flushed, for fasthttp flushes before it
// reads on and reads one request at a time.
func (c *conn) refuse(r *refusal) {
	c.unread.Store(true)
	c.listener.counts.guarded(r.kind)
	_, _ = c.Write(rawAnswer(r, c.listener.config))
}

// Close ends the connection and gives its place back. Where the client may still be sending, that is drained first.
func (c *conn) Close() (err error) {
	c.closing.Do(func() {
		if c.unread.Load() {
			_ = c.SetDeadline(time.Now().Add(c.listener.config.LingerTimeout))
			drain(c.Conn)
		}
		err = c.Conn.Close()
		c.listener.leave(c.ip)
	})
	return err
}

// maxDrained bounds what is drained of a connection.
const maxDrained = 1 << 20

// drain ends the sending side and reads until the client does the same or the deadline of c passes: closing with unread
// data would reset the connection and take the answer away.
func drain(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, maxDrained)
	}
}

// rawAnswer is a whole HTTP answer for a request that never became one.
func rawAnswer(r *refusal, config *Config) []byte {
	body := r.appendProblem(nil, "")
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(r.kind.status) + " " + fasthttp.StatusMessage(r.kind.status) + "\r\n")
	b.WriteString("Content-Type: application/problem+json\r\nConnection: close\r\n")
	if r.kind.status == 405 {
		b.WriteString("Allow: GET, POST\r\n")
	}
	if r.kind.status == 503 {
		b.WriteString("Retry-After: " + retrySeconds(config.RetryAfter) + "\r\n")
	}
	if config.Unrecorded {
		b.WriteString(unrecordedField + ": true\r\n")
	}
	if config.Sandbox != nil {
		b.WriteString(sandboxField + ": true\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	b.Write(body)
	return b.Bytes()
}
