// Package pages holds the pages by which people take part in a session without an account: the counter's, that of whoever is
// asked, and that of a person who asks another one. They are files of this package, in Chinese and English, and take nothing from
// anywhere else.
//
// A page is started by its address: what lets somebody in stands behind the "#", which no browser sends to a server, and is taken
// out of the address bar at once. It is kept for the tab alone, so that a page which is loaded again goes on.
//
//	/counter#SESSION.ASKER_TOKEN.QR_KEY    who asks, as POST /v1/sessions answers them
//	/s#SESSION.SEAT.TOKEN                  who is asked, as "links" has it; or with what a code on a screen proves as its TOKEN
//
// The rest of a page is under /pages/ and a digest of it all: an address has one content for ever, and a page never mixes two
// versions of the server.
package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
)

// web are the files as they are written; "/pages/-/" stands for where they are served.
//
//go:embed web
var web embed.FS

// File is one file as it is served. It is shared: nobody changes it.
type File struct {
	// Path is its address, of the characters A–Z, a–z, 0–9, dash, dot, underscore and slash.
	Path string
	// Media is the value of Content-Type.
	Media string
	// ETag is a strong validator with its quotes.
	ETag string
	Body []byte
	// Lasting says that the address never has another content.
	Lasting bool
}

// Policy is the Content-Security-Policy of every file: a page runs the scripts and styles of its own server, asks nobody else,
// is in no frame, and writes no text as markup. A blob is the picture that a person agreed to show once.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Headers are the other fields of every file, names and values. No page uses a device of the machine it is shown on.
var Headers = [][2]string{
	{"Content-Security-Policy", Policy},
	{"Referrer-Policy", "no-referrer"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=(), clipboard-read=(), payment=(), usb=()"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Embedder-Policy", "require-corp"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
}

// CacheControl is how long a file may be kept: one at a lasting address for ever, a page until it is asked for again.
func (f *File) CacheControl() string {
	if f.Lasting {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

var media = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// All returns every file, in the order of their names. A page, of .html, is at its name without that.
var All = sync.OnceValue(func() []File {
	entries, err := fs.ReadDir(web, "web")
	if err != nil {
		panic(err) // they are embedded
	}
	var files []File
	all := sha256.New()
	for _, entry := range entries {
		body, err := web.ReadFile("web/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		all.Write(sum[:])
		files = append(files, File{Path: entry.Name(), Media: Media(entry.Name()), Body: body})
	}
	folder := "/pages/" + hex.EncodeToString(all.Sum(nil)[:8]) + "/"
	for i := range files {
		files[i].place(folder)
	}
	return files
})

// App is where a page hands over to where nothing else is said: the scheme that a holder's app of a phone is known by.
const App = "zhenni-holder:"

// IsApp reports whether a page may hand over to an address: a scheme of an app alone, or https, or http on the machine itself,
// that ends in "#". What is handed over comes behind it, and no server sees that.
func IsApp(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || strings.ContainsAny(address, `<>"'&`) {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Host != "" && strings.HasSuffix(address, "#")
	case "http":
		ip := net.ParseIP(u.Hostname())
		return ip != nil && ip.IsLoopback() && strings.HasSuffix(address, "#")
	case "javascript", "data", "blob", "file", "":
		return false
	}
	return address == u.Scheme+":"
}

// For returns every file of a server whose pages hand over to an app at an address that [IsApp].
func For(app string) []File {
	files := slices.Clone(All())
	for i := range files {
		f := &files[i]
		if body := bytes.ReplaceAll(f.Body, []byte(`data-app="`+App+`"`), []byte(`data-app="`+app+`"`)); !f.Lasting {
			f.setBody(body)
		}
	}
	return files
}

// Place has what is served beside these files take them from where they are: it replaces "/pages/-/" in a text.
func Place(text []byte) []byte {
	for _, f := range All() {
		if f.Lasting {
			return []byte(strings.ReplaceAll(string(text), "/pages/-/", f.Path[:strings.LastIndexByte(f.Path, '/')+1]))
		}
	}
	return text
}

// Media is the value of Content-Type of a file of this name.
func Media(name string) string { return media[path.Ext(name)] }

// place gives a file its address, and a page those of what it takes.
func (f *File) place(folder string) {
	name, page := strings.CutSuffix(f.Path, ".html")
	if page {
		f.Path = "/" + name
		f.setBody([]byte(strings.ReplaceAll(string(f.Body), "/pages/-/", folder)))
	} else {
		f.Path, f.Lasting = folder+f.Path, true
		f.setBody(f.Body)
	}
}

func (f *File) setBody(body []byte) {
	sum := sha256.Sum256(body)
	f.Body, f.ETag = body, `"`+hex.EncodeToString(sum[:12])+`"`
}
