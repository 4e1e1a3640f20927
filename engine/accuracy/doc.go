// Package accuracy measures how often an embedding model errs, with bounds, and freezes thresholds into profiles.
//
// A [Set] holds labelled embeddings. A [Sweep] cuts all its unordered pairs into tiles; each tile is scored by a
// [Scorer] (int8 as served, or float64) into a [Tally]; tallies merge into [Scores], whatever the number of tallies
// and the order of the tiles. [Evaluate] and [Calibrate] read scores only. The package starts no goroutine and reads
// no clock or file: package bench/evaluation runs the tiles of a sweep on all cores. ([Float] multiplies matrices with
// gorgonia's tensors, whose products may use goroutines of their own.)
//
// # Definitions
//
// Two samples of one person are a mated pair, of two persons a non-mated pair. For a false match rate f over n
// non-mated comparisons, the threshold t is the k-th highest non-mated score, k = ⌊f·n⌋, and every non-mated score at
// or above t, ties included, is an error. A mated score below t is a false non-match.
//
// # Bounds
//
// [UpperBound] is exact for independent comparisons (Clopper–Pearson). Pairs that share a person are not independent:
// one pair of look-alikes gives dozens of errors. [Bootstrap] therefore resamples persons: a person drawn w times
// weights each of its pairs w·w', in the errors as in the comparisons. A false match rate is claimed only where both
// bounds, at one-sided 95 %, are at or below it, the errors come from at least [MinPersonPairs] pairs of persons, and
// the comparisons divided by the inflation of the variance still promise [MinExpectedErrors] errors.
//
// The rule by which a threshold is chosen and a claim accepted is in calibrate.go: search.at and candidate.supported.
package accuracy
