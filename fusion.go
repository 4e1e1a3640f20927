package zhenni

import "math"

// Rate is an upper bound on the probability that an impostor is accepted, in [0, 1].
//
// # Arithmetic of false match rates
//
// A transaction accepts an impostor if the comparisons it makes do. What is known of each comparison is its own false match
// rate (ISO/IEC 19795-1), not how the errors of several go together: whoever looks like somebody often sounds like them,
// is kin to them, and is let in again at the next attempt. So rates are combined by what holds for every dependence, the
// Fréchet bounds (M. Fréchet 1935; R. B. Nelsen, An Introduction to Copulas, §2.5): for events A and B,
//
//	P(A or B)  ≤ P(A) + P(B)         any of several factors, or several attempts: the union bound
//	P(A and B) ≤ min(P(A), P(B))     all of several factors
//
// Both are attained: the first by impostors who never err twice, the second by those who err in all or in none. A product is
// the figure of independent errors only, and is below the truth wherever errors go together; it is never taken. A lower figure
// for "all of" comes from nothing but a calibration on joint impostors, people who were compared by all factors at once: [Joint].
//
// What is held and not compared, a device or a card, counts as 1: the rate is that of an impostor who has stolen it.
type Rate float64

// bounded is r in [0, 1]; what is not known to be below 1, NaN included, is 1.
func (r Rate) bounded() Rate {
	if !(r >= 0 && r < 1) {
		return 1
	}
	return r
}

// AnyOf is the rate of a decision that any one of several is enough for: their sum (union bound), at most 1. Of none it is 0.
func AnyOf(rates ...Rate) (sum Rate) {
	for _, r := range rates {
		sum += r.bounded()
	}
	return Rate(upward(float64(sum), len(rates))).bounded()
}

// AllOf is the rate of a decision that several have to agree on: the least of them. Of none it is 1.
func AllOf(rates ...Rate) Rate {
	least := Rate(1)
	for _, r := range rates {
		least = min(least, r.bounded())
	}
	return least
}

// Retried is the rate of up to attempts tries of which one is enough: attempts·r (union bound), at most 1. Fewer than one
// try is no bound at all: 1.
func (r Rate) Retried(attempts int) Rate {
	if attempts < 1 {
		return 1
	}
	return Rate(upward(float64(r.bounded())*float64(attempts), min(attempts, 2))).bounded()
}

// upward makes up for what n rounded operations may have taken off a positive sum or product. One alone took nothing.
func upward(x float64, n int) float64 {
	for range n - 1 {
		if x == 0 {
			break // nothing was added
		}
		x = math.Nextafter(x, math.Inf(1))
	}
	return x
}

// GuessRate is the rate of a secret of which one out of space equally likely ones is right, when guesses different ones may be
// tried: guesses/space. People do not choose equally likely ones: space is then 2 to the min-entropy of what they choose.
// A space below 1 or fewer guesses than 0 is no bound: 1.
func GuessRate(guesses int, space float64) Rate {
	if !(space >= 1) || guesses < 0 {
		return 1
	}
	return Rate(upward(float64(guesses)/space, min(guesses+1, 2))).bounded()
}

// Rate is the profile's false match rate as the data bound it: the larger of the two 95 % bounds. Without comparisons nothing
// is known: 1.
func (p Profile) Rate() Rate {
	if p.Comparisons < 1 {
		return 1
	}
	return max(Rate(p.FMRUpper95).bounded(), Rate(p.FMRUpper95Subjects).bounded())
}

// Rates has the rate of each means by its number. [NewRates] makes one.
type Rates [meansEnd]Rate

// NewRates knows nothing: every rate is 1. That of a means that is held, and may be stolen, stays so.
func NewRates() (rates Rates) {
	for i := range rates {
		rates[i] = 1
	}
	return rates
}

// Joint is a calibration of several means at once, on impostors who were compared by all of them.
type Joint struct {
	// Means are those that had to agree.
	Means MeansSet
	// Upper95 is the 95 % upper bound on their joint false match rate; at most the least rate of one of them.
	Upper95 Rate
}

// Rate is the false match rate of the way: of an impostor who may choose within each group what suits him, and has to meet
// all groups. A joint calibration counts where each of its means is a group of its own, which it bounds together with
// others.
func (w Way) Rate(rates Rates, joint ...Joint) Rate { return w.rate(w.Means(), &rates, joint) }

// rate is the rate of the way as it was met: of each group only what was used. It does not allocate.
func (w Way) rate(used MeansSet, rates *Rates, joint []Joint) Rate {
	least := Rate(1)
	var alone MeansSet
	for _, group := range w {
		var list [meansEnd]Rate
		n := 0
		for m := range (group & used).All {
			list[n] = rates[m]
			n++
		}
		if n == 0 {
			continue // nothing is known of it
		}
		least = min(least, AnyOf(list[:n]...))
		if n == 1 {
			alone |= group & used
		}
	}
	for _, j := range joint {
		if j.Means != 0 && j.Means&^alone == 0 {
			least = AllOf(least, j.Upper95)
		}
	}
	return least
}
