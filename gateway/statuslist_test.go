package gateway

import (
	"testing"
	"time"
)

// fakeLists has the lists 0 and 17.
type fakeLists struct{ now time.Time }

func (l *fakeLists) Page(list uint32, now time.Time) (token []byte, etag string, maxAge time.Duration, ok bool) {
	l.now = now
	if list != 0 && list != 17 {
		return nil, "", 0, false
	}
	return []byte("e30.e30.c2ln"), `"17"`, 90 * time.Second, true
}

// A list is the same for everybody, cached as long as its publisher says, and not sent to who has it. Every answer is as
// described.
func TestStatusLists(t *testing.T) {
	at, lists := time.Unix(1795348800, 0), &fakeLists{}
	f := start(t, func(c *Config) { c.StatusLists, c.Now = lists, func() time.Time { return at } })
	doc := loadDescription(t)
	for _, c := range []struct {
		path, known string
		status      int
	}{
		{"/status-lists/0", "", 200},
		{"/status-lists/17", "", 200},
		{"/status-lists/17", `"16"`, 200},
		{"/status-lists/17", `"17"`, 304},
		{"/status-lists/1", "", 404},
		{"/status-lists/1", `"17"`, 404},
	} {
		for _, party := range []string{"", "verifier"} {
			var fields []string
			if c.known != "" {
				fields = append(fields, "If-None-Match: "+c.known)
			}
			a := f.call("GET", c.path, party, "", nil, fields...)
			if a.status != c.status {
				t.Errorf("%s, known as %s: status %d: %s", c.path, c.known, a.status, a.body)
			}
			switch c.status {
			case 304:
				if len(a.body) != 0 || a.header.Get("Content-Type") != "" {
					t.Errorf("%s is sent again: %q", c.path, a.body)
				}
			case 200:
				if string(a.body) != "e30.e30.c2ln" || a.header.Get("Content-Type") != mediaStatusList {
					t.Errorf("%s: %q as %s", c.path, a.body, a.header.Get("Content-Type"))
				}
				fallthrough
			default:
				checkDescribed(t, doc, "GET", "/status-lists/{list}", a)
			}
			caching, etag := "public, max-age=90", `"17"`
			if c.status == 404 {
				caching, etag = "no-store", ""
			}
			if a.header.Get("Cache-Control") != caching || a.header.Get("ETag") != etag {
				t.Errorf("%s: caching %q, tag %s", c.path, a.header.Get("Cache-Control"), a.header.Get("ETag"))
			}
		}
	}
	if doc.Paths.Value("/status-lists/{list}").Get.Responses.Status(304) == nil {
		t.Error("304 is not described")
	}
	if !lists.now.Equal(at) {
		t.Errorf("the lists were told that it is %v", lists.now)
	}
}

// FAULTS: P14
func TestNumbersOfStatusListsHaveOneSpelling(t *testing.T) {
	f := start(t, func(c *Config) { c.StatusLists = &fakeLists{} })
	for _, number := range []string{"00", "017", "-0", "0x11", "1_7", "4294967313", "18446744073709551633", "", "17/", "17/0", "a", "17.jwt"} {
		if a := f.call("GET", "/status-lists/"+number, "", "", nil); a.status != 404 && a.status != 400 {
			t.Errorf("%q: status %d", number, a.status)
		}
	}
	if a := start(t, nil).call("GET", "/status-lists/0", "", "", nil); a.status != 404 {
		t.Errorf("without lists: status %d", a.status)
	}
}
