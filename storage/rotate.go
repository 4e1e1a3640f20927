package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"zhenni"
)

// step marks a point of long work at which a crash is to be survived.
func (s *Store) step() {
	if s.hook != nil {
		s.hook()
	}
}

// viewScan is scan in a transaction of its own.
func (s *Store) viewScan(prefix []byte, visit func(key, value []byte) error) error {
	return s.look(func(txn reading) error { return scan(txn, prefix, visit) })
}

// commitRecords makes records part of the log and the view, in commits of bounded size. The committer rests.
func (s *Store) commitRecords(records []record) error {
	for part := range slices.Chunk(records, groupCommands) {
		if err := s.commitPart(part); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) commitPart(records []record) error {
	c := &s.committer
	if err := c.ready(); err != nil {
		return err
	}
	for _, r := range records {
		if place := slotOf(r.key); place < zhenni.Slots {
			if err := s.agree(zhenni.Slot(place)); err != nil {
				return err
			}
		}
	}
	b := newBatch(s, c.reached, c.keys)
	defer b.discard()
	b.put(records...)
	if err := b.seal(); err != nil {
		return err
	}
	e := entry{kind: entryChange, sequence: b.water.sequence, records: b.records, turned: b.turns()}
	if err := s.propose(e); err != nil {
		c.failed = err
		return err
	}
	s.truncateWhenDue(e.size())
	c.reached = b.water
	if c.failed = c.mark.write(b.water); c.failed != nil {
		return c.failed
	}
	s.step()
	return nil
}

// snapshotLast takes a snapshot after the one that may be under way. The committer rests.
func (s *Store) snapshotLast() error {
	s.truncation.running.Wait()
	return s.snapshot()
}

// RotateTenant gives a tenant a new key and wraps anew what the key before it wrapped, then drops that key. Nothing else
// is served meanwhile: [zhenni.ErrUnavailable]. It calls progress, when not nil, with the credentials done. When it ends
// early, by ctx or a crash, every record opens as before, and the next call goes on where it ended.
//
// Each slot of the key file is overwritten in place and names its version, so that it opens at every moment. Status
// records are sealed anew in commits of bounded size. A version is dropped once a walk has met no user of it.
//
// Errors: [zhenni.ErrNotFound] for a tenant without a key; [zhenni.ErrCorrupt] where a record does not open, which keeps
// the old version.
func (s *Store) RotateTenant(ctx context.Context, tenant zhenni.TenantID, progress func(done int64)) error {
	if s.opts.ReadOnly {
		return fmt.Errorf("%w: the store is open read-only", zhenni.ErrUnavailable)
	}
	if progress == nil {
		progress = func(int64) {}
	}
	if err := s.seize(); err != nil {
		return err
	}
	defer s.resume()
	r := &rotation{store: s, ctx: ctx, tenant: tenant, progress: progress}
	for _, step := range []func() error{r.begin, r.rewrap, r.confirm, r.finish} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// rotation is one run of RotateTenant.
type rotation struct {
	store    *Store
	ctx      context.Context
	tenant   zhenni.TenantID
	progress func(done int64)

	sc      scratch
	current *tenantKey
	pending []record // status records sealed anew
	done    int64
}

// begin draws the next version, unless an earlier run has left one with records still under the version before.
func (r *rotation) begin() error {
	s := r.store
	ring := *s.ring.Load()
	old := ring[r.tenant]
	switch {
	case old == nil || r.tenant == 0:
		return fmt.Errorf("%w: a key of tenant %d that opens", zhenni.ErrNotFound, r.tenant)
	case old.previous != nil:
		r.current = old
		return nil
	case old.version == math.MaxUint16:
		return fmt.Errorf("%w: tenant %d has used up its key versions", zhenni.ErrUnavailable, r.tenant)
	}
	fresh, rec, err := s.newTenantKey(r.tenant, old.version+1)
	if err != nil {
		return err
	}
	if err := s.advanceEpoch(rec); err != nil {
		return err
	}
	fresh.previous, r.current = old, fresh
	r.swap(fresh)
	return nil
}

// swap makes key the tenant's newest.
func (r *rotation) swap(key *tenantKey) {
	ring := maps.Clone(*r.store.ring.Load())
	ring[r.tenant] = key
	r.store.ring.Store(&ring)
}

// advanceEpoch commits records with the next epoch of the key file, so that a copy from before is known as older.
func (s *Store) advanceEpoch(records ...record) error {
	next := s.committer.keys
	next.epoch++
	state, err := s.sealKeyState(next, new(scratch))
	if err != nil {
		return err
	}
	if err := s.commitRecords(append(records, state)); err != nil {
		return err
	}
	s.committer.keys = next
	return s.vault.keys.SetEpoch(next.epoch)
}

// rewrap walks the tenant's records and brings each under the newest version.
func (r *rotation) rewrap() error {
	err := r.eachRecord(func(h header, key, value []byte) error {
		if h.keyVersion == r.current.version {
			return nil
		}
		if hasPlace(value) {
			return r.rewrapSlot(h, key)
		}
		return r.resealStatus(h, key, value)
	})
	if err != nil {
		return err
	}
	return errors.Join(r.flush(), r.store.vault.keys.Sync())
}

// eachRecord visits the tenant's records that are to open: those of credentials, but erased templates.
func (r *rotation) eachRecord(visit func(h header, key, value []byte) error) error {
	s := r.store
	var gone *zhenni.CredentialID
	return s.viewScan([]byte{prefixCredential}, func(key, value []byte) error {
		id, kind, ok := parseCredentialKey(key, s.label.Model.Factor)
		if !ok || kind == kindTemplate && gone != nil && id == *gone {
			return nil
		}
		if front, err := parseFront(value); err == nil && front.tenant != r.tenant {
			return nil
		}
		h, body, err := s.openEither(*s.ring.Load(), key, value, &r.sc)
		if err != nil {
			return fmt.Errorf("credential %s: %w", id, err)
		}
		if kind == kindStatus {
			st, err := decodeStatus(id, h, body)
			if err != nil {
				return err
			}
			if st.Status == zhenni.StatusErased {
				gone = &id
			}
			if err := r.count(); err != nil {
				return err
			}
		}
		return visit(h, key, value)
	})
}

// openEither opens a status, or a template of number 0 of either version, of which one without a body is empty.
func (s *Store) openEither(ring keyring, key, value []byte, sc *scratch) (header, []byte, error) {
	if !isDerived(value) {
		return s.vault.open(ring, key, value, sc)
	}
	h, err := parseKeyed(value)
	if err != nil {
		return h, nil, err
	}
	if _, _, err := s.vault.unwrap(ring, &h, key, h.keyFront(), sc); err != nil {
		return h, nil, err
	}
	credentialKey := sc.recordKey
	clear(sc.recordKey[:])
	defer clear(credentialKey[:])
	m := storedModel{StoredModel: zhenni.StoredModel{Model: s.label.Model}}
	body, err := openDerived(&m, credentialKey[:], key, value, sc)
	if errors.Is(err, errNoTemplate) {
		err = nil
	}
	return h, body, err
}

// parseFront reads the front of a record of either version.
func parseFront(value []byte) (header, error) {
	if hasPlace(value) {
		return parseKeyed(value)
	}
	return parseHeader(value)
}

func (r *rotation) count() error {
	if r.done%checkStride == 0 {
		r.progress(r.done)
		if err := r.ctx.Err(); err != nil {
			return fmt.Errorf("%w: rotation: %w", zhenni.ErrDeadline, err)
		}
	}
	r.done++
	return nil
}

// rewrapSlot overwrites the slot of a record that has just been opened: what is under it of further models is so too.
func (r *rotation) rewrapSlot(h header, key []byte) error {
	v := &r.store.vault
	_, recordKey, err := v.unwrap(*r.store.ring.Load(), &h, key, h.keyFront(), &r.sc)
	if err != nil {
		return err
	}
	defer clear(recordKey)
	nonce := [nonceSize]byte(r.sc.slot.Payload())
	r.current.wrap(&r.sc.slot, nonce[:], recordKey, r.sc.aad)
	r.store.step()
	return v.keys.Replace(h.place, &r.sc.slot)
}

// resealStatus seals the body that has just been opened under the newest version. What is known of a person in the clear, as
// records of version 2 have it, is sealed on the way.
func (r *rotation) resealStatus(h header, key, _ []byte) error {
	body, err := r.store.sealedBody(h, key, bytes.Clone(r.sc.body))
	if err != nil {
		return err
	}
	value, err := r.store.vault.seal(r.current, h.tenant, h.generation, key, body, &r.sc)
	if err != nil {
		return err
	}
	r.pending = append(r.pending, record{bytes.Clone(key), value})
	if len(r.pending) < groupCommands {
		return nil
	}
	return r.flush()
}

func (r *rotation) flush() error {
	err := r.store.commitRecords(r.pending)
	r.pending = nil
	return err
}

// confirm walks again: no record is under an older version.
func (r *rotation) confirm() error {
	r.done = 0
	return r.eachRecord(func(h header, key, _ []byte) error {
		if h.keyVersion != r.current.version {
			return fmt.Errorf("%w: a record of tenant %d is under key version %d after the rotation", zhenni.ErrCorrupt,
				r.tenant, h.keyVersion)
		}
		return nil
	})
}

// finish retires the older versions and takes a snapshot, so that the log holds them no more.
func (r *rotation) finish() error {
	var retired []record
	for old := r.current.previous; old != nil; old = old.previous {
		retired = append(retired, record{appendTenantKey(nil, r.tenant, old.version), []byte{tenantKeyRetired}})
	}
	if err := r.store.advanceEpoch(retired...); err != nil {
		return err
	}
	last := *r.current
	last.previous = nil
	r.swap(&last)
	return r.store.snapshotLast()
}
