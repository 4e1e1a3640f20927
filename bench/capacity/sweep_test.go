package capacity

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"zhenni"
)

// hill is a system whose best point is known: each knob costs what its distance from the best says, in octaves.
type hill struct {
	best   Point
	noise  float64 // standard deviation of log(rate)
	random *rand.Rand
	p99    func(Point) float64
	reads  int
}

func (h *hill) Measure(_ context.Context, at Point) (rate, p50, p99 float64, err error) {
	h.reads++
	rate = 1e6
	for knob, best := range h.best {
		octaves := math.Log2(float64(at[knob]) / float64(best))
		rate *= math.Exp(-0.2 * octaves * octaves)
	}
	p99 = 5
	if h.p99 != nil {
		p99 = h.p99(at)
	}
	return rate * math.Exp(h.noise*h.random.NormFloat64()), 1, p99, nil
}

func newHill(seed uint64, noise float64) *hill {
	return &hill{best: Point{Shards: 4, MessageItems: 1024}, noise: noise, random: rand.New(rand.NewPCG(seed, 1))}
}

var hillSweep = Sweep{
	Start:  Point{Shards: 1, MessageItems: 64},
	Ranges: []Range{{Shards, []int64{1, 2, 4, 8, 16}}, {MessageItems, []int64{64, 256, 1024, 4096}}},
	Rounds: 8,
}

func TestSweepFindsTheBestWithFewerReadings(t *testing.T) {
	for seed := range uint64(20) {
		system := newHill(seed, 0.03)
		found, err := hillSweep.Run(t.Context(), system)
		if err != nil {
			t.Fatal(err)
		}
		if found.Best[Shards] != 4 || found.Best[MessageItems] != 1024 {
			t.Errorf("seed %d: best %v", seed, found.Best)
		}
		if found.Readings != system.reads || found.Exhaustive != 8*9 || 2*found.Readings > found.Exhaustive {
			t.Errorf("seed %d: %d readings of %d, the system saw %d: want less than half", seed, found.Readings, found.Exhaustive, system.reads)
		}
	}
}

// Noise hides what is smaller than it: then nothing is changed, however the readings fell.
func TestSweepKeepsWhatIsNotClearlyWorse(t *testing.T) {
	changed := 0
	for seed := range uint64(100) {
		system := newHill(seed, 0.05)
		system.best = Point{} // every setting alike
		found, err := Sweep{Start: Point{Shards: 2}, Ranges: []Range{{Shards, []int64{1, 2, 4, 8}}}, Rounds: 4}.Run(t.Context(), system)
		if err != nil {
			t.Fatal(err)
		}
		if found.Best[Shards] != 2 {
			changed++
		}
	}
	if changed > 5 {
		t.Errorf("changed in %d of 100 sweeps over settings that are alike", changed)
	}
}

func TestSweepObeysTheLimit(t *testing.T) {
	system := newHill(1, 0.01)
	system.p99 = func(at Point) float64 { return float64(10 * at[Shards]) }
	sweep := hillSweep
	sweep.Limit = 25
	found, err := sweep.Run(t.Context(), system)
	if err != nil || found.Best[Shards] != 2 {
		t.Errorf("best %v, %v: want 2 shards, the fastest below 25 ms", found.Best, err)
	}
	sweep.Limit = 1
	if found, err = sweep.Run(t.Context(), system); err != nil || found.Best[Shards] != 1 {
		t.Errorf("best %v, %v: want 1 shard, nearest to the limit", found.Best, err)
	}
}

func TestSweepRefuses(t *testing.T) {
	for name, s := range map[string]Sweep{
		"one round": {Rounds: 1}, "no start": {Rounds: 2, Ranges: []Range{{Shards, []int64{1}}}},
		"no values": {Rounds: 2, Start: Point{Shards: 1}, Ranges: []Range{{Shards, nil}}},
	} {
		if _, err := s.Run(t.Context(), newHill(1, 0)); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hillSweep.Run(ended, newHill(1, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}
