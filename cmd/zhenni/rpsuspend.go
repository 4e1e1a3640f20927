package main

import (
	"context"
	"errors"

	"zhenni"
	"zhenni/gateway"
)

type rpSuspend struct {
	ID string `arg:"" help:"Id of the party."`
	rpFlags
}

// Run suspends the party.
func (c *rpSuspend) Run(ctx context.Context, out *output) error {
	return c.suspend(ctx, out, c.ID, true)
}

type rpResume struct {
	ID string `arg:"" help:"Id of the party."`
	rpFlags
}

// Run resumes the party.
func (c *rpResume) Run(ctx context.Context, out *output) error {
	return c.suspend(ctx, out, c.ID, false)
}

// suspend suspends a party or resumes it, and says so.
func (f rpFlags) suspend(ctx context.Context, out *output, id string, suspended bool) (err error) {
	b, err := f.open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	record, err := b.suspend(ctx, id, suspended)
	if err != nil {
		return err
	}
	if f.JSON {
		return out.JSON(record)
	}
	if suspended {
		return out.Print("Suspended %s; what it has in hand is not answered.", id)
	}
	return out.Print("Resumed %s.", id)
}

func (b servedBook) suspend(ctx context.Context, id string, suspended bool) (record gateway.PartyRecord, err error) {
	path := partyPath(id) + "/resume"
	if suspended {
		path = partyPath(id) + "/suspend"
	}
	return record, b.admin.do(ctx, "POST", path, nil, &record)
}

func (b storedBook) suspend(ctx context.Context, id string, suspended bool) (gateway.PartyRecord, error) {
	party, there := b.store.RelyingParty(id)
	if !there {
		return gateway.PartyRecord{}, notSo("there is no relying party %q", id)
	}
	if !suspended {
		if _, err := b.lift(ctx, id); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
			return gateway.PartyRecord{}, err
		}
	}
	party.Suspended = suspended
	_, err := applyOne(ctx, b.store, zhenni.PutRelyingParty{Party: party})
	return gateway.NewPartyRecord(party), err
}
