package gateway

import "github.com/prometheus/client_golang/prometheus"

// A historyCollector turns what the history tells of itself into metrics when it is asked.
type historyCollector struct{ history History }

var (
	descHistoryItems     = describe("history_items_total", "Items for the history of credentials, by what became of them: noted, dropped for want of room.", "result")
	descHistoryDamaged   = describe("history_damaged_total", "Files and pages of the history that did not open.")
	descHistoryEntries   = describe("history_entries", "Items in the history, by whether they are indexed.", "indexed")
	descHistoryBytes     = describe("history_bytes", "Disk space of the history.")
	descHistoryForgotten = describe("history_forgotten", "Credentials whose history is hidden and not yet gone from every file.")
)

// Describe implements prometheus.Collector.
func (c historyCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descHistoryItems, descHistoryDamaged, descHistoryEntries, descHistoryBytes, descHistoryForgotten} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c historyCollector) Collect(out chan<- prometheus.Metric) {
	s := c.history.Stats()
	out <- prometheus.MustNewConstMetric(descHistoryItems, prometheus.CounterValue, float64(s.Noted), "noted")
	out <- prometheus.MustNewConstMetric(descHistoryItems, prometheus.CounterValue, float64(s.Dropped), "dropped")
	out <- prometheus.MustNewConstMetric(descHistoryDamaged, prometheus.CounterValue, float64(s.Damaged))
	out <- prometheus.MustNewConstMetric(descHistoryEntries, prometheus.GaugeValue, float64(s.Indexed), "true")
	out <- prometheus.MustNewConstMetric(descHistoryEntries, prometheus.GaugeValue, float64(s.Unsorted), "false")
	out <- prometheus.MustNewConstMetric(descHistoryBytes, prometheus.GaugeValue, float64(s.Bytes))
	out <- prometheus.MustNewConstMetric(descHistoryForgotten, prometheus.GaugeValue, float64(s.Forgotten))
}
