package gateway

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PINCounter counts the PINs of live credentials. It is called by one goroutine.
type PINCounter interface {
	// PINsByPepper returns how many are sealed under the pepper of each number, for which it walks them all; it ends with ctx. A
	// pepper that is held has a number, 0 at the least.
	PINsByPepper(ctx context.Context) (map[uint32]int64, error)
}

// pinCounts are the newest counts, nil before the first.
type pinCounts struct {
	mu     sync.Mutex
	newest map[uint32]int64
}

// WatchPINs counts now and then how many PINs are under each pepper, until ctx ends; after each count it rests fifty times as long
// as that took, and at least for the pause. A number is of one walk: nothing is kept, so that it is as true after a restart. Without
// [Config.PINCounts] it returns at once.
func (s *Server) WatchPINs(ctx context.Context, pause time.Duration) {
	if s.config.PINCounts == nil {
		return
	}
	s.countAgain(ctx, pause, "PINs were not counted", func() error { return s.countPINs(ctx) })
}

func (s *Server) countPINs(ctx context.Context) error {
	newest, err := s.config.PINCounts.PINsByPepper(ctx)
	if err != nil {
		return err
	}
	s.pins.mu.Lock()
	defer s.pins.mu.Unlock()
	s.pins.newest = newest
	return nil
}

var descPINs = describe("pins", "PINs of live credentials by the number of the pepper that they are sealed under, as counted last. A pepper under which there is none may be dropped, the current one excepted.", "pepper")

// A pinCollector turns the newest counts into metrics. There is none before the first.
type pinCollector struct{ counts *pinCounts }

// Describe implements prometheus.Collector.
func (c pinCollector) Describe(out chan<- *prometheus.Desc) { out <- descPINs }

// Collect implements prometheus.Collector.
func (c pinCollector) Collect(out chan<- prometheus.Metric) {
	c.counts.mu.Lock()
	defer c.counts.mu.Unlock()
	for _, pepper := range slices.Sorted(maps.Keys(c.counts.newest)) {
		out <- prometheus.MustNewConstMetric(descPINs, prometheus.GaugeValue, float64(c.counts.newest[pepper]), strconv.FormatUint(uint64(pepper), 10))
	}
}
