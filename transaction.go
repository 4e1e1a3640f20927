package zhenni

import "time"

// Request identifies one request for verification to the ledger that gives it its one outcome.
type Request struct {
	// Party is the relying party, Transaction the id under which it asks: both a [ValidName].
	Party, Transaction string
	// Named says that the client chose the transaction id and may send the request again under it. An id that the
	// server drew is recorded all the same, but nobody can retry it.
	Named bool
	// Digest is the keyed digest of what was asked. It is looked at for a named transaction only.
	Digest [16]byte
}

// Decision is what was decided on a request. The slices stay the caller's; they are not used after the call they are
// passed to has returned.
type Decision struct {
	Tenant TenantID
	// Profile is the id of the threshold that decided.
	Profile string
	// At is when it was decided. The answer keeps this time however often it is given.
	At time.Time
	// Batch marks a bulk request, of 1 to [MaxBatchItems] items. A single verification has one item.
	Batch bool
	// Change marks what is no verification, as the setting of a PIN: nobody was compared, and the outcome of its one item is
	// [Pending], so that no proof of it can be read as a yes.
	Change bool
	// IDs are the credentials asked for, zero where an item named none; Outcomes what was decided on each, none of them
	// Pending but that of a Change.
	IDs      []CredentialID
	Outcomes []Outcome
	// Attempts are the counts of failed attempts that the decision changed, at most as many as IDs. They are durable before
	// the answer is.
	Attempts []AttemptCount
	// Answer is what makes the same answer again, together with Outcomes and the body of the retried request. It is
	// opaque to the ledger, and at most [MaxStoredAnswer] bytes.
	Answer []byte
	// Leaf, where it is not nil, is set to the hash of the leaf that the decision has in the audit log.
	Leaf *[32]byte
}

// MaxStoredAnswer bounds [Decision.Answer].
const MaxStoredAnswer = 4 << 10

// Answered is the stored answer of a transaction.
type Answered struct {
	At time.Time
	// LogIndex is the place of its leaf in the audit log.
	LogIndex int64
	// Leaf is the hash of that leaf.
	Leaf     [32]byte
	Outcomes []Outcome
	Answer   []byte
}

// LedgerStats are the counts of a ledger since it was opened, by transaction, and its levels now. At every moment
// Admitted = Answered + Refused + InHand.
type LedgerStats struct {
	Admitted uint64 `json:"admitted"`
	Answered uint64 `json:"answered"`
	Refused  uint64 `json:"refused"`
	InHand   uint64 `json:"in_hand"`
	// Replayed, InProgress, Reused, Evicted and Damaged count named transactions that were not admitted: given
	// their stored answer, refused as in hand, as used for another request, as evicted, and as damaged on the disk.
	Replayed   uint64 `json:"replayed"`
	InProgress uint64 `json:"in_progress"`
	Reused     uint64 `json:"reused"`
	Evicted    uint64 `json:"evicted"`
	Damaged    uint64 `json:"damaged"`
	// Overloaded counts requests turned away because too many were in hand or waiting for the disk.
	Overloaded uint64 `json:"overloaded"`
	// Stored is how many answers can be given again, Bytes what they take on the disk, Remembered how many evicted
	// transactions are known to be so.
	Stored     int64 `json:"stored"`
	Bytes      int64 `json:"bytes"`
	Remembered int64 `json:"remembered"`
	// Counts is how many counts of failed attempts are kept.
	Counts int64 `json:"attempt_counts"`
}
