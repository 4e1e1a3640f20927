package simd

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// eachTier runs body once for every tier of the machine, with that tier in use.
func eachTier(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	for _, tier := range supported() {
		t.Run(tier, func(t *testing.T) {
			switchTo(t, tier)
			body(t)
		})
	}
}

// switchTo puts a tier in use until the test ends, for calls of any size.
func switchTo(t testing.TB, tier string) {
	before, least := inUse, leastWide
	use(tier)
	leastWide = 0
	t.Cleanup(func() {
		use(before)
		leastWide = least
	})
}

// Where CI's machine should have a tier, its absence fails instead of leaving kernels untested.
func TestRequiredTierIsPresent(t *testing.T) {
	required := os.Getenv("ZHENNI_REQUIRE_TIER")
	if required == "" {
		t.Skip("ZHENNI_REQUIRE_TIER is not set")
	}
	if !slices.Contains(supported(), required) {
		t.Fatalf("tier %s is required; this machine and build have %v", required, supported())
	}
}

func TestTierInUse(t *testing.T) {
	if err := Forced(); err != nil {
		t.Fatal(err)
	}
	want, _ := choose(supported(), os.Getenv(variable))
	if Tier() != want {
		t.Fatalf("tier %s in use, want %s", Tier(), want)
	}
}

func TestChoose(t *testing.T) {
	intel := []string{"avx512vnni", "avx2", "generic"}
	arm := []string{"neon", "generic"}
	for _, c := range []struct {
		tiers []string
		word  string
		want  string
		wrong bool
	}{
		{intel, "", "avx512vnni", false},
		{intel, "vnni", "avx512vnni", false},
		{intel, "avx512vnni", "avx512vnni", false},
		{intel, "avx2", "avx2", false},
		{intel, "generic", "generic", false},
		{intel, "sdot", "avx512vnni", true},
		{intel, "AVX2", "avx512vnni", true},
		{arm, "sdot", "neon", true},
		{arm, "neon", "neon", false},
	} {
		got, err := choose(c.tiers, c.word)
		if got != c.want || (err != nil) != c.wrong {
			t.Errorf("choose(%v, %q) = %s, %v", c.tiers, c.word, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.word) {
			t.Errorf("error %q does not name %q", err, c.word)
		}
	}
}
