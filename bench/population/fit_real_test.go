//go:build !race

package population

import (
	"flag"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"zhenni/bench/labelled"
	"zhenni/bench/labelledtest"
	"zhenni/simd"
)

var refit = flag.Bool("refit", false, "fit the parameters of fitted.go again and print them")

// fittedTo reads a set that the parameters are fitted to.
func fittedTo(t *testing.T, name string) *labelled.Set {
	t.Helper()
	bad, err := labelled.ReadExclusions(filepath.Join(labelledtest.Folder(t), "known_bad.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return labelledtest.Read(t, name, bad)
}

// scores are sorted cosines, with the share of the mated ones' variance that lies between persons.
type scores struct {
	mated, nonMated []float64
	between         float64
}

// measure takes all mated pairs and every tenth other one.
func measure(set *labelled.Set) (s scores) {
	rows, norms := quantised(set.Len(), set.Dim(), func(i int, dst []float32) { copy(dst, set.Embedding(i)) })
	byPerson := map[string][]float64{}
	for i := range rows {
		person := set.Label(i).Person
		for j := i + 1; j < len(rows); j++ {
			same := person == set.Label(j).Person
			if !same && (i*7919+j)%10 != 0 {
				continue
			}
			c := float64(simd.Dot(rows[i], rows[j])) / norms[i] / norms[j]
			if same {
				byPerson[person] = append(byPerson[person], c)
				s.mated = append(s.mated, c)
			} else {
				s.nonMated = append(s.nonMated, c)
			}
		}
	}
	s.sort()
	mean, variance := moments(s.mated)
	for _, own := range byPerson {
		m, _ := moments(own)
		s.between += (m - mean) * (m - mean) * float64(len(own)) / float64(len(s.mated)) / variance
	}
	return s
}

// simulate takes probes of some people with their own references and with those of others.
func (l *Likeness) simulate(dim, people int) (s scores) {
	const captures, seeds = 80, 4
	for seed := range uint64(seeds) { // each has other groups
		p := Population{Seed: seed, Size: 1 << 20, Dim: dim, Likeness: l}
		for i := range int64(300) {
			for sample := range int64(captures) {
				var own stream
				own.seed(seed, i, sample)
				s.mated = append(s.mated, l.cosine(&own, seed, i))
			}
		}
		probes, probeNorms := quantised(people, dim, func(i int, dst []float32) { p.Probe(int64(i), 0, dst) })
		others, otherNorms := quantised(people, dim, func(i int, dst []float32) { p.Reference(int64(people+i), dst) })
		for i := range probes {
			for j := range others {
				s.nonMated = append(s.nonMated, float64(simd.Dot(probes[i], others[j]))/probeNorms[i]/otherNorms[j])
			}
		}
	}
	s.sort()
	return s
}

func (s *scores) sort() { slices.Sort(s.mated); slices.Sort(s.nonMated) }

func quantised(n, dim int, fill func(int, []float32)) (rows [][]int8, norms []float64) {
	embedding := make([]float32, dim)
	for i := range n {
		fill(i, embedding)
		row := make([]int8, dim)
		simd.Quantize(row, embedding, 0)
		rows, norms = append(rows, row), append(norms, math.Sqrt(float64(simd.Dot(row, row))))
	}
	return rows, norms
}

func moments(values []float64) (mean, variance float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		variance += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, variance
}

func quantile(sorted []float64, q float64) float64 { return sorted[int(q*float64(len(sorted)-1))] }

var (
	matedQuantiles    = []float64{0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}
	nonMatedQuantiles = []float64{0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 0.9999}
)

// error is the root mean square of the differences at the quantiles, in standard deviations of the data.
func errorAt(quantiles, got, want []float64) (sum float64) {
	_, variance := moments(want)
	for _, q := range quantiles {
		d := quantile(got, q) - quantile(want, q)
		sum += d * d / variance / float64(len(quantiles))
	}
	return math.Sqrt(sum)
}

var models = []struct {
	set      string
	likeness *Likeness
	// most is the error that the committed parameters are held to, mated and non-mated.
	most [2]float64
}{
	{"vox1-ecapa192", Voices(), [2]float64{0.1, 0.1}},
	{"lfw-dlib128", Faces(), [2]float64{0.1, 0.1}},
}

// The committed parameters give the scores of the data, quantile by quantile. With -refit they are sought again, from the
// committed ones:
//
//	go test ./bench/population -run TestModelsFitTheirData -v -refit
func TestModelsFitTheirData(t *testing.T) {
	for _, m := range models {
		t.Run(m.set, func(t *testing.T) {
			set := fittedTo(t, m.set)
			data := measure(set)
			l := m.likeness
			if *refit {
				l.fitMated(data)
				l.fitNonMated(data, set.Dim())
				t.Logf("%#v", *l)
			}
			model := l.simulate(set.Dim(), 500)
			t.Logf("mated variance between persons: %.3f of the whole", data.between)
			for _, q := range matedQuantiles {
				t.Logf("mated     %-7g data %7.4f model %7.4f", q, quantile(data.mated, q), quantile(model.mated, q))
			}
			for _, q := range nonMatedQuantiles {
				t.Logf("non-mated %-7g data %7.4f model %7.4f", q, quantile(data.nonMated, q), quantile(model.nonMated, q))
			}
			mated, nonMated := errorAt(matedQuantiles, model.mated, data.mated), errorAt(nonMatedQuantiles, model.nonMated, data.nonMated)
			t.Logf("root mean square error in standard deviations: mated %.3f, non-mated %.3f", mated, nonMated)
			if mated > m.most[0] || nonMated > m.most[1] {
				t.Errorf("error %.3f and %.3f, want at most %v", mated, nonMated, m.most)
			}
		})
	}
}

func (l *Likeness) fitMated(data scores) {
	l.Person = data.between
	take := func(x []float64) {
		copy(l.Mated[:], x)
		l.Poor, l.PoorMean, l.PoorSpread = math.Abs(x[4]), x[5], math.Abs(x[6])
	}
	start := append(slices.Clone(l.Mated[:]), l.Poor, l.PoorMean, l.PoorSpread)
	take(minimise(start, func(x []float64) float64 {
		take(x)
		return errorAt(matedQuantiles, l.simulate(8, 0).mated, data.mated)
	}))
}

func (l *Likeness) fitNonMated(data scores, dim int) {
	take := func(x []float64) {
		copy(l.Typical[:], x)
		l.Decay, l.Group = math.Abs(x[3]), min(math.Abs(x[4]), 1)
	}
	start := append(slices.Clone(l.Typical[:]), l.Decay, l.Group)
	take(minimise(start, func(x []float64) float64 {
		take(x)
		return errorAt(nonMatedQuantiles, l.simulate(dim, 250).nonMated, data.nonMated)
	}))
}

// minimise is the pattern search of Hooke and Jeeves without its leaps: one parameter after the other, in steps that are halved
// where none helps.
func minimise(start []float64, of func([]float64) float64) []float64 {
	x, least := slices.Clone(start), of(start)
	steps := make([]float64, len(x))
	for i := range steps {
		steps[i] = max(math.Abs(x[i])/10, 0.002)
	}
	for halved := 0; halved < 6; {
		better := false
		for i := range x {
			for _, step := range []float64{steps[i], -steps[i]} {
				before := x[i]
				x[i] += step
				if e := of(x); e < least {
					least, better = e, true
					break
				}
				x[i] = before
			}
		}
		if !better {
			halved++
			for i := range steps {
				steps[i] /= 2
			}
		}
	}
	return x
}
