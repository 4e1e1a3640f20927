package gateway

import "github.com/prometheus/client_golang/prometheus"

// A webhookCollector turns what a courier did into metrics when it is asked. No label names a party.
type webhookCollector struct{ webhooks Webhooks }

var (
	descWebhookMessages  = describe("webhook_messages_total", "Messages to webhooks: delivered, attempts that failed, messages given up as dead, and occasions deferred because a queue was full.", "event")
	descWebhookQueue     = describe("webhook_queue", "Messages to webhooks that wait or are in hand.")
	descWebhookLetters   = describe("webhook_dead_letters", "Dead letters that are kept.")
	descWebhookEndpoints = describe("webhook_endpoints", "Webhooks: all, those that rest after failures, and those that answered that they are gone.", "state")
)

// Describe implements prometheus.Collector.
func (c webhookCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{descWebhookMessages, descWebhookQueue, descWebhookLetters, descWebhookEndpoints} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c webhookCollector) Collect(out chan<- prometheus.Metric) {
	stats := c.webhooks.Stats()
	for event, n := range map[string]uint64{"delivered": stats.Delivered, "failed": stats.Failed, "dead": stats.Dead, "deferred": stats.Deferred} {
		out <- prometheus.MustNewConstMetric(descWebhookMessages, prometheus.CounterValue, float64(n), event)
	}
	for state, n := range map[string]int{"all": stats.Endpoints, "resting": stats.Resting, "disabled": stats.Disabled} {
		out <- prometheus.MustNewConstMetric(descWebhookEndpoints, prometheus.GaugeValue, float64(n), state)
	}
	out <- prometheus.MustNewConstMetric(descWebhookQueue, prometheus.GaugeValue, float64(stats.Queued))
	out <- prometheus.MustNewConstMetric(descWebhookLetters, prometheus.GaugeValue, float64(stats.Letters))
}
