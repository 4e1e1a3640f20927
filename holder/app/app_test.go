package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway/pages"
	"zhenni/holder"
	"zhenni/holder/capture"
)

const (
	address = "127.0.0.1:8765"
	session = "00000000000000000000000000000009"
	token   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	picture = "what the camera saw"
	seat    = "/seats/" + session + ".0"
	link    = `{"invitation":"` + session + ".0." + token + `"}`
)

// server answers the phone without a network, and keeps what it was sent.
type server struct {
	answers map[string]string // by method and the end of the path, of another session the whole; a status may stand before it
	silent  bool              // it answers nothing
	stream  io.Reader         // what follows of a stream of events
	sent    []string
	waits   []string // what it was asked to wait
}

func (s *server) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	asked := request.Method + strings.TrimPrefix(request.URL.Path, "/v1/sessions/"+session+"/seats/0")
	s.sent = append(s.sent, asked+" "+string(body))
	if s.silent {
		<-request.Context().Done()
		return nil, context.Cause(request.Context())
	}
	answer, known := s.answers[asked]
	if !known {
		return nil, errors.New("no route to host")
	}
	status := http.StatusOK
	if refused, code, is := strings.Cut(answer, " refused "); is {
		status, answer = map[string]int{"404": 404, "409": 409}[refused], `{"code":"`+code+`"}`
	}
	response := &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(answer)), Request: request, Header: http.Header{}}
	if s.stream != nil && strings.HasSuffix(asked, "/events") {
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(answer), s.stream))
	}
	if tag := `"` + strconv.Itoa(len(answer)) + `"`; request.Header.Get("If-None-Match") == tag {
		response.StatusCode, response.Body = http.StatusNotModified, http.NoBody
	} else {
		response.Header.Set("ETag", tag)
	}
	s.waits = append(s.waits, request.Header.Get("Prefer"))
	return response, nil
}

func view(more string) string {
	return `{"session":"` + session + `","seat":0,"kind":"counter","party":"desk","outcome":"live"` + more + `}`
}

// extractor takes one picture for a face.
type extractor struct{ factor zhenni.Factor }

func (e extractor) Model() zhenni.Model { return zhenni.Model{ID: "m-1", Dim: 3, Factor: e.factor} }

func (e extractor) Extract(c capture.Capture) ([]float32, error) {
	if string(c.File) != picture {
		return nil, capture.ErrNoFace
	}
	return []float32{1, 2, 3}, nil
}

// newApp is the app of a phone with a credential, on a server.
func newApp(t testing.TB, s *server, change func(*Config)) *App {
	t.Helper()
	phone, err := holder.NewPhone(zhenni.KeyEd25519)
	if err != nil {
		t.Fatal(err)
	}
	phone.Credential = zhenni.CredentialID{7}
	seats, err := holder.NewSeats("http://zhenni.example", s)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Address: address, Phone: phone, Seats: seats, Keep: func(*holder.Seat) error { s.sent = append(s.sent, "kept"); return nil },
		Extractor: extractor{zhenni.FactorFace}, Liveness: zhenni.LivenessPassive, Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
	if change != nil {
		change(&c)
	}
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// do is a request of the page.
func (a *App) do(method, path, body string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(keyField, a.key)
	for i := 0; i < len(fields); i += 2 {
		if r.Header.Set(fields[i], fields[i+1]); fields[i] == "Host" {
			r.Host = fields[i+1]
		}
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// must is a request of the page that is answered.
func (a *App) must(t testing.TB, method, path, body string, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := a.do(method, path, body, fields...)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}

// opened has the app look at the link, and open it.
func (a *App) opened(t testing.TB, s *server) {
	t.Helper()
	s.answers["POST/open"] = s.answers["GET"]
	a.must(t, "POST", "/look", link)
	a.must(t, "POST", seat+"/open", `{"party":"desk"}`)
}

// A link is looked at, then opened by a seat that is kept before, then answered by a picture of which nothing but a rotated embedding
// goes to the server, with what the phone signs of it.
//
// FAULTS: B8
func TestAPictureAnswers(t *testing.T) {
	s := &server{answers: map[string]string{
		"GET": view(`,"state":"waiting"`), "POST/open": view(`,"state":"opened","transaction":"try-1"`),
		"POST/answer": view(`,"state":"confirmed"`),
	}}
	a := newApp(t, s, nil)
	if w := a.do("POST", "/look", `{"invitation":"https://id.example/s#`+session+".0."+token+`"}`); w.Code != 200 || !strings.Contains(w.Body.String(), `"desk"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(s.sent) != 1 {
		t.Errorf("%q: a look keeps nothing", s.sent)
	}
	if w := a.do("POST", seat+"/open", `{"party":"desk"}`); w.Code != 200 || !strings.Contains(w.Body.String(), "opened") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(s.sent) != 3 || s.sent[1] != "kept" {
		t.Errorf("%q: a seat is kept before it is taken", s.sent)
	}
	s.answers["GET"] = s.answers["POST/open"]
	if w := a.do("POST", seat+"/answer", picture, "Content-Type", "image/png", sourceField, ofCamera); w.Code != 200 || !strings.Contains(w.Body.String(), "confirmed") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	_, text, _ := strings.Cut(s.sent[len(s.sent)-1], " ")
	var answer struct {
		Probe    string   `json:"probe_float32"`
		Evidence []string `json:"evidence"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	plain, err := holder.NewProbe([]float32{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Probe) != 24 || strings.HasPrefix(answer.Probe, strings.TrimRight(plain.Text(), "=")) || len(answer.Evidence) != 2 {
		t.Errorf("it sent %s", text)
	}
	for _, sent := range s.sent {
		if strings.Contains(sent, picture) || strings.Contains(sent, "d2hhdCB0") {
			t.Error("the picture left the machine")
		}
	}
}

// A person who is asked lets see, field by field, what goes with the next answer and with no other.
func TestWhatIsLetSee(t *testing.T) {
	s := &server{answers: map[string]string{"GET": view(`,"state":"opened","transaction":"try-1"`), "POST/answer": view(`,"state":"opened","transaction":"try-2"`)}}
	a := newApp(t, s, nil)
	if w := a.do("POST", seat+"/share", `{"name":"A"}`); w.Code != 404 {
		t.Errorf("without a link: %d %s", w.Code, w.Body)
	}
	a.opened(t, s)
	for i, c := range []struct{ consent, want string }{
		{`{"name":"诸葛亮"}`, `"share":["name"]`}, {``, ``}, {`{"selfie":"/9j/"}`, `"share":["selfie"]`},
		{`{"name":"诸葛亮","selfie":"/9j/"}`, `"share":["name","selfie"]`}, {`{}`, ``},
	} {
		if c.consent != "" {
			if w := a.do("POST", seat+"/share", c.consent); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		if w := a.do("POST", seat+"/answer", picture, "Content-Type", "image/png"); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		sent := s.sent[len(s.sent)-1]
		if strings.Contains(sent, `"share"`) != (c.want != "") || !strings.Contains(sent, c.want) || strings.Contains(sent, "诸葛亮") != strings.Contains(c.want, "name") {
			t.Errorf("%d: %s sent %s", i, c.consent, sent)
		}
	}
	if w := a.do("POST", seat+"/share", `{"selfie":"`+strings.Repeat("A", maxConsent)+`"}`); w.Code != 400 {
		t.Errorf("a selfie that is too large: %d %s", w.Code, w.Body)
	}
}

// What is not asked by the page, at its own address and with its key, is not done; what goes wrong is said.
func TestWhatIsRefused(t *testing.T) {
	live := map[string]string{"GET": view(`,"state":"opened","transaction":"try-1"`), "POST/code": "409 refused session_step"}
	for name, c := range map[string]struct {
		method, path, body string
		fields             []string
		want               int
		code               string
	}{
		"another name":       {"POST", "/look", link, []string{"Host", "evil.example"}, 421, "not_found"},
		"without the key":    {"POST", "/look", link, []string{keyField, ""}, 403, "app_key"},
		"another key":        {"GET", "/about", "", []string{keyField, "A"}, 403, "app_key"},
		"events, no key":     {"GET", seat + "/events", "", []string{keyField, ""}, 403, "app_key"},
		"another origin":     {"POST", "/look", link, []string{"Origin", "http://127.0.0.1:1"}, 403, "app_key"},
		"from another site":  {"GET", seat, "", []string{"Sec-Fetch-Site", "cross-site"}, 403, "app_key"},
		"its own origin":     {"POST", "/look", link, []string{"Origin", "http://" + address}, 200, `"session"`},
		"another seat":       {"POST", "/seats/" + session + ".1/answer", picture, []string{"Content-Type", "image/png"}, 409, "session_step"},
		"no link":            {"POST", "/look", `{"invitation":"x"}`, nil, 400, "invitation"},
		"another member":     {"POST", "/look", `{"link":"x"}`, nil, 400, "invalid_document"},
		"a long document":    {"POST", "/look", `{"invitation":"` + strings.Repeat("x", maxDocument) + `"}`, nil, 400, "invalid_document"},
		"a form":             {"POST", "/look", link, []string{"Content-Type", "text/plain"}, 415, "media_type"},
		"no picture":         {"POST", seat + "/answer", "{}", nil, 415, "media_type"},
		"no face":            {"POST", seat + "/answer", "a wall", []string{"Content-Type", "image/png"}, 422, "no_face"},
		"too large":          {"POST", seat + "/answer", strings.Repeat("x", maxPicture+1), []string{"Content-Type", "image/jpeg"}, 422, "picture_too_large"},
		"refused by it":      {"POST", seat + "/code", `{"code":"12"}`, nil, 409, "session_step"},
		"no server":          {"POST", seat + "/decline", `{}`, nil, 503, "unavailable"},
		"no such file":       {"GET", "/web/app.html", "", nil, 404, "not_found"},
		"another method":     {"PUT", "/look", link, nil, 405, ""},
		"the page needs not": {"GET", "/", "", []string{keyField, ""}, 200, "<!doctype html>"},
	} {
		s := &server{answers: live}
		a := newApp(t, s, nil)
		a.opened(t, s)
		before := len(s.sent)
		w := a.do(c.method, c.path, c.body, c.fields...)
		if w.Code != c.want || !strings.Contains(w.Body.String(), c.code) {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, c.want, c.code)
		}
		if (c.want == 403 || c.want == 421) && len(s.sent) != before {
			t.Errorf("%s: the phone asked %q", name, s.sent[before:])
		}
	}
}

// Before there is a link there is nothing to see, and an answer that nobody waits for is not made.
func TestNothingToAnswer(t *testing.T) {
	s := &server{answers: map[string]string{"GET": view(`,"state":"waiting"`)}}
	a := newApp(t, s, nil)
	for _, path := range []string{seat, seat + "/events"} {
		if w := a.do("GET", path, ""); w.Code != 404 || !strings.Contains(w.Body.String(), holder.CodeNoSession) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	a.opened(t, s)
	if w := a.do("POST", seat+"/answer", picture, "Content-Type", "image/png"); w.Code != 409 || !strings.Contains(w.Body.String(), holder.CodeSessionStep) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The page follows the session up to its end.
func TestEvents(t *testing.T) {
	s := &server{answers: map[string]string{
		"GET":        view(`,"state":"waiting"`),
		"GET/events": "id: a\ndata: " + view(`,"state":"opened"`) + "\n\nid: b\ndata: " + strings.Replace(view(`,"state":"confirmed","confirmed":true`), "live", "completed", 1) + "\n\n",
	}}
	a := newApp(t, s, nil)
	a.opened(t, s)
	w := a.do("GET", seat+"/events", "")
	if w.Header().Get("Content-Type") != "text/event-stream" || strings.Count(w.Body.String(), "data: ") != 2 {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

// The page takes nothing from anywhere else and writes no text as markup; it alone may use the camera.
func TestThePage(t *testing.T) {
	a := newApp(t, &server{}, nil)
	elsewhere := regexp.MustCompile(`(https?:)?//[a-z0-9]|\b(on[a-z]+|style)=|<script>|<style|javascript:|@import|\burl\(|innerHTML|eval\(`)
	comment := regexp.MustCompile(`(?m)^\s*//.*$|\s// .*$`)
	for path, f := range a.files {
		w := a.do("GET", path, "")
		if w.Code != 200 || w.Header().Get("Content-Type") == "" || !bytes.Equal(w.Body.Bytes(), f.body) || w.Header().Get("Content-Security-Policy") != pages.Policy {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if p := w.Header().Get("Permissions-Policy"); !strings.HasPrefix(p, "camera=(self), microphone=(),") {
			t.Errorf("%s: %s", path, p)
		}
		if strings.HasPrefix(path, "/pages/") {
			continue
		}
		text := comment.ReplaceAllString(string(f.body), "")
		if found := elsewhere.FindString(text); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		for _, taken := range regexp.MustCompile(`(?:href=|src=|from |import )["'](/[^"']*)["']`).FindAllStringSubmatch(text, -1) {
			if _, known := a.files[taken[1]]; !known {
				t.Errorf("%s takes %s, which is no file", path, taken[1])
			}
		}
	}
	if want := "http://" + address + "/#" + a.key; a.Start() != want || len(a.key) != 26 {
		t.Errorf("%s, want %s", a.Start(), want)
	}
	for _, text := range []string{"app.html", "app.js", "texts.js"} {
		if body, err := web.ReadFile("web/" + text); err != nil || bytes.Contains(body, []byte(a.key)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Both languages have every text of the app.
func TestTexts(t *testing.T) {
	body, err := web.ReadFile("web/texts.js")
	if err != nil {
		t.Fatal(err)
	}
	zh, en, _ := strings.Cut(string(body), "texts.en")
	keys := regexp.MustCompile(`(?m)^  '([^']+)':`)
	chinese, english := keys.FindAllStringSubmatch(zh, -1), keys.FindAllStringSubmatch(en, -1)
	if len(chinese) < 20 || len(chinese) != len(english) {
		t.Fatalf("%d and %d texts", len(chinese), len(english))
	}
	for i := range chinese {
		if chinese[i][1] != english[i][1] {
			t.Errorf("%s, and %s", chinese[i][1], english[i][1])
		}
	}
}

// An app lacks nothing, and is of the face.
func TestNew(t *testing.T) {
	whole := newApp(t, &server{}, nil).config
	for name, change := range map[string]func(*Config){
		"no phone": func(c *Config) { c.Phone = nil }, "no credential": func(c *Config) { c.Phone = &holder.Phone{} }, "no server": func(c *Config) { c.Seats = nil },
		"no place": func(c *Config) { c.Keep = nil }, "no extractor": func(c *Config) { c.Extractor = nil }, "no clock": func(c *Config) { c.Now = nil },
		"no address": func(c *Config) { c.Address = "" }, "half a size": func(c *Config) { c.Width = 112 },
		"a voice": func(c *Config) { c.Extractor = extractor{zhenni.FactorVoice} },
	} {
		c := whole
		change(&c)
		if _, err := New(c); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
