package simd

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// variable is the environment variable that names the tier to use instead of the best one.
const variable = "ZHENNI_CPU"

// inUse is the tier in use, and forced what was wrong with the environment's choice. Both are set before main starts;
// tests alone switch afterwards.
var inUse, forced = choose(supported(), os.Getenv(variable))

func init() { use(inUse) }

// leastWide is how many rows or messages a call has at least that uses registers of 512 bits. A core that has run one such
// instruction runs everything slower for most of a millisecond, the signatures of a verification by a seventh (measured,
// Cascade Lake): few rows do not gain that back. Tests alone change it.
var leastWide = 128

// Tier names the instruction set in use: "avx512vnni", "avx2", "sdot", "neon" or "generic".
func Tier() string { return inUse }

// Tiers names the tiers that this machine and build have, best first.
func Tiers() []string { return supported() }

// Forced returns what is wrong with the tier that the environment variable ZHENNI_CPU asks for (vnni, avx2, sdot, neon
// or generic), or nil. With an error the best tier of the machine stays in use.
func Forced() error { return forced }

// choose picks from the tiers a machine has, best first, by the word in the environment; none means the best.
func choose(tiers []string, word string) (string, error) {
	if word == "" {
		return tiers[0], nil
	}
	name := word
	if word == "vnni" {
		name = "avx512vnni"
	}
	if slices.Contains(tiers, name) {
		return name, nil
	}
	return tiers[0], fmt.Errorf("simd: %s=%q: this machine and build have %s", variable, word, strings.Join(tiers, ", "))
}
