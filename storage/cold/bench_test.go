package cold

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"zhenni"
)

// benchRecords of 512 elements take 1.1 GiB, which the page cache does not see: reads go around it.
const (
	benchRecords = 2_000_000
	benchBatch   = 1024
)

// benchID spreads the ids over the slots, ascending.
func benchID(n int) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint64(id[:], uint64(n+1)*(1<<63/(benchRecords+1)*2))
	binary.BigEndian.PutUint32(id[12:], uint32(n)*2654435761)
	return id
}

func benchTier(b *testing.B, n, dim int) Options {
	b.Helper()
	o := testOptions(b)
	o.Model.Dim, o.Depth = dim, DefaultDepth
	r := newReference(benchID(0), 1, dim)
	start := time.Now()
	err := Build(o, 1, func(visit func(zhenni.Reference) error) error {
		var err error
		for i := 0; i < n && err == nil; i++ {
			r.ID = benchID(i)
			binary.LittleEndian.PutUint32(unsigned(r.Row), uint32(i)&0x3f3f3f3f)
			err = visit(r)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d records built in %v", n, time.Since(start).Round(time.Millisecond))
	return o
}

// BenchmarkRead reads random records, a batch at a time, and in turn as many random pages of the same file, which is what
// the disk gives: each by a ring and by a pool.
func BenchmarkRead(b *testing.B) {
	o := benchTier(b, benchRecords, 512)
	start := time.Now()
	for _, way := range []struct {
		name string
		pool bool
	}{{"ring", false}, {"pool", true}} {
		b.Run(way.name, func(b *testing.B) {
			o := o
			o.noRing = way.pool
			start = time.Now()
			tier, err := Open(o)
			if err != nil {
				b.Fatal(err)
			}
			defer tier.Close()
			b.Logf("opened in %v: %+v", time.Since(start).Round(time.Millisecond), tier.Stats())
			benchRead(b, tier)
		})
	}
}

func benchRead(b *testing.B, tier *Tier) {
	ids := make([]zhenni.CredentialID, benchBatch)
	refs, errs := wanted(benchBatch, tier.dim)
	rng := rand.New(rand.NewPCG(1, 2))
	var disk, cold time.Duration
	for b.Loop() {
		for i := range ids {
			ids[i] = benchID(rng.IntN(benchRecords))
		}
		start := time.Now()
		tier.Read(ids, refs, errs)
		cold += time.Since(start)
		if err := errors.Join(errs...); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		tier.readPages(rng, benchBatch)
		disk += time.Since(start)
	}
	perSecond := func(d time.Duration) float64 { return float64(b.N*benchBatch) / d.Seconds() }
	b.ReportMetric(perSecond(cold), "records/s")
	b.ReportMetric(perSecond(disk), "pages/s")
	b.ReportMetric(perSecond(cold)/perSecond(disk), "ratio")
}

// readPages reads n random pages and opens nothing.
func (t *Tier) readPages(rng *rand.Rand, n int) {
	s := <-t.idle
	s.spans = s.spans[:0]
	for range n {
		s.spans = append(s.spans, span{page: rng.Int64N(int64(t.next) / int64(t.perPage))})
	}
	if s.ring != nil {
		s.readByRing()
	} else {
		s.readByPool()
	}
	t.idle <- s
}

// BenchmarkOpen reads the ids and makes the index.
func BenchmarkOpen(b *testing.B) {
	o := benchTier(b, benchRecords, 16)
	for b.Loop() {
		tier, err := Open(o)
		if err != nil {
			b.Fatal(err)
		}
		if err := tier.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}
