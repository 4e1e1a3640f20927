package report

import (
	"strings"
	"testing"
)

func TestCapacityPageStandsAlone(t *testing.T) {
	var page strings.Builder
	err := Capacity{
		Title: "Tuning <b>", Facts: [][2]string{{"machine", "of this test"}}, LawText: "σ 0.1", Config: "shards: 2\n",
		Tables: []Table{{Caption: "Sweep", Rows: [][]string{{"knob", "rate"}, {"shards", "2"}}}},
		Scales: [][2]float64{{1, 1e6}, {2, 1.8e6}, {4, 2.5e6}}, Law: func(n float64) float64 { return 1e6 * n / (1 + 0.1*(n-1)) },
	}.Write(&page)
	if err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, want := range []string{"Tuning &lt;b&gt;", "shards: 2", "<polyline", "<circle", "limit", "σ 0.1", "<caption>Sweep"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, never := range []string{"<script", "http:", "https:", "NaN", "Inf"} {
		if strings.Contains(text, never) {
			t.Errorf("%q is in it", never)
		}
	}
}

func TestCapacityPageWithoutReadings(t *testing.T) {
	var page strings.Builder
	if err := (Capacity{Title: "Empty"}).Write(&page); err != nil || strings.Contains(page.String(), "NaN") {
		t.Errorf("%v in %s", err, &page)
	}
}
