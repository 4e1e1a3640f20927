package zhenni_test

import (
	"testing"

	"zhenni"
)

// In bulk there is a probe for each item and nothing else.
func TestPerItem(t *testing.T) {
	for change, want := range map[string]bool{
		"":                             false,
		"liveness":                     true,
		"capture":                      true,
		"possession":                   true,
		"another factor":               true,
		"another factor is as good":    false,
		"the other way has the factor": true,
	} {
		s := &zhenni.Service{
			Level: zhenni.LevelLite, Factors: zhenni.Way{zhenni.NewMeansSet(zhenni.MeansFace)},
			WithoutFace: zhenni.Way{zhenni.NewMeansSet(zhenni.MeansVoice), zhenni.NewMeansSet(zhenni.MeansCard)},
		}
		compared := zhenni.FactorFace
		switch change {
		case "liveness":
			s.Liveness, s.LivenessMaxAge = zhenni.LivenessPassive, 1e9
		case "capture":
			s.CaptureMaxAge = 1e9
		case "possession":
			s.Possession = true
		case "another factor":
			s.Factors = append(s.Factors, zhenni.NewMeansSet(zhenni.MeansPIN))
		case "another factor is as good":
			s.Factors[0] |= zhenni.NewMeansSet(zhenni.MeansPIN)
		case "the other way has the factor":
			compared = zhenni.FactorVoice
		}
		if got := s.PerItem(compared); got != want {
			t.Errorf("%q: %v, want %v", change, got, want)
		}
	}
}
