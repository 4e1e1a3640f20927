package main

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// overSocket returns the body of a page of the operator's socket.
func overSocket(t *testing.T, socket, path string) string {
	t.Helper()
	response, err := newAdminClient(socket).http.Get("http://admin" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", path, response.StatusCode, err)
	}
	return string(body)
}

// The metrics are on the operator's socket and, if asked for, on a listener that has nothing else. The public port has neither
// them nor anything else of the operator's, for nobody and for no party.
//
// FAULTS: Z9
func TestMetricsAreTheOperators(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key", "--metrics-listen", "127.0.0.1:0")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "operator,auditor,issuer,verifier,terminal"))
	const told = "zhenni_http_request_seconds"
	if !strings.Contains(overSocket(t, adminSocket(store), "/metrics"), told) {
		t.Error("the socket has no metrics")
	}
	operators := []string{"/metrics", "/admin/stats", "/admin/relying-parties", "/admin/limits", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars"}
	for _, ask := range []asker{{server.url, key}, {server.url, ""}} {
		for _, path := range operators {
			if status, text := ask.do(t, "GET", path, "", ""); status != 404 || !strings.Contains(text, `"not_found"`) {
				t.Errorf("GET %s on the public port: %d %.200s", path, status, text)
			}
		}
	}
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	if !regexp.MustCompile(`(?m)^Metrics on http://127\.0\.0\.1:\d+/metrics\.$`).MatchString(server.notes.String()) {
		t.Error("it is not said where the metrics are")
	}
}
