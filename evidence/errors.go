package evidence

import "errors"

// Errors of a token, in the order in which they are looked for. They have no values in their text.
var (
	// ErrMalformed: not a token in its one form.
	ErrMalformed = errors.New("evidence: malformed token")
	// ErrSubject: it is about another credential.
	ErrSubject = errors.New("evidence: of another credential")
	// ErrCapture: it is about another capture.
	ErrCapture = errors.New("evidence: of another capture")
	// ErrTransaction: it was made for another transaction.
	ErrTransaction = errors.New("evidence: of another transaction")
	// ErrParty: it was made for another relying party.
	ErrParty = errors.New("evidence: for another relying party")
	// ErrNonce: it was made for another request, or for a signed one and this is not, or the other way round.
	ErrNonce = errors.New("evidence: of another request")
	// ErrStale: it is older than it may be.
	ErrStale = errors.New("evidence: too old")
	// ErrAhead: it was made later than now, by more than clocks may differ.
	ErrAhead = errors.New("evidence: of later than now")
	// ErrKey: it names another key than the one it is to be verified with, or is signed by another algorithm than the key's.
	ErrKey = errors.New("evidence: not the key of the token")
	// ErrSignature: the key did not sign it.
	ErrSignature = errors.New("evidence: wrong signature")
)
