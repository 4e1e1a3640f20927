package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
	"zhenni/storage/commandlog"
)

// Store is the system of record. Its methods may be called from several goroutines.
type Store struct {
	opts  Options
	label label
	keys  storeKeys
	vault vault
	lock  *os.File
	db    *badger.DB
	// base is what lies under db, nil where nothing does. Both change only while nobody reads.
	base *base
	// lostView says that db was closed and could not be opened again.
	lostView bool

	// log is the truth and machine what makes the view of it; both are nil in a read-only store.
	log     *commandlog.Log
	machine *machine
	// adopted says that the view was written before there was a log.
	adopted bool
	// aside is the number of the damaged view that this Open moved aside, 0 for none.
	aside      int
	truncation truncation
	opened     time.Time
	// found is the commit that Open found.
	found uint64
	// ending ends with Close, and with it whatever else works for long.
	ending context.Context
	end    context.CancelFunc

	agreement agreement
	changes   slotChanges
	scrub     scrub
	cold      coldTier
	// digest is copied by whoever tallies.
	digest digester

	// gate is read-locked by every call for as long as it uses db or the queue; phase changes under its write lock.
	gate  sync.RWMutex
	phase phase

	committer committer
	// lost is what the mark says above what the view holds, found by a read-only Open.
	lost *water
	// tablesLost says that an orphan holds what the view has not, found by a read-only Open.
	tablesLost bool

	// keysBehind says that the key file is an older one, found by a read-only Open.
	keysBehind bool
	// hook, in tests, is called between the steps of long work.
	hook func()

	ring        atomic.Pointer[keyring]
	parties     atomic.Pointer[map[string]party]
	partyIndex  atomic.Pointer[partyIndex] // of parties
	models      atomic.Pointer[modelList]
	credentials atomic.Int64
	due         dueIndex
	scratch     sync.Pool
}

// phase is what a Store may be used for.
type phase uint8

const (
	phaseOpen phase = iota
	phaseImporting
	phaseLost
	phaseClosed
)

// err is why a call is refused.
func (p phase) err() error {
	switch p {
	case phaseOpen:
		return nil
	case phaseImporting:
		return errImporting
	case phaseLost:
		return errLost
	}
	return errClosed
}

var (
	errImporting = fmt.Errorf("%w: an import is under way", zhenni.ErrUnavailable)
	errLost      = fmt.Errorf("%w: the view could not be opened again after an import that failed; open the store again", zhenni.ErrUnavailable)
	errClosed    = fmt.Errorf("%w: the store is closed", zhenni.ErrUnavailable)
)

// Open opens the store in opts.Dir, creating one where there is none, and starts its committer; Close ends it.
// It removes what a half-done import left. Tables of more than 256 MiB together are read, for their checksums, once the
// store is open ([Store.Scrubbed]), or before that where the process died while it read them.
//
// Errors: [zhenni.ErrBadValue] for options out of range and for a store of another model; [zhenni.ErrLocked] while
// another process has the store open; [zhenni.ErrWrongKey] when the root key does not open it; [zhenni.ErrFormat] for
// a format of another build; [zhenni.ErrCorrupt] when a file was changed, or when the view has lost acknowledged changes;
// for ReadOnly, [zhenni.ErrNotFound] where there is no store, and [zhenni.ErrUnavailable] for one that was not closed in
// order, which a writing Open puts right.
func Open(opts Options) (*Store, error) {
	s, err := open(opts)
	if errors.Is(err, errRestDiffers) && !opts.ReadOnly {
		s, err = open(opts) // the view is marked by now, and made again
	}
	return s, opts.advise(err)
}

func open(opts Options) (_ *Store, err error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	s := &Store{opts: opts.withDefaults()}
	s.opened = s.opts.now()
	s.ending, s.end = context.WithCancel(context.Background())
	s.scratch.New = func() any { return new(scratch) }
	s.cold.reads.New = func() any { return new(oneRead) }
	s.cold.counts.New = func() any { return new([]uint64) }
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if err := s.openFolder(); err != nil {
		return nil, err
	}
	if err := s.openState(); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.label.Format < format && !s.opts.ReadOnly {
		return s.upgrade()
	}
	for _, step := range []func() error{s.settleRecord, s.takeOver, s.unmark, s.settleKeys, s.settleCold} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	s.committer.start(s)
	if err := s.startScrub(); err != nil {
		return nil, err
	}
	if s.machine != nil && (s.adopted || s.machine.imported != 0) {
		s.snapshotImport() // the log has what only the view holds
	}
	return s, nil
}

// openState opens the view and, unless the store is read-only, brings it up to the end of the log.
func (s *Store) openState() (err error) {
	if err := s.openBase(); err != nil {
		return err
	}
	if s.opts.VerifyOnly {
		return s.openInMemory()
	}
	if s.opts.ReadOnly {
		if s.db, err = openBadger(s.opts, s.verifyFirst()); err != nil {
			return err
		}
		return errors.Join(s.settleOrphans(), s.readTallies())
	}
	if err := s.openLog(); err != nil {
		return err
	}
	for _, step := range []func() error{s.loadGenerations, s.openView, s.openCold, s.replay, s.settleImport} {
		if err := step(); err != nil {
			return err
		}
	}
	s.machine.changed = s.machine.changed || s.machine.imported != 0
	s.beginTruncation()
	s.dropQuarantines()
	return nil
}

// openFolder locks the folder and reads its header and its mark.
func (s *Store) openFolder() (err error) {
	dir, readOnly := s.opts.Dir, s.opts.ReadOnly
	if !readOnly {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	if s.lock, err = lockDir(dir, readOnly); err != nil {
		return err
	}
	if _, err := os.Stat(s.path(restoreFile)); err == nil && !s.opts.restoring {
		return fmt.Errorf("%w: a restore into %s was left half done; run it again", zhenni.ErrUnavailable, dir)
	}
	if s.label, s.keys, err = openLabel(s.opts); err != nil {
		return err
	}
	if _, err := os.Stat(s.path(importFile)); err == nil && readOnly && !s.opts.VerifyOnly {
		return fmt.Errorf("%w: an import was left half done; open the store for writing once", zhenni.ErrUnavailable)
	}
	if err := s.finishUpgrade(); err != nil {
		return err
	}
	s.vault = vault{model: s.label.Model.ID, entropy: s.opts.Entropy}
	if err := s.openKeys(); err != nil {
		return err
	}
	if s.digest, err = newDigester(s.keys, s.label.Model.Factor); err != nil {
		return err
	}
	s.committer.mark, s.committer.marked, err = openMark(dir, s.keys.mark, readOnly)
	return err
}

// release gives back what Open took, in any state of it.
func (s *Store) release() error {
	var errs []error
	if s.log != nil {
		if err := s.log.Close(); err != nil {
			return err // what still applies entries needs everything else
		}
		if s.db != nil && !s.lostView {
			errs = append(errs, s.machine.settle())
		}
	}
	if tier := s.cold.tier.Swap(nil); tier != nil {
		errs = append(errs, tier.Close())
	}
	if s.db != nil {
		errs = append(errs, translate(s.db.Close()))
	}
	errs = append(errs, s.base.close())
	if s.vault.keys != nil {
		errs = append(errs, s.vault.keys.Close())
	}
	if s.committer.mark != nil {
		errs = append(errs, s.committer.mark.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Close refuses further calls, waits for those under way, the queued changes included, and closes the store.
// A second Close does nothing. During an import it is refused: [zhenni.ErrUnavailable].
func (s *Store) Close() error {
	if already, err := s.leave(); already || err != nil {
		return err
	}
	s.scrub.end()
	s.committer.stop()
	s.truncation.running.Wait()
	return s.release()
}

// leave makes the store closed once no call is under way.
func (s *Store) leave() (already bool, err error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.phase == phaseImporting {
		return false, errImporting
	}
	s.end()
	already = s.phase == phaseClosed
	s.phase = phaseClosed
	return already, nil
}

// enter admits a call while the store is open: [zhenni.ErrUnavailable]. The caller leaves with s.gate.RUnlock.
func (s *Store) enter() error {
	s.gate.RLock()
	if err := s.phase.err(); err != nil {
		s.gate.RUnlock()
		return err
	}
	return nil
}

// Model returns the model whose templates the store holds.
func (s *Store) Model() zhenni.Model { return s.label.Model }

// Count returns the number of credentials, of any status.
func (s *Store) Count() int64 { return s.credentials.Load() }

// Size returns the bytes that the store's files take on disk now.
func (s *Store) Size() int64 { return diskBytes(s.opts.Dir) }

// Credential returns the record of id: [zhenni.ErrNotFound], [zhenni.ErrCorrupt]. What is known of its person, subject, name
// tag, region and device, is absent where the key of the template is destroyed or damaged. The first read of a slot walks it,
// see [Store.Reference]. Of a record that does not open nothing is returned but the tenant that its front names, unproven.
func (s *Store) Credential(id zhenni.CredentialID) (zhenni.Credential, error) {
	if err := s.enter(); err != nil {
		return zhenni.Credential{}, err
	}
	defer s.gate.RUnlock()
	if err := s.agree(id.Slot()); err != nil {
		return zhenni.Credential{}, err
	}
	return settled(func() (zhenni.Credential, bool, error) { return s.credential(id) })
}

// credential is one look at a credential.
func (s *Store) credential(id zhenni.CredentialID) (c zhenni.Credential, shut bool, err error) {
	txn := s.begin(false)
	defer txn.Discard()
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	ring := *s.ring.Load()
	st, err := s.status(txn, ring, id, sc)
	if err != nil {
		return zhenni.Credential{Tenant: st.Tenant}, false, err
	}
	return s.whole(ring, st, nil, sc)
}

// Reference opens the current record of id: status and template as of one moment. Row has the model's dimension and
// receives the template; the returned Reference.Row is row. Any status is returned but erased, which is
// [zhenni.ErrNotFound] like an id that is not there. Other errors: [zhenni.ErrCorrupt] for a record that fails its seal or
// belongs to another generation, and for every one of a slot whose records are not those that the log made; row then
// holds nothing of use. The first read of a slot since Open walks all of it to know, about a millisecond where ten
// million credentials are stored. What a cold tier has is read from there.
func (s *Store) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	if err := s.enter(); err != nil {
		return zhenni.Reference{}, err
	}
	defer s.gate.RUnlock()
	if !s.serves(0) {
		return zhenni.Reference{}, errNoTemplate
	}
	if r, ok := s.coldReference(id, row); ok {
		return r, nil
	}
	return s.viewReference(id, row)
}

// viewReference is Reference from the view.
func (s *Store) viewReference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	return settledReference(func() (zhenni.Reference, error) { return s.lookReference(id, row) })
}

// lookReference is one look at a reference in the view.
func (s *Store) lookReference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	if len(row) != s.label.Model.Dim {
		return zhenni.Reference{}, fmt.Errorf("%w: row of %d elements, want %d", zhenni.ErrBadValue, len(row), s.label.Model.Dim)
	}
	if err := s.agree(id.Slot()); err != nil {
		return zhenni.Reference{}, err
	}
	txn := s.begin(false)
	defer txn.Discard()
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	return s.openReference(txn, *s.ring.Load(), id, row, sc)
}

// openReference opens status and template of id as of a transaction.
func (s *Store) openReference(
	txn reading, ring keyring, id zhenni.CredentialID, row []int8, sc *scratch,
) (zhenni.Reference, error) {
	st, err := s.status(txn, ring, id, sc)
	if err != nil {
		return zhenni.Reference{}, err
	}
	if st.Status == zhenni.StatusErased {
		return zhenni.Reference{}, errErased
	}
	sc.key = appendTemplateKey(sc.key[:0], id, s.label.Model.Factor)
	if err := get(txn, sc); err != nil {
		return zhenni.Reference{}, missingIsCorrupt(err)
	}
	norm, err := s.openTemplate(ring, st, sc.value, row, sc)
	return st.reference(row, norm, s.label.Model.Factor), err
}

// reference joins a status with its template. A norm of 0, a template that did not open, gives no reference.
func (s status) reference(row []int8, norm int32, factor zhenni.Factor) zhenni.Reference {
	if norm == 0 {
		return zhenni.Reference{}
	}
	r := zhenni.Reference{ID: s.ID, Tenant: s.Tenant, Status: s.Status, Generation: s.Generation, Level: s.Level, Row: row, Norm: norm}
	if !s.ValidUntil.IsZero() {
		r.ValidUntil = s.ValidUntil.Unix()
	}
	r.Locked = s.Locked.Has(factor)
	return r
}

// get copies the value at sc.key to sc.value.
func get(txn reading, sc *scratch) error {
	item, err := txn.Get(sc.key)
	if err != nil {
		return translate(err)
	}
	sc.value, err = item.ValueCopy(sc.value)
	return translate(err)
}

// missingIsCorrupt is for a record that another one says is there.
func missingIsCorrupt(err error) error {
	if errors.Is(err, zhenni.ErrNotFound) {
		return fmt.Errorf("%w: a credential has no template", zhenni.ErrCorrupt)
	}
	return err
}

// status reads and opens the status record of id.
func (s *Store) status(txn reading, ring keyring, id zhenni.CredentialID, sc *scratch) (status, error) {
	sc.key = appendStatusKey(sc.key[:0], id)
	if err := get(txn, sc); err != nil {
		return status{}, err
	}
	return s.openStatus(ring, id, sc.key, sc.value, sc)
}

func (s *Store) openStatus(ring keyring, id zhenni.CredentialID, key, value []byte, sc *scratch) (status, error) {
	h, body, err := s.vault.open(ring, key, value, sc)
	if err != nil {
		return status{Credential: zhenni.Credential{Tenant: h.tenant}}, err
	}
	return decodeStatus(id, h, body)
}

// openTemplate opens the template stored at sc.key into row. It must be the one that st names: same tenant, and the
// generation that st says its template has, so an older template put back does not pass. [errNoTemplate] where the credential
// has templates of other models alone.
func (s *Store) openTemplate(ring keyring, st status, value []byte, row []int8, sc *scratch) (norm int32, err error) {
	if isDerived(value) {
		first := storedModel{StoredModel: zhenni.StoredModel{Model: s.label.Model}}
		return s.openFurther(ring, st, &first, sc.key, value, row, sc)
	}
	h, body, err := s.vault.open(ring, sc.key, value, sc)
	if err != nil {
		return 0, err
	}
	if h.tenant != st.Tenant || h.generation != st.template {
		return 0, fmt.Errorf("%w: a template of generation %d, the status names %d", zhenni.ErrCorrupt, h.generation, st.template)
	}
	return decodeTemplate(row, body)
}

// RelyingParty returns the relying party of that id, whose slices are not to be changed. It reads a snapshot in memory: a
// change acknowledged before the
// call is seen.
func (s *Store) RelyingParty(id string) (zhenni.RelyingParty, bool) {
	p, ok := (*s.parties.Load())[id]
	if !ok || p.removed {
		return zhenni.RelyingParty{}, false
	}
	return p.RelyingParty, true
}

// RelyingParties returns every relying party in ascending order of id, with the slices of [Store.RelyingParty].
func (s *Store) RelyingParties() []zhenni.RelyingParty {
	var all []zhenni.RelyingParty
	for _, p := range *s.parties.Load() {
		if !p.removed {
			all = append(all, p.RelyingParty)
		}
	}
	slices.SortFunc(all, func(a, b zhenni.RelyingParty) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// path names a file of the store.
func (s *Store) path(name string) string { return filepath.Join(s.opts.Dir, name) }
