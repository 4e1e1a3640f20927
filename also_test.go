package zhenni

import (
	"testing"
	"time"
)

// No outcome of two is a match unless each that has to match does.
func TestTogether(t *testing.T) {
	for first := range Outcome(OutcomeCount) {
		for also := range Outcome(OutcomeCount) {
			verdicts := (first == Match || first == NoMatch) && (also == Match || also == NoMatch)
			all, some := first == Match && also == Match, first == Match || also == Match
			if got := Together(first, also, false); (got == Match) != all || verdicts != (got == Match || got == NoMatch) {
				t.Errorf("both of %s and %s: %s", first.Verdict(), also.Verdict(), got.Verdict())
			}
			if got := Together(first, also, true); (got == Match) != (some && verdicts) || verdicts != (got == Match || got == NoMatch) {
				t.Errorf("any of %s and %s: %s", first.Verdict(), also.Verdict(), got.Verdict())
			}
		}
	}
}

// Two factors of one group are any one, at the sum of their rates; of two groups both, at the lesser; and a probe that the way has
// no use for is told.
//
// FAULTS: Z8
func TestTwoFactorsCompared(t *testing.T) {
	face, voice := NewMeansSet(MeansFace), NewMeansSet(MeansVoice)
	rates := NewRates()
	rates[MeansFace], rates[MeansVoice] = 1e-6, 1e-4
	for name, c := range map[string]struct {
		factors Way
		ruling  Ruling
		anyOne  bool
		rate    Rate
	}{
		"both":          {Way{face, voice}, Admitted, false, 1e-6},
		"either":        {Way{face | voice}, Admitted, true, AnyOf(1e-6, 1e-4)},
		"the face":      {Way{face}, RulingSpare, false, 0},
		"a fingerprint": {Way{NewMeansSet(MeansFingerprint)}, RulingFactor, false, 0},
	} {
		s := Service{Level: LevelLite, Factors: c.factors, WithoutFace: Way{NewMeansSet(MeansCard)}, FMR: 1e-3}
		admission, ruling := Policy{Rates: rates}.Weigh(&s, Shown{Compared: FactorFace, Also: FactorVoice}, time.Unix(1700000000, 0))
		if ruling != c.ruling || admission.AnyOne != c.anyOne || admission.FMR != c.rate {
			t.Errorf("%s: %s, %+v", name, ruling, admission)
		}
		if ruling == Admitted && admission.Means != face|voice {
			t.Errorf("%s: met by %s", name, admission.Means)
		}
	}
	either := Service{Level: LevelLite, Factors: Way{face | voice}, WithoutFace: Way{voice}, FMR: 1e-3}
	if admission, ruling := (Policy{Rates: rates}).Weigh(&either, Shown{Compared: FactorFace}, time.Unix(1700000000, 0)); ruling != Admitted || admission.AnyOne || admission.FMR != 1e-6 {
		t.Errorf("one probe: %s, %+v", ruling, admission)
	}
	narrow := either
	narrow.FMR = 1e-4
	if _, ruling := (Policy{Rates: rates}).Weigh(&narrow, Shown{Compared: FactorFace, Also: FactorVoice}, time.Unix(1700000000, 0)); ruling != RulingRate {
		t.Errorf("a sum above the rate of the service: %s", ruling)
	}
}
