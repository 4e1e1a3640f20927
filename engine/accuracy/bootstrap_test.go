package accuracy

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// errorsOf draws non-mated pairs of set, with the low-numbered persons taking most.
func errorsOf(set *Set, n int, rng *rand.Rand) []Pair {
	var pairs []Pair
	for len(pairs) < n {
		a := int32(float64(set.Len()) * math.Pow(rng.Float64(), 3))
		b := int32(rng.IntN(set.Len()))
		if set.persons[a] != set.persons[b] {
			pairs = append(pairs, Pair{Score: 1 - float64(len(pairs))/float64(n), A: a, B: b})
		}
	}
	return pairs
}

// weighted is the bootstrap from its definition: every person drawn is a copy, and copies of different persons pair up.
func weighted(set *Set, b *Bootstrap, errors []Pair) []float64 {
	rates := make([]float64, b.draws)
	for d := range rates {
		weight := func(row int32) float64 { return float64(b.weights[int(set.persons[row])*b.draws+d]) }
		var wrong, all float64
		for _, e := range errors {
			wrong += weight(e.A) * weight(e.B)
		}
		for i := range int32(set.Len()) {
			for j := range i {
				if set.persons[i] != set.persons[j] {
					all += weight(i) * weight(j)
				}
			}
		}
		rates[d] = wrong / all
	}
	slices.Sort(rates)
	return rates
}

func TestBootstrapFollowsItsDefinition(t *testing.T) {
	set := people(t, 25, 3, 8)
	errors := errorsOf(set, 60, rand.New(rand.NewPCG(1, 2)))
	b := NewBootstrap(set, 100, 4)
	for d := range b.draws {
		drawn := 0
		for p := range set.Persons() {
			drawn += int(b.weights[p*b.draws+d])
		}
		if drawn != set.Persons() {
			t.Fatalf("draw %d has %d persons", d, drawn)
		}
	}
	rates := weighted(set, b, errors)
	upper, inflation := b.Upper(errors)
	if !near(upper, rates[94], 1e-12) { // 95 of 100 draws at or below
		t.Errorf("bound %v, want %v", upper, rates[94])
	}
	_, n := set.Pairs()
	rate := float64(len(errors)) / float64(n)
	if want := variance(rates) / (rate * (1 - rate) / float64(n)); !near(inflation, want, 1e-9*want) {
		t.Errorf("inflation %v, want %v", inflation, want)
	}
}

func TestTrialBootstrapOfAllPairsIsTheSame(t *testing.T) {
	set := people(t, 12, 2, 8)
	var trials []Trial
	for i := range int32(set.Len()) {
		for j := range i {
			trials = append(trials, Trial{A: i, B: j, Mated: set.persons[i] == set.persons[j]})
		}
	}
	errors := errorsOf(set, 20, rand.New(rand.NewPCG(3, 4)))
	upper, inflation := NewBootstrap(set, 50, 1).Upper(errors)
	upperTrials, inflationTrials := NewTrialBootstrap(set, trials, 50, 1).Upper(errors)
	if !near(upper, upperTrials, 1e-12) || !near(inflation, inflationTrials, 1e-9) {
		t.Errorf("bounds %v and %v, inflation %v and %v", upper, upperTrials, inflation, inflationTrials)
	}
}

// Within is the last number of errors for which Upper stays at or below the target, and the bound rises with errors.
func TestWithinIsWhereUpperCrosses(t *testing.T) {
	set := people(t, 30, 2, 8)
	errors := errorsOf(set, 200, rand.New(rand.NewPCG(5, 6)))
	b := NewBootstrap(set, Draws, Seed)
	last := 0.0
	for k := range len(errors) + 1 {
		upper, _ := b.Upper(errors[:k])
		if upper < last {
			t.Fatalf("bound falls at %d errors", k)
		}
		last = upper
	}
	for _, target := range []float64{0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 1} {
		k := b.Within(errors, target)
		if upper, _ := b.Upper(errors[:k]); upper > target {
			t.Errorf("target %v: bound %v with %d errors", target, upper, k)
		}
		if k < len(errors) {
			if upper, _ := b.Upper(errors[:k+1]); upper <= target {
				t.Errorf("target %v: bound %v with one error more than %d", target, upper, k)
			}
		}
	}
}

// One pair of look-alikes makes errors that stand or fall together; the same number from many pairs do not.
func TestSharedPersonsInflateTheVariance(t *testing.T) {
	set := people(t, 100, 6, 8)
	var one, many []Pair
	for i := range int32(6) {
		for j := range int32(6) {
			one = append(one, Pair{1, i, 6 + j})
			n := 6*i + j
			many = append(many, Pair{1, 6 * n, 6 * (n + 37)})
		}
	}
	b := NewBootstrap(set, Draws, Seed)
	upperOne, inflationOne := b.Upper(one)
	upperMany, inflationMany := b.Upper(many)
	if upperOne < 1.5*upperMany || inflationOne < 10*inflationMany || inflationMany > 6 {
		t.Errorf("bounds %g and %g, inflation %g and %g", upperOne, upperMany, inflationOne, inflationMany)
	}
}

func TestBootstrapWithoutErrors(t *testing.T) {
	b := NewBootstrap(people(t, 3, 2, 8), Draws, Seed)
	if upper, inflation := b.Upper(nil); upper != 0 || inflation != 0 {
		t.Errorf("bound %v, inflation %v", upper, inflation)
	}
}
