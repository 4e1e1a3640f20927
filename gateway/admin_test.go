package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// fakeOperator is a fake node with shards to set.
type fakeOperator struct {
	*fakeNode
	shards int
}

func (o *fakeOperator) RelyingParties() ([]zhenni.RelyingParty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Values(o.parties)), nil
}

func (o *fakeOperator) SetShards(_ context.Context, n int) error {
	if n < 1 || n > 64 {
		return fmt.Errorf("%w: %d shards: want 1–64", zhenni.ErrBadValue, n)
	}
	o.shards = n
	return nil
}

func (o *fakeOperator) Backup(_ context.Context, folder, _ string) (zhenni.Backup, error) {
	if folder != "/backup" {
		return zhenni.Backup{}, fmt.Errorf("%w: a backup of another store", zhenni.ErrExists)
	}
	return zhenni.Backup{Base: true, Commit: 9}, nil
}

func startAdmin(t *testing.T, more ...func(*Admin)) (*fakeOperator, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	ln, err := ListenAdmin(path)
	if err != nil {
		t.Fatal(err)
	}
	operator := &fakeOperator{fakeNode: newFakeNode()}
	a := NewAdmin(operator, func() time.Time { return time.Unix(9, 0) }, slog.New(slog.DiscardHandler))
	a.Keep(operator)
	for _, add := range more {
		add(a)
	}
	done := make(chan error, 1)
	go func() { done <- a.Serve(ln) }()
	t.Cleanup(func() {
		_ = a.Shutdown(context.Background())
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return operator, path
}

func adminCall(t *testing.T, socket, method, path, body string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) },
	}}
	request, err := http.NewRequest(method, "http://admin"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func TestAdminRoutes(t *testing.T) {
	operator, socket := startAdmin(t)
	hash := strings.Repeat("ab", 32)
	party := `{"id":"new","name":"New","tenant":5,"roles":["issuer","verifier"],"evaluation":true,"key_sha256":"` + hash + `"}`
	// The public key is that of RFC 8037.
	keyed := `{"id":"keyed","name":"Keyed","tenant":7,"roles":["terminal"],"sector":"hotels","services":["check-in"],"per_minute":9,"per_day":99,` +
		`"keys":[{"jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}],"certificates":[{"sha256":"` + strings.Repeat("cd", 32) + `"}]}`
	for _, c := range []struct {
		method, path, body string
		status             int
		contains           string
	}{
		{"GET", "/admin/relying-parties", "", 200, `"id":"verifier"`},
		{"PUT", "/admin/relying-parties/new", party, 200, `"roles":["verifier","issuer"]`},
		{"PUT", "/admin/relying-parties/new", strings.Replace(party, `"tenant":5`, `"tenant":6`, 1), 409, "tenant 5"},
		{"PUT", "/admin/relying-parties/new?replace=true", strings.Replace(party, `"tenant":5`, `"tenant":6`, 1), 409, "choose another id"},
		{"PUT", "/admin/relying-parties/new", party, 200, `"tenant":5`},
		{"PUT", "/admin/relying-parties/keyed", strings.Replace(keyed, `"tenant":7`, `"tenant":5`, 1), 400, "all of evaluation"},
		{"PUT", "/admin/relying-parties/keyed", keyed, 200, `"kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"`},
		{"PUT", "/admin/relying-parties/keyed", strings.Replace(keyed, `"x":`, `"d":"AA","x":`, 1), 400, "private key"},
		{"PUT", "/admin/relying-parties/keyed", strings.Replace(keyed, "cdcd", "cd", 1), 400, "certificate 0"},
		{"PUT", "/admin/relying-parties/none", `{"id":"none","name":"","tenant":5,"roles":["verifier"]}`, 400, "who asks"},
		{"POST", "/admin/relying-parties/keyed/keys", `{"retire":["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"],"grace_seconds":60}`, 200, `"not_after":"1970-01-01T00:01:09Z"`},
		{"POST", "/admin/relying-parties/keyed/keys", `{"retire":["none"]}`, 404, "no key none"},
		{"POST", "/admin/relying-parties/keyed/keys", `{"grace_seconds":-1}`, 400, "grace_seconds"},
		{"POST", "/admin/relying-parties/keyed/keys", `{"add":["x"]}`, 400, "JWK"},
		{"POST", "/admin/relying-parties/absent/keys", `{}`, 404, "absent"},
		{"PUT", "/admin/relying-parties/other-id", party, 400, "not the one of the address"},
		{"PUT", "/admin/relying-parties/new", strings.Replace(party, "issuer", "owner", 1), 400, "owner"},
		{"PUT", "/admin/relying-parties/new", strings.Replace(party, hash, "ab", 1), 400, "key_sha256"},
		{"PUT", "/admin/relying-parties/new", strings.Replace(party, `"tenant":5`, `"tenant":0`, 1), 400, "tenant"},
		{"PUT", "/admin/relying-parties/new", strings.Replace(party, `"name"`, `"secret"`, 1), 400, "bad_request"},
		{"PUT", "/admin/relying-parties/new", party + "{}", 400, "after the document"},
		{"PUT", "/admin/relying-parties/new", strings.Repeat(" ", 1<<17) + party, 400, "bad_request"},
		{"POST", "/admin/shards", `{"shards":3}`, 200, `"admitted":7`},
		{"POST", "/admin/shards", `{"shards":0}`, 400, "want 1"},
		{"POST", "/admin/shards", `{"shards":65}`, 400, "want 1–64"},
		{"POST", "/admin/shards", `{"shards":1e9}`, 400, ""},
		{"POST", "/admin/backup", `{"folder":"/backup"}`, 200, `"commit":9`},
		{"POST", "/admin/backup", `{"folder":"/backup","keys_copy":"/keys"}`, 200, `"commit":9`},
		{"POST", "/admin/backup", `{"folder":"/backup","keys_copy":"keys"}`, 400, "absolute"},
		{"POST", "/admin/backup", `{"folder":"backup"}`, 400, "absolute"},
		{"POST", "/admin/backup", `{"folder":"/other"}`, 409, "another store"},
		{"POST", "/admin/backup", `{}`, 400, "absolute"},
		{"GET", "/admin/backup", "", 405, ""},
		{"GET", "/admin/stats", "", 200, `"refused:unavailable":0`},
		{"GET", "/debug/pprof/goroutine?debug=1", "", 200, "goroutine profile"},
		{"GET", "/v1/verifications", "", 404, ""},
		{"DELETE", "/admin/relying-parties/nobody", "", 404, "not_found"},
	} {
		status, answer := adminCall(t, socket, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(answer, c.contains) {
			t.Errorf("%s %s: %d %s, want %d with %q", c.method, c.path, status, answer, c.status, c.contains)
		}
		if strings.Contains(answer, hash) {
			t.Errorf("%s %s: the hash of a key is told", c.method, c.path)
		}
	}
	added, ok := operator.RelyingParty("new")
	if !ok || added.Tenant != 5 || !added.Evaluation || added.KeyHash[0] != 0xab || !added.CreatedAt.Equal(time.Unix(9, 0)) {
		t.Errorf("%+v", added)
	}
	if operator.shards != 3 {
		t.Errorf("%d shards", operator.shards)
	}
	if status, _ := adminCall(t, socket, "DELETE", "/admin/relying-parties/new", ""); status != 200 {
		t.Error("not removed")
	}
}

func TestListPartiesIsJSON(t *testing.T) {
	_, socket := startAdmin(t)
	_, answer := adminCall(t, socket, "GET", "/admin/relying-parties", "")
	var list struct {
		RelyingParties []PartyRecord `json:"relying_parties"`
	}
	if err := json.Unmarshal([]byte(answer), &list); err != nil || len(list.RelyingParties) != 5 || list.RelyingParties[0].Tenant == 0 {
		t.Errorf("%v %s", err, answer)
	}
}

func TestAdminSocket(t *testing.T) {
	_, socket := startAdmin(t)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := ListenAdmin(socket); !errors.Is(err, zhenni.ErrLocked) {
		t.Errorf("a second listener: %v", err)
	}
	stale := filepath.Join(t.TempDir(), "stale.sock")
	ln, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	again, err := ListenAdmin(stale)
	if err != nil {
		t.Fatalf("a socket left behind: %v", err)
	}
	again.Close()
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenAdmin(plain); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a file: %v", err)
	}
}
