package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
)

// playground is a sandbox of one credential, which a problem is told about, and a phone that fails.
type playground struct {
	code string
	err  error
}

func (p *playground) Problem(about zhenni.CredentialID) string {
	if about == testID(1) {
		return p.code
	}
	return ""
}

func (p *playground) Subjects() []byte { return []byte(`{"subjects":[]}`) }

func (p *playground) Play(_ context.Context, subject string, document []byte) ([]byte, error) {
	return []byte(`{"played":"` + subject + `"}`), p.err
}

// rehearsedAs is an error that names a problem.
type rehearsedAs struct{ code string }

func (e rehearsedAs) Error() string          { return e.code }
func (e rehearsedAs) Problem() (_, _ string) { return e.code, "so it is" }

func codeOf(t *testing.T, a answer) string {
	t.Helper()
	var p struct{ Code string }
	if a.header.Get("Content-Type") == mediaProblem && json.Unmarshal(a.body, &p) != nil {
		t.Fatalf("%s", a.body)
	}
	return p.Code
}

// Nothing of a sandbox can be reached where there is none, and its mark is on no answer.
func TestNoSandboxWithoutOne(t *testing.T) {
	f := start(t, nil)
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/sandbox/subjects", ""}, {"POST", "/sandbox/phones/completed", "{}"}, {"POST", "/v1/verifications", goodDocument()},
	} {
		a := f.call(c.method, c.path, "verifier", mediaJSON, []byte(c.body))
		if want := c.path[1] == 's'; (a.status == 404) != want || a.header.Get(sandboxField) != "" {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.status, a.header)
		}
	}
	if slices.ContainsFunc(append(publicRoutes(), operatorRoutes()...), func(r *route) bool { return len(r.path) > 8 && r.path[:9] == "/sandbox/" }) {
		t.Error("a route of the sandbox is one of the API")
	}
}

// Every problem is told about a subject as it is told where it comes from: by its status, with its fields. Nobody is asked.
func TestEveryProblemIsRehearsed(t *testing.T) {
	p := &playground{}
	f := start(t, func(c *Config) { c.Sandbox = p })
	for _, k := range kinds {
		p.code = k.code
		a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
		retry := k.retryable && (k.status == 409 || k.status == 429 || k.status == 503)
		switch {
		case a.status != k.status || codeOf(t, a) != k.code || a.header.Get(sandboxField) != "true":
			t.Errorf("%s: %d %s", k.code, a.status, a.body)
		case (a.header.Get("Retry-After") != "") != retry:
			t.Errorf("%s: Retry-After is %q", k.code, a.header.Get("Retry-After"))
		case (a.header.Get("WWW-Authenticate") != "") != (k.status == 401):
			t.Errorf("%s: WWW-Authenticate is %q", k.code, a.header.Get("WWW-Authenticate"))
		case (a.header.Get("RateLimit") != "") != (k == kindQuota) || (a.header.Get("RateLimit-Policy") != "") != (k == kindQuota):
			t.Errorf("%s: RateLimit is %q", k.code, a.header.Get("RateLimit"))
		}
	}
	if len(f.node.verified) != 0 {
		t.Errorf("%d verifications were asked", len(f.node.verified))
	}
	if len(ProblemCodes()) != len(kinds) {
		t.Errorf("%d codes of %d kinds", len(ProblemCodes()), len(kinds))
	}
	p.code = ""
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument())); a.status != 200 {
		t.Errorf("nothing to be told: %d %s", a.status, a.body)
	}
}

// Whichever way a subject is asked about, the whole request is refused.
func TestProblemsAreRehearsedOnEveryRoute(t *testing.T) {
	f := start(t, func(c *Config) { c.Sandbox = &playground{code: "disk_full"} })
	for _, c := range []struct{ method, path, party, media, body string }{
		{"POST", "/v1/verification-batches", "verifier", mediaNDJSON, goodDocument() + "\n"},
		{"POST", "/v1/verification-batches", "verifier", mediaArrow, string(arrowBody(t, testDim, bytesOf(testDim), arrow.BinaryTypes.String, 3))},
		{"GET", "/v1/credentials/" + testID(1).String(), "issuer", "", ""},
	} {
		if a := f.call(c.method, c.path, c.party, c.media, []byte(c.body)); a.status != 503 || codeOf(t, a) != "disk_full" || a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.media, a.status, a.body)
		}
	}
}

func TestPhonesOfASandbox(t *testing.T) {
	p := &playground{}
	f := start(t, func(c *Config) { c.Sandbox = p })
	if a := f.call("GET", "/sandbox/subjects", "", "", nil); a.status != 200 || string(a.body) != `{"subjects":[]}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{nil, 200, ""}, {rehearsedAs{"session_taken"}, 409, "session_taken"}, {rehearsedAs{"no_such_code"}, 500, "internal"},
		{zhenni.ErrUnavailable, 503, "unavailable"}, {errors.New("x"), 500, "internal"},
	} {
		p.err = c.err
		a := f.call("POST", "/sandbox/phones/completed", "", mediaJSON, []byte("{}"))
		if a.status != c.status || codeOf(t, a) != c.code || c.err == nil && string(a.body) != `{"played":"completed"}` {
			t.Errorf("%v: %d %s", c.err, a.status, a.body)
		}
	}
	if a := f.call("POST", "/sandbox/phones/completed", "", "text/plain", []byte("{}")); a.status != 415 {
		t.Errorf("no document: %d", a.status)
	}
}
