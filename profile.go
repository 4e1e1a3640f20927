package zhenni

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Profile is a frozen threshold for a model, with the evidence it rests on (ISO/IEC 19795-1). Rates are fractions.
// It is written once by calibration and never edited: its ID is a digest of everything else in it.
type Profile struct {
	// ID is the first 32 hexadecimal digits of the SHA-256 of the profile's JSON with an empty ID.
	ID string `json:"id"`
	// Model is the extractor the threshold holds for.
	Model Model `json:"model"`
	// Synthetic marks a profile calibrated on generated vectors: good for a demonstration, meaningless for people.
	Synthetic bool `json:"synthetic"`
	// FMRTarget is the false match rate asked for.
	FMRTarget float64 `json:"fmr_target"`
	// Supported reports whether the data can carry FMRTarget; Reason says why not.
	Supported bool   `json:"supported"`
	Reason    string `json:"reason,omitempty"`
	// SupportedFMR is the strictest decade of the grid that the data supports; 0 is none.
	SupportedFMR float64 `json:"supported_fmr"`
	// Cosine is t, the cosine threshold; Threshold is its integer form, which decides.
	Cosine    float64   `json:"threshold_cosine"`
	Threshold Threshold `json:"threshold"`
	// Comparisons and Errors count the non-mated comparisons and those of them at or above the threshold.
	Comparisons int64 `json:"comparisons"`
	Errors      int64 `json:"errors"`
	// ErrorPersonPairs is the number of distinct pairs of persons the errors come from.
	ErrorPersonPairs int64 `json:"error_person_pairs"`
	// VarianceInflation is the variance of the false match rate over subject-bootstrap draws as a multiple of the
	// binomial variance; EffectiveComparisons is Comparisons divided by it. Both are 0 where there is no error.
	VarianceInflation    float64 `json:"variance_inflation"`
	EffectiveComparisons float64 `json:"effective_comparisons"`
	// FMRUpper95 is the exact one-sided Clopper–Pearson 95 % bound, FMRUpper95Subjects the subject-bootstrap one.
	FMRUpper95         float64 `json:"fmr_upper95"`
	FMRUpper95Subjects float64 `json:"fmr_upper95_subjects"`
	// FNMR is the false non-match rate at the threshold over MatedComparisons, FNMRUpper95 its Clopper–Pearson bound.
	FNMR             float64 `json:"fnmr"`
	FNMRUpper95      float64 `json:"fnmr_upper95"`
	MatedComparisons int64   `json:"mated_comparisons"`
	// EER is the equal error rate.
	EER float64 `json:"eer"`
	// DET is the detection error trade-off curve, from loose to strict.
	DET []OperatingPoint `json:"det"`
	// Persons and Samples count what the calibration saw; DataHash is the SHA-256 of it, in hexadecimal.
	Persons  int    `json:"persons"`
	Samples  int    `json:"samples"`
	DataHash string `json:"data_hash"`
	// Draws, Seed and Grid are the fixed parameters of the bootstrap and of the search.
	Draws int       `json:"bootstrap_draws"`
	Seed  uint64    `json:"bootstrap_seed"`
	Grid  []float64 `json:"fmr_grid"`
	// CreatedAt is when the calibration ran.
	CreatedAt time.Time `json:"created_at"`
}

// OperatingPoint is one threshold with the two error rates it gives.
type OperatingPoint struct {
	Cosine float64 `json:"threshold_cosine"`
	FMR    float64 `json:"fmr"`
	FNMR   float64 `json:"fnmr"`
}

// Seal returns p with its ID set from its content.
func (p Profile) Seal() (Profile, error) {
	id, err := p.digest()
	p.ID = id
	return p, err
}

func (p Profile) digest() (string, error) {
	p.ID = ""
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadProfile, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]), nil
}

// Validate checks that p is whole: its id fits its content, its integer threshold its cosine, its model is valid.
func (p Profile) Validate() error {
	if err := p.Model.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrBadProfile, err)
	}
	t, err := NewThreshold(p.Cosine)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadProfile, err)
	}
	if t != p.Threshold {
		return fmt.Errorf("%w: threshold %d does not fit threshold_cosine %v", ErrBadProfile, p.Threshold, p.Cosine)
	}
	id, err := p.digest()
	if err != nil {
		return err
	}
	if id != p.ID {
		return fmt.Errorf("%w: id %q does not fit the content, which was edited after calibration", ErrBadProfile, p.ID)
	}
	return nil
}

// maxProfileBytes bounds a profile file; a DET curve of a few hundred points is some tens of kilobytes.
const maxProfileBytes = 4 << 20

// ReadProfile reads one profile from its JSON form, refusing unknown fields and whatever follows, and validates it:
// [ErrBadProfile].
func ReadProfile(r io.Reader) (Profile, error) {
	var p Profile
	dec := json.NewDecoder(io.LimitReader(r, maxProfileBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Profile{}, fmt.Errorf("%w: %w", ErrBadProfile, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Profile{}, fmt.Errorf("%w: the file goes on behind the profile", ErrBadProfile)
	}
	return p, p.Validate()
}

// Write writes the JSON form that [ReadProfile] reads.
func (p Profile) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(p)
}
