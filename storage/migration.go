package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"zhenni"
	"zhenni/storage/keyfile"
)

// pendingLook is the most credentials that one call of [Store.Pending] looks at, besides those of the slot it begins with.
const pendingLook = 8192

// Migrations counts how far the live credentials of each tenant have templates of each model that is not retired: a
// count for each of both, and in each there is a credential. It walks the store once, about ten microseconds a credential, and
// opens no template; nothing of it is kept, so that it is as true after a restart. Errors: [zhenni.ErrDeadline] when ctx ends,
// [zhenni.ErrCorrupt] where part of the store could not be read.
func (s *Store) Migrations(ctx context.Context) ([]zhenni.Migration, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.gate.RUnlock()
	m := s.freeze(0, zhenni.Slots-1)
	defer m.txn.Discard()
	c := migrationCount{models: *s.models.Load(), of: map[zhenni.TenantID][]zhenni.Migration{}}
	err := s.carried(m, 0, zhenni.Slots-1, func(met *carried) error {
		if c.met++; c.met%checkStride == 0 && ctx.Err() != nil {
			return inTime(ctx)
		}
		return c.count(met)
	})
	if err != nil {
		return nil, err
	}
	var all []zhenni.Migration
	for _, tenant := range slices.Sorted(maps.Keys(c.of)) {
		for number, counted := range c.of[tenant] {
			if !c.models[number].Retired {
				all = append(all, counted)
			}
		}
	}
	return all, nil
}

// migrationCount is one run of Migrations: of each tenant a count for each number of model.
type migrationCount struct {
	models modelList
	of     map[zhenni.TenantID][]zhenni.Migration
	met    int
}

func (c *migrationCount) count(met *carried) error {
	if met.damaged {
		return fmt.Errorf("%w: credentials that can not be read are not counted: run zhenni check", zhenni.ErrCorrupt)
	}
	if !met.Live() {
		return nil
	}
	counts := c.of[met.Tenant]
	if counts == nil {
		for _, m := range c.models {
			counts = append(counts, zhenni.Migration{Model: m.ID, Tenant: met.Tenant})
		}
		c.of[met.Tenant] = counts
	}
	only := met.templates(c.models) == 1
	for number := range counts {
		counted := &counts[number]
		counted.Total++
		if met.template(uint8(number)) == nil {
			counted.Pending++
			continue
		}
		counted.Done++
		counted.Only += int64(bit(only))
	}
	return nil
}

// Migration is the sum of [Store.Migrations] for a model, over a tenant, over all for tenant 0: [zhenni.ErrNotFound] for a
// model that the store has not.
func (s *Store) Migration(ctx context.Context, model string, tenant zhenni.TenantID) (zhenni.Migration, error) {
	sum := zhenni.Migration{Model: model, Tenant: tenant}
	if _, err := s.models.Load().named(model); err != nil {
		return sum, err
	}
	all, err := s.Migrations(ctx)
	for _, m := range all {
		if m.Model == model && (tenant == 0 || m.Tenant == tenant) {
			sum.Total, sum.Done, sum.Pending, sum.Only = sum.Total+m.Total, sum.Done+m.Done, sum.Pending+m.Pending, sum.Only+m.Only
		}
	}
	return sum, err
}

// inTime is [zhenni.ErrDeadline] once ctx has ended.
func inTime(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrDeadline, err)
	}
	return nil
}

// Pending returns at most limit live credentials of a tenant, of all for tenant 0, that have no template of a model, in
// ascending order of id, behind the id given; and the id to go on behind, with whether there is more to look at. It looks at
// some thousands at a time, so that there may be more where there is none here. Those of a slot that is damaged are left out.
func (s *Store) Pending(model string, tenant zhenni.TenantID, behind zhenni.CredentialID, limit int) (
	pending []zhenni.CredentialID, next zhenni.CredentialID, more bool, err error,
) {
	if err := s.enter(); err != nil {
		return nil, next, false, err
	}
	defer s.gate.RUnlock()
	by, err := s.models.Load().named(model)
	if err != nil {
		return nil, next, false, err
	}
	m := s.freeze(behind.Slot(), zhenni.Slots-1)
	defer m.txn.Discard()
	met := 0
	err = s.carried(m, behind.Slot(), zhenni.Slots-1, func(c *carried) error {
		if bytes.Compare(c.ID[:], behind[:]) <= 0 {
			return nil
		}
		if len(pending) == limit || met == pendingLook {
			return errPage
		}
		met, next = met+1, c.ID
		if !c.damaged && c.Live() && (tenant == 0 || c.Tenant == tenant) && c.template(by.Number) == nil {
			pending = append(pending, c.ID)
		}
		return nil
	})
	if errors.Is(err, errPage) {
		return pending, next, true, nil
	}
	return pending, zhenni.CredentialID{}, false, err
}

// errPage ends a walk whose page is full.
var errPage = errors.New("storage: the page is full")

// DropTemplates puts a record without a body over every template of a model that was retired, so that what the store holds on
// disk of them ends with its snapshots and backups of before. Nothing else is served meanwhile: [zhenni.ErrUnavailable].
// It calls progress, when not nil, with the templates dropped. When it ends early the next call goes on.
//
// The credential's key goes on, for its other templates are under it: this is no erasure. Errors: [zhenni.ErrNotFound] for a
// number that was never given, [zhenni.ErrIllegalChange] for a model that is not retired.
func (s *Store) DropTemplates(ctx context.Context, number uint8, progress func(done int64)) error {
	if s.opts.ReadOnly {
		return fmt.Errorf("%w: the store is open read-only", zhenni.ErrUnavailable)
	}
	model := s.models.Load().of(number)
	switch {
	case model == nil:
		return fmt.Errorf("%w: model number %d", zhenni.ErrNotFound, number)
	case !model.Retired:
		return fmt.Errorf("%w: templates of model %s are dropped once it is retired", zhenni.ErrIllegalChange, model.ID)
	}
	if progress == nil {
		progress = func(int64) {}
	}
	if err := s.seize(); err != nil {
		return err
	}
	defer s.resume()
	d := &dropping{store: s, model: model, ring: *s.ring.Load(), progress: progress}
	d.sc.window = new(keyfile.Window)
	m := s.freeze(0, zhenni.Slots-1)
	defer m.txn.Discard()
	err := s.carried(m, 0, zhenni.Slots-1, func(c *carried) error {
		if err := inTime(ctx); err != nil {
			return err
		}
		return d.drop(c)
	})
	if err := errors.Join(err, d.flush()); err != nil || d.done == 0 {
		return err
	}
	return s.snapshotLast()
}

// dropping is one run of DropTemplates.
type dropping struct {
	store    *Store
	model    *storedModel
	ring     keyring
	sc       scratch
	pending  []record
	done     int64
	progress func(int64)
}

// drop puts a bare record over a template. One of an erased credential, which nothing opens, stays; what does not open is left
// for [Store.Check] to name.
func (d *dropping) drop(c *carried) error {
	value := c.template(d.model.Number)
	if c.damaged || value == nil || c.Status == zhenni.StatusErased || !hasPlace(value) {
		return nil
	}
	h, err := parseKeyed(value)
	if err != nil {
		return nil
	}
	credentialKey, err := d.store.credentialKey(d.ring, c.status, h.place, &d.sc)
	if err != nil {
		return nil
	}
	defer clear(credentialKey[:])
	key := d.model.templateKey(nil, c.ID)
	h.tenant, h.generation = c.Tenant, c.status.template
	bare, err := d.store.vault.sealDerived(d.model, h, credentialKey[:], key, nil, &d.sc)
	if err != nil {
		return err
	}
	d.pending = append(d.pending, record{key, bare})
	if len(d.pending) < groupCommands {
		return nil
	}
	return d.flush()
}

func (d *dropping) flush() error {
	err := d.store.commitRecords(d.pending)
	d.done += int64(len(d.pending))
	d.pending = nil
	d.progress(d.done)
	return err
}

// further looks at the templates of every model but the first: each opens, holds together, and is of a model that there is.
func (c *inspection) further(m moment) error {
	models := *c.store.models.Load()
	if len(models) == 1 {
		return nil
	}
	sc := scratch{window: new(keyfile.Window)}
	row := make([]int8, zhenni.MaxDim)
	defer clear(row)
	return c.store.carried(m, 0, zhenni.Slots-1, func(met *carried) error {
		if met.damaged || met.Status == zhenni.StatusErased {
			return nil // told by the walk of the first
		}
		for number := 1; number < len(models); number++ {
			if number < len(met.values) && len(met.values[number]) > 0 {
				c.furtherTemplate(met, &models[number], row, &sc)
			}
		}
		return inTime(c.ctx)
	})
}

func (c *inspection) furtherTemplate(met *carried, model *storedModel, row []int8, sc *scratch) {
	row = row[:model.Dim]
	norm, err := c.store.openFurther(c.ring, met.status, model, model.templateKey(nil, met.ID), met.values[model.Number], row, sc)
	switch {
	case errors.Is(err, errNoTemplate):
	case err != nil && c.pardoned && c.hasNoKey(met.ID): // counted with the first
	case err != nil:
		c.add("template", met.ID.String())
	default:
		c.report.Further++
		if sum, symmetric := sumSquares(row); !symmetric || sum != norm {
			c.add("template unsound", met.ID.String())
		}
	}
}
