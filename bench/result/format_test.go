package result

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  string
		want  string
	}{
		{3.4211e6, PerSecond, "3.42 M/s"}, {999.7, PerSecond, "1.00 k/s"}, {12, PerSecond, "12.0 /s"}, {2e13, PerSecond, "20000 G/s"},
		{11.14, Nanoseconds, "11.1 ns"}, {0.25, Nanoseconds, "0.25 ns"}, {1.5e6, Nanoseconds, "1.50 ms"}, {9.999e9, Nanoseconds, "10.0 s"},
		{0.25, Milliseconds, "250 µs"}, {2, Milliseconds, "2.00 ms"}, {61000, Milliseconds, "61.0 s"},
		{1 << 30, Bytes, "1.00 GiB"}, {0, Bytes, "0 B"}, {1e-9, "count", "1.00e-09 count"},
	} {
		if got := Quantity(c.value, c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}

func TestSpreadIsHalfTheMiddleHalf(t *testing.T) {
	m := Measurement{Rounds: []float64{104, 100, 96, 98, 102}}
	if got := m.Spread(); math.Abs(got-0.02) > 1e-12 {
		t.Errorf("spread %v, want 0.02", got)
	}
	if one := (&Measurement{Rounds: []float64{3}}); one.Spread() != 0 {
		t.Errorf("spread %v of one round", one.Spread())
	}
}

func TestTableLeavesOutWhatNobodyMeasured(t *testing.T) {
	r := testRun()
	rows := r.Table()
	if got := strings.Join(rows[0], "|"); got != "measurement|median|±|of limit|limit|p50|p99" || rows[1][3] != "50 %" || rows[1][6] != "5.00 ms" {
		t.Errorf("%q", rows)
	}
	allocations := 0.5
	r.Measurements[1] = Measurement{Name: "bare", Unit: Nanoseconds, Rounds: []float64{1}, Allocations: &allocations}
	r.Measurements[0].Limit, r.Measurements[0].Latency = "", nil
	if rows := r.Table(); !slices.Equal(rows[0], []string{"measurement", "median", "±", "allocs"}) || rows[2][3] != "0.5" {
		t.Errorf("%q", rows)
	}
	r.Measurements = []Measurement{{Name: "cost", Unit: Nanoseconds, Rounds: []float64{6}, Limit: "least"}, {Name: "least", Unit: Nanoseconds, Rounds: []float64{4}}}
	if rows := r.Table(); rows[1][3] != "1.5×" {
		t.Errorf("%q", rows)
	}
}
