package gateway

import (
	"sync/atomic"
	"time"

	"zhenni"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// httpMetrics counts what passes through the server. No label names a party, a credential or an address.
type httpMetrics struct {
	registry     *prometheus.Registry
	latency      *prometheus.HistogramVec
	guard        *prometheus.CounterVec
	panics       prometheus.Counter
	refusedConns prometheus.Counter
	conns        atomic.Int64 // open now
}

func newMetrics(node Node, config Config) *httpMetrics {
	m := &httpMetrics{
		registry: prometheus.NewRegistry(),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "zhenni_http_request_seconds", Help: "Time from a request's head to its answer.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 19),
		}, []string{"route", "class"}),
		guard: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zhenni_http_guarded_total", Help: "Requests refused before they were one, by code.",
		}, []string{"code"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zhenni_http_panics_total", Help: "Panics caught in handlers.",
		}),
		refusedConns: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zhenni_http_connections_refused_total", Help: "Connections beyond the bounds.",
		}),
	}
	conns := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zhenni_http_connections", Help: "Connections open.",
	}, func() float64 { return float64(m.conns.Load()) })
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zhenni_build_info", Help: "Constant 1, labelled with the version.", ConstLabels: prometheus.Labels{"version": config.Version},
	}, func() float64 { return 1 })
	unrecorded := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zhenni_unrecorded", Help: "1 where nothing that is answered is recorded.",
	}, func() float64 {
		if config.Unrecorded {
			return 1
		}
		return 0
	})
	m.registry.MustRegister(m.latency, m.guard, m.panics, m.refusedConns, conns, build, unrecorded, nodeCollector{node},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if config.Webhooks != nil {
		m.registry.MustRegister(webhookCollector{config.Webhooks})
	}
	if config.History != nil {
		m.registry.MustRegister(historyCollector{config.History})
	}
	if config.StatusLists != nil {
		m.registry.MustRegister(statusListCollector{config.StatusLists})
	}
	if config.Ledger != nil {
		m.registry.MustRegister(ledgerCollector{config.Ledger})
	}
	return m
}

func (m *httpMetrics) guarded(k *kind) { m.guard.WithLabelValues(k.code).Inc() }

// A routeMeter is the histogram of one route, by class of status; no handler answers 1xx or 3xx.
type routeMeter [6]prometheus.Observer

func (m *httpMetrics) route(path string) (meter routeMeter) {
	for _, class := range []int{2, 4, 5} {
		meter[class] = m.latency.WithLabelValues(path, string(rune('0'+class))+"xx")
	}
	return meter
}

func (m *routeMeter) observe(status int, d time.Duration) {
	if class := status / 100; class < len(m) && m[class] != nil {
		m[class].Observe(d.Seconds())
	}
}

// A nodeCollector turns what the node tells of itself into metrics when it is asked.
type nodeCollector struct{ node Node }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("zhenni_"+name, help, labels, nil)
}

var (
	descOutcomes = describe("outcomes_total", "Items answered, by verdict and reason.", "verdict", "reason")
	descShards   = describe("shards", "Shards, by state.", "state")
	descCounters = map[string]*prometheus.Desc{
		"admitted":      describe("items_admitted_total", "Items let in."),
		"refused":       describe("items_refused_at_door_total", "Items turned away by admission."),
		"expired":       describe("items_expired_total", "Items whose deadline passed first."),
		"replays":       describe("replays_total", "Probes identical to the reference: alarms."),
		"shared_probes": describe("shared_probes_total", "Probes identical to that of another credential in one request."),
		"panics":        describe("shard_panics_total", "Panics caught in shards."),
		"restarts":      describe("shard_restarts_total", "Shards restarted."),
		"parked":        describe("credentials_parked_total", "Credentials parked as poison."),
		"failed":        describe("attempts_failed_total", "Non-matches held against a credential."),
		"barred":        describe("attempts_barred_total", "Items answered as a non-match because their credential was barred."),
		"paused":        describe("credentials_paused_total", "Times that a credential came to be paused for failed attempts."),
		"disabled":      describe("credentials_disabled_total", "Times that a credential came to be disabled for failed attempts."),
		"reset":         describe("credentials_reproved_total", "Times that the failed attempts at a credential were forgotten for a re-proof."),
		"displaced":     describe("attempt_counts_displaced_total", "Counts of failed attempts that went for newer ones."),
		"uncounted":     describe("attempts_uncounted_total", "Items refused because there was no room for their count."),
		"store_reads":   describe("arena_store_reads_total", "Rows opened from the store."),
		"evictions":     describe("arena_evictions_total", "Rows evicted."),
	}
	descGauges = map[string]*prometheus.Desc{
		"counts":    describe("attempt_counts", "Credentials and lanes with failed attempts."),
		"in_flight": describe("items_in_flight", "Items admitted and not yet answered."),
		"rows":      describe("arena_rows", "Rows held open."),
		"capacity":  describe("arena_capacity_rows", "Rows that can be held open."),
		"bytes":     describe("arena_bytes", "Memory of the rows held open."),
		"ready":     describe("ready", "1 where the node can answer."),
		"changes":   describe("store_takes_changes", "1 where the store takes changes: verification goes on without."),
	}
)

var (
	descCold = map[string]*prometheus.Desc{
		"records": describe("cold_records", "Templates that the cold tier holds."),
		"index":   describe("cold_index_bytes", "Memory of the cold tier's index."),
		"disk":    describe("cold_disk_bytes", "Disk that the cold tier takes."),
	}
	descColdCounters = map[string]*prometheus.Desc{
		"pages":   describe("cold_pages_read_total", "Pages read from the cold tier."),
		"damaged": describe("cold_records_damaged_total", "Records of the cold tier that failed their seal: the store's own were read."),
		"doubted": describe("cold_records_doubted_total", "Records of the cold tier that were not those it knows: the store's own were read."),
	}
)

// Describe implements prometheus.Collector.
func (c nodeCollector) Describe(out chan<- *prometheus.Desc) {
	out <- descOutcomes
	out <- descShards
	for _, d := range descCounters {
		out <- d
	}
	for _, descs := range []map[string]*prometheus.Desc{descGauges, descCold, descColdCounters} {
		for _, d := range descs {
			out <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c nodeCollector) Collect(out chan<- prometheus.Metric) {
	stats := c.node.Stats()
	for o := zhenni.Match; int(o) < zhenni.OutcomeCount; o++ {
		out <- prometheus.MustNewConstMetric(descOutcomes, prometheus.CounterValue, float64(stats.Outcomes[o]), o.Verdict(), o.Reason())
	}
	failed, inFlight := 0, 0
	for _, shard := range stats.Shards {
		inFlight += shard.InFlight
		if shard.Failed {
			failed++
		}
	}
	for state, n := range map[string]int{"serving": len(stats.Shards) - failed, "failed": failed} {
		out <- prometheus.MustNewConstMetric(descShards, prometheus.GaugeValue, float64(n), state)
	}
	for name, n := range map[string]uint64{
		"admitted": stats.Admitted, "refused": stats.RefusedAtDoor, "expired": stats.Expired, "replays": stats.Replays,
		"shared_probes": stats.SharedProbes, "panics": stats.Panics, "restarts": stats.Restarts, "parked": stats.Parked,
		"failed": stats.Attempts.Failed, "barred": stats.Attempts.Barred, "paused": stats.Attempts.Paused,
		"disabled": stats.Attempts.Disabled, "reset": stats.Attempts.Reset,
		"displaced": stats.Attempts.Displaced, "uncounted": stats.Attempts.Uncounted,
		"store_reads": stats.Arena.StoreReads, "evictions": stats.Arena.Evictions,
	} {
		out <- prometheus.MustNewConstMetric(descCounters[name], prometheus.CounterValue, float64(n))
	}
	var ready, changes int64
	if c.node.Ready() == nil {
		ready = 1
	}
	if stats.Store.Changes {
		changes = 1
	}
	for name, n := range map[string]int64{
		"in_flight": int64(inFlight), "rows": stats.Arena.Rows, "capacity": stats.Arena.Capacity,
		"bytes": stats.Arena.Bytes, "counts": stats.Attempts.Held, "ready": ready, "changes": changes,
	} {
		out <- prometheus.MustNewConstMetric(descGauges[name], prometheus.GaugeValue, float64(n))
	}
	collectCold(out, stats.Cold)
}

// collectCold tells of the cold tier, where there is one.
func collectCold(out chan<- prometheus.Metric, cold *zhenni.ColdStats) {
	if cold == nil {
		return
	}
	for name, n := range map[string]int64{"records": int64(cold.Records), "index": cold.Index, "disk": cold.Disk} {
		out <- prometheus.MustNewConstMetric(descCold[name], prometheus.GaugeValue, float64(n))
	}
	for name, n := range map[string]uint64{"pages": cold.Pages, "damaged": cold.Damaged, "doubted": cold.Doubted} {
		out <- prometheus.MustNewConstMetric(descColdCounters[name], prometheus.CounterValue, float64(n))
	}
}
