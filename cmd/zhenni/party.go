package main

import (
	"context"
	"crypto/rand"
	"errors"

	"zhenni"
)

// newParty draws a key for the relying party and returns both, the party with the key's hash only.
func newParty(party zhenni.RelyingParty) (zhenni.APIKey, zhenni.RelyingParty, error) {
	key := zhenni.APIKey{Party: party.ID}
	if _, err := rand.Read(key.Secret[:]); err != nil {
		return zhenni.APIKey{}, party, environment("no entropy for an API key: %w", err)
	}
	party.KeyHash = key.Hash()
	return key, party, nil
}

// drawID draws a credential id.
func drawID() (zhenni.CredentialID, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return zhenni.CredentialID{}, environment("no entropy for a credential id: %w", err)
	}
	return zhenni.NewCredentialID(random), nil
}

// applier is whatever takes changes of state.
type applier interface {
	Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error)
}

// applyOne makes one change.
func applyOne(ctx context.Context, state applier, command zhenni.Command) (zhenni.Credential, error) {
	results, err := state.Apply(ctx, []zhenni.Command{command})
	if err != nil {
		return zhenni.Credential{}, err
	}
	return results[0].Credential, results[0].Err
}

// applyPart applies commands of which none is to be refused.
func applyPart(ctx context.Context, state applier, commands []zhenni.Command) error {
	results, err := state.Apply(ctx, commands)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	return err
}
