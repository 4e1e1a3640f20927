package zhenni

import "fmt"

// Factors is a set of factors. The zero value is empty.
type Factors uint8

// AllFactors is the set of every factor there is.
const AllFactors = Factors(1<<FactorFace | 1<<FactorVoice | 1<<FactorFingerprint)

// FactorsOf returns the set of the given factors.
func FactorsOf(factors ...Factor) (set Factors) {
	for _, f := range factors {
		set |= 1 << f
	}
	return set
}

// Has reports whether f is in the set.
func (s Factors) Has(f Factor) bool { return s&(1<<f) != 0 }

// With returns the union of s and other, Without what of s is not in other.
func (s Factors) With(other Factors) Factors    { return s | other }
func (s Factors) Without(other Factors) Factors { return s &^ other }

// List returns the members in ascending order.
func (s Factors) List() (factors []Factor) {
	for f := FactorFace; f <= FactorFingerprint; f++ {
		if s.Has(f) {
			factors = append(factors, f)
		}
	}
	return factors
}

// Validate reports a member that is no factor: [ErrBadValue].
func (s Factors) Validate() error {
	if s&^AllFactors != 0 {
		return fmt.Errorf("%w: a factor that is unknown", ErrBadValue)
	}
	return nil
}
