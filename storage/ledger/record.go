package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zhenni"
	"zhenni/storage/audit"
)

// The layout of what is sealed, drawn in the package doc.
const (
	plainHead   = 18 // digest [16] | length u16
	openingSize = 54
	batchHead   = 52 // key [32] | context [20]
	itemSize    = 17 // credential [16] | outcome u8
)

// scratch is what it takes to prepare one record. It belongs to one Settle at a time.
type scratch struct {
	tree   audit.Tree
	record []byte // header, then what is sealed in place
	bound  []byte // associated data
	nonce  [12]byte
}

// prepare seals the record of a decision into the scratch and returns its leaf.
func (l *Ledger) prepare(s *scratch, k key, r zhenni.Request, d zhenni.Decision) (leaf audit.Leaf, err error) {
	if len(d.Answer) > zhenni.MaxStoredAnswer || len(d.Attempts) > len(d.IDs) || len(d.IDs) != len(d.Outcomes) ||
		slices.Contains(d.Outcomes, zhenni.Pending) != d.Change || !d.Batch && len(d.IDs) != 1 || d.Change && d.Batch {
		return leaf, fmt.Errorf("%w: ledger: a decision on %d items, %d outcomes, %d counts, %d bytes of answer",
			zhenni.ErrBadValue, len(d.IDs), len(d.Outcomes), len(d.Attempts), len(d.Answer))
	}
	s.record = append(s.record[:0], make([]byte, recordHeader)...)
	s.record = append(s.record, r.Digest[:]...)
	s.record = binary.BigEndian.AppendUint16(s.record, uint16(len(d.Answer)))
	s.record = append(s.record, d.Answer...)
	context := audit.NewContext(d.Tenant, r.Party, r.Transaction, d.Profile)
	if d.Batch {
		leaf, err = s.batch(context, d)
	} else {
		leaf, err = s.single(context, d)
	}
	if err != nil {
		return leaf, err
	}
	h := record{
		length: len(s.record) + sealOverhead + countsSize(len(d.Attempts)), kind: kindSingle, named: r.Named, millis: d.At.UnixMilli(),
		nonce: l.nonce.Add(1), key: k, leaf: leaf.Hash, counts: len(d.Attempts),
	}
	if d.Batch {
		h.kind = kindBatch
	}
	if d.Leaf != nil {
		*d.Leaf = leaf.Hash
	}
	h.put(s.record)
	s.bound = bind(s.bound[:0], s.record, r.Party, r.Transaction)
	binary.BigEndian.PutUint64(s.nonce[4:], h.nonce)
	s.record = l.aead.Seal(s.record[:recordHeader], s.nonce[:], s.record[recordHeader:], s.bound)
	s.sealCounts(l.aead, d.Attempts)
	return leaf, nil
}

// bind appends the associated data of a record.
func bind(dst, header []byte, party, transaction string) []byte {
	dst = append(dst, header[:recordHeader]...)
	dst = append(dst, party...)
	dst = append(dst, 0)
	return append(dst, transaction...)
}

// single adds the opening of a single verification to the record.
func (s *scratch) single(context audit.Context, d zhenni.Decision) (audit.Leaf, error) {
	o := audit.Opening{Kind: audit.KindVerification, Credential: d.IDs[0], Code: uint8(d.Outcomes[0]), Context: context}
	if _, err := rand.Read(o.Salt[:]); err != nil {
		return audit.Leaf{}, unavailable("no salt: %w", err)
	}
	s.record = o.Append(s.record)
	return audit.Leaf{Kind: audit.KindVerification, At: d.At, Hash: o.Commitment()}, nil
}

// batch adds what opens the items of a batch to the record.
func (s *scratch) batch(context audit.Context, d zhenni.Decision) (leaf audit.Leaf, err error) {
	var key audit.BatchKey
	if _, err := rand.Read(key[:]); err != nil {
		return leaf, unavailable("no key: %w", err)
	}
	leaf = audit.Leaf{Kind: audit.KindBatch, At: d.At, Number: uint64(len(d.IDs))}
	if leaf.Hash, err = s.tree.Build(&key, context, d.IDs, d.Outcomes); err != nil {
		return leaf, err
	}
	s.record = slices.Grow(s.record, batchHead+itemSize*len(d.IDs)+sealOverhead)
	s.record = audit.AppendBatch(s.record, &key, context, d.IDs, d.Outcomes)
	return leaf, nil
}

// opened is a record that was read back.
type opened struct {
	record
	digest [16]byte
	answer []byte
	rest   []byte // the opening
}

// open reads and opens the record at a place. It is [zhenni.ErrEvicted] where its segment was dropped meanwhile,
// [zhenni.ErrCorrupt] where it is not as it was written, [zhenni.ErrUnavailable] where the disk fails.
func (l *Ledger) open(p place, party, transaction string) (opened, error) {
	name := filepath.Join(l.opts.Dir, numbered(segmentDir, p.segment))
	o, err := l.read(name, p, party, transaction)
	if errors.Is(err, zhenni.ErrCorrupt) {
		if _, gone := os.Lstat(name); errors.Is(gone, fs.ErrNotExist) {
			return o, zhenni.ErrEvicted // and used again while it was read
		}
	}
	return o, err
}

func (l *Ledger) read(name string, p place, party, transaction string) (o opened, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return o, zhenni.ErrEvicted
	}
	if err != nil {
		return o, unavailable("%w", err)
	}
	defer f.Close()
	header, b := make([]byte, segmentHeader), make([]byte, p.length)
	_, err = f.ReadAt(header, 0)
	if _, more := f.ReadAt(b, int64(p.offset)); err == nil {
		err = more
	}
	if errors.Is(err, io.EOF) {
		return o, corrupt("a segment was cut")
	}
	if err != nil {
		return o, unavailable("%w", err)
	}
	salt, err := segmentSalt(header, p.segment)
	if err != nil {
		return o, err
	}
	return l.unseal(salt, b, p.key, party, transaction)
}

// unseal opens the record that fills b.
func (l *Ledger) unseal(salt, b []byte, k key, party, transaction string) (o opened, err error) {
	var ok bool
	if o.record, ok = readRecord(b); !ok || o.length != len(b) || o.key != k {
		return o, corrupt("not the record of this transaction")
	}
	aead, err := l.secrets.aead(salt)
	if err != nil {
		return o, err
	}
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], o.nonce)
	plain, err := aead.Open(nil, nonce[:], b[recordHeader:o.answerEnd()], bind(nil, b, party, transaction))
	if err != nil || len(plain) < plainHead {
		return o, corrupt("the record of a transaction does not open")
	}
	n := int(binary.BigEndian.Uint16(plain[16:]))
	if o.kind != kindSingle && o.kind != kindBatch || len(plain) < plainHead+n {
		return o, corrupt("the record of a transaction is of no known form")
	}
	o.digest, o.answer, o.rest = [16]byte(plain), plain[plainHead:plainHead+n], plain[plainHead+n:]
	if o.kind == kindSingle && len(o.rest) != openingSize || o.kind == kindBatch && (len(o.rest)-batchHead)%itemSize != 0 {
		return o, corrupt("the record of a transaction is of no known form")
	}
	return o, nil
}

// replay returns the stored answer of a named request.
func (l *Ledger) replay(p place, r zhenni.Request) (*zhenni.Answered, error) {
	o, err := l.open(p, r.Party, r.Transaction)
	if err != nil {
		return nil, err
	}
	if !o.named || o.digest != r.Digest {
		return nil, zhenni.ErrReused
	}
	return &zhenni.Answered{At: time.UnixMilli(o.millis).UTC(), LogIndex: p.index(), Leaf: o.leaf, Outcomes: o.outcomes(), Answer: o.answer}, nil
}

func (o *opened) outcomes() []zhenni.Outcome {
	if o.kind == kindSingle {
		return []zhenni.Outcome{zhenni.Outcome(o.rest[33])}
	}
	items := o.rest[batchHead:]
	outcomes := make([]zhenni.Outcome, len(items)/itemSize)
	for i := range outcomes {
		outcomes[i] = zhenni.Outcome(items[i*itemSize+itemSize-1])
	}
	return outcomes
}
