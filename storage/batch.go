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
	// models are the store's, swapped for a clone by a command that changes them.
	models modelList
	// due is what the batch makes of the ends of validity, by slot.
	due map[zhenni.Slot]int64
}

func newBatch(s *Store, reached water, keys keyState) *batch {
	return &batch{
		store: s, txn: s.begin(true), water: reached, keyChanges: keyChanges{keys: keys},
		ring: *s.ring.Load(), parties: *s.parties.Load(), partyIndex: *s.partyIndex.Load(),
		models: *s.models.Load(), turned: map[uint16]tally{}, digest: s.digest,
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
	case zhenni.RenewPIN:
		return b.renewPIN(c)
	case zhenni.BindPepper:
		return zhenni.Credential{}, b.bindCheck(appendPepperKey(nil, c.Version), c.Check)
	case zhenni.BindIdentityRoot:
		return zhenni.Credential{}, b.bindCheck(identityKey, c.Check)
	case zhenni.PutTemplate:
		return b.putTemplate(c)
	case zhenni.PutRelyingParty, zhenni.RemoveRelyingParty, zhenni.StopRelyingParty, zhenni.LiftRelyingParty, zhenni.PutModel, zhenni.RetireModel:
		return zhenni.Credential{}, b.applyToStore(cmd)
	}
	return zhenni.Credential{}, fmt.Errorf("%w: command %T is unknown", zhenni.ErrBadValue, cmd)
}

// applyToStore applies a command that is about no credential.
func (b *batch) applyToStore(cmd zhenni.Command) error {
	switch c := cmd.(type) {
	case zhenni.PutRelyingParty:
		return b.putParty(c.Party)
	case zhenni.RemoveRelyingParty:
		return b.removeParty(c.ID)
	case zhenni.StopRelyingParty:
		return b.stopParty(c)
	case zhenni.LiftRelyingParty:
		return b.liftParty(c.ID)
	case zhenni.PutModel:
		return b.putModel(c)
	case zhenni.RetireModel:
		return b.retireModel(c)
	}
	return fmt.Errorf("%w: command %T is unknown", zhenni.ErrBadValue, cmd)
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
	model, err := b.modelOf(c.Model)
	if err != nil {
		return zhenni.Credential{}, err
	}
	norm, err := checkEnrol(c, &model.Model)
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
	credential, records, err := b.store.sealFirst(by, c, model, norm, b.keys.places, &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	b.keep(&b.sc.slot)
	b.put(records...)
	b.put(issued...)
	b.water.credentials++
	return credential, nil
}

// modelOf returns the model of an id that templates are taken of.
func (b *batch) modelOf(id string) (*storedModel, error) {
	m, err := b.models.named(id)
	if err != nil {
		return nil, fmt.Errorf("%w: a template of model %q, of which the store has none", zhenni.ErrBadValue, id)
	}
	return m, nil
}

// checkEnrol holds an enrolment against its model and returns Σq² of its row.
func checkEnrol(c zhenni.Enrol, model *zhenni.Model) (norm int32, err error) {
	switch {
	case c.Tenant == 0:
		return 0, fmt.Errorf("%w: tenant 0 is no tenant", zhenni.ErrBadValue)
	case !knownLevel(c.Level):
		return 0, fmt.Errorf("%w: %s", zhenni.ErrBadValue, c.Level)
	case c.Model != model.ID:
		return 0, fmt.Errorf("%w: a template of model %q, the store's is %q", zhenni.ErrBadValue, c.Model, model.ID)
	}
	if norm, err = checkRow(c.Row, model); err != nil {
		return 0, err
	}
	return norm, checkIssue(c)
}

// checkRow holds a row against its model and returns its Σq².
func checkRow(row []int8, model *zhenni.Model) (norm int32, err error) {
	norm, symmetric := sumSquares(row)
	switch {
	case len(row) != model.Dim:
		return 0, fmt.Errorf("%w: row of %d elements, model %s has %d", zhenni.ErrBadProbe, len(row), model.ID, model.Dim)
	case !symmetric || norm < 1:
		return 0, fmt.Errorf("%w: a row that is zero or leaves [-127, 127]", zhenni.ErrBadProbe)
	}
	return norm, nil
}

// sealEnrolment returns the first records of a credential: status, then template, the order of their keys. The key of the
// template is left in sc.slot, for its place in the key file.
func (s *Store) sealEnrolment(
	by *tenantKey, c zhenni.Enrol, norm int32, place uint64, sc *scratch,
) (zhenni.Credential, [2]record, error) {
	st := s.firstStatus(c, place)
	key := appendTemplateKey(make([]byte, 0, templateKeySize), c.ID, s.label.Model.Factor)
	sc.body = appendTemplate(sc.body[:0], c.Row, norm)
	value, err := s.vault.sealKeyed(by, header{tenant: c.Tenant, generation: st.template, place: place}, key, sc.body, sc)
	defer clear(sc.recordKey[:])
	if err == nil {
		st.sealed, err = s.vault.sealPersonOf(sc.recordKey[:], st, sc)
	}
	if err != nil {
		return zhenni.Credential{}, [2]record{}, err
	}
	first, err := s.sealStatus(by, st, sc)
	return st.Credential, [2]record{first, {key, value}}, err
}

// firstStatus is the status of a credential whose key lies at a place.
func (s *Store) firstStatus(c zhenni.Enrol, place uint64) status {
	at := normalTime(c.At)
	st := status{
		Credential: zhenni.Credential{
			ID: c.ID, Tenant: c.Tenant, Level: c.Level, Status: zhenni.StatusActive,
			Generation: 1, EnrolledAt: at, ChangedAt: at,
		},
		template: 1,
	}
	if !c.Subject.IsZero() {
		return s.issuedStatus(st, c, place)
	}
	return st
}

func (s *Store) sealStatus(by *tenantKey, st status, sc *scratch) (record, error) {
	if st.form == lifeSealed && !st.Subject.IsZero() && st.sealed == (sealedPerson{}) {
		return record{}, errors.New("storage: a status that would lose its person")
	}
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
