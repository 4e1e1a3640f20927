package accuracy

import (
	"math"
	"slices"
	"sync"
	"testing"
)

func TestPopulationHasTheShapeItClaims(t *testing.T) {
	for _, dim := range []int{128, 256, 512} {
		p := Population{Seed: 11, Dim: dim}
		const n = 3000
		reference, probe, other := make([]float32, dim), make([]float32, dim), make([]float32, dim)
		var mean, square, otherSquare float64
		for i := range n {
			p.Reference(i, reference)
			p.Probe(i, i%5, probe)
			p.Probe(i+1, 0, other)
			cosine, stranger := plainCosine(reference, probe), plainCosine(reference, other)
			mean += cosine / n
			square += cosine * cosine / n
			otherSquare += stranger * stranger / n
			if length := plainCosine(reference, reference); !near(length, 1, 1e-6) {
				t.Fatalf("reference %d: cosine with itself %v", i, length)
			}
		}
		deviation := math.Sqrt(square - mean*mean)
		if !near(mean, MeanCosine, 0.02) || deviation < p.spread() || deviation > p.spread()+0.02 {
			t.Errorf("dimension %d: mated cosine %.3f ± %.3f, spread %.3f", dim, mean, deviation, p.spread())
		}
		if got, want := math.Sqrt(otherSquare), 1/math.Sqrt(float64(dim)); !near(got, want, 0.05*want) {
			t.Errorf("dimension %d: non-mated cosines deviate by %.4f, want %.4f", dim, got, want)
		}
	}
}

// The same subject is made alone, in another order, and by several goroutines; others have other directions.
func TestPopulationDependsOnSeedAndNumberAlone(t *testing.T) {
	p := Population{Seed: 1, Dim: 16}
	want := make([]float32, 16)
	p.Probe(99_999, 3, want)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			got := make([]float32, 16)
			for i := 99_995; i < 100_000; i++ {
				p.Probe(i, 3, got)
			}
			if !slices.Equal(got, want) {
				t.Error("another probe")
			}
		})
	}
	wait.Wait()
	for _, other := range []func([]float32){
		func(dst []float32) { p.Probe(99_998, 3, dst) }, func(dst []float32) { p.Probe(99_999, 2, dst) },
		func(dst []float32) { Population{Seed: 2, Dim: 16}.Probe(99_999, 3, dst) },
	} {
		got := make([]float32, 16)
		if other(got); slices.Equal(got, want) {
			t.Error("the same probe for another subject, sample or seed")
		}
	}
}

// The first elements of one subject, frozen: a change here changes every synthetic profile and population.
func TestPopulationIsFrozen(t *testing.T) {
	p := Population{Seed: 1, Dim: 8}
	got := make([]float32, 8)
	p.Reference(0, got)
	if want := frozenReference; !slices.Equal(got, want[:]) {
		t.Errorf("reference %v", got)
	}
	p.Probe(0, 0, got)
	if want := frozenProbe; !slices.Equal(got, want[:]) {
		t.Errorf("probe %v", got)
	}
}

var (
	frozenReference = [8]float32{0.49709582, 0.49709582, 0.062136978, 0, -0.49709582, -0.43495885, -0.24854791, 0.062136978}
	frozenProbe     = [8]float32{0.19283342, 0.45960486, 0.040777393, 0, -0.12614056, -0.4855203, -0.029723855, -0.025915464}
)

func TestPopulationDoesNotAllocate(t *testing.T) {
	p := Population{Seed: 1, Dim: 512}
	dst := make([]float32, 512)
	if n := testing.AllocsPerRun(100, func() { p.Reference(1, dst); p.Probe(2, 3, dst) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPopulation(b *testing.B) {
	p := Population{Seed: 1, Dim: 512}
	dst := make([]float32, 512)
	for i := 0; b.Loop(); i++ {
		p.Probe(i, 0, dst)
	}
}
