package zhenni

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Means is one thing by which a person shows who they are: a biometric characteristic, something known or something held.
type Means uint8

// The means. The first three are the values of [Factor].
const (
	MeansFace        = Means(FactorFace)
	MeansVoice       = Means(FactorVoice)
	MeansFingerprint = Means(FactorFingerprint)
	// MeansPIN is a number that the holder knows.
	MeansPIN Means = iota + 1
	// MeansPossession is a signature by the key of the credential's device.
	MeansPossession
	// MeansCard is a proof by the chip of the identity card, and MeansDocument a look at a document, both told by a terminal.
	MeansCard
	MeansDocument

	meansEnd
)

var meansNames = names[Means]{
	MeansFace: "face", MeansVoice: "voice", MeansFingerprint: "fingerprint", MeansPIN: "pin",
	MeansPossession: "possession", MeansCard: "card", MeansDocument: "document",
}

// String returns the lower-case word for m.
func (m Means) String() string { return meansNames.name(m, "means") }

// MarshalText implements encoding.TextMarshaler.
func (m Means) MarshalText() ([]byte, error) { return meansNames.marshal(m, "means") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Means) UnmarshalText(text []byte) error { return meansNames.unmarshal(m, text, "means") }

// MeansSet is a set of means, one bit each. The zero value is empty.
type MeansSet uint8

// NewMeansSet makes a set. What is no means is left out.
func NewMeansSet(means ...Means) (set MeansSet) {
	for _, m := range means {
		if m >= MeansFace && m < meansEnd {
			set |= 1 << m
		}
	}
	return set
}

// biometric are the means that are compared.
var biometric = NewMeansSet(MeansFace, MeansVoice, MeansFingerprint)

// held are the means that a person holds. Each is told by a signature, of the device or of a terminal.
var held = NewMeansSet(MeansPossession, MeansCard, MeansDocument)

// Has reports whether m is in the set.
func (s MeansSet) Has(m Means) bool { return m >= MeansFace && m < meansEnd && s&(1<<m) != 0 }

// Len is the number of means in the set.
func (s MeansSet) Len() int { return bits.OnesCount8(uint8(s)) }

// All yields the means of the set in ascending order.
func (s MeansSet) All(yield func(Means) bool) {
	for m := MeansFace; m < meansEnd; m++ {
		if s.Has(m) && !yield(m) {
			return
		}
	}
}

// String returns the words of the means, joined by "|".
func (s MeansSet) String() string {
	var words []string
	for m := range s.All {
		words = append(words, m.String())
	}
	return strings.Join(words, "|")
}

// A Way is what it takes to be accepted: all of its groups, and of each group any one means. It has 1–[MaxWayGroups] groups,
// none of them empty and no means in two of them, so that nothing counts twice.
type Way []MeansSet

// MaxWayGroups bounds the groups of a [Way].
const MaxWayGroups = 4

// Validate reports what is wrong with w, as [ErrBadValue].
func (w Way) Validate() error {
	if len(w) < 1 || len(w) > MaxWayGroups {
		return fmt.Errorf("%w: %d groups of factors, want 1–%d", ErrBadValue, len(w), MaxWayGroups)
	}
	var seen MeansSet
	for i, group := range w {
		if group == 0 {
			return fmt.Errorf("%w: group %d has no factor", ErrBadValue, i)
		}
		if seen&group != 0 {
			return fmt.Errorf("%w: %s is in two groups", ErrBadValue, seen&group)
		}
		seen |= group
	}
	return nil
}

// Means is every means that some group takes.
func (w Way) Means() (all MeansSet) {
	for _, group := range w {
		all |= group
	}
	return all
}

// guardsPIN reports whether the way is met by a PIN only together with something held.
func (w Way) guardsPIN() bool {
	return !w.Means().Has(MeansPIN) || slices.ContainsFunc(w, func(group MeansSet) bool { return group&^held == 0 })
}

// Met returns the means of shown by which every group is met; ok is false where one is not.
func (w Way) Met(shown MeansSet) (used MeansSet, ok bool) {
	for _, group := range w {
		if group&shown == 0 {
			return 0, false
		}
		used |= group & shown
	}
	return used, len(w) > 0
}

// String writes the way as "face & (pin|possession)".
func (w Way) String() string {
	groups := make([]string, len(w))
	for i, group := range w {
		groups[i] = group.String()
		if group.Len() > 1 && len(w) > 1 {
			groups[i] = "(" + groups[i] + ")"
		}
	}
	return strings.Join(groups, " & ")
}

// Liveness is how a capture was seen to be of a living person who is present. A higher one includes the lower.
type Liveness uint8

// The levels of liveness: nothing looked at, the capture alone (ISO/IEC 30107-3 presentation attack detection), and the
// person's answer to a challenge.
const (
	LivenessNone Liveness = iota
	LivenessPassive
	LivenessActive
)

var livenessNames = names[Liveness]{LivenessNone: "none", LivenessPassive: "passive", LivenessActive: "active"}

// String returns the lower-case word for l.
func (l Liveness) String() string { return livenessNames.name(l, "liveness") }

// MarshalText implements encoding.TextMarshaler.
func (l Liveness) MarshalText() ([]byte, error) { return livenessNames.marshal(l, "liveness") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Liveness) UnmarshalText(text []byte) error {
	return livenessNames.unmarshal(l, text, "liveness")
}
