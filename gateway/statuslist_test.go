package gateway

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhenni"
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

func (l *fakeLists) URI(list uint32) string {
	return "https://example.org/status-lists/" + strconv.FormatUint(uint64(list), 10)
}

func (l *fakeLists) Stats() zhenni.StatusListStats {
	return zhenni.StatusListStats{Lists: 2, Published: time.Unix(1795348700, 0), Failures: 3}
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

// Where the status of a credential is published is told to whoever hands it to the holder, by every answer about the
// credential, and to nobody else: neither to a verifier, nor to another tenant, nor in an answer to a verification.
//
// FAULTS: Z1 Z4
func TestStatusIndexIsTheHolders(t *testing.T) {
	doc := loadDescription(t)
	f, _ := issuing(t, func(c *Config) { c.StatusLists = &fakeLists{} })
	const told = `,"status_list_uri":"https://example.org/status-lists/17","status_list_idx":362700`
	record := livingRecord(t)
	record.StatusIndex = zhenni.NewStatusIndex(17, 362700)
	path := "/v1/credentials/" + record.ID.String()
	for _, c := range []struct {
		method, path, described, body string
		tells                         string // the parties that are told
	}{
		{"GET", path, "/v1/credentials/{id}", "", "issuer both"},
		{"POST", path + "/report-loss", "/v1/credentials/{id}/report-loss", "", "issuer both terminal"},
		{"POST", path + "/revoke", "/v1/credentials/{id}/revoke", "", "issuer both"},
		{"POST", "/v1/credentials", "/v1/credentials", issueDocument(t, ""), "issuer both terminal other trial"}, // their own
		{"POST", "/v1/verifications", "/v1/verifications", `{"credential":"` + record.ID.String() + `","probe_int8":"` + int8Probe(testDim, true) + `"}`, ""},
	} {
		for _, party := range []string{"issuer", "both", "terminal", "verifier", "other", "trial", ""} {
			f.node.records[record.ID] = record
			media := ""
			if c.body != "" {
				media = mediaJSON
			}
			a := f.call(c.method, c.path, party, media, []byte(c.body), "Transaction-Id: t-1")
			checkDescribed(t, doc, c.method, c.described, a)
			want := party != "" && strings.Contains(c.tells, party)
			if got := bytes.Contains(a.body, []byte(told)); got != want || !want && bytes.Contains(a.body, []byte("status_list")) {
				t.Errorf("%s %s by %q: %d %s", c.method, c.described, party, a.status, a.body)
			}
		}
	}
	record.StatusIndex = 0
	f.node.records[record.ID] = record
	if a := f.call("GET", path, "issuer", "", nil); a.status != 200 || bytes.Contains(a.body, []byte("status_list")) {
		t.Errorf("one that is in no list: %d %s", a.status, a.body)
	}
	record.StatusIndex = zhenni.NewStatusIndex(17, 362700)
	none := start(t, nil)
	none.node.records[record.ID] = record
	if a := none.call("GET", path, "issuer", "", nil); a.status != 200 || bytes.Contains(a.body, []byte("status_list")) {
		t.Errorf("without lists: %d %s", a.status, a.body)
	}
}

func TestStatusListMetrics(t *testing.T) {
	f := start(t, func(c *Config) { c.StatusLists = &fakeLists{} })
	text := f.metrics()
	for _, line := range []string{"zhenni_status_lists 2\n", "zhenni_status_lists_published_timestamp_seconds 1.7953487e+09\n", "zhenni_status_list_failures_total 3\n"} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%q is missing", line)
		}
	}
}
