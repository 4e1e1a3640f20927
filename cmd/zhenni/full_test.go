package main

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/gateway"
	"zhenni/storage"
)

// startFullable serves a new store whose audit log has room as room says, and returns the node and its asker.
func startFullable(t *testing.T, room func() error) (ask asker, metrics string) {
	t.Helper()
	dir := t.TempDir()
	root, err := storage.CreateKeyFile(filepath.Join(dir, "root.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := readProfile("profiles/synthetic-512.json")
	if err != nil {
		t.Fatal(err)
	}
	store, err := openRecorded(storage.Options{Dir: filepath.Join(dir, "store"), Model: profile.Model, Root: root, Reserve: 1},
		auditOptions{dir: filepath.Join(dir, "audit"), room: room})
	if err != nil {
		t.Fatal(err)
	}
	key, party, err := newParty(zhenni.RelyingParty{
		ID: "desk", Tenant: 1, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer, CreatedAt: time.Unix(0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := applyOne(t.Context(), store, zhenni.PutRelyingParty{Party: party}); err != nil {
		t.Fatal(err)
	}
	n, err := startNode(t.Context(), nodeConfig{
		arena: 64 << 20, actors: actors.Config{Shards: 1}, gateway: gateway.Config{Addr: "127.0.0.1:0", Profile: profile, VerifyTimeout: time.Minute},
		ledger: ledgerConfig{dir: filepath.Join(dir, "ledger")}, metricsListen: "127.0.0.1:0",
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return asker{n.url(), key.String()}, "http://" + n.metrics.addr.String() + "/metrics"
}

// awaitStatus asks until the answer has a status and says something, twenty seconds at most, and returns it.
func awaitStatus(t *testing.T, want int, says string, ask func() (int, http.Header, string)) (http.Header, string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		status, header, text := ask()
		if status == want && strings.Contains(text, says) {
			return header, text
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %d, want %d with %q: %s", status, want, says, text)
		}
	}
}

// As space runs out verifications and changes are refused, each with the cause, while what is stored is given; when there
// is room again the service goes on by itself.
//
// FAULTS: S8
func TestServiceReturnsWithRoom(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	ask, address := startFullable(t, func() error {
		if full.Load() {
			return errors.New("0 bytes of disk are free")
		}
		return nil
	})
	ids := enrolPeople(t, newTestClient(t, ask.url, ask.key), 2)
	request := strings.Replace(question(ids[0], 0), "{", `{"transaction":"t-1",`, 1)
	post := func(path, body string) func() (int, http.Header, string) {
		return func() (int, http.Header, string) { return ask.full(t, "POST", path, "application/json", body) }
	}
	metrics := func() string { return string(get(t, address)) }
	get := func(path string) func() (int, http.Header, string) {
		return func() (int, http.Header, string) { return ask.full(t, "GET", path, "", "") }
	}
	_, answer := awaitStatus(t, 200, "", post("/v1/verifications", request))
	verify, revoke := post("/v1/verifications", question(ids[0], 0)), post("/v1/credentials/"+ids[1].String()+"/revoke", "")

	full.Store(true)
	awaitStatus(t, 503, "disk_full", verify)
	for what, asked := range map[string]func() (int, http.Header, string){"verification": verify, "change": revoke, "readiness": get("/readyz")} {
		status, header, text := asked()
		if status != 503 || !strings.Contains(text, `"disk_full"`) || !strings.Contains(text, "nearly full") || header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v %s", what, status, header, text)
		}
	}
	if status, header, text := post("/v1/verifications", request)(); status != 200 || text != answer || header.Get("Replayed") != "true" {
		t.Errorf("what is stored: %d %v %s", status, header, text)
	}
	for _, path := range []string{"/v1/credentials/" + ids[0].String(), "/log/checkpoint", "/livez"} {
		if status, _, text := get(path)(); status != 200 {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}

	takesChanges := func(want string) {
		t.Helper()
		if text := metrics(); !strings.Contains(text, "zhenni_store_takes_changes "+want+"\n") {
			t.Errorf("the metrics do not say that changes are taken: %s", want)
		}
	}
	takesChanges("0")

	full.Store(false)
	awaitStatus(t, 200, "", verify)
	awaitStatus(t, 200, "", revoke)
	awaitStatus(t, 200, "", get("/readyz"))
	takesChanges("1")
}
