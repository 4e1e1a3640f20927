package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sort"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"

	"zhenni"
)

// tables are the tables of a base in order of key: one level of Badger's, without the rest of it. A database opened for
// reading would write all the same, to a file of its own beside them, and a base is read where no disk can be written. They
// are immutable and safe for concurrent use. A block that fails its checksum is absent, as in Badger.
type tables []*table.Table

// openTables opens the tables of those names: [zhenni.ErrCorrupt].
func openTables(dir string, names []string) (all tables, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, all.close())
		}
	}()
	for _, name := range names {
		opened, err := openTable(filepath.Join(dir, name), options.OnBlockRead)
		if err != nil {
			return all, err
		}
		all = append(all, opened)
	}
	sort.Slice(all, func(i, j int) bool { return y.CompareKeys(all[i].Smallest(), all[j].Smallest()) < 0 })
	for i := 1; i < len(all); i++ {
		if y.CompareKeys(all[i-1].Biggest(), all[i].Smallest()) >= 0 {
			return all, fmt.Errorf("%w: two tables of the folder %s hold the same keys", zhenni.ErrCorrupt, baseDir)
		}
	}
	return all, nil
}

func (t tables) close() (err error) {
	for _, opened := range t {
		err = errors.Join(err, opened.Close(-1))
	}
	return err
}

// newest is the internal key before that of every version of a record.
func newest(key []byte) []byte { return y.KeyWithTs(key, math.MaxUint64) }

// Get returns a copy of the record at key: [badger.ErrKeyNotFound].
func (t tables) Get(key []byte) (item, error) {
	at := newest(key)
	i := sort.Search(len(t), func(i int) bool { return y.CompareKeys(t[i].Biggest(), at) >= 0 })
	if i == len(t) || t[i].DoesNotHave(y.Hash(key)) {
		return nil, badger.ErrKeyNotFound
	}
	it := t[i].NewIterator(0)
	defer it.Close()
	if it.Seek(at); !it.Valid() || !y.SameKey(at, it.Key()) {
		return nil, badger.ErrKeyNotFound
	}
	return &tableItem{bytes.Clone(y.ParseKey(it.Key())), bytes.Clone(it.Value().Value)}, nil
}

// tableItem is a record of a table.
type tableItem struct{ key, value []byte }

func (r *tableItem) Key() []byte                          { return r.key }
func (r *tableItem) Value(visit func([]byte) error) error { return visit(r.value) }
func (r *tableItem) ValueCopy(dst []byte) ([]byte, error) { return append(dst[:0], r.value...), nil }

// tableCursor walks tables in order of key, under a prefix.
type tableCursor struct {
	it     *table.ConcatIterator
	prefix []byte
	item   tableItem // reused
}

func (t tables) newCursor(prefix []byte) *tableCursor {
	return &tableCursor{it: table.NewConcatIterator(t, 0), prefix: prefix}
}

func (c *tableCursor) Seek(key []byte) { c.it.Seek(newest(key)) }
func (c *tableCursor) Rewind()         { c.Seek(c.prefix) }
func (c *tableCursor) Next()           { c.it.Next() }

func (c *tableCursor) Valid() bool {
	return c.it.Valid() && bytes.HasPrefix(y.ParseKey(c.it.Key()), c.prefix)
}

func (c *tableCursor) Item() item {
	c.item.key, c.item.value = y.ParseKey(c.it.Key()), c.it.Value().Value
	return &c.item
}

// Close ends the cursor. The tables stay open: it gives back what it took of their counts.
func (c *tableCursor) Close() { _ = c.it.Close() }
