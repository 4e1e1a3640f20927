package scale

import (
	"fmt"
	"slices"

	"zhenni/bench/ingress"
	"zhenni/bench/result"
)

const (
	// growthMargin is how much more than its bare dot products a verification may grow in cost with the population, as a factor:
	// its index and its headers are more places of memory than the rows.
	growthMargin = 1.15
	// coldShareWanted is the least share of the disk's reads that verifications are to reach, in percent, coldAllocations the
	// most allocations a read, coldPages the most pages read for a verification: tags that two ids have in common cost some.
	coldShareWanted = 70
	coldAllocations = 2
	coldPages       = 1.05
)

// growth holds the cost of a verification against what memory gives at each population, round by round:
//
//	cost at n ≤ bare at n × (cost at the smallest ÷ bare at the smallest) × growthMargin
func growth(hot []result.Measurement) (findings []ingress.Finding) {
	all := &result.Run{Measurements: hot}
	var smallest []float64
	for _, m := range slices.Backward(hot) { // the largest population is measured first
		bare := all.Find(m.Limit)
		if bare == nil {
			continue
		}
		over := make([]float64, len(m.Rounds))
		for round, rate := range m.Rounds {
			over[round] = bare.Rounds[round] / rate
		}
		if smallest == nil {
			smallest = over
			continue
		}
		findings = append(findings, ingress.Finding{
			Name:     fmt.Sprintf("cost among %.0f credentials, of what their bare dot products and the smallest population foretell", m.X),
			Measured: result.RatioOf(over, smallest), Wanted: growthMargin, Unit: "×", AtMost: true,
		})
	}
	return findings
}

// coldFindings holds verification from the tier against the disk, and counts what a read takes.
func coldFindings(cold []result.Measurement) (findings []ingress.Finding) {
	verify := (&result.Run{Measurements: cold}).Find(verifyCold)
	for _, m := range cold {
		if m.Sweep == sweepDepth {
			findings = append(findings, ingress.Finding{
				Name:     fmt.Sprintf("verifications from the cold tier, of random reads with %.0f under way", m.X),
				Measured: 100 * result.RatioOf(verify.Rounds, m.Rounds), Wanted: coldShareWanted, Unit: "%",
			})
		}
	}
	each := func(name string) float64 { return float64(verify.Counts[name]) / float64(verify.Counts[countVerified]) }
	if missed := each(countMissed); verify.Allocations != nil && missed > 0 {
		findings = append(findings, ingress.Finding{
			Name: "allocations of a cold read", Measured: *verify.Allocations / missed, Wanted: coldAllocations, Unit: "objects", AtMost: true,
		})
	}
	return append(findings, ingress.Finding{Name: "pages read for a verification", Measured: each(countPages), Wanted: coldPages, Unit: "pages", AtMost: true})
}
