package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhenni"
)

// BenchmarkBase imports half a million templates of 128 dimensions, with and without a base, and reports what a credential
// takes on disk, and how long the snapshot, a second one after a percent of changes, and a lost view take.
func BenchmarkBase(b *testing.B) {
	const n = 500_000
	for _, onBase := range []bool{false, true} {
		b.Run(fmt.Sprintf("base=%v", onBase), func(b *testing.B) {
			took := map[string]time.Duration{}
			timed := func(what string, do func()) {
				began := time.Now()
				do()
				took[what] += time.Since(began)
			}
			var bytes int64
			for b.Loop() {
				opts := testOptions(b)
				opts.Model = zhenni.Model{ID: "test-face.2", Dim: 128, Factor: zhenni.FactorFace}
				s := openStore(b, opts)
				timed("import", func() { importInto(b, s, n, onBase) })
				timed("snapshot", s.truncation.running.Wait)
				bytes += s.Size()
				changePercent(b, s, n)
				timed("second", func() {
					if err := s.snapshot(); err != nil {
						b.Fatal(err)
					}
				})
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				if err := os.RemoveAll(filepath.Join(opts.Dir, viewDir)); err != nil {
					b.Fatal(err)
				}
				timed("rebuild", func() { s = openStore(b, opts) })
				benchReads(b, s, n, timed)
			}
			b.ReportMetric(float64(bytes)/float64(b.N)/n, "B/credential")
			for what, d := range took {
				b.ReportMetric(d.Seconds()/float64(b.N), what+"-s")
			}
		})
	}
}

func importInto(b *testing.B, s *Store, n uint64, onBase bool) {
	im, err := s.NewImport(b.Context(), ImportOptions{Base: onBase})
	if err != nil {
		b.Fatal(err)
	}
	row := benchRow[:s.Model().Dim]
	for i := range n {
		e := benchEnrol(i, n)
		e.Model, e.Row = s.Model().ID, row
		if err := im.Add(e); err != nil {
			b.Fatal(err)
		}
	}
	if err := im.Commit(); err != nil {
		b.Fatal(err)
	}
}

// changePercent suspends every hundredth credential.
func changePercent(b *testing.B, s *Store, n uint64) {
	var part []zhenni.Command
	for i := uint64(0); i < n; i += 100 {
		part = append(part, zhenni.ChangeStatus{ID: benchEnrol(i, n).ID, Tenant: 7, To: zhenni.StatusSuspended, At: testTime})
		if len(part) == MaxCommands || i+100 >= n {
			mustApply(b, s, part...)
			part = part[:0]
		}
	}
}

// benchReads times one walk of everything, and a hundred thousand single reads after it.
func benchReads(b *testing.B, s *Store, n uint64, timed func(string, func())) {
	timed("walk", func() {
		if err := s.References(0, zhenni.Slots-1, func(zhenni.Reference) error { return nil }); err != nil {
			b.Fatal(err)
		}
	})
	row := make([]int8, s.Model().Dim)
	timed("100k-reads", func() {
		for i := range uint64(100_000) {
			if _, err := s.Reference(benchEnrol(i*7919%n, n).ID, row); err != nil {
				b.Fatal(err)
			}
		}
	})
}
