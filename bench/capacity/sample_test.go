package capacity

import (
	"errors"
	"math"
	"testing"

	"zhenni"
)

// sampleOf is what a node of testProfile would show at a size.
func sampleOf(p Profile, credentials float64) Sample {
	s := Sample{
		Credentials: credentials, Heap: p.Heap.At(credentials), View: p.View.At(credentials), Log: p.Log.At(credentials), Keys: p.Keys.At(credentials),
		Leaf: p.Leaf, Answer: p.Answer, AnswerItem: p.AnswerItem,
		Single: Reading{Items: 1, Rate: p.SingleRate(credentials), CPU: p.Single.At(p.working(credentials), 1, p.Cache), Busy: p.SingleBusy},
	}
	for _, items := range []float64{256, 1024} {
		s.Bulk = append(s.Bulk, Reading{Items: items, Rate: p.BulkRate(credentials, items), CPU: p.Bulk.At(p.working(credentials), items, p.Cache), Busy: p.BulkBusy})
	}
	for _, load := range []float64{0.3, 0.5, 0.7} {
		s.Loads, s.P99 = append(s.Loads, load), append(s.P99, p.Tail.At(load))
	}
	return s
}

func TestProfileIsRecoveredAndForetells(t *testing.T) {
	machine := Machine{Cores: testProfile.Cores, Cache: testProfile.Cache, Memory: testProfile.Memory}
	p, err := NewProfile(machine, 512, []Sample{sampleOf(testProfile, 20e3), sampleOf(testProfile, 200e3)})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range p.fields() {
		if want := *testProfile.fields()[i].value; !near(*f.value, want, 1e-6) && math.Abs(*f.value-want) > 1e-3 {
			t.Errorf("%s: %v, want %v", f.name, *f.value, want)
		}
	}
	for _, size := range []float64{10e3, 100e3, 1e6} {
		checks := p.Confirm(sampleOf(testProfile, size))
		if len(checks) != 10 {
			t.Fatalf("%d checks", len(checks))
		}
		for _, c := range checks {
			if math.Abs(c.Error()) > 1e-6 {
				t.Errorf("%v credentials: %s: %v predicted, %v measured", size, c.Name, c.Predicted, c.Measured)
			}
		}
	}
	if got := (Check{Predicted: 12, Measured: 10}).Error(); !near(got, 0.2, 1e-9) {
		t.Errorf("error %v", got)
	}
}

func TestProfileRefusesTooLittle(t *testing.T) {
	one, two := sampleOf(testProfile, 20e3), sampleOf(testProfile, 200e3)
	machine := Machine{Cores: 2, Cache: 32 << 20}
	if _, err := NewProfile(machine, 512, []Sample{one}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("one size: %v", err)
	}
	one.Loads, one.P99, two.Loads, two.P99 = nil, nil, nil, nil
	if _, err := NewProfile(machine, 512, []Sample{one, two}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("no loads: %v", err)
	}
}
