package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"zhenni"
)

// Parties is where relying parties are kept. Its methods may be called from several goroutines; each sees every change
// acknowledged before the call.
type Parties interface {
	// Apply makes the changes durable and answers each in turn. An error means that none is known to be done.
	Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error)
	// RelyingParty returns the party of that id.
	RelyingParty(id string) (zhenni.RelyingParty, bool)
	// RelyingParties returns every relying party in ascending order of id.
	RelyingParties() ([]zhenni.RelyingParty, error)
}

// A Registry changes relying parties, one change at a time, by whatever road it is asked: what a change is made of is what it
// replaces. A change is durable when its method returns. Its methods may be called from several goroutines.
type Registry struct {
	parties Parties
	now     func() time.Time
	// changing is held from reading a party until what it becomes is stored.
	changing sync.Mutex
}

// NewRegistry makes the registry of parties. There is one for them, which all who change them share. A nil now is time.Now.
func NewRegistry(parties Parties, now func() time.Time) *Registry {
	if now == nil {
		now = time.Now
	}
	return &Registry{parties: parties, now: now}
}

// find returns the party of that id: [zhenni.ErrNotFound].
func (r *Registry) find(id string) (zhenni.RelyingParty, error) {
	party, known := r.parties.RelyingParty(id)
	if !known {
		return party, fmt.Errorf("%w: relying party %s", zhenni.ErrNotFound, id)
	}
	return party, nil
}

// put stores a party, in the place of one of its id that is of its tenant: [zhenni.ErrExists], [zhenni.ErrBadValue].
func (r *Registry) put(ctx context.Context, party zhenni.RelyingParty) (zhenni.RelyingParty, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if err := r.checkKind(party); err != nil {
		return party, err
	}
	if old, known := r.parties.RelyingParty(party.ID); known {
		if err := party.Replaces(old); err != nil {
			return party, err
		}
		party = party.InPlaceOf(old)
	}
	return party, r.apply(ctx, zhenni.PutRelyingParty{Party: party})
}

// add stores a party of a new id. Of one that is there with the same content already it returns that, so that a request may be
// repeated; any other is [zhenni.ErrExists].
func (r *Registry) add(ctx context.Context, party zhenni.RelyingParty) (zhenni.RelyingParty, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if old, known := r.parties.RelyingParty(party.ID); known {
		party.CreatedAt = old.CreatedAt
		if partyVersion(party) != partyVersion(old) || party.KeyHash != old.KeyHash {
			return party, fmt.Errorf("%w: relying party %s", zhenni.ErrExists, party.ID)
		}
		return old, nil
	}
	if err := r.checkKind(party); err != nil {
		return party, err
	}
	return party, r.apply(ctx, zhenni.PutRelyingParty{Party: party})
}

// checkKind refuses a party that is not of the kind of its tenant.
func (r *Registry) checkKind(party zhenni.RelyingParty) error {
	parties, err := r.parties.RelyingParties()
	if err != nil {
		return err
	}
	return party.OfOneKind(parties)
}

// change stores what edit makes of the party of that id: [zhenni.ErrNotFound], or the error of edit. Where that is what it was,
// nothing is stored.
func (r *Registry) change(ctx context.Context, id string, edit func(zhenni.RelyingParty) (zhenni.RelyingParty, error)) (zhenni.RelyingParty, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	old, err := r.find(id)
	if err != nil {
		return old, err
	}
	party, err := edit(old)
	if err != nil || partyVersion(party) == partyVersion(old) {
		return party, err
	}
	return party, r.apply(ctx, zhenni.PutRelyingParty{Party: party})
}

// suspend has the party refused from then on, or no more.
func (r *Registry) suspend(ctx context.Context, id string, suspended bool) (zhenni.RelyingParty, error) {
	return r.change(ctx, id, func(p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
		p.Suspended = suspended
		return p, nil
	})
}

// remove ends a party that may, where that is asked, be removed: [zhenni.ErrNotFound], or the error of may.
func (r *Registry) remove(ctx context.Context, id string, may func(zhenni.RelyingParty) error) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	party, err := r.find(id)
	if err != nil {
		return err
	}
	if may != nil {
		if err := may(party); err != nil {
			return err
		}
	}
	return r.apply(ctx, zhenni.RemoveRelyingParty{ID: id})
}

func (r *Registry) apply(ctx context.Context, command zhenni.Command) error {
	results, err := r.parties.Apply(ctx, []zhenni.Command{command})
	if err != nil {
		return err
	}
	return results[0].Err
}

// partyVersion names what is shown of a party, of 22 characters of base64url: two that differ have two. A change may name the
// one that it was made of.
func partyVersion(p zhenni.RelyingParty) string {
	text, err := json.Marshal(NewPartyRecord(p))
	if err != nil {
		panic(err) // a record is of strings, numbers and times of this age
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
