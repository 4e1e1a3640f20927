package zhenni

import "time"

// Command is one change of state. Applying the same commands in the same order to the same state gives the same
// state: ids, times and random values travel in the command. The set is closed.
type Command interface{ command() }

// Enrol stores a new credential with its reference. The id must be new: [ErrExists].
//
// With a Subject it is an issue, which is one commit with the end of the credential that it replaces: a subject has at most
// one live credential with a tenant. An issue that the table of successors does not have, and one whose Replaces is not
// the live credential of the subject any more, is [ErrIllegalChange]: of two issues at once over one credential, one is made.
// An issue repeated under its id with the same content is answered with the credential as it is by then: the caller, who
// drew the id, may send it again when it does not know what became of it.
type Enrol struct {
	ID     CredentialID
	Tenant TenantID
	Level  Level
	// Model is the id of the model that made Row.
	Model string
	// Row is the quantised embedding, elements in [-127, 127], with Σq² ≥ 1.
	Row []int8
	At  time.Time

	// Subject is whose credential it is; zero of a reference that is imported or enrolled without one, which has nothing of
	// what follows: [ErrBadValue].
	Subject SubjectHandle
	NameTag NameTag
	Region  Region
	// ValidUntil is as of [Credential]: cut to whole seconds, after At.
	ValidUntil time.Time
	Device     PublicKey
	// Rotation is of the key that Row was rotated by, zero where it was not.
	Rotation RotationCommitment
	Issue    Issue
	// Replaces is the live credential of the subject with the tenant as the caller knows it, zero for none.
	Replaces CredentialID
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

// MoveDevice makes To the one active device of a credential in place of From, as of [Credential.WithDevice]
// ([ErrNotFound], [ErrIllegalChange]). With the same commit the key of the old device is void.
type MoveDevice struct {
	ID       CredentialID
	Tenant   TenantID
	From, To PublicKey
	At       time.Time
}

// LockFactors locks some factors of a credential, or unlocks them where Locked is false, as of [Credential.WithLock]
// ([ErrNotFound], [ErrIllegalChange], [ErrBadValue]).
type LockFactors struct {
	ID      CredentialID
	Tenant  TenantID
	Factors Factors
	Locked  bool
	At      time.Time
}

// ReportLoss suspends a credential at once, as of [Credential.Lost] ([ErrNotFound], [ErrIllegalChange]).
type ReportLoss struct {
	ID     CredentialID
	Tenant TenantID
	At     time.Time
}

// Renew moves the end of a credential's validity, as of [Credential.RenewedUntil] ([ErrNotFound], [ErrIllegalChange]).
type Renew struct {
	ID         CredentialID
	Tenant     TenantID
	ValidUntil time.Time
	At         time.Time
}

// Expire ends a credential whose validity has ended at At, as of [Credential.ExpiredAt] ([ErrNotFound],
// [ErrIllegalChange]): one that was renewed meanwhile goes on.
type Expire struct {
	ID     CredentialID
	Tenant TenantID
	At     time.Time
}

// BindIdentityRoot says under which root the subjects of the state are known, by a check value of it. The first is
// kept; another is [ErrWrongKey], for under it everybody would be a stranger.
type BindIdentityRoot struct{ Check [16]byte }

// ResetAttempts forgets the failed attempts at a credential of Tenant, in every lane, whoever was re-proved being its
// holder ([ErrNotFound]), and clears the count of its PIN. Version is of the node's count of attempts: what is counted under a lower one is forgotten, in
// whatever order records are read back. The node sets it.
type ResetAttempts struct {
	ID      CredentialID
	Tenant  TenantID
	At      time.Time
	Version uint64
}

// PutRelyingParty stores a relying party, replacing one of the same id, which stays stopped if it is. A key or a certificate
// of another party is [ErrExists], and so is an id of another tenant's party or of one that was removed: stored answers,
// proofs, idempotency keys and pseudonyms are known by it, and would be the new party's.
type PutRelyingParty struct{ Party RelyingParty }

// RemoveRelyingParty removes the relying party of that id ([ErrNotFound]), which is never given again.
type RemoveRelyingParty struct{ ID string }

// StopRelyingParty has the relying party of that id ([ErrNotFound]) verify nothing until [LiftRelyingParty]. One that is
// stopped already stays as it is.
type StopRelyingParty struct {
	ID string
	At time.Time
}

// LiftRelyingParty ends the stop of the relying party of that id: [ErrNotFound] where it is not stopped.
type LiftRelyingParty struct{ ID string }

func (Enrol) command()              {}
func (ChangeStatus) command()       {}
func (Erase) command()              {}
func (MoveDevice) command()         {}
func (LockFactors) command()        {}
func (ReportLoss) command()         {}
func (Renew) command()              {}
func (Expire) command()             {}
func (BindIdentityRoot) command()   {}
func (ResetAttempts) command()      {}
func (PutRelyingParty) command()    {}
func (RemoveRelyingParty) command() {}
func (StopRelyingParty) command()   {}
func (LiftRelyingParty) command()   {}

// Result is what one command did. Credential is set by every command about one when Err is nil.
type Result struct {
	Credential Credential
	Err        error
}
