package gateway

import "github.com/prometheus/client_golang/prometheus"

// A ledgerCollector turns what the ledger tells of itself into metrics when it is asked.
type ledgerCollector struct{ ledger Ledger }

var (
	descTransactions = describe("transactions_total", "Requests for verification, by what became of them. Admitted are the answered, the refused and those in hand.", "result")
	descInHand       = describe("transactions_in_hand", "Requests admitted and not yet answered or refused.")
	descAnswers      = describe("stored_answers", "Answers that can be given again.")
	descAnswerBytes  = describe("stored_answer_bytes", "Disk space of stored answers.")
	descRemembered   = describe("evicted_transactions", "Evicted transactions that are known to be so.")
)

// Describe implements prometheus.Collector.
func (c ledgerCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descTransactions, descInHand, descAnswers, descAnswerBytes, descRemembered} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c ledgerCollector) Collect(out chan<- prometheus.Metric) {
	s := c.ledger.Stats()
	for result, n := range map[string]uint64{
		"admitted": s.Admitted, "answered": s.Answered, "refused": s.Refused, "replayed": s.Replayed,
		"in_progress": s.InProgress, "reused": s.Reused, "evicted": s.Evicted, "damaged": s.Damaged, "overloaded": s.Overloaded,
	} {
		out <- prometheus.MustNewConstMetric(descTransactions, prometheus.CounterValue, float64(n), result)
	}
	for d, n := range map[*prometheus.Desc]int64{
		descInHand: int64(s.InHand), descAnswers: s.Stored, descAnswerBytes: s.Bytes, descRemembered: s.Remembered,
	} {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
}
