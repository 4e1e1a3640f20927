package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"

	"zhenni/gateway"
)

// metricsServer is the listener of the metrics.
type metricsServer struct {
	*http.Server
	addr net.Addr
}

// serveMetrics serves the metrics on an address of their own; an empty one is none.
func (n *node) serveMetrics(addr string, log *slog.Logger) (*metricsServer, error) {
	if addr == "" {
		return nil, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, environment("--metrics-listen: %w", err)
	}
	s := &metricsServer{gateway.NewMetricsServer(n.server.Metrics(), log), ln.Addr()}
	go func() {
		err := s.Serve(ln)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		n.failed <- err
	}()
	return s, nil
}
