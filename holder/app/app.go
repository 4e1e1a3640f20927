package app

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"zhenni"
	"zhenni/gateway/pages"
	"zhenni/holder"
	"zhenni/holder/capture"
)

//go:embed web
var web embed.FS

// Extractor makes the embedding of a picture, as one of package capture does.
type Extractor interface {
	Model() zhenni.Model
	Extract(c capture.Capture) ([]float32, error)
}

// Config is a phone, and what it takes part in sessions with.
type Config struct {
	// Address is where the page is, host and port, as a browser writes them.
	Address string
	// Phone has a credential. The app is its only user until the app is not used any more.
	Phone *holder.Phone
	// Seats is the server.
	Seats *holder.Seats
	// Seat is the one that the phone had last, nil for none. Keep keeps the one it is about to take, before anything of it is sent.
	Seat *holder.Seat
	Keep func(*holder.Seat) error
	// Extractor makes embeddings of pictures.
	Extractor Extractor
	// Width and Height are those of the picture that it takes, in pixels; 0 for a model that finds the face itself.
	Width, Height int
	// Liveness is what the phone signs of a capture; zhenni.LivenessNone is nothing.
	Liveness zhenni.Liveness
	Now      func() time.Time
}

// App serves the page. It is safe for concurrent use.
type App struct {
	config Config
	key    string
	files  map[string]file
	routes *http.ServeMux

	mu sync.Mutex // held while the phone asks: one thing at a time
	// seat is the one that was opened, looked the one of which the page was shown who asks: a mere look loses nothing.
	seat, looked *holder.Seat
	// consent is what the next answer in the seat lets see who asks; it is gone with that answer.
	consent consent
}

// file is what the page is made of.
type file struct {
	media, control string
	body           []byte
}

// New draws the key of the page: zhenni.ErrBadValue for a configuration that lacks something.
func New(c Config) (*App, error) {
	if c.Phone == nil || c.Phone.Credential == (zhenni.CredentialID{}) {
		return nil, fmt.Errorf("%w: the phone has no credential yet", zhenni.ErrBadValue)
	}
	if c.Seats == nil || c.Keep == nil || c.Extractor == nil || c.Now == nil || c.Address == "" || c.Width < 0 || c.Height < 0 || (c.Width == 0) != (c.Height == 0) {
		return nil, fmt.Errorf("%w: an app wants an address, a server, a clock, an extractor and a place for its seat", zhenni.ErrBadValue)
	}
	if f := c.Extractor.Model().Factor; f != zhenni.FactorFace {
		return nil, fmt.Errorf("%w: the model is of another factor than the face", zhenni.ErrBadValue)
	}
	a := &App{config: c, key: rand.Text(), seat: c.Seat, files: files()}
	a.routes = http.NewServeMux()
	for pattern, do := range map[string]func(*http.Request) (any, error){
		"GET /about": a.about, "POST /look": a.look, "GET /seats/{seat}": a.see,
		"POST /seats/{seat}/open": a.open, "POST /seats/{seat}/code": a.code, "POST /seats/{seat}/share": a.share,
		"POST /seats/{seat}/answer": a.answer, "POST /seats/{seat}/decline": a.decline,
	} {
		a.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, do) })
	}
	a.routes.HandleFunc("GET /seats/{seat}/events", a.events)
	a.routes.HandleFunc("GET /", a.file)
	return a, nil
}

// Start is the address by which a browser enters. It is a secret of this machine.
func (a *App) Start() string { return "http://" + a.config.Address + "/#" + a.key }

// files are those of the page and those that all pages share, by their addresses.
func files() map[string]file {
	all := map[string]file{}
	for _, f := range pages.All() {
		if f.Lasting {
			all[f.Path] = file{f.Media, f.CacheControl(), f.Body}
		}
	}
	for address, name := range map[string]string{"/": "app.html", "/app.js": "app.js", "/texts.js": "texts.js"} {
		body, err := web.ReadFile("web/" + name)
		if err != nil {
			panic(err) // they are embedded
		}
		all[address] = file{pages.Media(name), "no-cache", pages.Place(body)}
	}
	return all
}

// file serves a file of the page. Nothing in it is a secret.
func (a *App) file(w http.ResponseWriter, r *http.Request) {
	f, known := a.files[r.URL.Path]
	if !known {
		fail(w, http.StatusNotFound, "not_found")
		return
	}
	w.Header().Set("Content-Type", f.media)
	w.Header().Set("Cache-Control", f.control)
	_, _ = w.Write(f.body)
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, field := range pages.Headers {
		w.Header().Set(field[0], field[1])
	}
	w.Header().Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), clipboard-read=(), payment=(), usb=()")
	w.Header().Set("Cache-Control", "no-store")
	if !a.at(r.Host) {
		fail(w, http.StatusMisdirectedRequest, "not_found")
		return
	}
	a.routes.ServeHTTP(w, r)
}

// at reports whether a host is where the page is. Browsers leave the port of http out.
func (a *App) at(host string) bool { return host == a.config.Address || host+":80" == a.config.Address }

// admits reports whether a request is of the page, and of the browser that was started with the key.
func (a *App) admits(r *http.Request) bool {
	host, plain := strings.CutPrefix(r.Header.Get("Origin"), "http://")
	if r.Header.Get("Origin") != "" && (!plain || !a.at(host)) || r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return false
	}
	got, want := sha256.Sum256([]byte(r.Header.Get(keyField))), sha256.Sum256([]byte(a.key))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// keyField has the key of the page. Another origin's script may not send it unasked.
const keyField = "Session-Token"

// serve does what a request of the page asks for.
func (a *App) serve(w http.ResponseWriter, r *http.Request, do func(*http.Request) (any, error)) {
	if !a.admits(r) {
		fail(w, http.StatusForbidden, "app_key")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPicture)
	document, err := do(r)
	if err != nil {
		p := problemOf(err)
		fail(w, p.status, p.code)
		return
	}
	if view, is := document.(holder.SeatView); is && view.Tag != "" {
		w.Header().Set("ETag", view.Tag)
		if view.Session == "" { // it is as the page has it
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		fail(w, http.StatusInternalServerError, "unavailable")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// about is what the page has to know of the app: the size of the picture, and the seat to go on in, "" for none.
func (a *App) about(*http.Request) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seat := ""
	if a.seat != nil {
		seat = name(a.seat)
	}
	return map[string]any{"width": a.config.Width, "height": a.config.Height, "seat": seat}, nil
}

const (
	maxPicture  = 8 << 20
	maxDocument = 4 << 10
	maxConsent  = 128 << 10 // a selfie of 64 KiB in base64
)

// read reads a document of at most so many bytes.
func read(r *http.Request, document any, limit int64) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return &problem{http.StatusUnsupportedMediaType, "media_type"}
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil || int64(len(text)) > limit {
		return &problem{http.StatusBadRequest, "invalid_document"}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(document) != nil {
		return &problem{http.StatusBadRequest, "invalid_document"}
	}
	return nil
}
