package zhenni

import "time"

// Command is one change of state. Applying the same commands in the same order to the same state gives the same
// state: ids, times and random values travel in the command. The set is closed.
type Command interface{ command() }

// Enrol stores a new credential with its reference. The id must be new: [ErrExists].
type Enrol struct {
	ID     CredentialID
	Tenant TenantID
	Level  Level
	// Model is the id of the model that made Row.
	Model string
	// Row is the quantised embedding, elements in [-127, 127], with Σq² ≥ 1.
	Row []int8
	At  time.Time
}

// ChangeStatus moves a credential of Tenant to a legal next status ([ErrNotFound], [ErrIllegalChange]).
// To [StatusErased] only [Erase] leads ([ErrBadValue]). A change to the status it already has is answered with the credential as it is: a retry is no error.
type ChangeStatus struct {
	ID     CredentialID
	Tenant TenantID
	To     Status
	At     time.Time
}

// Erase ends a credential of Tenant for good ([ErrNotFound], [ErrIllegalChange]): its status becomes [StatusErased], and
// once that is durable the key of its template is destroyed, before the command is answered. Whatever copies of the
// template remain open no more. A repeated erasure is answered like the first.
type Erase struct {
	ID     CredentialID
	Tenant TenantID
	At     time.Time
}

// PutRelyingParty stores a relying party, replacing one of the same id. A key or a certificate of another party is
// [ErrExists].
type PutRelyingParty struct{ Party RelyingParty }

// RemoveRelyingParty removes the relying party of that id ([ErrNotFound]).
type RemoveRelyingParty struct{ ID string }

func (Enrol) command()              {}
func (ChangeStatus) command()       {}
func (Erase) command()              {}
func (PutRelyingParty) command()    {}
func (RemoveRelyingParty) command() {}

// Result is what one command did. Credential is set by Enrol, ChangeStatus and Erase when Err is nil.
type Result struct {
	Credential Credential
	Err        error
}
