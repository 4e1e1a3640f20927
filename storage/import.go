package storage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/ristretto/v2/z"

	"zhenni"
	"zhenni/storage/keyfile"
)

// importBlock is the number of credentials sealed and written together.
const importBlock = 1024

// entropyBlock is the bytes of entropy drawn at once.
const entropyBlock = 4 << 10

// Streams of the stream writer; their key ranges do not overlap.
const (
	streamCredentials = iota + 1
	streamRest
)

// importVersion is the version Badger gives to what an import writes; later commits are above it.
const importVersion = 1

// ImportOptions configure [Store.NewImport]. The zero value of a field is its default.
type ImportOptions struct {
	// Workers is the number of goroutines that seal. Default: one for each CPU.
	Workers int
	// Base makes what is imported the store's base, for good: snapshots refer to it and do not hold it once more, and its only
	// other copy is the backup. See the package documentation. An older build refuses the store.
	Base bool
}

// Import fills an empty store with millions of credentials through Badger's stream writer. Its methods are called from
// one goroutine. Memory is bounded by a few blocks of credentials for each worker.
type Import struct {
	store  *Store
	writer *badger.StreamWriter
	// ctx ends with the caller's, and with the first failure as its cause.
	ctx  context.Context
	fail context.CancelCauseFunc

	kept []record // what the view held and what tenant keys were added
	ring keyring

	// held tallies the blocks written.
	held *tallies
	// onBase says that the tables become the store's base, closed that the view was closed for it.
	onBase, closed bool
	// logged says that the log may have the import.
	logged bool

	last    zhenni.CredentialID
	count   int64
	keys    keyState
	filling *block
	sealing chan *block // to the workers
	writing chan *block // the same blocks, in order, to the one writer
	workers sync.WaitGroup
	ended   bool
}

// block is consecutive credentials. Whoever received it last owns it; the writer waits for sealed.
type block struct {
	items  []enrolment
	rows   []int8
	first  uint64 // place in the key file of the first item
	slots  []byte // of the key file
	out    *z.Buffer
	held   []placed // what out adds to the tallies, in order of place
	err    error
	sealed chan struct{}
}

type enrolment struct {
	zhenni.Enrol
	norm int32
	by   *tenantKey
}

// NewImport starts an import, which ends with Commit or Abort; until then every other call of the store answers
// [zhenni.ErrUnavailable]. The store must hold no credential ([zhenni.ErrExists]); its relying parties stay. While the
// import lasts, a file marks it as half done: an Open that finds the file puts the store back as it was before.
func (s *Store) NewImport(ctx context.Context, opts ImportOptions) (*Import, error) {
	if s.opts.ReadOnly {
		return nil, fmt.Errorf("%w: the store is open read-only", zhenni.ErrUnavailable)
	}
	if err := s.seize(); err != nil {
		return nil, err
	}
	im, err := s.prepareImport(ctx)
	if err != nil {
		s.resume()
		return nil, err
	}
	workers := opts.Workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	im.onBase = opts.Base
	im.start(workers)
	return im, nil
}

// seize gives the caller the store for itself: calls are refused, those under way end, the committer rests.
func (s *Store) seize() error {
	s.gate.Lock()
	err := s.phase.err()
	if err == nil {
		s.phase = phaseImporting
	}
	s.gate.Unlock()
	if err == nil {
		s.committer.stop()
		s.truncation.running.Wait()
	}
	return err
}

// resume undoes seize.
func (s *Store) resume() {
	s.gate.Lock()
	defer s.gate.Unlock()
	s.committer.start(s)
	if s.phase = phaseOpen; s.lostView {
		s.phase = phaseLost
	}
}

// prepareImport marks the import and empties the view of everything, which the mark file now holds.
func (s *Store) prepareImport(ctx context.Context) (*Import, error) {
	if err := s.committer.ready(); err != nil {
		return nil, err
	}
	if !s.serves(0) {
		return nil, fmt.Errorf("%w: an import is of templates of model %s, which was retired", zhenni.ErrBadValue, s.label.Model.ID)
	}
	if n := s.Count(); n != 0 {
		return nil, fmt.Errorf("%w: an import needs an empty store, this one has %d credentials", zhenni.ErrExists, n)
	}
	kept, err := s.restRecords()
	if err != nil {
		return nil, err
	}
	if err := writeFile(s.path(importFile), appendRecords(nil, kept)); err != nil {
		return nil, s.latchIfMarked(err)
	}
	s.agreement.agreed.clear()
	im := &Import{store: s, kept: kept, ring: *s.ring.Load(), writer: s.db.NewStreamWriter(), keys: s.committer.keys}
	if err := im.writer.Prepare(); err != nil {
		im.writer.Cancel()
		return nil, s.latchIfMarked(errors.Join(translate(err), s.putBack(kept)))
	}
	im.ctx, im.fail = context.WithCancelCause(ctx)
	return im, nil
}

// latchIfMarked stops every later change, because of err, while the file that marks an import is there: the next Open
// puts the store back as it was before, and would lose what was acknowledged since. The committer rests.
func (s *Store) latchIfMarked(err error) error {
	if _, missing := os.Stat(s.path(importFile)); !errors.Is(missing, os.ErrNotExist) {
		s.committer.failed = err
	}
	return err
}

// restRecords returns every record but those of credentials, in order of key.
func (s *Store) restRecords() (kept []record, err error) {
	err = s.look(func(txn reading) error {
		for _, prefix := range []byte{prefixKeyState, prefixIdentity, prefixTenantKey, prefixMeta, prefixParty} {
			err := scan(txn, []byte{prefix}, func(key, value []byte) error {
				kept = append(kept, record{bytes.Clone(key), bytes.Clone(value)})
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return kept, err
}

func (im *Import) start(workers int) {
	im.held = new(tallies)
	im.filling = newBlock()
	im.sealing = make(chan *block, workers)
	im.writing = make(chan *block, 2*workers)
	for range workers {
		im.workers.Go(im.seal)
	}
	im.workers.Go(im.write)
}

func newBlock() *block { return &block{sealed: make(chan struct{})} }

// Add takes one credential; ids ascend strictly ([zhenni.ErrBadValue]). The row is copied. An error about the
// credential itself ([zhenni.ErrBadValue], [zhenni.ErrBadProbe]) leaves the import usable; any other ends it, and Abort
// is what remains.
func (im *Import) Add(c zhenni.Enrol) error {
	if im.ctx.Err() != nil {
		return im.cause()
	}
	if im.count > 0 && bytes.Compare(im.last[:], c.ID[:]) >= 0 {
		return fmt.Errorf("%w: credential %s after %s: ids must ascend", zhenni.ErrBadValue, c.ID, im.last)
	}
	if !c.Subject.IsZero() {
		return fmt.Errorf("%w: an import takes references without a subject; those with one are issued", zhenni.ErrBadValue)
	}
	norm, err := checkEnrol(c, &im.store.label.Model)
	if err != nil {
		return err
	}
	by, err := im.tenantKey(c.Tenant)
	if err != nil {
		return err
	}
	im.last = c.ID
	im.count++
	im.filling.add(enrolment{c, norm, by})
	if len(im.filling.items) < importBlock {
		return nil
	}
	return im.send()
}

func (b *block) add(e enrolment) {
	if b.rows == nil {
		b.rows = make([]int8, 0, importBlock*len(e.Row))
		b.items = make([]enrolment, 0, importBlock)
	}
	from := len(b.rows)
	b.rows = append(b.rows, e.Row...)
	e.Row = b.rows[from:]
	b.items = append(b.items, e)
}

// cause is why the import can not go on.
func (im *Import) cause() error {
	cause := context.Cause(im.ctx)
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: import: %w", zhenni.ErrDeadline, cause)
	}
	return cause
}

// tenantKey is as of [batch.tenantKey]; a new key is written with the commit.
func (im *Import) tenantKey(tenant zhenni.TenantID) (*tenantKey, error) {
	by, ok := im.ring[tenant]
	if ok && by == nil {
		return nil, fmt.Errorf("%w: the key of tenant %d does not open", zhenni.ErrCorrupt, tenant)
	}
	if ok {
		return by, nil
	}
	by, r, err := im.store.newTenantKey(tenant, 1)
	if err != nil {
		return nil, err
	}
	im.ring = maps.Clone(im.ring)
	im.ring[tenant] = by
	im.kept = append(im.kept, r)
	return by, nil
}

// send hands the block being filled to the workers, after a look at the disk.
func (im *Import) send() error {
	b := im.filling
	if len(b.items) == 0 {
		return nil
	}
	if err := im.store.roomLeft(); err != nil {
		im.fail(err)
		return err
	}
	im.filling = newBlock()
	b.first = im.keys.places
	im.keys.places += uint64(len(b.items))
	im.writing <- b
	im.sealing <- b
	return nil
}

func (im *Import) seal() {
	// Records of one block are sealed with entropy drawn at once, in memory that the next block uses again.
	drawn := bufio.NewReaderSize(im.store.opts.Entropy, entropyBlock)
	sc := scratch{entropy: drawn, slab: make([]byte, 0, importBlock*im.store.sealedSize())}
	for b := range im.sealing {
		b.seal(im.store, &sc)
		close(b.sealed)
	}
	clear(sc.slab[:cap(sc.slab)])
	if rest, err := drawn.Peek(drawn.Buffered()); err == nil {
		clear(rest)
	}
}

// sealedSize is the length of a credential's two records.
func (s *Store) sealedSize() int {
	return sealOverhead + keyedOverhead + statusSize + templateHeadSize + s.label.Model.Dim
}

func (b *block) seal(s *Store, sc *scratch) {
	b.out = z.NewBuffer(len(b.items)*(s.sealedSize()+statusKeySize+templateKeySize+2*stageOverhead), "import")
	d := s.digest
	b.slots = make([]byte, 0, len(b.items)*keyfile.SlotSize)
	sc.slab = sc.slab[:0]
	for i, e := range b.items {
		_, records, err := s.sealEnrolment(e.by, e.Enrol, e.norm, b.first+uint64(i), sc)
		if err != nil {
			b.err = err
			return
		}
		b.slots = append(b.slots, sc.slot[:]...)
		for _, r := range records {
			stage(b.out, streamCredentials, r)
			b.count(d.one(r.key, r.value))
		}
	}
}

// count tallies a record; places ascend.
func (b *block) count(place int, t tally) {
	if n := len(b.held); n > 0 && int(b.held[n-1].place) == place {
		b.held[n-1].add(t)
		return
	}
	b.held = append(b.held, placed{uint16(place), t})
}

// stageOverhead is the most that stage adds to a key and a value.
const stageOverhead = 8 + 2*(1+3) + 2*2

// stage appends a record as [badger.StreamWriter] takes it: a pb.KV in its wire form, of fields key = 1, value = 2,
// version = 4 and stream_id = 10. Written out here it costs a quarter of what its reflection does.
func stage(out *z.Buffer, stream uint32, r record) {
	size := fieldSize(len(r.key)) + fieldSize(len(r.value)) + 2*2
	b := out.SliceAllocate(size)[:0]
	b = appendField(appendField(b, 1, r.key), 2, r.value)
	_ = append(b, 4<<3, importVersion, 10<<3, byte(stream))
}

// fieldSize is the length of a field of n bytes with its tag.
func fieldSize(n int) int {
	return 1 + len(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), uint64(n))) + n
}

func appendField(dst []byte, number byte, content []byte) []byte {
	dst = binary.AppendUvarint(append(dst, number<<3|2), uint64(len(content)))
	return append(dst, content...)
}

// write passes sealed blocks to Badger in order. After a failure it only empties the channel.
func (im *Import) write() {
	for b := range im.writing {
		<-b.sealed
		err := b.err
		if err == nil && im.ctx.Err() == nil {
			im.held.add(b.held)
			err = errors.Join(im.store.vault.keys.Write(b.first, b.slots), translate(im.writer.Write(b.out)))
		}
		if err != nil {
			im.fail(err)
		}
		if b.out != nil {
			_ = b.out.Release()
		}
	}
}

// end stops the workers; an import ends once.
func (im *Import) end() error {
	if im.ended {
		return fmt.Errorf("%w: the import has ended", zhenni.ErrUnavailable)
	}
	im.ended = true
	close(im.sealing)
	close(im.writing)
	im.workers.Wait()
	return nil
}

// Commit makes what was added durable and visible, all at once. On any error it has aborted the import. The snapshot from
// which the view can be made again, should it be damaged, is taken afterwards, beside what goes on; Close waits for it, and
// Open takes the one that a crash has prevented.
func (im *Import) Commit() error {
	if im.ended {
		return im.end()
	}
	sent := im.send()
	if err := im.end(); err != nil {
		return err
	}
	if sent == nil && im.ctx.Err() != nil {
		sent = im.cause()
	}
	if sent == nil {
		sent = im.finish()
	}
	if sent != nil {
		return errors.Join(sent, im.undo())
	}
	im.fail(nil)
	im.store.resume()
	return nil
}

// finish writes the rest of the view. The entry in the log is what commits the import: until then the file that marks
// it has the next Open put the view back. The mark follows, so that it is never ahead.
func (im *Import) finish() error {
	s := im.store
	reached := water{s.committer.reached.sequence + 1, im.count}
	var sc scratch
	value, err := s.vault.seal(s.keys.system, 0, 0, waterKey, reached.appendBody(nil), &sc)
	if err != nil {
		return err
	}
	state, err := s.sealKeyState(im.keys, &sc)
	if err != nil {
		return err
	}
	rest := []record{state, {waterKey, value}}
	if err := im.writeRest(rest); err != nil {
		return err
	}
	if err := im.log(rest, reached); err != nil {
		return err
	}
	s.committer.reached, s.committer.keys = reached, im.keys
	s.ring.Store(&im.ring)
	s.credentials.Store(im.count)
	s.committer.failed = s.committer.mark.write(reached)
	return nil
}

// log commits the import. Once the entry was proposed, only the next Open can tell whether the log has it.
func (im *Import) log(rest []record, reached water) error {
	s := im.store
	s.machine.holds = reached.sequence
	e := entry{
		kind: entryImport, sequence: reached.sequence, records: rest,
		credentials: uint64(im.count), turned: im.held.list(),
	}
	im.logged = true
	if err := errors.Join(s.propose(e), s.machine.settle()); err != nil {
		return err
	}
	s.step()
	if err := removeFile(s.path(importFile)); err != nil {
		return err
	}
	s.snapshotImport()
	return nil
}

// writeRest ends the view with the records kept, the new ones in place of the old. A base has none of them: those that
// change are not to be there in an older form, above all a tenant key as an earlier root wrapped it.
func (im *Import) writeRest(fresh []record) error {
	s, d, held := im.store, im.store.digest, *im.held
	rest := slices.DeleteFunc(slices.Clone(im.kept), func(r record) bool {
		return slices.ContainsFunc(fresh, func(f record) bool { return bytes.Equal(r.key, f.key) })
	})
	rest = append(rest, fresh...)
	slices.SortFunc(rest, func(a, b record) int { return bytes.Compare(a.key, b.key) })
	out := z.NewBuffer(1<<20, "import")
	defer func() { _ = out.Release() }()
	im.closed = im.onBase && im.count > 0
	for _, r := range rest {
		if !im.closed {
			stage(out, streamRest, r)
		}
		d.count(im.held, r.key, r.value)
	}
	err := errors.Join(translate(im.writer.Write(out)), translate(im.writer.Flush()), s.vault.keys.Sync())
	if err != nil || !im.closed {
		return err
	}
	return s.makeBase(&held, rest)
}
