package storage

import (
	"bytes"
	"errors"

	"github.com/dgraph-io/badger/v4"
)

// A view is one layer or two: what Badger writes, and in a store on a base, under it, what an import wrote once and
// nobody writes again. A record of the upper layer hides the one of its key below. No record is ever deleted, so nothing
// need hide one without taking its place.

// reading is the view at one moment, with what its own transaction has written. It is used by one goroutine.
type reading struct {
	over *badger.Txn
	base tables // nil without a base
}

// item is a record, its key and value valid until whoever returned it is used again.
type item interface {
	Key() []byte
	Value(visit func(value []byte) error) error
	ValueCopy(dst []byte) ([]byte, error)
}

// begin starts a reading, which may write to the upper layer where update is set. The caller discards it.
func (s *Store) begin(update bool) reading {
	r := reading{over: s.db.NewTransaction(update)}
	if s.base != nil {
		r.base = s.base.tables
	}
	return r
}

// look passes a reading to visit.
func (s *Store) look(visit func(reading) error) error {
	r := s.begin(false)
	defer r.Discard()
	return visit(r)
}

// Discard ends the reading.
func (r reading) Discard() { r.over.Discard() }

// Get returns the record at key: [badger.ErrKeyNotFound].
func (r reading) Get(key []byte) (item, error) {
	found, err := r.over.Get(key)
	if r.base == nil || !errors.Is(err, badger.ErrKeyNotFound) {
		return found, err
	}
	return r.base.Get(key)
}

// upper is the reading without its base.
func (r reading) upper() reading { return reading{over: r.over} }

// cursor walks a reading in order of key, as [badger.Iterator] does a transaction.
type cursor struct {
	over   *badger.Iterator
	base   *tableCursor // nil without one
	atBase bool         // whose record is next
}

// NewIterator returns a cursor, which its user closes before the reading is discarded.
func (r reading) NewIterator(options badger.IteratorOptions) *cursor {
	c := &cursor{over: r.over.NewIterator(options)}
	if r.base != nil {
		c.base = r.base.newCursor(options.Prefix)
	}
	return c
}

// settle chooses the layer whose record is next, and passes over one that is hidden.
func (c *cursor) settle() {
	c.atBase = false
	if c.base == nil || !c.base.Valid() {
		return
	}
	if !c.over.Valid() {
		c.atBase = true
		return
	}
	switch order := bytes.Compare(c.base.Item().Key(), c.over.Item().Key()); {
	case order < 0:
		c.atBase = true
	case order == 0:
		c.base.Next()
	}
}

// Seek goes to the first record at key or behind it.
func (c *cursor) Seek(key []byte) {
	c.over.Seek(key)
	if c.base != nil {
		c.base.Seek(key)
	}
	c.settle()
}

// Rewind goes to the first record.
func (c *cursor) Rewind() {
	c.over.Rewind()
	if c.base != nil {
		c.base.Rewind()
	}
	c.settle()
}

// Next goes on by one record.
func (c *cursor) Next() {
	if c.atBase {
		c.base.Next()
	} else {
		c.over.Next()
	}
	c.settle()
}

// Valid reports whether there is a record.
func (c *cursor) Valid() bool { return c.atBase || c.over.Valid() }

// Item returns the record, valid until the cursor moves.
func (c *cursor) Item() item {
	if c.atBase {
		return c.base.Item()
	}
	return c.over.Item()
}

// Close ends the cursor.
func (c *cursor) Close() {
	c.over.Close()
	if c.base != nil {
		c.base.Close()
	}
}
