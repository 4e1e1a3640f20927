package zhenni

import "time"

// Change is one change of state that a commit made, as a record of it outside of the store tells it. It is of a
// credential where Status is set (one that keeps status and generation is a re-proof of its holder), of a relying party where Party is, of an import where Imported is; one with a Tenant
// and nothing else gave the tenant a key. It holds nothing of a template.
type Change struct {
	// At is when it was made, zero where the store does not keep that.
	At     time.Time
	Tenant TenantID

	Credential CredentialID
	Status     Status
	Generation Generation
	// StatusIndex is where the status is published, zero where it is not.
	StatusIndex StatusIndex

	Party   string
	Removed bool

	// Imported is the number of credentials that came by an import.
	Imported uint64
	// Restored says that the store goes on from here, whatever was recorded before: its operator put a backup back.
	Restored bool
}
