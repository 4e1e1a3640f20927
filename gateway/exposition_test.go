package gateway

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// The listener of the metrics has them and nothing else.
//
// FAULTS: Z9
func TestMetricsListenerHasNothingElse(t *testing.T) {
	f := start(t, nil)
	handler := NewMetricsServer(f.server.Metrics(), slog.New(slog.DiscardHandler)).Handler
	for target, want := range map[string]int{
		"GET /metrics": 200, "POST /metrics": 405, "GET /metrics/": 404, "GET /": 404, "GET /debug/pprof/": 404, "GET /debug/vars": 404,
		"GET /admin/stats": 404, "GET /v1/profiles": 404, "GET /livez": 404,
	} {
		method, path, _ := strings.Cut(target, " ")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != want || (want == 200) != strings.Contains(w.Body.String(), "zhenni_http_request_seconds") {
			t.Errorf("%s: %d %.100s", target, w.Code, w.Body)
		}
	}
}
