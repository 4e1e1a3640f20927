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
