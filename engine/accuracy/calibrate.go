package accuracy

import (
	"cmp"
	"fmt"
	"time"

	"zhenni"
)

// A claim needs errors from MinPersonPairs distinct pairs of persons (the rule of 30), and comparisons that, divided by
// the inflation of their variance, promise MinExpectedErrors errors at the rate claimed (the rule of 3).
const (
	MinPersonPairs    = 30
	MinExpectedErrors = 3
)

// Plan is what a calibration is asked for. Draws and Seed of 0 stand for [Draws] and [Seed].
type Plan struct {
	Model zhenni.Model
	// Synthetic marks people who do not exist.
	Synthetic bool
	// Target is the false match rate that must not be exceeded, in (0, 0.5].
	Target    float64
	Draws     int
	Seed      uint64
	CreatedAt time.Time
}

// maxDraws bounds the memory of a bootstrap: two bytes a person and draw.
const maxDraws = 1000

// Check reports the first field out of range, or a model that can not have made set, as [zhenni.ErrBadValue].
func (p Plan) Check(set *Set) error {
	if err := p.Model.Validate(); err != nil {
		return err
	}
	if p.Model.Dim != set.Dim() {
		return fmt.Errorf("%w: model of dimension %d, embeddings of %d", zhenni.ErrBadValue, p.Model.Dim, set.Dim())
	}
	if !(p.Target > 0 && p.Target <= 0.5) {
		return fmt.Errorf("%w: false match rate %v: want more than 0, at most 0.5", zhenni.ErrBadValue, p.Target)
	}
	if p.Draws < 0 || p.Draws > maxDraws {
		return fmt.Errorf("%w: %d bootstrap draws: want at most %d", zhenni.ErrBadValue, p.Draws, maxDraws)
	}
	return nil
}

// Grid is the decades searched for what the data supports, from strict to loose: 1e-8 … 1e-1 as far as a tally holds
// their errors.
func Grid(comparisons int64) []float64 {
	var grid []float64
	for _, f := range [...]float64{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1} {
		if rank(f, comparisons) <= MostKept {
			grid = append(grid, f)
		}
	}
	return grid
}

// KeepToCalibrate is how many of the highest non-mated pairs [Calibrate] reads from comparisons non-mated ones.
func KeepToCalibrate(comparisons int64, target float64) int {
	loosest := target
	if grid := Grid(comparisons); len(grid) > 0 {
		loosest = max(loosest, grid[len(grid)-1])
	}
	return min(rank(loosest, comparisons)+1, MostKept)
}

// det is how many points the profile's curve has for each decade.
const det = 20

// Calibrate freezes the loosest threshold whose two upper bounds are at or below the target, and says whether the data
// supports the target at all. scores are those of all pairs of set, int8 as served. A profile that does not support
// its target is no error: it has Supported false and a Reason.
func Calibrate(set *Set, scores *Scores, plan Plan) (zhenni.Profile, error) {
	if err := plan.Check(set); err != nil {
		return zhenni.Profile{}, err
	}
	plan.Draws, plan.Seed = cmp.Or(plan.Draws, Draws), cmp.Or(plan.Seed, Seed)
	s := search{scores: scores, bootstrap: NewBootstrap(set, plan.Draws, plan.Seed)}
	grid := Grid(scores.NonMated)
	found := s.at(plan.Target)
	supported := s.strictest(grid)
	profile := zhenni.Profile{
		Model: plan.Model, Synthetic: plan.Synthetic,
		FMRTarget: plan.Target, Supported: found.supported(), SupportedFMR: supported,
		MatedComparisons: int64(len(scores.Mated)),
		EER:              scores.Curve.EER(), DET: scores.Curve.DET(det),
		Persons: set.Persons(), Samples: set.Len(), DataHash: set.Hash(),
		Draws: plan.Draws, Seed: plan.Seed, Grid: grid, CreatedAt: plan.CreatedAt.UTC(),
	}
	if !profile.Supported {
		profile.Reason = s.reason(set, found, grid, supported)
	}
	return found.freeze(profile)
}

// search looks for thresholds in the scores of one set.
type search struct {
	scores    *Scores
	bootstrap *Bootstrap
}

// candidate is the loosest threshold whose bounds meet a target.
type candidate struct {
	point OperatingPoint
	// inflation is 0 where there is no error to measure it by.
	inflation, effective float64
}

// at finds the candidate for a target: the loosest threshold that supports it, or else the loosest whose bounds meet it.
//
// Both bounds rise with the number of errors, so the smaller of the two largest numbers that each allows is the largest
// that both allow. The inflation of the variance rises with it too, so where that alone stands against the claim,
// stricter thresholds are tried in steps of a tenth of the errors.
func (s search) at(target float64) candidate {
	loosest := s.candidate(target, s.bootstrap.Within(s.scores.Highest[:s.exactlyWithin(target)], target))
	for c := loosest; c.bounded() && c.point.PersonPairs >= MinPersonPairs; {
		if c.supported() {
			return c
		}
		c = s.candidate(target, int(c.point.Errors*9/10))
	}
	return loosest
}

// candidate has k errors, or fewer where ties would make it more.
func (s search) candidate(target float64, k int) candidate {
	for k > 0 && k < len(s.scores.Highest) && s.scores.Highest[k].Score == s.scores.Highest[k-1].Score {
		k-- // ties stand or fall together
	}
	t := s.threshold(k)
	c := candidate{point: At(s.scores, s.bootstrap, target, t)}
	_, c.inflation = s.bootstrap.Upper(s.scores.Highest[:s.scores.atOrAbove(t)])
	if c.inflation > 0 {
		c.effective = float64(s.scores.NonMated) / c.inflation
	}
	return c
}

// exactlyWithin is the largest number of errors whose exact bound is at or below target.
func (s search) exactlyWithin(target float64) int {
	low, high := 0, len(s.scores.Highest)
	for low < high {
		if k := (low + high + 1) / 2; UpperBound(int64(k), s.scores.NonMated) <= target {
			low = k
		} else {
			high = k - 1
		}
	}
	return low
}

// clearance lifts a threshold without errors off the highest non-mated score; it is many steps of the integer rule.
const clearance = 1e-6

// threshold has exactly k errors, if that is possible below 1 and as many are held.
func (s search) threshold(k int) float64 {
	highest := s.scores.Highest
	switch {
	case k > 0:
		return min(highest[k-1].Score, 1)
	case len(highest) > 0:
		return min(highest[0].Score+clearance, 1)
	}
	return min(max(s.scores.floor, clearance), 1)
}

// strictest is the strictest decade of the grid that is supported, or 0.
func (s search) strictest(grid []float64) float64 {
	for _, target := range grid {
		if s.at(target).supported() {
			return target
		}
	}
	return 0
}

func (c candidate) supported() bool {
	return c.bounded() && c.point.PersonPairs >= MinPersonPairs && c.effective*c.point.Target >= MinExpectedErrors
}

// bounded is false where even the strictest threshold has too many errors, or the comparisons are too few.
func (c candidate) bounded() bool {
	return max(c.point.FMRUpper95, c.point.FMRUpper95Subjects) <= c.point.Target
}

// freeze fills the figures at the threshold into a profile and seals it.
func (c candidate) freeze(p zhenni.Profile) (zhenni.Profile, error) {
	threshold, err := zhenni.NewThreshold(c.point.Threshold)
	if err != nil {
		return zhenni.Profile{}, err
	}
	p.Cosine, p.Threshold = c.point.Threshold, threshold
	p.Comparisons, p.Errors, p.ErrorPersonPairs = c.point.Comparisons, c.point.Errors, c.point.PersonPairs
	p.VarianceInflation, p.EffectiveComparisons = c.inflation, c.effective
	p.FMRUpper95, p.FMRUpper95Subjects = c.point.FMRUpper95, c.point.FMRUpper95Subjects
	p.FNMR, p.FNMRUpper95 = c.point.FNMR, c.point.FNMRUpper95
	return p.Seal()
}
