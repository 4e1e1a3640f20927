package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zhenni/holder"
)

// The other session than the one of the tests.
const (
	other     = "0000000000000000000000000000000a"
	otherLink = `{"invitation":"` + other + ".0." + token + `"}`
	otherSeat = "/seats/" + other + ".0"
)

// asks is a view of the other session, which the server has too.
func (s *server) asks(state string) {
	prefix := "/v1/sessions/" + other + "/seats/0"
	text := strings.ReplaceAll(view(`,"state":"`+state+`"`), session, other)
	s.answers["GET"+prefix], s.answers["POST"+prefix+"/open"] = text, text
}

// What a page shows is what is done: a request for another seat than the one that is open is refused, and the server not asked.
func TestAnotherSessionMeanwhile(t *testing.T) {
	s := &server{answers: map[string]string{"GET": view(`,"state":"opened","transaction":"try-1"`), "POST/answer": view(`,"state":"confirmed"`)}}
	a := newApp(t, s, nil)
	a.opened(t, s)
	s.asks("waiting")
	a.must(t, "POST", "/look", otherLink)
	a.must(t, "POST", otherSeat+"/open", `{"party":"desk"}`)
	sent := len(s.sent)
	for path, c := range map[string][]string{
		"/open": {`{"party":"desk"}`}, "/code": {`{"code":"12"}`}, "/share": {`{"name":"A"}`}, "/decline": {`{}`}, "/answer": {picture, "Content-Type", "image/png"},
	} {
		if w := a.do("POST", seat+path, c[0], c[1:]...); w.Code != 409 || !strings.Contains(w.Body.String(), holder.CodeSessionStep) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := a.do("GET", seat, ""); w.Code != 409 || len(s.sent) != sent {
		t.Errorf("%d, and the phone asked %q", w.Code, s.sent[sent:])
	}
}

// Whoever writes a link has it looked at: the seat that is open, and what is consented to in it, stay until the person goes on.
func TestALookLosesNothing(t *testing.T) {
	s := &server{answers: map[string]string{"GET": view(`,"state":"opened","transaction":"try-1"`), "POST/answer": view(`,"state":"confirmed"`)}}
	var kept []string
	var failed error
	a := newApp(t, s, func(c *Config) {
		c.Keep = func(seat *holder.Seat) error { kept = append(kept, seat.Session.String()); return failed }
	})
	a.opened(t, s)
	a.must(t, "POST", seat+"/share", `{"name":"A"}`)
	s.asks("waiting")
	a.must(t, "POST", "/look", otherLink)
	failed = errors.New("the disk is full")
	if w := a.do("POST", otherSeat+"/open", `{"party":"desk"}`); w.Code != 503 {
		t.Errorf("a seat that is not kept: %d %s", w.Code, w.Body)
	}
	for _, sent := range s.sent {
		if strings.HasSuffix(sent, "/open") && strings.Contains(sent, other) {
			t.Error("a seat that is not kept was taken")
		}
	}
	if w := a.must(t, "GET", "/about", ""); !strings.Contains(w.Body.String(), `"`+session+`.0"`) || strings.Join(kept, " ") != session+" "+other {
		t.Errorf("%s, kept %q", w.Body, kept)
	}
	a.must(t, "POST", seat+"/answer", picture, "Content-Type", "image/png")
	if sent := s.sent[len(s.sent)-1]; !strings.Contains(sent, `"share":["name"]`) {
		t.Errorf("it sent %s", sent)
	}
	failed = nil
	a.must(t, "POST", otherSeat+"/open", `{"party":"desk"}`)
	if w := a.must(t, "GET", "/about", ""); !strings.Contains(w.Body.String(), `"`+other+`.0"`) {
		t.Errorf("%s", w.Body)
	}
}

// A phone that looks at the link of the seat that it has shows the token by which it is known.
func TestLookAgain(t *testing.T) {
	s := &server{answers: map[string]string{"GET": view(`,"state":"opened"`)}}
	a := newApp(t, s, nil)
	a.opened(t, s)
	before, err := json.Marshal(a.seat)
	if err != nil {
		t.Fatal(err)
	}
	a.must(t, "POST", "/look", link)
	a.must(t, "POST", seat+"/open", `{"party":"desk"}`)
	if after, err := json.Marshal(a.seat); err != nil || !bytes.Equal(before, after) {
		t.Errorf("%v: another token", err)
	}
}

// A consent goes with the next answer or is gone, however that one fails.
func TestConsentOfAnAnswerThatFailed(t *testing.T) {
	s := &server{answers: map[string]string{"GET": view(`,"state":"opened","transaction":"try-1"`), "POST/answer": view(`,"state":"confirmed"`)}}
	a := newApp(t, s, nil)
	a.opened(t, s)
	for name, c := range map[string][]string{
		"a document": {"{}", "Content-Type", "application/json"}, "too large": {strings.Repeat("x", maxPicture+1), "Content-Type", "image/png"},
		"no face": {"a wall", "Content-Type", "image/png"},
	} {
		a.must(t, "POST", seat+"/share", `{"name":"A"}`)
		if w := a.do("POST", seat+"/answer", c[0], c[1:]...); w.Code < 400 {
			t.Fatalf("%s: %d", name, w.Code)
		}
		a.must(t, "POST", seat+"/answer", picture, "Content-Type", "image/png")
		if sent := s.sent[len(s.sent)-1]; strings.Contains(sent, `"share"`) || strings.Contains(sent, `"name"`) {
			t.Errorf("%s: the next answer sent %s", name, sent)
		}
	}
}

// A phone signs that a capture is of a living person of what its camera took, and of no file.
func TestLivenessOfACamera(t *testing.T) {
	for source, want := range map[string]int{ofCamera: 2, "file": 1, "": 1} {
		s := &server{answers: map[string]string{"GET": view(`,"state":"opened","transaction":"try-1"`), "POST/answer": view(`,"state":"confirmed"`)}}
		a := newApp(t, s, nil)
		a.opened(t, s)
		a.must(t, "POST", seat+"/answer", picture, "Content-Type", "image/png", sourceField, source)
		_, text, _ := strings.Cut(s.sent[len(s.sent)-1], " ")
		var answer struct {
			Evidence []string `json:"evidence"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Evidence) != want {
			t.Errorf("%q: %v, %d tokens, want %d", source, err, len(answer.Evidence), want)
		}
	}
}

// A page that polls waits for what it does not have.
func TestSeeWaits(t *testing.T) {
	s := &server{answers: map[string]string{"GET": view(`,"state":"opened"`)}}
	a := newApp(t, s, nil)
	a.opened(t, s)
	tag := a.must(t, "GET", seat, "").Header().Get("ETag")
	for prefer, want := range map[string]string{"wait=25": "wait=25", "wait=900": "wait=30", "": "wait=0", "wait=x": "wait=0"} {
		w := a.do("GET", seat, "", "If-None-Match", tag, "Prefer", prefer)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 || w.Header().Get("ETag") != tag || s.waits[len(s.waits)-1] != want {
			t.Errorf("%q: %d %s, %v, asked %q", prefer, w.Code, w.Body, w.Header(), s.waits[len(s.waits)-1])
		}
	}
	if w := a.must(t, "GET", seat, "", "If-None-Match", `"1"`, "Prefer", "wait=25"); w.Header().Get("ETag") != tag || !strings.Contains(w.Body.String(), "opened") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

// A stream of a session in which nothing happens says that it is there, before the page gives it up.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rest, more := io.Pipe()
		s := &server{answers: map[string]string{"GET": view(`,"state":"opened"`), "GET/events": "data: " + view(`,"state":"opened"`) + "\n\n"}, stream: rest}
		a := newApp(t, s, nil)
		a.opened(t, s)
		go func() {
			time.Sleep(50 * time.Second)
			_, _ = io.WriteString(more, "data: "+strings.Replace(view(`,"state":"confirmed"`), "live", "completed", 1)+"\n\n")
		}()
		w := a.must(t, "GET", seat+"/events", "")
		if got := w.Body.String(); strings.Count(got, ": \n\n") != 3 || strings.Count(got, "data: {") != 2 || !strings.HasPrefix(got, "data: {") {
			t.Errorf("%s", got)
		}
	})
}

// A server that says nothing holds the phone up for half a minute.
func TestASilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: map[string]string{"GET": view(`,"state":"opened"`)}}
		a := newApp(t, s, nil)
		a.opened(t, s)
		s.silent = true
		for _, c := range []struct {
			method, path, body string
			fields             []string
			want               time.Duration
		}{
			{"POST", "/look", link, nil, longestAnswer}, {"POST", seat + "/open", `{"party":"desk"}`, nil, longestAnswer},
			{"POST", seat + "/code", `{"code":"12"}`, nil, longestAnswer}, {"POST", seat + "/decline", `{}`, nil, longestAnswer},
			{"POST", seat + "/answer", picture, []string{"Content-Type", "image/png"}, longestAnswer}, {"GET", seat, "", nil, longestAnswer},
			{"GET", seat, "", []string{"If-None-Match", `"1"`, "Prefer", "wait=25"}, longestAnswer + 25*time.Second},
		} {
			began := time.Now()
			if w := a.do(c.method, c.path, c.body, c.fields...); w.Code != http.StatusServiceUnavailable || time.Since(began) != c.want {
				t.Errorf("%s: %d after %v, want %v", c.path, w.Code, time.Since(began), c.want)
			}
		}
	})
}

// Browsers leave the port of http out of what they write.
func TestPortOfHTTP(t *testing.T) {
	a := newApp(t, &server{}, func(c *Config) { c.Address = "127.0.0.1:80" })
	for host, want := range map[string]int{"127.0.0.1": 200, "127.0.0.1:80": 200, "127.0.0.1:8080": 421, "localhost": 421, "": 421} {
		if w := a.do("GET", "/about", "", "Host", host, "Origin", "http://127.0.0.1"); w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
	for _, origin := range []string{"http://127.0.0.1:8765", "https://127.0.0.1", "127.0.0.1", "null"} {
		if w := a.do("GET", "/about", "", "Host", "127.0.0.1", "Origin", origin); w.Code != 403 {
			t.Errorf("%q: %d", origin, w.Code)
		}
	}
}
