package holder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
	"zhenni/identity"
)

// server answers requests without a network.
type server func(request *http.Request, body string) (status int, answer string)

func (s server) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	status, answer := s(request, string(body))
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(answer)), Request: request}, nil
}

var appKey = zhenni.APIKey{Party: "app", Secret: [32]byte{1}}

func newClient(t testing.TB, s server) *Client {
	t.Helper()
	c, err := NewClient(ClientConfig{URL: "http://zhenni.example:8443", APIKey: appKey, Transport: s, Now: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const credentialAnswer = `{"credential":"00000000000000000000000000000007","level":"lite","status":"active","generation":1,
  "enrolled_at":"2026-11-22T00:00:00Z","changed_at":"2026-11-22T00:00:00Z","transaction":"t-1","locked":["voice"]}`

// Each question goes to its route, with its body and its transaction, on behalf of the party.
func TestRequests(t *testing.T) {
	var got string
	c := newClient(t, func(r *http.Request, body string) (int, string) {
		if r.Header.Get("Authorization") != "Bearer "+appKey.String() || r.Host != "zhenni.example:8443" {
			t.Errorf("asked as %q of %q", r.Header.Get("Authorization"), r.Host)
		}
		if (body == "") != (r.Header.Get("Content-Type") == "") || r.ContentLength != int64(len(body)) {
			t.Errorf("%s: %q, length %d", r.URL.Path, r.Header.Get("Content-Type"), r.ContentLength)
		}
		got = fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Transaction-Id"), body)
		return 200, credentialAnswer
	})
	ctx := t.Context()
	device, other := newPhone(t, zhenni.KeyEd25519).Public(), newPhone(t, zhenni.KeyP256).Public()
	of := "POST /v1/credentials/" + own.String()
	for want, ask := range map[string]func() (Credential, error){
		of + "/report-loss t-1 ":                        func() (Credential, error) { return c.ReportLoss(ctx, "t-1", own) },
		of + `/lock t-1 {"factor":"face"}`:              func() (Credential, error) { return c.Lock(ctx, "t-1", own, zhenni.MeansFace) },
		of + `/unlock t-1 {"factor":"pin"}`:             func() (Credential, error) { return c.Unlock(ctx, "t-1", own, zhenni.MeansPIN) },
		of + "/move-device t-1 " + moved(device, other): func() (Credential, error) { return c.MoveDevice(ctx, "t-1", own, device, other) },
	} {
		answer, err := ask()
		if err != nil || got != want {
			t.Errorf("%s, want %s: %v", got, want, err)
		}
		if answer.ID != own || answer.Status != zhenni.StatusActive || answer.Level != zhenni.LevelLite || len(answer.Locked) != 1 {
			t.Errorf("%s: %+v", want, answer)
		}
	}
	if _, err := c.Lock(ctx, "No Name", own, zhenni.MeansFace); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a transaction without a name: %v", err)
	}
}

func moved(from, to zhenni.PublicKey) string {
	body := map[string]any{}
	addDevice(body, "from_", from)
	addDevice(body, "to_", to)
	text, _ := json.Marshal(body)
	return string(text)
}

// A name, a number and a PIN leave sealed to the engine for this transaction of this party; nothing else holds them.
func TestIdentitiesAndPINsAreSealed(t *testing.T) {
	const name, number, digits = "阿卜杜拉", "11010519491231002X", "58204917"
	engine, opener := newEngine(t)
	var body map[string]string
	c := newClient(t, func(r *http.Request, text string) (int, string) {
		if strings.Contains(text, name) || strings.Contains(text, number) || strings.Contains(text, digits) {
			t.Errorf("in the clear: %s", text)
		}
		body = nil
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Error(err)
		}
		return 201, credentialAnswer
	})
	phone, probe := newPhone(t, zhenni.KeyEd25519), probeOf(t, 1, 2)
	issued, err := c.Issue(t.Context(), "t-1", Issue{
		Engine: engine, Name: name, Number: number, Region: "330100", Device: phone.Public(), Probe: probe, Model: "face-1",
		ValidUntil: testNow, Kind: zhenni.IssueReenrolment,
	})
	if err != nil || issued.ID != own {
		t.Fatalf("%+v, %v", issued, err)
	}
	person, err := opener.Open(body["identity"], "app/t-1", testNow)
	if err != nil {
		t.Fatal(err)
	}
	defer person.Forget()
	if body["probe_float32"] != probe.Text() || body["level"] != "lite" || body["issue"] != "reenrolment" || body["device_algorithm"] != "ed25519" ||
		body["valid_until"] != "2023-11-14T22:13:20Z" || body["region"] != "330100" || body["model"] != "face-1" || body["reference_float32"] != "" {
		t.Errorf("%v", body)
	}
	if _, err := c.SetPIN(t.Context(), "t-2", own, PINSetting{Engine: engine, Digits: digits}); err != nil {
		t.Fatal(err)
	}
	opened, err := opener.OpenPIN(body["pin"], "app/t-2")
	if err != nil {
		t.Error(err)
	}
	opened.Forget()
	if _, err := c.Issue(t.Context(), "t-3", Issue{Name: name, Number: number}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("sealed to nobody: %v", err)
	}
	if _, err := opener.Open(body["pin"], "app/t-2", testNow); err != identity.SealedType {
		t.Errorf("a PIN as an identity: %v", err)
	}
}

// A request that is signed is one that a server's reader takes; what it covers can not be changed.
//
// FAULTS: A4
func TestSignedRequests(t *testing.T) {
	terminal := newTerminal(t)
	key, err := httpsig.ParseJWK(terminal.Public().JWK())
	if err != nil {
		t.Fatal(err)
	}
	verify := func(r *http.Request, body, transaction string) error {
		request := &httpsig.Request{
			Method: []byte(r.Method), Authority: []byte(r.URL.Host), TLS: true, Path: []byte(r.URL.Path), Body: []byte(body),
			Fields: []httpsig.Field{
				{Name: "content-type", Value: []byte(r.Header.Get("Content-Type"))},
				{Name: "transaction-id", Value: []byte(transaction)},
			},
			ContentDigest: []byte(r.Header.Get("Content-Digest")), SignatureInput: []byte(r.Header.Get("Signature-Input")),
			Signature: []byte(r.Header.Get("Signature")),
		}
		var claim httpsig.Claim
		if err := claim.Parse(request, testNow); err != nil {
			return err
		}
		return claim.Verify(key)
	}
	c, err := NewClient(ClientConfig{
		URL: "https://zhenni.example/", Signer: terminal.Signer(), Party: "desk", Now: func() time.Time { return testNow },
		Transport: server(func(r *http.Request, body string) (int, string) {
			if err := verify(r, body, "t-1"); err != nil {
				t.Error(err)
			}
			if verify(r, strings.Replace(body, "face", "none", 1), "t-1") == nil || verify(r, body, "t-2") == nil {
				t.Error("what was changed is taken")
			}
			return 200, credentialAnswer
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Lock(t.Context(), "t-1", own, zhenni.MeansFace); err != nil {
		t.Error(err)
	}
}

// FAULTS: L12
func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		want   error
	}{
		"no server":        {0, "", zhenni.ErrUnavailable},
		"cut":              {200, credentialAnswer[:40], zhenni.ErrUnavailable},
		"empty":            {200, "", zhenni.ErrUnavailable},
		"another page":     {200, "<html>", zhenni.ErrUnavailable},
		"two MiB":          {200, strings.Repeat(" ", 2<<20), zhenni.ErrUnavailable},
		"another document": {200, `{"credential":"x"}`, zhenni.ErrUnavailable},
	} {
		client := newClient(t, func(*http.Request, string) (int, string) { return c.status, c.answer })
		if got, err := client.ReportLoss(t.Context(), "t-1", own); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for answer, want := range map[string]Refusal{
		`{"type":"urn:zhenni:problem:not_proved","title":"T.","status":403,"detail":"","code":"not_proved","action":"A.","retryable":false,"txn":"t-1"}`: {403, "not_proved", "T.", "", "A.", false, "t-1"},
		`<html>`:                    {Status: 403},
		`{"status":200,"code":"x"}`: {Status: 403, Code: "x"},
	} {
		client := newClient(t, func(*http.Request, string) (int, string) { return 403, answer })
		_, err := client.ReportLoss(t.Context(), "t-1", own)
		var refusal *Refusal
		if !errors.As(err, &refusal) || *refusal != want {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// A refusal is read by people: each of its parts is a sentence of its own.
func TestARefusalInWords(t *testing.T) {
	for want, r := range map[string]Refusal{
		"server: 400 bad_item: T. want a name. A.": {Status: 400, Code: "bad_item", Title: "T.", Detail: "want a name", Action: "A."},
		"server: 404 not_found: T. A.":             {Status: 404, Code: "not_found", Title: "T.", Detail: "T.", Action: "A."},
		"server: 403 : ":                           {Status: 403},
	} {
		if got := r.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHistoryAndKeys(t *testing.T) {
	paths := []string{}
	c := newClient(t, func(r *http.Request, _ string) (int, string) {
		paths = append(paths, r.Method+" "+r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "jwks.json") {
			return 200, `{"keys":[` + string(bytes.TrimSpace(newTerminal(t).Public().JWK())) + `]}`
		}
		return 200, `{"credential":"00000000000000000000000000000007","entries":[{"time":"2026-11-22T00:00:00Z","party":"hotel","outcome":"match"}],
		  "since":"2026-11-01T00:00:00Z","gaps":[{"from":"2026-11-02T00:00:00Z","to":"2026-11-03T00:00:00Z","cause":"off"}],"next":"1-0","transaction":"t"}`
	})
	page, err := c.History(t.Context(), own, "")
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Party != "hotel" || len(page.Gaps) != 1 || page.Next != "1-0" {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := c.History(t.Context(), own, page.Next); err != nil {
		t.Error(err)
	}
	if _, err := c.History(t.Context(), own, "../x"); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a place that is none: %v", err)
	}
	keys, err := c.ResultKeys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	if _, err := c.Check("not.a.result", keys, "t-1", time.Hour); !errors.Is(err, zhenni.ErrBadResult) {
		t.Errorf("no result: %v", err)
	}
	base := "GET /v1/credentials/" + own.String() + "/history"
	if want := fmt.Sprint([]string{base, base + "/1-0", "GET /.well-known/jwks.json"}); fmt.Sprint(paths) != want {
		t.Errorf("%v, want %v", paths, want)
	}
}

func TestClientsThatAreNone(t *testing.T) {
	good := ClientConfig{URL: "http://x", APIKey: appKey, Transport: server(nil), Now: time.Now}
	for name, change := range map[string]func(*ClientConfig){
		"no host": func(c *ClientConfig) { c.URL = "http://" }, "a file": func(c *ClientConfig) { c.URL = "file:///etc" },
		"a path": func(c *ClientConfig) { c.URL = "http://x/v1" }, "a query": func(c *ClientConfig) { c.URL = "http://x?y" },
		"no party": func(c *ClientConfig) { c.APIKey = zhenni.APIKey{} }, "no transport": func(c *ClientConfig) { c.Transport = nil },
		"no clock": func(c *ClientConfig) { c.Now = nil },
	} {
		c := good
		change(&c)
		if _, err := NewClient(c); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewClient(good); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := newClient(t, func(r *http.Request, _ string) (int, string) {
		if r.Context().Err() == nil {
			t.Error("the request has another context")
		}
		return 0, ""
	})
	if _, err := c.ReportLoss(ctx, "t-1", own); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Error(err)
	}
}
