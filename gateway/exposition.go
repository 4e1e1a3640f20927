package gateway

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
)

// Metrics answers with the metrics of the server in the text format of Prometheus. They are the operator's alone and on no
// public route: the counters move with every answer, so who reads them beside the requests of others learns their verdicts.
func (s *Server) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		families, err := s.metrics.registry.Gather()
		if err != nil {
			s.config.Logger.Error("the metrics can not be gathered", "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		format := expfmt.NewFormat(expfmt.TypeTextPlain)
		w.Header().Set("Content-Type", string(format))
		encoder := expfmt.NewEncoder(w, format)
		for _, family := range families {
			if encoder.Encode(family) != nil {
				return // the client is gone
			}
		}
	})
}

const metricsPattern = "GET /metrics"

// Expose adds the route GET /metrics. It is for before Serve.
func (a *Admin) Expose(metrics http.Handler) { a.mux.Handle(metricsPattern, metrics) }

// NewMetricsServer makes a server of GET /metrics and nothing else, in plain HTTP, for a listener of its own. The caller sees
// that only the operator reaches that.
func NewMetricsServer(metrics http.Handler, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.Handle(metricsPattern, metrics)
	return &http.Server{
		Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeadBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
