package gateway

import (
	"strings"
	"testing"

	"zhenni/gateway/pages"
)

// Every file of the pages comes with its policy and the rest of its headers, and says when it has not changed.
func TestPagesAreServed(t *testing.T) {
	o := startOffice(t, nil)
	for _, f := range pages.All() {
		a := wantStatus(t, o.call("GET", f.Path, "", "", nil), 200)
		if string(a.body) != string(f.Body) || a.header.Get("Content-Type") != f.Media || a.header.Get("Cache-Control") != f.CacheControl() {
			t.Errorf("%s: %d bytes, %v", f.Path, len(a.body), a.header)
		}
		for _, field := range pages.Headers {
			if got := a.header.Get(field[0]); got != field[1] {
				t.Errorf("%s: %s: %q", f.Path, field[0], got)
			}
		}
		if a := o.call("GET", f.Path, "", "", nil, "If-None-Match: "+f.ETag); a.status != 304 || len(a.body) != 0 || a.header.Get("Content-Security-Policy") != pages.Policy {
			t.Errorf("%s again: %d %v", f.Path, a.status, a.header)
		}
		if a := o.call("POST", f.Path, "", mediaJSON, []byte("{}")); a.status != 405 {
			t.Errorf("POST %s: %d", f.Path, a.status)
		}
	}
}

// A page is no part of the API, a name of a page is not an address of the API, and a server without sessions has no pages.
func TestPagesAreNoAPI(t *testing.T) {
	for _, page := range pageRoutes(pages.All()) {
		if page.role != 0 || page.tokened || page.method != "GET" || page.path != "pages" || strings.HasPrefix(page.pattern, "/v1/") {
			t.Errorf("%+v", page)
		}
		for _, rt := range publicRoutes() {
			if rt.path == page.pattern {
				t.Errorf("%s is a route of the API", rt.path)
			}
		}
	}
	without := startDesk(t, nil)
	nothing := without.call("GET", "/v1/none", "", "", nil)
	for _, f := range pages.All() {
		if a := without.call("GET", f.Path, "", "", nil); a.status != 404 || !sameButTransaction(a, nothing) {
			t.Errorf("%s without sessions: %d %s", f.Path, a.status, a.body)
		}
	}
}
