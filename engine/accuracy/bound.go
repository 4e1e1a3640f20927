package accuracy

import "gonum.org/v1/gonum/stat/distuv"

// UpperBound is the exact one-sided 95 % bound of Clopper and Pearson on a rate of which errors in comparisons
// independent trials were seen: the rate under which that few errors, or fewer, have a chance of 5 %.
// It is 1 where every comparison is an error, or there are none.
func UpperBound(errors, comparisons int64) float64 {
	if errors >= comparisons {
		return 1
	}
	return distuv.Beta{Alpha: float64(errors + 1), Beta: float64(comparisons - errors)}.Quantile(0.95)
}
