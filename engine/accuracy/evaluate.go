package accuracy

import "math"

// operatingTargets are the false match rates that Evaluate reports.
var operatingTargets = [...]float64{1e-2, 1e-3, 1e-4, 1e-5, 1e-6}

// Keep is how many of the highest non-mated pairs [Evaluate] reads from comparisons non-mated ones.
func Keep(comparisons int64) int { return min(rank(operatingTargets[0], comparisons)+1, MostKept) }

// MostKept is the most pairs worth asking a tally to keep; it then takes up to 64 MiB.
const MostKept = 1 << 21

// rank is k = ⌊target·comparisons⌋, where the product of a decade and a count that should be whole is.
func rank(target float64, comparisons int64) int {
	return int(math.Floor(target*float64(comparisons) + 1e-9))
}

// Prior is the prior of a mated comparison in the detection cost reported.
const Prior = 0.01

// Evaluation is what a model's scores say about it. Rates are fractions.
type Evaluation struct {
	// Trials counts the comparisons scored, Missing those of the list left out because a sample is not in the set.
	Trials   int64 `json:"trials"`
	Missing  int64 `json:"missing"`
	Mated    int64 `json:"mated"`
	NonMated int64 `json:"non_mated"`
	// EER is the equal error rate, MinDCF the least detection cost at [Prior], divided by it.
	EER    float64 `json:"eer"`
	MinDCF float64 `json:"min_dcf"`
	// OperatingPoints are in order of the target, without those that need more comparisons than there are, or more
	// positive errors than the scores hold: above 2·10⁸ non-mated comparisons, 1e-2 is left out.
	OperatingPoints []OperatingPoint `json:"operating_points"`
	// Folds is the balanced accuracy in each fold of the list, Accuracy their mean; both are absent without folds.
	Folds    []float64 `json:"folds"`
	Accuracy float64   `json:"accuracy,omitempty"`
}

// OperatingPoint is one threshold with its error rates and their bounds.
type OperatingPoint struct {
	Target    float64 `json:"fmr_target"`
	Threshold float64 `json:"threshold"`
	// Errors are the non-mated comparisons at or above Threshold, out of Comparisons.
	Errors      int64 `json:"errors"`
	Comparisons int64 `json:"comparisons"`
	// PersonPairs is the number of distinct pairs of persons that the errors come from.
	PersonPairs int64 `json:"error_person_pairs"`
	// FMRUpper95 is the bound for independent comparisons, FMRUpper95Subjects the one of the subject bootstrap.
	FMRUpper95         float64 `json:"fmr_upper95"`
	FMRUpper95Subjects float64 `json:"fmr_upper95_subjects"`
	FNMR               float64 `json:"fnmr"`
	FNMRUpper95        float64 `json:"fnmr_upper95"`
}

// FMR is the false match rate seen at the threshold.
func (p OperatingPoint) FMR() float64 { return float64(p.Errors) / float64(p.Comparisons) }

// Evaluate reads the figures off scores; the bootstrap is of the same comparisons.
func Evaluate(scores *Scores, bootstrap *Bootstrap) Evaluation {
	e := Evaluation{
		Mated: int64(len(scores.Mated)), NonMated: scores.NonMated,
		EER: scores.Curve.EER(), MinDCF: scores.Curve.MinDCF(Prior),
		OperatingPoints: []OperatingPoint{}, Folds: []float64{},
	}
	e.Trials = e.Mated + e.NonMated
	for _, target := range operatingTargets {
		if k := rank(target, scores.NonMated); k >= 1 && k <= len(scores.Highest) {
			e.OperatingPoints = append(e.OperatingPoints, At(scores, bootstrap, target, scores.Highest[k-1].Score))
		}
	}
	return e
}

// WithFolds adds the accuracies of [Folds] to e.
func (e Evaluation) WithFolds(accuracies []float64) Evaluation {
	if len(accuracies) == 0 {
		return e
	}
	e.Folds, e.Accuracy = accuracies, 0
	for _, a := range accuracies {
		e.Accuracy += a / float64(len(accuracies))
	}
	return e
}

// At is the operating point at threshold t, found elsewhere or not. Where more non-mated pairs may reach t than scores
// holds, the subject bound is 1, which is always true, and the errors are those of the curve.
func At(scores *Scores, bootstrap *Bootstrap, target, t float64) OperatingPoint {
	errors := scores.Highest[:scores.atOrAbove(t)]
	p := OperatingPoint{
		Target: target, Threshold: t, Errors: int64(len(errors)), Comparisons: scores.NonMated,
		PersonPairs: int64(len(bootstrap.pairCounts(errors))),
	}
	if scores.complete(t) {
		p.FMRUpper95Subjects, _ = bootstrap.Upper(errors)
	} else {
		p.Errors, p.FMRUpper95Subjects = scores.Curve.atMost(t).falseMatches, 1
	}
	p.FMRUpper95 = UpperBound(p.Errors, p.Comparisons)
	missed := scores.below(t)
	p.FNMR = float64(missed) / float64(len(scores.Mated))
	p.FNMRUpper95 = UpperBound(missed, int64(len(scores.Mated)))
	return p
}
