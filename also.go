package zhenni

import "fmt"

// # Two probes of one person
//
// A verification may compare by two models at once, each of another factor: a batch of one with a second probe beside the first.
// Both are always compared, whatever the first says and whether there is such a credential, and one outcome is told, by which
// nothing is known of either alone; one attempt at the credential is counted of it.

// Together is the outcome of two comparisons of one person, of which both have to match, or any one where that is enough. One
// that reached no verdict leaves none, the first of two.
func Together(first, also Outcome, anyOne bool) Outcome {
	for _, o := range [...]Outcome{first, also} {
		if o != Match && o != NoMatch {
			return o
		}
	}
	if first == also || anyOne && (first == Match || also == Match) {
		return min(first, also) // a match, where there is one
	}
	return NoMatch
}

// ValidateAlso checks the second probe of a batch that [Batch.Validate] accepted against the dimension of its model:
// [ErrBadBatch].
func (b *Batch) ValidateAlso(dim int) error {
	a := b.Also
	switch {
	case b.Len() != 1 || a.Also != nil:
		return fmt.Errorf("%w: %d items with a second probe, or one of a second probe: want one", ErrBadBatch, b.Len())
	case a.Model == b.Model || len(a.Outcomes) != 1 || a.Outcomes[0] != Pending:
		return fmt.Errorf("%w: a second probe of the first's model, or with an outcome", ErrBadBatch)
	}
	a.Tenant, a.Evaluation, a.Level, a.IDs, a.Lanes = b.Tenant, b.Evaluation, b.Level, b.IDs, nil
	return a.Validate(dim)
}

// compared is the set of the factors that are compared.
func (s Shown) compared() (set MeansSet) {
	for _, f := range [...]Factor{s.Compared, s.Also} {
		if f != 0 {
			set |= NewMeansSet(Means(f))
		}
	}
	return set
}

// anyOf reports whether some group of the way takes any of several means.
func (w Way) anyOf(means MeansSet) bool {
	for _, group := range w {
		if means.Len() > 1 && means&^group == 0 {
			return true
		}
	}
	return false
}
