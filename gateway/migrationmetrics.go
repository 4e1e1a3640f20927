package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zhenni"
)

// quickCount is what a count may take that is made because somebody asks. Where the last took longer he is told that one.
const quickCount = time.Second

// countShare is how much longer the pause after a count is than the count: of one processor it takes a fiftieth.
const countShare = 50

// migrationCounts are the newest counts, of each tenant and model.
type migrationCounts struct {
	counting sync.Mutex // held by the one count under way

	mu     sync.Mutex
	newest []zhenni.Migration
	at     time.Time // of the newest, zero before the first
	took   time.Duration
}

// of returns the newest count of a model for a tenant.
func (c *migrationCounts) of(model string, tenant zhenni.TenantID) (m zhenni.Migration, at time.Time, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m = zhenni.Migration{Model: model, Tenant: tenant}
	for _, counted := range c.newest {
		if counted.Model == model && counted.Tenant == tenant {
			m = counted
		}
	}
	return m, c.at, c.took
}

// migrated returns how far a tenant is, and when that was counted: now, where a count is quick or there was none, and no other
// is under way.
func (s *Server) migrated(ctx context.Context, model string, tenant zhenni.TenantID) (zhenni.Migration, time.Time, error) {
	c := &s.migrations
	m, at, took := c.of(model, tenant)
	if took < quickCount && c.counting.TryLock() {
		defer c.counting.Unlock()
		if err := s.countMigrations(ctx); err != nil {
			return m, at, err
		}
		m, at, _ = c.of(model, tenant)
	}
	if at.IsZero() {
		return m, at, refuse(kindOverloaded, "the first count is under way")
	}
	return m, at, nil
}

// WatchMigrations counts now and then how far each model is that is served, until ctx ends; after each count it rests fifty
// times as long as that took, and at least for the pause. With one model, or without [Config.Migrations], it returns at once:
// there is nowhere to go.
func (s *Server) WatchMigrations(ctx context.Context, pause time.Duration) {
	if len(s.served) == 1 || s.config.Migrations == nil {
		return
	}
	s.countAgain(ctx, pause, "templates were not counted", func() error {
		s.migrations.counting.Lock()
		defer s.migrations.counting.Unlock()
		return s.countMigrations(ctx)
	})
}

// countAgain counts until ctx ends; after each count it rests [countShare] times as long as that took, and at least for the pause.
func (s *Server) countAgain(ctx context.Context, pause time.Duration, failed string, count func() error) {
	for rest := time.NewTimer(0); ; {
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return
		}
		begun := time.Now()
		if err := count(); err != nil && ctx.Err() == nil {
			s.config.Logger.Warn(failed, "error", err)
		}
		rest.Reset(max(pause, countShare*time.Since(begun)))
	}
}

// countMigrations counts; the caller holds counting.
func (s *Server) countMigrations(ctx context.Context) error {
	begun := time.Now()
	all, err := s.config.Migrations.Migrations(ctx)
	c := &s.migrations
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = time.Since(begun) // also of one that was given up
	if err == nil {
		c.newest, c.at = all, s.config.Now()
	}
	return err
}

var descMigration = describe("live_credentials", "Live credentials with and without a template of a model, as counted last, where there are several models.", "model", "template")

// A migrationCollector turns the newest counts into metrics. There is none before the first.
type migrationCollector struct{ counts *migrationCounts }

// Describe implements prometheus.Collector.
func (c migrationCollector) Describe(out chan<- *prometheus.Desc) { out <- descMigration }

// Collect implements prometheus.Collector.
func (c migrationCollector) Collect(out chan<- prometheus.Metric) {
	c.counts.mu.Lock()
	defer c.counts.mu.Unlock()
	sums := map[string]zhenni.Migration{}
	for _, m := range c.counts.newest {
		sum := sums[m.Model]
		sum.Done, sum.Pending = sum.Done+m.Done, sum.Pending+m.Pending
		sums[m.Model] = sum
	}
	for model, m := range sums {
		out <- prometheus.MustNewConstMetric(descMigration, prometheus.GaugeValue, float64(m.Done), model, "there")
		out <- prometheus.MustNewConstMetric(descMigration, prometheus.GaugeValue, float64(m.Pending), model, "missing")
	}
}
