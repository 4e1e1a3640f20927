package storage

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// record is one key of the view with its value.
type record struct{ key, value []byte }

// batch is the commands of one commit, each seeing what those before it did. Nothing is visible before the commit.
type batch struct {
	store *Store
	txn   reading
	sc    scratch
	water water
	keyChanges
	// records is what the commands wrote, in order; txn shows it to the commands after them and is never committed.
	records []record
	// turned is what the records add to the tallies, by place.
	turned map[uint16]tally
	digest digester
	dirty  bool
	// err is what spoils the whole batch.
	err error

	// ring, and parties with their index, are the store's until a command changes them, then clones.
	ring        keyring
	parties     map[string]party
	partyIndex  partyIndex
	ownRing     bool
	ownsParties bool
	// due is what the batch makes of the ends of validity, by slot.
	due map[zhenni.Slot]int64
}

func newBatch(s *Store, reached water, keys keyState) *batch {
	return &batch{
		store: s, txn: s.begin(true), water: reached, keyChanges: keyChanges{keys: keys},
		ring: *s.ring.Load(), parties: *s.parties.Load(), partyIndex: *s.partyIndex.Load(), turned: map[uint16]tally{}, digest: s.digest,
		due: map[zhenni.Slot]int64{},
	}
}

func (b *batch) discard() { b.txn.Discard() }

func (b *batch) run(cmds []zhenni.Command) []zhenni.Result {
	results := make([]zhenni.Result, len(cmds))
	for i, cmd := range cmds {
		results[i].Credential, results[i].Err = b.apply(cmd)
	}
	return results
}

func (b *batch) apply(cmd zhenni.Command) (zhenni.Credential, error) {
	switch c := cmd.(type) {
	case zhenni.Enrol:
		return b.enrol(c)
	case zhenni.ChangeStatus:
		return b.changeStatus(c)
	case zhenni.Erase:
		return b.eraseWithPIN(c)
	case zhenni.SetPIN:
		return b.setPIN(c)
	case zhenni.CountPIN:
		return b.countPIN(c)
	case zhenni.MoveDevice, zhenni.LockFactors, zhenni.ReportLoss, zhenni.Renew, zhenni.Expire:
		return b.live(cmd)
	case zhenni.ResetAttempts:
		return b.resetAttempts(c)
	case zhenni.BindIdentityRoot:
		return zhenni.Credential{}, b.bindIdentityRoot(c.Check)
	case zhenni.PutRelyingParty:
		return zhenni.Credential{}, b.putParty(c.Party)
	case zhenni.RemoveRelyingParty:
		return zhenni.Credential{}, b.removeParty(c.ID)
	}
	return zhenni.Credential{}, fmt.Errorf("%w: command %T is unknown", zhenni.ErrBadValue, cmd)
}

// put stages records. A command seals all its records before it puts the first, so a command that fails leaves nothing,
// or the key of a new tenant for the next command to use.
func (b *batch) put(records ...record) {
	for _, r := range records {
		if err := errors.Join(b.turn(r), translate(b.txn.over.Set(r.key, r.value))); err != nil {
			b.err = errors.Join(b.err, err)
		}
	}
	b.records = append(b.records, records...)
	b.dirty = true
}

// turn tallies a record in the place of the one it replaces. Whoever puts a credential's record has had its slot agreed.
func (b *batch) turn(r record) error {
	place, t, err := b.store.turn(b.txn, &b.digest, r)
	sum := b.turned[uint16(place)]
	sum.add(t)
	b.turned[uint16(place)] = sum
	return err
}

// turn returns what a record adds to the tally of its place when it replaces the one that txn has.
func (s *Store) turn(txn reading, d *digester, r record) (place int, t tally, err error) {
	place, t = d.one(r.key, r.value)
	if t.records == 0 {
		return place, t, nil
	}
	item, err := txn.Get(r.key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return place, t, nil
	}
	if err != nil {
		return place, t, translate(err)
	}
	err = item.Value(func(old []byte) error {
		_, before := d.one(r.key, old)
		t.subtract(before)
		return nil
	})
	return place, t, translate(err)
}

// turns lists what the batch adds to the tallies.
func (b *batch) turns() []placed {
	var all []placed
	for _, place := range slices.Sorted(maps.Keys(b.turned)) {
		if b.turned[place] != (tally{}) {
			all = append(all, placed{place, b.turned[place]})
		}
	}
	return all
}

// seal ends the batch with its high-water record.
func (b *batch) seal() error {
	b.water.sequence++
	if err := b.sealKeyState(); err != nil {
		return err
	}
	value, err := b.store.vault.seal(b.store.keys.system, 0, 0, waterKey, b.water.appendBody(nil), &b.sc)
	if err != nil {
		return err
	}
	b.put(record{waterKey, value})
	return b.err
}

func (b *batch) enrol(c zhenni.Enrol) (zhenni.Credential, error) {
	norm, err := b.store.checkEnrol(c)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if err := b.store.agree(c.ID.Slot()); err != nil {
		return zhenni.Credential{}, err
	}
	switch _, err := b.txn.Get(appendStatusKey(b.sc.key[:0], c.ID)); {
	case err == nil:
		return b.repeated(c)
	case !errors.Is(err, badger.ErrKeyNotFound):
		return zhenni.Credential{}, translate(err)
	}
	issued, err := b.issue(c)
	if err != nil {
		return zhenni.Credential{}, err
	}
	by, err := b.tenantKey(c.Tenant)
	if err != nil {
		return zhenni.Credential{}, err
	}
	credential, records, err := b.store.sealEnrolment(by, c, norm, b.keys.places, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	b.keep(&b.sc.slot)
	b.put(records[:]...)
	b.put(issued...)
	b.water.credentials++
	return credential, nil
}

// checkEnrol holds an enrolment against the model and returns Σq² of its row.
func (s *Store) checkEnrol(c zhenni.Enrol) (norm int32, err error) {
	model := s.label.Model
	norm, symmetric := sumSquares(c.Row)
	switch {
	case c.Tenant == 0:
		return 0, fmt.Errorf("%w: tenant 0 is no tenant", zhenni.ErrBadValue)
	case !knownLevel(c.Level):
		return 0, fmt.Errorf("%w: %s", zhenni.ErrBadValue, c.Level)
	case c.Model != model.ID:
		return 0, fmt.Errorf("%w: a template of model %q, the store's is %q", zhenni.ErrBadValue, c.Model, model.ID)
	case len(c.Row) != model.Dim:
		return 0, fmt.Errorf("%w: row of %d elements, model %s has %d", zhenni.ErrBadProbe, len(c.Row), model.ID, model.Dim)
	case !symmetric || norm < 1:
		return 0, fmt.Errorf("%w: a row that is zero or leaves [-127, 127]", zhenni.ErrBadProbe)
	}
	return norm, checkIssue(c)
}

// sealEnrolment returns the first records of a credential: status, then template, the order of their keys. The key of the
// template is left in sc.slot, for its place in the key file.
func (s *Store) sealEnrolment(
	by *tenantKey, c zhenni.Enrol, norm int32, place uint64, sc *scratch,
) (zhenni.Credential, [2]record, error) {
	at := normalTime(c.At)
	st := status{
		Credential: zhenni.Credential{
			ID: c.ID, Tenant: c.Tenant, Level: c.Level, Status: zhenni.StatusActive,
			Generation: 1, EnrolledAt: at, ChangedAt: at,
		},
		template: 1,
	}
	if !c.Subject.IsZero() {
		st = s.issuedStatus(st, c, place)
	}
	first, err := s.sealStatus(by, st, sc)
	if err != nil {
		return zhenni.Credential{}, [2]record{}, err
	}
	key := appendTemplateKey(make([]byte, 0, templateKeySize), c.ID, s.label.Model.Factor)
	sc.body = appendTemplate(sc.body[:0], c.Row, norm)
	value, err := s.vault.sealKeyed(by, header{tenant: c.Tenant, generation: st.template, place: place}, key, sc.body, sc)
	return st.Credential, [2]record{first, {key, value}}, err
}

func (s *Store) sealStatus(by *tenantKey, st status, sc *scratch) (record, error) {
	key := appendStatusKey(make([]byte, 0, statusKeySize), st.ID)
	sc.body = st.appendBody(sc.body[:0])
	value, err := s.vault.seal(by, st.Tenant, st.Generation, key, sc.body, sc)
	return record{key, value}, err
}

// normalTime is t as it reads back: UTC, without a monotonic reading.
func normalTime(t time.Time) time.Time { return t.UTC().Round(0) }

func (b *batch) changeStatus(c zhenni.ChangeStatus) (zhenni.Credential, error) {
	if !knownStatus(c.To) || c.To == zhenni.StatusErased {
		return zhenni.Credential{}, fmt.Errorf("%w: %s", zhenni.ErrBadValue, c.To)
	}
	return b.turnStatus(c.ID, c.Tenant, func(now zhenni.Credential) (zhenni.Credential, error) {
		if now.Status == c.To {
			return now, nil
		}
		return now.WithStatus(c.To, normalTime(c.At))
	})
}

// tenantKey returns the key of a tenant, a new one for a tenant that has none. A key that is stored and does not open
// is never replaced: its records would be lost for good.
func (b *batch) tenantKey(tenant zhenni.TenantID) (*tenantKey, error) {
	by, ok := b.ring[tenant]
	if ok && by == nil {
		return nil, fmt.Errorf("%w: the key of tenant %d does not open", zhenni.ErrCorrupt, tenant)
	}
	if ok {
		return by, nil
	}
	by, r, err := b.store.newTenantKey(tenant, 1)
	if err != nil {
		return nil, err
	}
	if !b.ownRing {
		b.ring, b.ownRing = maps.Clone(b.ring), true
	}
	b.ring[tenant] = by
	b.put(r)
	return by, nil
}

func (b *batch) putParty(p zhenni.RelyingParty) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if err := b.partyIndex.free(p); err != nil {
		return err
	}
	return b.writeParty(party{RelyingParty: ownParty(p)})
}

func (b *batch) removeParty(id string) error {
	p, ok := b.parties[id]
	if !ok || p.removed {
		return fmt.Errorf("%w: relying party %q", zhenni.ErrNotFound, id)
	}
	p.removed = true
	return b.writeParty(p)
}

// writeParty stages the next version of a relying party.
func (b *batch) writeParty(p party) error {
	p.version = b.parties[p.ID].version + 1
	key := appendPartyKey(nil, p.ID)
	value, err := b.store.vault.seal(b.store.keys.system, 0, p.version, key, p.appendBody(nil), &b.sc)
	if err != nil {
		return err
	}
	if !b.ownsParties {
		b.parties, b.partyIndex, b.ownsParties = maps.Clone(b.parties), b.partyIndex.clone(), true
	}
	b.partyIndex.remove(b.parties[p.ID])
	b.partyIndex.add(p)
	b.parties[p.ID] = p
	b.put(record{key, value})
	return nil
}
