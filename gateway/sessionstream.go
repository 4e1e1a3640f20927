package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"zhenni"
)

// How long a client may wait for a change: of one answer what it prefers (RFC 7240), of a stream until it goes.
const (
	longestWait  = 30 * time.Second
	streamPause  = 15 * time.Second
	longestStay  = 10 * time.Minute
	mediaStream  = "text/event-stream"
	preferWait   = "wait"
	streamRetry  = "retry: 2000\n\n"
	streamPulse  = ": \n\n"
	streamEvents = "event: session\n"
)

// rendered is a view as it is written, with the name of this state of it: two views that show the same have the same name.
type rendered struct {
	document []byte
	name     string
}

func render(view any) rendered {
	document, err := json.Marshal(view)
	if err != nil {
		panic(err) // views are of texts and numbers
	}
	sum := sha256.Sum256(document)
	return rendered{document, base64.RawURLEncoding.EncodeToString(sum[:12])}
}

// awaitView answers with a view of a session: at once, or, where the client has this one already and prefers to wait, when it is
// another; 304 where it stayed the same. However many wait, who does not is answered.
func (s *Server) awaitView(rq *request, id zhenni.SessionID, side int, view func(zhenni.Session) (any, error)) error {
	watch := func() (<-chan struct{}, func(), error) { return s.config.Sessions.Watch(id, side) }
	return s.await(rq, watch, func() (any, error) {
		session, err := s.currentSession(id)
		if err != nil {
			return nil, refuseSession(err)
		}
		return view(session)
	})
}

// await answers with a view as [Server.awaitView] does; watch, which is called where the client waits, returns a channel on which
// something lies whenever it may be another.
func (s *Server) await(rq *request, watch func() (changed <-chan struct{}, stop func(), err error), view func() (any, error)) error {
	var changed <-chan struct{}
	if rq.wait() > 0 {
		waits, stop, err := watch()
		if err != nil {
			return err
		}
		defer stop()
		changed = waits
	}
	has := strings.Trim(string(rq.ctx.Request.Header.Peek("If-None-Match")), `"`)
	over := time.NewTimer(rq.wait())
	defer over.Stop()
	for {
		seen, err := view()
		if err != nil {
			return err
		}
		r := render(seen)
		if r.name != has {
			rq.ctx.Response.Header.Set("ETag", `"`+r.name+`"`)
			rq.writeJSON(200, r.document)
			return nil
		}
		select {
		case <-changed:
		case <-over.C:
			rq.ctx.Response.Header.Set("ETag", `"`+r.name+`"`)
			rq.ctx.SetStatusCode(304)
			return nil
		case <-s.draining:
			return refuse(kindUnavailable, "")
		}
	}
}

// wait is how long the client prefers to wait, at most [longestWait]; absent it is not at all.
func (rq *request) wait() time.Duration {
	for _, list := range rq.ctx.Request.Header.PeekAll("Prefer") {
		for item := range strings.SplitSeq(string(list), ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
			seconds, err := strconv.ParseUint(value, 10, 16)
			if strings.EqualFold(name, preferWait) && err == nil {
				return min(time.Duration(seconds)*time.Second, longestWait)
			}
		}
	}
	return 0
}

// streamView answers with a stream of the views of a session (HTML, Server-sent events): the one that the client does not have
// by its Last-Event-ID, and every other one after it, until the session has ended. An event has the whole view: whoever lost some
// lacks nothing.
func (s *Server) streamView(rq *request, id zhenni.SessionID, side int, view func(zhenni.Session) (any, error)) error {
	changed, stop, err := s.config.Sessions.Watch(id, side)
	if err != nil {
		return err
	}
	stream := &sessionStream{
		server: s, id: id, view: view, changed: changed, stop: stop, has: string(rq.ctx.Request.Header.Peek("Last-Event-ID")),
		until: time.Now().Add(longestStay),
	}
	stream.conn, _ = rq.ctx.Conn().(*conn)
	stream.pending.WriteString(streamRetry)
	rq.ctx.Response.Header.SetContentType(mediaStream)
	rq.ctx.Response.SetBodyStream(stream, -1)
	return nil
}

// sessionStream is the body of a stream. It is read by the goroutine that writes the connection, chunk by chunk.
type sessionStream struct {
	server  *Server
	id      zhenni.SessionID
	view    func(zhenni.Session) (any, error)
	changed <-chan struct{}
	stop    func()
	conn    *conn
	has     string
	until   time.Time
	ended   bool
	pending bytes.Buffer
}

// Read implements [io.Reader]: it waits for the next event, and says nothing but that it is there from time to time. Nobody above it
// catches a panic, which would end the process: here it ends the stream.
func (t *sessionStream) Read(p []byte) (n int, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			t.server.metrics.panics.Inc()
			t.server.config.Logger.Error("a stream panicked", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
			n, err = 0, io.EOF
		}
		if t.conn != nil {
			t.conn.answerBy = time.Time{} // what is written next, the end too, is an answer of its own
		}
	}()
	for t.pending.Len() == 0 {
		if t.ended || !time.Now().Before(t.until) {
			return 0, io.EOF
		}
		t.next()
	}
	return t.pending.Read(p)
}

// next waits until there is something to write.
func (t *sessionStream) next() {
	session, err := t.server.currentSession(t.id)
	if err != nil {
		t.ended = true
		return
	}
	seen, err := t.view(session)
	if err != nil {
		t.ended = true
		return
	}
	if r := render(seen); r.name != t.has {
		t.has = r.name
		t.pending.WriteString("id: " + r.name + "\n" + streamEvents + "data: ")
		t.pending.Write(r.document)
		t.pending.WriteString("\n\n")
		t.ended = session.End != zhenni.SessionLive
		return
	}
	if session.End != zhenni.SessionLive {
		t.ended = true
		return
	}
	pulse := time.NewTimer(streamPause)
	defer pulse.Stop()
	select {
	case <-t.changed:
	case <-pulse.C:
		t.pending.WriteString(streamPulse)
	case <-t.server.draining:
		t.ended = true
	}
}

// Close implements [io.Closer].
func (t *sessionStream) Close() error {
	t.stop()
	return nil
}
