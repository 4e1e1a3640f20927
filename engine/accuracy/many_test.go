//go:build !race

package accuracy

import "testing"

// Rarity is a matter of numbers: enough people do support one in a million.
func TestManyPeopleSupportOneInAMillion(t *testing.T) {
	set := people(t, 7000, 2, 32)
	p, _ := calibrate(t, set, planFor(set, 1e-6))
	if !p.Supported || p.SupportedFMR > 1e-6 {
		t.Errorf("supported %t, %g: %s", p.Supported, p.SupportedFMR, p.Reason)
	}
}
