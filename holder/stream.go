package holder

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"zhenni"
)

// How long is waited before a lost stream is opened again, where the server does not say otherwise, and at most.
const (
	streamPause   = 2 * time.Second
	longestPause  = 30 * time.Second
	mediaOfStream = "text/event-stream"
)

// stream reads server-sent events (HTML) of one session, over as many connections as it takes.
type stream struct {
	pause, retry time.Duration
	last         string
	scanner      *bufio.Scanner
}

// follow opens streams by open, each behind the last event of the one before, and hands on what their events show until more is
// false, or an error that no other connection mends.
func follow[V any](ctx context.Context, w *wire, open func() (*http.Request, error), hand func(V, error) (more bool)) {
	s := &stream{pause: streamPause, retry: streamPause}
	for {
		more, err := connect(w, s, open, hand)
		if !more {
			return
		}
		if err != nil && !Again(err) {
			var none V
			hand(none, err)
			return
		}
		if err := s.rest(ctx); err != nil {
			var none V
			hand(none, err)
			return
		}
	}
}

// connect reads one stream to its end. An error is why there was none.
func connect[V any](w *wire, s *stream, open func() (*http.Request, error), hand func(V, error) (more bool)) (more bool, err error) {
	request, err := open()
	if err != nil {
		return true, err
	}
	request.Header.Set("Accept", mediaOfStream)
	if s.last != "" {
		request.Header.Set("Last-Event-ID", s.last)
	}
	response, err := w.send(request)
	if err != nil {
		return true, err
	}
	defer response.Body.Close()
	s.scanner = bufio.NewScanner(response.Body)
	s.scanner.Buffer(nil, maxAnswer)
	for {
		data, there := s.event()
		if !there {
			return true, nil
		}
		var v V
		if err := json.Unmarshal(data, &v); err != nil {
			return true, fmt.Errorf("%w: an event is not what was asked for: %w", zhenni.ErrUnavailable, err)
		}
		if s.pause = s.retry; !hand(v, nil) {
			return false, nil
		}
	}
}

// event reads the data of the next event; there is none behind the end of a connection, where the last may be cut, nor in place of one
// that is too long, however many lines it has.
func (s *stream) event() (data []byte, there bool) {
	id := s.last
	for s.scanner.Scan() {
		line := s.scanner.Bytes()
		if len(line) == 0 {
			if data != nil {
				s.last = id
				return data, true
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if len(data)+len(value) > maxAnswer {
				return nil, false
			}
			data = append(data, value...)
		case "id":
			id = string(value)
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 16); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
				s.pause = min(s.pause, s.retry)
			}
		}
	}
	return nil, false
}

// rest waits before the next connection, each time up to twice as long until an event comes. How long is drawn, so that those who
// lost a server do not all come back to it at once.
func (s *stream) rest(ctx context.Context) error {
	over := time.NewTimer(rand.N(s.pause + 1))
	defer over.Stop()
	s.pause = min(2*s.pause, longestPause)
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, context.Cause(ctx))
	}
}
