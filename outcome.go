package zhenni

// Outcome is the one answer to one comparison. Its zero value is Pending, so an answer that was never given can not
// be read as a yes. It fits a byte: a batch carries one for each item.
type Outcome uint8

// The outcomes. Match and NoMatch are verdicts; every later one is a refusal with its reason, which says that no
// verdict was reached and never that the persons differ.
const (
	Pending Outcome = iota
	Match
	NoMatch
	// RefusedUnavailable: the shard or its store could not answer. The same request may be sent again.
	RefusedUnavailable
	// RefusedInternal: this item made the engine fail, or its record is damaged. Sending it again will most likely not
	// help.
	RefusedInternal
	// RefusedProbe: the probe is not a finite, non-zero embedding of the model's dimension within the int8 range.
	RefusedProbe
	// RefusedCredentialID: the credential id is not of its written form.
	RefusedCredentialID
	// RefusedItem: the item could not be read (malformed line, unknown field, missing field).
	RefusedItem
	outcomeCount
)

// OutcomeCount is the number of outcomes, Pending included; an Outcome is below it.
const OutcomeCount = int(outcomeCount)

// Verdict returns "match", "no_match", "refused", or "pending" for an answer not yet given.
func (o Outcome) Verdict() string {
	switch o {
	case Pending:
		return "pending"
	case Match:
		return "match"
	case NoMatch:
		return "no_match"
	}
	return "refused"
}

var reasons = [outcomeCount]string{
	RefusedUnavailable: "unavailable", RefusedInternal: "internal", RefusedProbe: "bad_probe",
	RefusedCredentialID: "bad_credential", RefusedItem: "bad_item",
}

// Reason returns the word for why an item was refused, and "" for a verdict.
func (o Outcome) Reason() string {
	if int(o) < len(reasons) {
		return reasons[o]
	}
	return "internal"
}

// Retryable reports whether the same item may be answered when sent again unchanged.
func (o Outcome) Retryable() bool { return o == RefusedUnavailable }
