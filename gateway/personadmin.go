package gateway

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

// ReportedPerson is a person of whom others complained.
type ReportedPerson struct {
	// Person is a name that says nothing of who it is.
	Person string `json:"person"`
	// Reports counts the persons who complained, Barred says that they therefore may not ask.
	Reports int  `json:"reports"`
	Barred  bool `json:"barred"`
}

// Bars is what an operator keeps in hand of the reports about persons.
type Bars interface {
	// Reported returns those of whom others complained, the most first.
	Reported(limit int) []ReportedPerson
	// Lift lets a person ask again, durably: [zhenni.ErrNotFound].
	Lift(ctx context.Context, person string) error
}

// reportedPage is the most persons that an operator is shown.
const reportedPage = 1000

// Persons adds the routes GET /admin/reported-persons and POST /admin/reported-persons/{person}/lift. It is for before Serve.
func (a *Admin) Persons(bars Bars) {
	list := func() any {
		return struct {
			Reported []ReportedPerson `json:"reported"`
		}{append([]ReportedPerson{}, bars.Reported(reportedPage)...)}
	}
	a.mux.Handle("GET /admin/reported-persons", a.route(func(*http.Request) (any, error) { return list(), nil }))
	a.mux.Handle("POST /admin/reported-persons/{person}/lift", a.route(func(r *http.Request) (any, error) {
		if err := bars.Lift(r.Context(), r.PathValue("person")); err != nil {
			return nil, err
		}
		return list(), nil
	}))
}

// A personCollector turns what persons asked of each other into metrics when it is asked. No label names anybody.
type personCollector struct{ desk *personDesk }

var descPersons = describe("person_sessions_total", "Of sessions between persons: those begun, refused because one asked or was asked too often, reports, persons barred by them, and wishes not to be asked again.", "event")

// Describe implements prometheus.Collector.
func (c personCollector) Describe(out chan<- *prometheus.Desc) { out <- descPersons }

// Collect implements prometheus.Collector.
func (c personCollector) Collect(out chan<- prometheus.Metric) {
	for event, n := range map[string]uint64{
		"begun": c.desk.begun.Load(), "limited": c.desk.limited.Load(), "report": c.desk.reports.Load(), "bar": c.desk.bars.Load(),
		"block": c.desk.blocks.Load(),
	} {
		out <- prometheus.MustNewConstMetric(descPersons, prometheus.CounterValue, float64(n), event)
	}
}
