package zhenni

import (
	"fmt"
	"slices"
)

// MaxBatchItems bounds the items of one request.
const MaxBatchItems = 1 << 16

// Batch is one request's comparisons, item i being "is Probe i the person behind IDs[i]?".
//
// The caller owns every slice until it hands the batch to a node, which reads IDs and probes where they lie and
// writes Outcomes. Exactly one of Int8 and Float32 is set. Items whose Outcome is not Pending on entry (refused while
// decoding) are left alone.
type Batch struct {
	Tenant TenantID
	// Evaluation marks a tenant of kind evaluation: the replay alarm is off and the answer is marked.
	Evaluation bool
	// Level is the least level of a credential that is matched; 0 asks for none.
	Level Level
	// Second is the time on the clock, in seconds since 1970, at which the verification began: a credential whose validity
	// had ended by then is not matched. A node sets it. At 0 no credential matches whose validity ends at all.
	Second int64
	// Model is the id of the model that made the probes; empty is the first that the node serves. A probe is compared with the
	// template of that model and with no other: a credential without one is answered like one that is not there.
	Model string
	// Dim is the dimension of every probe.
	Dim int
	// IDs are the claimed credentials, one for each item.
	IDs []CredentialID
	// Int8 holds len(IDs) × Dim quantised elements, row-major. An element of -128 refuses its item.
	Int8 []int8
	// Float32 holds len(IDs) × Dim elements, row-major.
	Float32 []float32
	// Also is a second probe of the person of a batch of one, by another model, nil for none. The caller sets its Model, Dim,
	// probe and Outcomes, whose one is pending before and after; the outcome of both is that of the batch. AnyOne says that one
	// of the two is enough for a match; else it takes both.
	Also   *Batch
	AnyOne bool
	// Outcomes receives one outcome for each item.
	Outcomes []Outcome
	// Lanes says for each item what its attempt carried; nil is [LaneOpen] for all. Who sets it has checked the signature
	// of the holder's device.
	Lanes []Lane
	// Attempts receives what is counted of the credentials whose count the batch changed, behind what is in it: at most one
	// for each item, of one credential and lane the newest last. It goes with the answer into [Decision.Attempts].
	Attempts []AttemptCount
	// Shared receives the number of [Batch.SharedProbes].
	Shared int
}

// Lane is what the attempt of an item carried.
func (b *Batch) Lane(item int) Lane {
	if b.Lanes == nil {
		return LaneOpen
	}
	return b.Lanes[item]
}

// Len returns the number of items.
func (b *Batch) Len() int { return len(b.IDs) }

// Validate checks the shape of the batch against the dimension of the model served: [ErrBadBatch].
func (b *Batch) Validate(dim int) error {
	n := len(b.IDs)
	switch {
	case n < 1 || n > MaxBatchItems:
		return fmt.Errorf("%w: %d items, want 1–%d", ErrBadBatch, n, MaxBatchItems)
	case b.Dim != dim:
		return fmt.Errorf("%w: probes of dimension %d, the model's is %d", ErrBadBatch, b.Dim, dim)
	case (b.Int8 == nil) == (b.Float32 == nil):
		return fmt.Errorf("%w: want probes either as int8 or as float32", ErrBadBatch)
	case len(b.Int8)+len(b.Float32) != n*dim:
		return fmt.Errorf("%w: %d probe elements for %d items of dimension %d", ErrBadBatch, len(b.Int8)+len(b.Float32), n, dim)
	case b.Lanes != nil && (len(b.Lanes) != n || slices.Max(b.Lanes) >= laneCount):
		return fmt.Errorf("%w: %d lanes for %d items, or one that is none", ErrBadBatch, len(b.Lanes), n)
	case len(b.Outcomes) != n:
		return fmt.Errorf("%w: %d outcomes for %d items", ErrBadBatch, len(b.Outcomes), n)
	}
	return nil
}
