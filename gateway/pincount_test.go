package gateway

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// pinCounter counts what it is told to, and how often.
type pinCounter struct {
	under map[uint32]int64
	err   error
	times atomic.Int64
}

func (c *pinCounter) PINsByPepper(context.Context) (map[uint32]int64, error) {
	c.times.Add(1)
	return maps.Clone(c.under), c.err
}

// shownPINs are the newest counts as the metrics show them.
func shownPINs(t *testing.T, s *Server) map[string]float64 {
	t.Helper()
	families, err := s.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == "zhenni_pins" {
				shown[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
			}
		}
	}
	return shown
}

// How many PINs are under which pepper shows in the metrics once it was counted, an empty one too; a count that fails leaves the one
// before, and what is under none any more is gone with the next.
func TestPINsUnderPeppersAreShown(t *testing.T) {
	counter := &pinCounter{under: map[uint32]int64{1: 40, 2: 2}}
	f := start(t, func(c *Config) { c.PINCounts = counter })
	if shown := shownPINs(t, f.server); len(shown) != 0 {
		t.Errorf("before the first count: %v", shown)
	}
	for _, c := range []struct {
		under map[uint32]int64
		err   error
		want  map[string]float64
	}{
		{map[uint32]int64{1: 40, 2: 2}, nil, map[string]float64{"1": 40, "2": 2}},
		{nil, zhenni.ErrCorrupt, map[string]float64{"1": 40, "2": 2}},
		{map[uint32]int64{1: 0, 2: 42}, nil, map[string]float64{"1": 0, "2": 42}},
		{map[uint32]int64{2: 42}, nil, map[string]float64{"2": 42}},
	} {
		counter.under, counter.err = c.under, c.err
		if err := f.server.countPINs(t.Context()); err != c.err {
			t.Error(err)
		}
		if shown := shownPINs(t, f.server); !maps.Equal(shown, c.want) {
			t.Errorf("%v, want %v", shown, c.want)
		}
	}
}

// They are counted at once, then after each pause, until the context ends; without a counter never.
func TestPINsAreCountedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counter := &pinCounter{}
		s := &Server{config: Config{PINCounts: counter}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.WatchPINs(ctx, time.Minute)
		for n := range 4 {
			if synctest.Wait(); counter.times.Load() != int64(n+1) {
				t.Fatalf("%d counts after %d minutes", counter.times.Load(), n)
			}
			time.Sleep(time.Minute)
		}
		cancel()
		synctest.Wait()
		s.config.PINCounts = nil
		s.WatchPINs(t.Context(), time.Minute)
	})
}
