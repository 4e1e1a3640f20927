package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"zhenni"
)

// fakeLog has a few tiles and the proof of one transaction. It refuses with err, if set.
type fakeLog struct {
	err   error
	asked []string
}

const goodCosigned = "log\n1\nroot\n\n— log sig\n— witness sig\n"

func (*fakeLog) Checkpoint() []byte { return []byte("log\n1\nroot\n\n— log sig\n") }

func (l *fakeLog) Tile(path string) ([]byte, error) {
	l.asked = append(l.asked, path)
	switch {
	case l.err != nil:
		return nil, l.err
	case path == "tile/0/000" || path == "tile/entries/x001/067.p/8":
		return []byte("hashes"), nil
	case strings.HasPrefix(path, "tile/0/"):
		return nil, zhenni.ErrNotFound
	}
	return nil, zhenni.ErrBadValue
}

func (l *fakeLog) Witnessed(cosigned []byte) error {
	if l.err != nil || string(cosigned) == goodCosigned {
		return l.err
	}
	return zhenni.ErrCorrupt
}

func (l *fakeLog) Proof(party zhenni.RelyingParty, transaction string, item int) ([]byte, error) {
	if l.err != nil {
		return nil, l.err
	}
	if party.ID != "verifier" || transaction != "t-1" || item > 2 {
		return nil, zhenni.ErrNotFound
	}
	hash := strings.Repeat("A", 43) + "="
	return fmt.Appendf(nil, `{"index":7,"leaf":"AA==","opening":"AA==","item":{"item":%d,"pack":["%s"],"path":[]},`+
		`"inclusion":["%s"],"checkpoint":"log","context":{"tenant":1,"party":"verifier","transaction":"t-1","profile":"p"}}`, item, hash, hash), nil
}

func startWithLog(t *testing.T) (*fixture, *fakeLog) {
	log := &fakeLog{}
	return start(t, func(c *Config) { c.Audit = log }), log
}

// What anybody may read of the log, in the media and with the caching of C2SP tlog-tiles. Every answer is as described.
func TestLogRoutes(t *testing.T) {
	f, log := startWithLog(t)
	doc := loadDescription(t)
	for _, c := range []struct {
		method, path, actual, party, media, body string
		status                                   int
		caching                                  string
	}{
		{"GET", "/log/checkpoint", "", "", "", "", 200, "no-store"},
		{"GET", "/log/tile/{path}", "/log/tile/0/000", "", "", "", 200, immutable},
		{"GET", "/log/tile/{path}", "/log/tile/entries/x001/067.p/8", "", "", "", 200, immutable},
		{"GET", "/log/tile/{path}", "/log/tile/0/001", "", "", "", 404, "no-store"},
		{"GET", "/log/tile/{path}", "/log/tile/8/0/000", "", "", "", 404, "no-store"},
		{"GET", "/log/tile/{path}", "/log/tile/", "", "", "", 404, "no-store"},
		{"POST", "/log/witness", "", "", "text/plain", goodCosigned, 200, "no-store"},
		{"POST", "/log/witness", "", "", "text/plain", "else", 400, "no-store"},
		{"POST", "/log/witness", "", "", "application/json", goodCosigned, 415, "no-store"},
		{"POST", "/log/witness", "", "", "text/plain", strings.Repeat("x", maxCheckpointBytes+1), 413, "no-store"},
		{"GET", "/v1/verifications/{id}/proof", "/v1/verifications/t-1/proof", "verifier", "", "", 200, "no-store"},
		{"GET", "/v1/verifications/{id}/proof", "/v1/verifications/t-1/proof", "", "", "", 401, "no-store"},
		{"GET", "/v1/verifications/{id}/proof", "/v1/verifications/t-1/proof", "issuer", "", "", 403, "no-store"},
		{"GET", "/v1/verifications/{id}/proof/{item}", "/v1/verifications/t-1/proof/2", "verifier", "", "", 200, "no-store"},
		{"GET", "/v1/verifications/{id}/proof/{item}", "/v1/verifications/t-1/proof/3", "verifier", "", "", 404, "no-store"},
		{"GET", "/v1/verifications/{id}/proof/{item}", "/v1/verifications/t-1/proof/02", "verifier", "", "", 404, "no-store"},
		{"GET", "/v1/verifications/{id}/proof/{item}", "/v1/verifications/t-1/proof/65536", "verifier", "", "", 404, "no-store"},
		{"GET", "/v1/verifications/{id}/proof/{item}", "/v1/verifications/t-1/proof/-1", "verifier", "", "", 404, "no-store"},
	} {
		if c.actual == "" {
			c.actual = c.path
		}
		a := f.call(c.method, c.actual, c.party, c.media, []byte(c.body))
		checkDescribed(t, doc, c.method, c.path, a)
		if a.status != c.status || a.header.Get("Cache-Control") != c.caching {
			t.Errorf("%s %s as %q: status %d, caching %q: %s", c.method, c.actual, c.party, a.status, a.header.Get("Cache-Control"), a.body)
		}
	}
	for err, want := range map[error]int{zhenni.ErrUnavailable: 503, zhenni.ErrCorrupt: 500, errors.New("disk"): 500} {
		log.err = err
		for _, path := range []string{"/log/tile/0/000", "/v1/verifications/t-1/proof"} {
			if a := f.call("GET", path, "verifier", "", nil); a.status != want {
				t.Errorf("%s on %v: status %d, want %d", path, err, a.status, want)
			}
		}
	}
}

// The proof of another party's verification, or of another tenant's, is like that of none, in every byte but the id of the
// request that asks.
//
// FAULTS: Z1 Z2 A20
func TestProofsOfOthersAreNotThere(t *testing.T) {
	f, _ := startWithLog(t)
	want := ""
	for _, c := range []struct{ path, party string }{
		{"/v1/verifications/t-2/proof", "verifier"},
		{"/v1/verifications/t-1/proof", "both"},
		{"/v1/verifications/t-1/proof", "other"},
		{"/v1/verifications/t-1/proof/0", "other"},
		{"/v1/verifications/T/proof", "verifier"},
	} {
		a := f.call("GET", c.path, c.party, "", nil, "Transaction-Id: same")
		if want == "" {
			want = string(a.body)
		}
		if a.status != 404 || string(a.body) != want {
			t.Errorf("%s as %s: %d %s", c.path, c.party, a.status, a.body)
		}
	}
}

// Paths of tiles reach the log in one spelling only, and nothing but paths of tiles does.
//
// FAULTS: P14
func TestTilePathsHaveOneSpelling(t *testing.T) {
	f, log := startWithLog(t)
	for _, path := range []string{
		"/log/tile/0/../0/000", "/log/tile/0//000", "/log/tile/0/%30%30%30", "/log//tile/0/000", "/log/tile/0/000;x",
		"/log/tile/0/./000", "/log/tile/../checkpoint", "/log/tile", "/log/checkpoint/", "/LOG/checkpoint",
	} {
		if a := f.call("GET", path, "", "", nil); a.status != 404 && a.status != 400 {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
	if len(log.asked) != 0 {
		t.Errorf("the log was asked for %q", log.asked)
	}
}

func TestWithoutALogItsRoutesAreNotThere(t *testing.T) {
	f := start(t, nil)
	for _, path := range []string{"/log/checkpoint", "/log/tile/0/000", "/v1/verifications/t-1/proof"} {
		if a := f.call("GET", path, "verifier", "", nil); a.status != 404 {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
	if a := f.call("POST", "/log/witness", "", "text/plain", []byte(goodCosigned)); a.status != 404 {
		t.Errorf("status %d", a.status)
	}
}
