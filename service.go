package zhenni

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Service is one thing that relying parties verify people for, with what it takes. It is read from a [Catalogue] and not
// changed.
type Service struct {
	// ID is a [ValidName], unique in its catalogue.
	ID string
	// NameZH and NameEN are for people: 1–200 bytes of printable text each.
	NameZH, NameEN string
	// Category groups services for people; it is a [ValidName] and decides nothing but what a guest arrives for
	// who names no service: "hotel".
	Category string
	// Purposes are the codes of which a request names one: 1–[MaxPurposes], each once and a [ValidName].
	Purposes []string
	// Level is the least level of a credential.
	Level Level
	// Factors is the ordinary way to be accepted, and WithoutFace the one for whoever cannot or does not want to show a face.
	Factors, WithoutFace Way
	// Liveness is asked of what is compared, on either way. LivenessMaxAge is how old its evidence may be, in whole seconds;
	// it is 0 exactly where Liveness is none.
	Liveness       Liveness
	LivenessMaxAge time.Duration
	// CaptureMaxAge is how old the capture may be, in whole seconds; 0 does not ask.
	CaptureMaxAge time.Duration
	// Possession asks for the signature of the credential's device over the request, whatever the way.
	Possession bool
	// FMR is the highest false match rate of a transaction in which something is compared, as an upper bound, in
	// [[MinServiceFMR], [MaxServiceFMR]].
	FMR Rate
}

// Bounds of a [Service].
const (
	MaxPurposes   = 16
	MaxServiceAge = 24 * time.Hour
	MinServiceFMR = 1e-12
	MaxServiceFMR = 1e-2
)

// maxServiceName bounds a service's names, in bytes.
const maxServiceName = 200

// Validate reports the first field that is out of range, as [ErrBadValue]. A service of which every way includes the face is
// refused: there is always another. So is one that asks anybody for a PIN who holds nothing.
func (s *Service) Validate() error {
	for _, check := range []func() (field string, err error){s.checkNames, s.checkPurposes, s.checkWays, s.checkLiveness, s.checkBounds} {
		if field, err := check(); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

func (s *Service) checkNames() (string, error) {
	for _, name := range []struct{ field, value string }{{"id", s.ID}, {"category", s.Category}} {
		if !ValidName(name.value) {
			return name.field, fmt.Errorf("%w: want 1–64 of the characters a–z, 0–9, dot, dash and underscore", ErrBadValue)
		}
	}
	for _, name := range []struct{ field, value string }{{"zh", s.NameZH}, {"en", s.NameEN}} {
		if !validText(name.value, maxServiceName) {
			return name.field, fmt.Errorf("%w: want 1–%d bytes of printable text", ErrBadValue, maxServiceName)
		}
	}
	return "", nil
}

// validText reports whether s is 1–limit bytes of printable text, which leaves out line breaks, marks of writing direction
// and the sign of what could not be read.
func validText(s string, limit int) bool {
	return len(s) >= 1 && len(s) <= limit && utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable) &&
		!strings.ContainsRune(s, utf8.RuneError)
}

func (s *Service) checkPurposes() (string, error) {
	if len(s.Purposes) < 1 || len(s.Purposes) > MaxPurposes {
		return "purposes", fmt.Errorf("%w: %d codes, want 1–%d", ErrBadValue, len(s.Purposes), MaxPurposes)
	}
	for i, purpose := range s.Purposes {
		if !ValidName(purpose) || slices.Contains(s.Purposes[:i], purpose) {
			return fmt.Sprintf("purposes[%d]", i), fmt.Errorf("%w: the code is misnamed or there twice", ErrBadValue)
		}
	}
	return "", nil
}

func (s *Service) checkWays() (string, error) {
	if err := s.Factors.Validate(); err != nil {
		return "factors", err
	}
	if err := s.WithoutFace.Validate(); err != nil {
		return "without_face", err
	}
	if s.WithoutFace.Means().Has(MeansFace) {
		return "without_face", fmt.Errorf("%w: it has the face, and every service has a way without it", ErrBadValue)
	}
	if !s.Possession && !s.WithoutFace.guardsPIN() {
		return "without_face", fmt.Errorf("%w: a PIN counts only beside a group of nothing but possession, card and document: else strangers could use up its attempts", ErrBadValue)
	}
	return "", nil
}

func (s *Service) checkLiveness() (string, error) {
	if _, known := livenessNames[s.Liveness]; !known {
		return "liveness", fmt.Errorf("%w: %d is no level of liveness", ErrBadValue, s.Liveness)
	}
	if (s.Liveness == LivenessNone) != (s.LivenessMaxAge == 0) || !validAge(s.LivenessMaxAge) {
		return "liveness_max_age_s", fmt.Errorf("%w: want 1–%d with a level of liveness, and 0 without", ErrBadValue, maxAgeSeconds)
	}
	return "", nil
}

const maxAgeSeconds = int(MaxServiceAge / time.Second)

func validAge(d time.Duration) bool {
	return d >= 0 && d <= MaxServiceAge && d%time.Second == 0
}

func (s *Service) checkBounds() (string, error) {
	switch _, known := levelNames[s.Level]; {
	case !known:
		return "level", fmt.Errorf("%w: want lite or full", ErrBadValue)
	case !validAge(s.CaptureMaxAge):
		return "capture_max_age_s", fmt.Errorf("%w: want 0–%d", ErrBadValue, maxAgeSeconds)
	case !(s.FMR >= MinServiceFMR && s.FMR <= MaxServiceFMR):
		return "fmr", fmt.Errorf("%w: want %g–%g", ErrBadValue, MinServiceFMR, MaxServiceFMR)
	}
	return "", nil
}

// EvidenceMaxAge is how old what is signed for the service may be: a minute, or as long as its liveness or capture may be.
func (s *Service) EvidenceMaxAge() time.Duration {
	return max(time.Minute, s.LivenessMaxAge, s.CaptureMaxAge)
}

// PerItem reports whether the service asks for something that is shown for each comparison alone: then it is not verified in
// bulk, where service and purpose are all that is said.
func (s *Service) PerItem(compared Factor) bool {
	_, met := s.Factors.Met(NewMeansSet(Means(compared)))
	return !met || s.Liveness != LivenessNone || s.CaptureMaxAge != 0 || s.Possession
}
