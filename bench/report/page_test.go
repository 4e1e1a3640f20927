package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"zhenni/engine/accuracy"
)

func page(t *testing.T) string {
	t.Helper()
	set, err := accuracy.Population{Seed: 1, Dim: 16}.Set(60, 1)
	if err != nil {
		t.Fatal(err)
	}
	var trials []accuracy.Trial
	for i := range int32(set.Len()) {
		for j := range i {
			trials = append(trials, accuracy.Trial{A: i, B: j, Mated: i/2 == j/2})
		}
	}
	scores, _, err := accuracy.ScoreTrials(accuracy.NewFloat(set), trials)
	if err != nil {
		t.Fatal(err)
	}
	e := accuracy.Evaluate(scores, accuracy.NewTrialBootstrap(set, trials, accuracy.Draws, accuracy.Seed))
	var b strings.Builder
	err = Page{
		Title: `<script>alert("1")</script>`, Facts: [][2]string{{"a & b", "<b>"}},
		Tables: []Table{{Caption: "Points", Rows: [][]string{{"FMR"}, {"1e-2 <"}}}},
		Curve:  scores.Curve, Points: e.OperatingPoints,
	}.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// FAULTS: L11
func TestPageStandsAloneAndEscapes(t *testing.T) {
	text := page(t)
	for _, bad := range []string{"<script", "http://", "https://", "src=", "url(", "<b>", "NaN", "Inf"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{"a &amp; b", "<caption>Points</caption>", "<th scope=\"col\">FMR</th>", "<td>1e-2 &lt;</td>", `class="mark"`, `class="threshold"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestPlotsAreWellFormed(t *testing.T) {
	text := page(t)
	plots := strings.Split(text, "<svg")
	if len(plots) != 3 {
		t.Fatalf("%d plots, want 2", len(plots)-1)
	}
	for _, plot := range plots[1:] {
		plot = "<svg" + plot[:strings.Index(plot, "</svg>")] + "</svg>"
		decoder := xml.NewDecoder(strings.NewReader(plot))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAxesKeepTheFrame(t *testing.T) {
	for _, rate := range []float64{0, 1e-9, 1e-6, 0.5, 1} {
		if x := detX(rate); !(x >= left && x <= right) {
			t.Errorf("rate %v lies at %v", rate, x)
		}
	}
	if detX(1e-3) >= detX(1e-2) || detY(1e-3) <= detY(1e-2) || share(1, 1, 1, 5, 9) != 5 {
		t.Error("the axes do not rise")
	}
}
