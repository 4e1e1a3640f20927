package pages

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"zhenni"
)

// address finds what a browser would fetch from another server, or run that is not a file of its own.
var address = regexp.MustCompile(`(https?:)?//[a-z0-9]|\b(on[a-z]+|style)=|<script>|<style|javascript:|@import|\burl\(|innerHTML|eval\(`)

// The names that XML is known by are of no server, and a comment is fetched by nobody.
var harmless = regexp.MustCompile(`http://www\.w3\.org/2000/svg|(?m)^\s*//.*$|\s// .*$`)

// A page is made of the files of this package alone, and has nothing in it that its policy would refuse.
func TestPagesTakeNothingFromElsewhere(t *testing.T) {
	for _, f := range All() {
		text := harmless.ReplaceAllString(string(f.Body), "")
		if found := address.FindString(text); found != "" {
			t.Errorf("%s has %q", f.Path, found)
		}
		for _, taken := range regexp.MustCompile(`(?:href|src)="(/pages/[^"]*)"`).FindAllStringSubmatch(text, -1) {
			if !served(taken[1]) {
				t.Errorf("%s takes %s, which is no file", f.Path, taken[1])
			}
		}
		for _, taken := range regexp.MustCompile(`from '\./([^']*)'`).FindAllStringSubmatch(text, -1) {
			if !served(f.Path[:strings.LastIndexByte(f.Path, '/')+1] + taken[1]) {
				t.Errorf("%s takes %s, which is no file", f.Path, taken[1])
			}
		}
	}
}

func served(path string) bool {
	for _, f := range All() {
		if f.Path == path {
			return true
		}
	}
	return false
}

// Pages have short addresses of their own and are asked for again; all else is at an address that has one content for ever.
func TestAddresses(t *testing.T) {
	plain, seen := regexp.MustCompile(`^/[a-z]+$`), map[string]bool{}
	lasting := regexp.MustCompile(`^/pages/[0-9a-f]{16}/[a-z]+\.(js|css|svg)$`)
	for _, f := range All() {
		if seen[f.Path] || f.Media == "" || len(f.Body) == 0 || len(f.ETag) < 10 {
			t.Errorf("%q: %q, %d bytes, %s", f.Path, f.Media, len(f.Body), f.ETag)
		}
		seen[f.Path] = true
		if page := strings.HasPrefix(f.Media, "text/html"); page != plain.MatchString(f.Path) || page == f.Lasting || page == lasting.MatchString(f.Path) {
			t.Errorf("%s: %s, lasting %v", f.Path, f.Media, f.Lasting)
		}
		if f.Lasting != strings.Contains(f.CacheControl(), "immutable") {
			t.Errorf("%s: %s", f.Path, f.CacheControl())
		}
	}
	for _, page := range []string{"/counter", "/s", "/person", "/me"} {
		if !seen[page] {
			t.Errorf("%s is not there", page)
		}
	}
}

// A page hands over to an app, and to nothing that would run in the page or tell a server what is handed over.
func TestHandingOver(t *testing.T) {
	for address, want := range map[string]bool{
		App: true, "https://app.example/open#": true, "http://127.0.0.1:8765/#": true, "bank-app:": true,
		"": false, "https://app.example/open": false, "https://app.example/?a#": false, "http://app.example/#": false, "javascript:": false,
		"data:": false, "https://a:b@app.example/#": false, `https://app.example/"#`: false, "zhenni-holder:x": false, "#": false,
	} {
		if got := IsApp(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
	const app = "https://app.example/open#"
	for i, f := range For(app) {
		before := All()[i]
		if handing := strings.Contains(string(before.Body), "data-app="); handing != (f.ETag != before.ETag) || handing != strings.Contains(string(f.Body), `data-app="`+app+`"`) {
			t.Errorf("%s: %v", f.Path, handing)
		}
	}
}

// Nothing is allowed that is not named, and nothing that would let a text become markup or a script.
func TestPolicy(t *testing.T) {
	if !strings.HasPrefix(Policy, "default-src 'none'; ") {
		t.Error("what is not named is allowed")
	}
	for _, loose := range []string{"unsafe", "*", "data:", "http:", "https:", "wasm"} {
		if strings.Contains(Policy, loose) {
			t.Errorf("it has %s", loose)
		}
	}
	for _, strict := range []string{"form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(Policy, strict) {
			t.Errorf("it lacks %s", strict)
		}
	}
}

// The numbers by which the script that draws a screen's codes is tested are the server's.
func TestScreenVectors(t *testing.T) {
	var vectors struct {
		Key   string
		Codes []struct {
			Second int64
			Proof  string
		}
	}
	text, err := os.ReadFile("_check/screen.json")
	if err == nil {
		err = json.Unmarshal(text, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, ok := zhenni.ParseSessionToken([]byte(vectors.Key))
	if !ok || len(vectors.Codes) < 3 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors.Codes {
		proof := zhenni.SessionQR(key, v.Second)
		if want := base64.RawURLEncoding.EncodeToString(proof[:]); want != v.Proof {
			t.Errorf("%d: %s, want %s", v.Second, v.Proof, want)
		}
	}
}
