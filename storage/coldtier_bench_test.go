package storage

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine"
)

// BenchmarkColdMisses verifies random credentials, 1,024 a message, by a matcher whose arena holds one in a hundred: from
// a cold tier, whose reads go around the page cache, and from the view, which is in the page cache. The second is what a
// miss costs where no disk is read.
func BenchmarkColdMisses(b *testing.B) {
	const credentials, batch = 400_000, 1024
	opts := testOptions(b)
	opts.Model = benchModel
	s := openStore(b, opts)
	im, err := s.NewImport(context.Background(), ImportOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range uint64(credentials) {
		if err := im.Add(benchEnrol(i, credentials)); err != nil {
			b.Fatal(err)
		}
	}
	if err := im.Commit(); err != nil {
		b.Fatal(err)
	}
	for _, tier := range []struct {
		name string
		cold Cold
	}{{"tier", ColdMade}, {"view", ColdNone}} {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		opts.Cold = tier.cold
		start := time.Now()
		s = openStore(b, opts)
		b.Logf("%s: opened in %v", tier.name, time.Since(start).Round(time.Millisecond))
		b.Run(tier.name, func(b *testing.B) { benchMisses(b, s, credentials, batch) })
	}
}

func benchMisses(b *testing.B, s *Store, credentials uint64, batch int) {
	arena, err := engine.NewArena(benchModel.Dim, int64(credentials)*6)
	if err != nil {
		b.Fatal(err)
	}
	defer arena.Close()
	rule, err := zhenni.NewThreshold(0.5)
	if err != nil {
		b.Fatal(err)
	}
	m := engine.NewMatcher(arena, s, rule)
	probe, ids, items := append([]int8(nil), benchRow...), make([]zhenni.CredentialID, batch), make([]uint32, batch)
	probe[0]++
	probes := make([]int8, 0, batch*len(probe))
	for i := range items {
		items[i] = uint32(i)
		probes = append(probes, probe...)
	}
	batchOf := &zhenni.Batch{Tenant: 7, Dim: benchModel.Dim, IDs: ids, Int8: probes, Outcomes: make([]zhenni.Outcome, batch)}
	for b.Loop() {
		for i := range ids {
			ids[i] = benchEnrol(rand.Uint64N(credentials), credentials).ID
		}
		clear(batchOf.Outcomes)
		if tally := m.Verify(batchOf, items); tally.Match != batch {
			b.Fatalf("%+v", tally)
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "verifications/s")
	b.ReportMetric(float64(arena.Stats().StoreReads)/float64(b.N*batch), "misses")
}
