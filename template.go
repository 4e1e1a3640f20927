package zhenni

import (
	"fmt"
	"math"
)

// MaxDim is the largest embedding dimension accepted.
const MaxDim = 2048

// MinNorm is the smallest Euclidean norm of an embedding accepted; below it the direction is noise.
const MinNorm = 1e-3

// Factor is a biometric characteristic.
type Factor uint8

// The factors a template can be of.
const (
	FactorFace Factor = iota + 1
	FactorVoice
	FactorFingerprint
)

// Model identifies the extractor that made an embedding. Embeddings of two models are never compared.
type Model struct {
	// ID is 1–64 of the characters a–z, 0–9, '-', '_' and '.'; it names the extractor and its version.
	ID string `json:"id"`
	// Dim is the number of elements of an embedding, in [1, MaxDim].
	Dim int `json:"dim"`
	// Factor is the characteristic the extractor reads.
	Factor Factor `json:"factor"`
}

// Validate reports the first field that is out of range, as [ErrBadValue].
func (m Model) Validate() error {
	if !ValidName(m.ID) {
		return fmt.Errorf("%w: model id %q: want 1–64 of the characters a–z, 0–9, dot, dash and underscore", ErrBadValue, m.ID)
	}
	if m.Dim < 1 || m.Dim > MaxDim {
		return fmt.Errorf("%w: model dimension %d: want 1–%d", ErrBadValue, m.Dim, MaxDim)
	}
	if _, ok := factorNames[m.Factor]; !ok {
		return fmt.Errorf("%w: model factor %d is unknown", ErrBadValue, m.Factor)
	}
	return nil
}

// ValidName reports whether s is 1–64 of the characters a–z, 0–9, '-', '_' and '.': the form of ids that people choose.
func ValidName(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// Reference is the biometric reference of one credential in search form, with what is needed to decide on it.
type Reference struct {
	ID         CredentialID
	Tenant     TenantID
	Status     Status
	Generation Generation
	Level      Level
	// Row is the quantised embedding: Dim elements in [-127, 127].
	Row []int8
	// Norm is Σ Row[i]², at least 1.
	Norm int32
	// ValidUntil is the first second since 1970 at which nothing matches the reference any more, 0 for never.
	ValidUntil int64
	// Locked says that the holder has locked the factor: nothing matches.
	Locked bool
}

// QuantisedNorm is the Euclidean norm of an embedding as far as its quantised form keeps it: maxAbs/127·√sumSq, where
// maxAbs is the largest magnitude of the embedding and sumSq is Σq² of its quantised form. It is computed from exact
// quantities, so every machine gets the same number; a float32 sum of squares would depend on the order of summation.
func QuantisedNorm(maxAbs float32, sumSq int32) float64 {
	return float64(maxAbs) / 127 * math.Sqrt(float64(sumSq))
}

var factorNames = names[Factor]{FactorFace: "face", FactorVoice: "voice", FactorFingerprint: "fingerprint"}

// String returns the lower-case word for f.
func (f Factor) String() string { return factorNames.name(f, "factor") }

// MarshalText implements encoding.TextMarshaler.
func (f Factor) MarshalText() ([]byte, error) { return factorNames.marshal(f, "factor") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Factor) UnmarshalText(text []byte) error { return factorNames.unmarshal(f, text, "factor") }
