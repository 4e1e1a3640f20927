package zhenni

import "fmt"

// Factors is a set of what a holder can lock: the factors of templates, and the PIN. It is of the bits of a [MeansSet]. The zero value
// is empty.
type Factors uint8

// LockPIN is the PIN, alone.
const LockPIN = Factors(1 << MeansPIN)

// AllFactors is the set of all that can be locked.
const AllFactors = Factors(1<<FactorFace|1<<FactorVoice|1<<FactorFingerprint) | LockPIN

// FactorsOf returns the set of the given factors.
func FactorsOf(factors ...Factor) (set Factors) {
	for _, f := range factors {
		set |= 1 << f
	}
	return set
}

// LockOf returns the set of one means: [ErrBadValue] for one that is held, which is lost and not locked.
func LockOf(m Means) (Factors, error) {
	set := Factors(NewMeansSet(m))
	if set == 0 || set&^AllFactors != 0 {
		return 0, fmt.Errorf("%w: %s can not be locked", ErrBadValue, m)
	}
	return set, nil
}

// Has reports whether f is in the set.
func (s Factors) Has(f Factor) bool { return s&(1<<f) != 0 }

// With returns the union of s and other, Without what of s is not in other.
func (s Factors) With(other Factors) Factors    { return s | other }
func (s Factors) Without(other Factors) Factors { return s &^ other }

// Means returns the set as one of means.
func (s Factors) Means() MeansSet { return MeansSet(s) }

// Validate reports a member that can not be locked: [ErrBadValue].
func (s Factors) Validate() error {
	if s&^AllFactors != 0 {
		return fmt.Errorf("%w: a factor that is unknown", ErrBadValue)
	}
	return nil
}
