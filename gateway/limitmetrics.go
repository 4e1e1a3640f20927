package gateway

import "github.com/prometheus/client_golang/prometheus"

// A limitCollector turns the limits on relying parties into metrics when it is asked. No label names a party.
type limitCollector struct{ server *Server }

var (
	descPartyLimits    = describe("party_limits_total", "What the limits on relying parties did: parties alarmed about, stopped and let go on, minutes capped for all and for one, requests refused, captures brought for two persons, sealings used twice.", "event")
	descPartiesStopped = describe("parties_stopped", "Relying parties that are stopped now.")
)

// Describe implements prometheus.Collector.
func (c limitCollector) Describe(out chan<- *prometheus.Desc) {
	out <- descPartyLimits
	out <- descPartiesStopped
}

// Collect implements prometheus.Collector.
func (c limitCollector) Collect(out chan<- prometheus.Metric) {
	stats := c.server.LimitStats()
	for event, n := range map[string]uint64{
		"alarm": stats.Alarms, "stop": stats.Stops, "lift": stats.Lifts, "cap": stats.Caps, "share": stats.Shares, "refusal": stats.Refused,
		"shared_capture": stats.Captures, "sealing_reuse": stats.Reuses,
	} {
		out <- prometheus.MustNewConstMetric(descPartyLimits, prometheus.CounterValue, float64(n), event)
	}
	out <- prometheus.MustNewConstMetric(descPartiesStopped, prometheus.GaugeValue, float64(len(stats.Stopped)))
}
