package engine_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"zhenni"
	"zhenni/engine"
	"zhenni/simd"
)

// BenchmarkVerify asks about random credentials of an arena far larger than the caches. Its case "dots" is the limit
// the others are held against: the dot products of the int8 case alone, same probes, same rows, already looked up.

const benchItems = 1024

// crowd is an arena filled to a gibibyte, and batches of questions about it. Rows are noise: what is measured does not
// depend on them.
type crowd struct {
	*engine.Matcher
	ids []zhenni.CredentialID
	rng *rand.Rand
	dim int
}

// noise is a store that has a row of its own for every id.
type noise struct{ row []int8 }

func (s noise) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	copy(row, s.row)
	for i := range id {
		row[i%len(row)] = int8(id[i]) | 1
	}
	norm, err := engine.CheckRow(row)
	return zhenni.Reference{
		ID: id, Tenant: tenant, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: norm,
	}, err
}

func (noise) References(_, _ zhenni.Slot, _ func(zhenni.Reference) error) error { return nil }

func newCrowd(b *testing.B, dim int, bytes int64) *crowd {
	rng := rand.New(rand.NewPCG(uint64(dim), 0))
	row, _ := quantised(b, newEmbedding(rng, dim))
	c := &crowd{
		Matcher: engine.NewMatcher(newArena(b, dim, bytes), noise{row}, threshold(b, 0.5)),
		ids:     make([]zhenni.CredentialID, bytes*15/16/rowBytes(dim)),
		rng:     rng, dim: dim,
	}
	for i := range c.ids {
		c.ids[i] = newID(rng, engine.Segments)
		if err := c.Refresh(c.ids[i]); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

// batches makes n batches of questions about random credentials.
func (c *crowd) batches(b *testing.B, n int, float bool) []*zhenni.Batch {
	all := make([]*zhenni.Batch, n)
	for k := range all {
		ids := make([]zhenni.CredentialID, benchItems)
		floats, rows := make([][]float32, benchItems), make([][]int8, benchItems)
		for i := range ids {
			ids[i] = c.ids[c.rng.IntN(len(c.ids))]
			floats[i] = newEmbedding(c.rng, c.dim)
			rows[i], _ = quantised(b, floats[i])
		}
		all[k] = batchOf(ids, rows)
		if float {
			all[k] = floatBatchOf(ids, floats)
		}
	}
	return all
}

func BenchmarkVerify(b *testing.B) {
	for _, dim := range []int{128, 512} {
		b.Run(strconv.Itoa(dim), func(b *testing.B) {
			c := newCrowd(b, dim, 1<<30)
			for _, probe := range []string{"int8", "float32"} {
				b.Run(probe, func(b *testing.B) { c.run(b, c.batches(b, 64, probe == "float32")) })
			}
			b.Run("dots", func(b *testing.B) { c.runDots(b, c.batches(b, 64, false)) })
		})
	}
}

func (c *crowd) run(b *testing.B, batches []*zhenni.Batch) {
	items := every(batches[0])
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		batch := batches[i%len(batches)]
		clear(batch.Outcomes)
		if tally := c.Verify(batch, items); tally.Match+tally.NoMatch != benchItems {
			b.Fatalf("%+v", tally)
		}
	}
	reportRate(b)
}

func (c *crowd) runDots(b *testing.B, batches []*zhenni.Batch) {
	probeAt, rowAt, dots := make([]int, benchItems), make([][]int, len(batches)), make([]int32, benchItems)
	var slab []int8
	for k := range batches {
		slab, rowAt[k] = c.Rows(batches[k].IDs)
	}
	for i := range probeAt {
		probeAt[i] = i * c.dim
	}
	b.ResetTimer()
	for i := range b.N {
		k := i % len(batches)
		simd.DotPairs(dots, batches[k].Int8, probeAt, slab, rowAt[k], c.dim)
	}
	reportRate(b)
}

func reportRate(b *testing.B) {
	n := float64(b.N) * benchItems
	b.ReportMetric(b.Elapsed().Seconds()*1e9/n, "ns/item")
	b.ReportMetric(n/b.Elapsed().Seconds()/1e6, "M/s")
}
