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

// ResetAttempts forgets the failed attempts at a credential of Tenant, in every lane, whoever was re-proved being its
// holder ([ErrNotFound]). Version is of the node's count of attempts: what is counted under a lower one is forgotten, in
// whatever order records are read back. The node sets it.
type ResetAttempts struct {
	ID      CredentialID
	Tenant  TenantID
	At      time.Time
	Version uint64
}

// PutRelyingParty stores a relying party, replacing one of the same id.
type PutRelyingParty struct{ Party RelyingParty }

// RemoveRelyingParty removes the relying party of that id ([ErrNotFound]).
type RemoveRelyingParty struct{ ID string }

func (Enrol) command()              {}
func (ChangeStatus) command()       {}
func (Erase) command()              {}
func (ResetAttempts) command()      {}
func (PutRelyingParty) command()    {}
func (RemoveRelyingParty) command() {}

// Result is what one command did. Credential is set by Enrol, ChangeStatus, Erase and ResetAttempts when Err is nil.
type Result struct {
	Credential Credential
	Err        error
}
