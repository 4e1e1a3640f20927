package zhenni

import "time"

// MaxPINVerifier bounds the stored form of a PIN, in bytes.
const MaxPINVerifier = 128

// PIN is what is kept of a credential's PIN.
type PIN struct {
	// Verifier is what a PIN is compared with, sealed by whoever compares; to the store it is 1–[MaxPINVerifier] bytes.
	Verifier []byte
	// Generation is the credential's when the PIN was set. The verifier is bound to it.
	Generation Generation
	Attempts   PINAttempts
}

// SetPIN gives a credential of Tenant a PIN in place of the one it has, and clears the count of attempts ([ErrNotFound],
// [ErrBadValue] for a verifier of another size). It takes the card at a trusted terminal, or the PIN itself where its
// verifier is made anew: which of them is for the caller to see to. [ErrIllegalChange] refuses one for a credential that is
// neither active nor suspended, and one made for another generation than the credential's.
type SetPIN struct {
	ID       CredentialID
	Tenant   TenantID
	Verifier []byte
	// Generation is the one that Verifier was made for.
	Generation Generation
	At         time.Time
}

// CountPIN counts an attempt on the PIN of a credential of Tenant, as of [PINAttempts]: before the PIN is looked at, with
// Right false ([ErrPINPaused], [ErrPINBlocked]); and once it was found right, with Right true, which clears the count.
// [ErrNotFound] for a credential that is not there, not active, or has no PIN.
type CountPIN struct {
	ID     CredentialID
	Tenant TenantID
	Right  bool
	At     time.Time
}

// RenewPIN puts a verifier of the same PIN, made in the way of now, in the place of From, and leaves the count of attempts as it
// is. [ErrNotFound] for a credential that is not there, not active, or has no PIN, [ErrIllegalChange] where From is not its
// verifier any more, [ErrBadValue] for a verifier of another size.
type RenewPIN struct {
	ID       CredentialID
	Tenant   TenantID
	From, To []byte
	At       time.Time
}

// BindPepper says which pepper of a version the PINs of the state are sealed under, by a check value of it. The first of a
// version is kept; another is [ErrWrongKey], for under it no PIN opens.
type BindPepper struct {
	Version uint32
	Check   [16]byte
}

func (SetPIN) command()     {}
func (CountPIN) command()   {}
func (RenewPIN) command()   {}
func (BindPepper) command() {}
