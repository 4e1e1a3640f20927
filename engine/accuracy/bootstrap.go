package accuracy

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Draws and Seed are the bootstrap parameters used unless others are asked for. A profile records its own.
const (
	Draws = 300
	Seed  = 1
)

// Bootstrap resamples the persons of a set: in each draw as many persons as there are, with replacement. A pair of
// persons drawn v and w times counts v·w times, in the errors and in the comparisons alike.
type Bootstrap struct {
	set   *Set
	draws int
	// weights[p*draws+d] is how often draw d has person p.
	weights []uint16
	// comparisons is the weighted number of non-mated comparisons of each draw.
	comparisons []float64
	plain       float64
}

// NewBootstrap draws for the comparison of all pairs.
func NewBootstrap(set *Set, draws int, seed uint64) *Bootstrap {
	b := draw(set, draws, seed)
	_, nonMated := set.Pairs()
	b.plain = float64(nonMated)
	for d := range draws {
		var all, own float64
		for p := range set.names {
			n := float64(b.weights[p*draws+d]) * float64(set.samples(p))
			all += n
			own += n * n
		}
		b.comparisons[d] = (all*all - own) / 2
	}
	return b
}

// NewTrialBootstrap draws for a list of trials.
func NewTrialBootstrap(set *Set, trials []Trial, draws int, seed uint64) *Bootstrap {
	b := draw(set, draws, seed)
	sums := make([]uint64, draws)
	for _, t := range trials {
		if !t.Mated {
			b.plain++
			b.add(sums, t.A, t.B)
		}
	}
	for d, sum := range sums {
		b.comparisons[d] = float64(sum)
	}
	return b
}

func draw(set *Set, draws int, seed uint64) *Bootstrap {
	persons := set.Persons()
	b := &Bootstrap{set: set, draws: draws, weights: make([]uint16, persons*draws), comparisons: make([]float64, draws)}
	source := rand.NewPCG(seed, 0)
	for d := range draws {
		for range persons {
			p, _ := bits.Mul64(source.Uint64(), uint64(persons))
			b.weights[int(p)*draws+d]++
		}
	}
	return b
}

// add counts one comparison of rows i and j in every draw.
func (b *Bootstrap) add(sums []uint64, i, j int32) {
	v := b.weights[int(b.set.persons[i])*b.draws:][:b.draws]
	w := b.weights[int(b.set.persons[j])*b.draws:][:b.draws]
	for d := range sums {
		sums[d] += uint64(v[d]) * uint64(w[d])
	}
}

// spare is how many draws may lie above a 95 % bound.
func (b *Bootstrap) spare() int { return b.draws - int(math.Ceil(0.95*float64(b.draws))) }

// Within is the largest k for which the upper bound over the first k errors is at or below target.
func (b *Bootstrap) Within(errors []Pair, target float64) int {
	sums := make([]uint64, b.draws)
	over := make([]bool, b.draws)
	left := b.spare()
	for k, e := range errors {
		b.add(sums, e.A, e.B)
		for d, sum := range sums {
			if !over[d] && float64(sum) > target*b.comparisons[d] {
				over[d] = true
				left--
			}
		}
		if left < 0 {
			return k
		}
	}
	return len(errors)
}

// Upper is the one-sided 95 % bound on the rate of errors, and inflation the variance of that rate over the draws as
// a multiple of the binomial variance. Without an error there is nothing to resample: both are 0.
func (b *Bootstrap) Upper(errors []Pair) (upper, inflation float64) {
	if len(errors) == 0 {
		return 0, 0
	}
	sums := make([]uint64, b.draws)
	for _, e := range errors {
		b.add(sums, e.A, e.B)
	}
	rates := make([]float64, b.draws)
	for d, sum := range sums {
		// A draw of one person only compares nothing, and bounds nothing.
		rates[d] = 1
		if b.comparisons[d] > 0 {
			rates[d] = float64(sum) / b.comparisons[d]
		}
	}
	slices.Sort(rates)
	return rates[b.draws-1-b.spare()], variance(rates) / b.binomial(len(errors))
}

func (b *Bootstrap) binomial(errors int) float64 {
	rate := float64(errors) / b.plain
	return max(rate*(1-rate), math.SmallestNonzeroFloat64) / b.plain
}

func variance(xs []float64) float64 {
	var mean, sum float64
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		sum += (x - mean) * (x - mean)
	}
	return sum / float64(len(xs)-1)
}

// pairCounts counts the errors of each pair of persons.
func (b *Bootstrap) pairCounts(errors []Pair) map[[2]int32]int {
	counts := make(map[[2]int32]int)
	for _, e := range errors {
		p, q := b.set.persons[e.A], b.set.persons[e.B]
		counts[[2]int32{min(p, q), max(p, q)}]++
	}
	return counts
}
