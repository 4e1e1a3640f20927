package gateway

import (
	"context"
	"time"

	"zhenni"
)

// Node is what the gateway needs of the engine's host. Its methods may be called from several goroutines.
type Node interface {
	// Verify gives every item of b its outcome, and adds what it counted of failed attempts to b.Attempts. With nil all
	// outcomes are final. With nil, [zhenni.ErrOverloaded],
	// [zhenni.ErrUnavailable] and [zhenni.ErrBadBatch] the memory of b is the caller's again; with any other error,
	// [zhenni.ErrDeadline] above all, it may still be read and must never be used again.
	Verify(b *zhenni.Batch, deadline time.Time) error
	// Apply makes the changes durable and answers each in turn. An error means that none is known to be done.
	Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error)
	// Credential returns the record of id, of whatever tenant: [zhenni.ErrNotFound].
	Credential(id zhenni.CredentialID) (zhenni.Credential, error)
	// RelyingParty returns the party of that id.
	RelyingParty(id string) (zhenni.RelyingParty, bool)
	// Ready returns nil where the node can answer, else why not.
	Ready() error
	// Stats returns the counts since start.
	Stats() zhenni.Stats
}

// Operator is what the admin routes need of the engine's host.
type Operator interface {
	Parties
	// SetShards changes the number of shards while serving and returns when the change is complete.
	SetShards(ctx context.Context, n int) error
	Stats() zhenni.Stats
}
