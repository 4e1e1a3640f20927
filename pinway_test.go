package zhenni_test

import (
	"errors"
	"strings"
	"testing"

	"zhenni"
)

// A way that asks for a PIN of whoever holds nothing is no way: strangers could use up the attempts.
//
// FAULTS: B5
func TestPINBesideWhatIsHeld(t *testing.T) {
	for way, taken := range map[string]bool{
		`[["pin"]]`: false, `[["pin", "possession"]]`: false, `[["pin"], ["voice"]]`: false, `[["pin"], ["card", "voice"]]`: false,
		`[["pin"], ["card"]]`: true, `[["pin"], ["card", "possession"]]`: true, `[["pin", "voice"], ["document"]]`: true, `[["card"]]`: true,
	} {
		for _, possession := range []bool{false, true} {
			service := strings.Replace(strictService, `[["card"], ["pin", "document"]]`, way, 1)
			if !possession {
				service = strings.Replace(service, `"possession": true`, `"possession": false`, 1)
			}
			_, err := zhenni.ReadCatalogue(strings.NewReader(`{"version":"test","services":[` + service + `]}`))
			if (err == nil) != (taken || possession) || err != nil && !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("%s with possession %t: %v", way, possession, err)
			}
		}
	}
}

// Nor does a PIN count on the ordinary way, where nothing is held beside it.
//
// FAULTS: B5
func TestPINAloneIsNotShown(t *testing.T) {
	p := testPolicy(t)
	way := func(groups ...zhenni.MeansSet) zhenni.Way { return groups }
	pin, card := zhenni.NewMeansSet(zhenni.MeansPIN), zhenni.NewMeansSet(zhenni.MeansCard)
	s := &zhenni.Service{Level: zhenni.LevelLite, Factors: way(pin | zhenni.NewMeansSet(zhenni.MeansFace)), WithoutFace: way(card), FMR: 1e-3}
	if _, got := p.Weigh(s, zhenni.Shown{Others: pin}, policyNow); got != zhenni.RulingFactor {
		t.Errorf("a PIN alone: %v", got)
	}
	p.Rates[zhenni.MeansPIN] = zhenni.PINRate()
	admission, got := p.Weigh(s, zhenni.Shown{Others: pin | card}, policyNow)
	if got != zhenni.Admitted || admission.Means != pin || admission.FMR < 1e-3 || admission.FMR > 1.001e-3 || admission.Assertions.SamePerson {
		t.Errorf("beside a card: %v, %+v", got, admission)
	}
}

// Beside a probe a PIN counts where the way takes both, and is left out where it is met without; both agree at the rate of the
// lesser.
func TestPINBesideAProbe(t *testing.T) {
	p := testPolicy(t)
	p.Rates[zhenni.MeansFace], p.Rates[zhenni.MeansPIN] = 1e-4, 1e-3
	face, pin, card := zhenni.NewMeansSet(zhenni.MeansFace), zhenni.NewMeansSet(zhenni.MeansPIN), zhenni.NewMeansSet(zhenni.MeansCard)
	for name, c := range map[string]struct {
		factors zhenni.Way
		others  zhenni.MeansSet
		ruling  zhenni.Ruling
		means   zhenni.MeansSet
		rate    zhenni.Rate
	}{
		"both, beside a card":  {zhenni.Way{face, pin}, pin | card, zhenni.Admitted, face | pin, 1e-4},
		"both and the card":    {zhenni.Way{face, pin, card}, pin | card, zhenni.Admitted, face | pin | card, 1e-4},
		"both, nothing held":   {zhenni.Way{face, pin}, pin, zhenni.RulingFactor, 0, 0},
		"both, no PIN":         {zhenni.Way{face, pin}, card, zhenni.RulingFactor, 0, 0},
		"either":               {zhenni.Way{face | pin}, pin | card, zhenni.Admitted, face, 1e-4},
		"the face alone":       {zhenni.Way{face}, pin | card, zhenni.Admitted, face, 1e-4},
		"the PIN or the card":  {zhenni.Way{face, pin | card}, pin | card, zhenni.Admitted, face | card, 1e-4},
		"the PIN and the card": {zhenni.Way{pin, card}, pin | card, zhenni.Admitted, pin | card, 1e-3},
	} {
		s := &zhenni.Service{Level: zhenni.LevelLite, Factors: c.factors, WithoutFace: zhenni.Way{zhenni.NewMeansSet(zhenni.MeansDocument)}, FMR: 1e-3}
		got, ruling := p.Weigh(s, zhenni.Shown{Compared: zhenni.FactorFace, Others: c.others}, policyNow)
		if ruling != c.ruling || got.Means != c.means || got.FMR != c.rate {
			t.Errorf("%s: %v, %v at %v", name, ruling, got.Means, got.FMR)
		}
	}
}
