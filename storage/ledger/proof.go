package ledger

import (
	"bytes"
	"fmt"

	"zhenni"
	"zhenni/storage/audit"
)

// Proof is what shows a party that its verification is in the audit log.
type Proof struct {
	// Index is the place of Leaf in the log. [audit.Log.ProveInclusion] leads from it to a checkpoint.
	Index int64
	Leaf  audit.Leaf
	// Opening is what the leaf, or the item of a batch, hides.
	Opening audit.Opening
	// Item leads from the opening to the leaf of a batch. It is nil for a single verification.
	Item *audit.ItemProof
}

// Proof proves item number item, from 0, of a transaction of the party. A transaction that is unknown, evicted or of
// another party is [zhenni.ErrNotFound], as is an item that it does not have; one whose leaf is in no checkpoint yet
// [zhenni.ErrUnavailable]; a record that is damaged, or whose leaf is not the one in the log, [zhenni.ErrCorrupt].
func (l *Ledger) Proof(party, transaction string, item int) (Proof, error) {
	p, ok := l.settledPlace(party, transaction)
	if !ok {
		return Proof{}, fmt.Errorf("%w: ledger: no such transaction", zhenni.ErrNotFound)
	}
	o, err := l.open(p, party, transaction)
	if err != nil {
		return Proof{}, notFound(err)
	}
	if p.index() >= l.opts.Log.Size() {
		return Proof{}, unavailable("the leaf is in no checkpoint yet")
	}
	entry, err := l.opts.Log.Entry(p.index())
	if err != nil {
		return Proof{}, err
	}
	leaf, err := audit.ParseLeaf(entry)
	if err != nil {
		return Proof{}, err
	}
	if leaf.Hash != o.leaf {
		return Proof{}, corrupt("leaf %d is of another transaction", p.index())
	}
	return o.prove(p.index(), leaf, item)
}

func (l *Ledger) settledPlace(party, transaction string) (place, bool) {
	if !zhenni.ValidName(party) || !zhenni.ValidName(transaction) {
		return place{}, false
	}
	k := l.secrets.keyOf(party, transaction)
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.answers.find(place{key: k})
	return p, ok && l.fresh(p.seconds)
}

// notFound is how an answer that went away meanwhile is told.
func notFound(err error) error {
	if err == zhenni.ErrEvicted {
		return fmt.Errorf("%w: ledger: %w", zhenni.ErrNotFound, err)
	}
	return err
}

func (o *opened) prove(index int64, leaf audit.Leaf, item int) (Proof, error) {
	proof := Proof{Index: index, Leaf: leaf}
	if item < 0 || item >= max(1, int(leaf.Number)) {
		return Proof{}, fmt.Errorf("%w: ledger: no item %d", zhenni.ErrNotFound, item)
	}
	var err error
	if o.kind == kindSingle {
		proof.Opening, err = audit.OpenSealed(unsealed{}, leaf, o.rest)
		return proof, err
	}
	var tree audit.Tree
	var path audit.ItemProof
	proof.Opening, path, err = audit.OpenItem(unsealed{}, leaf, o.rest, &tree, item)
	proof.Item = &path
	return proof, err
}

// unsealed is the [audit.Sealer] of what was opened already: the record was bound to its leaf's hash.
type unsealed struct{}

func (unsealed) Seal(plain, _ []byte) ([]byte, error)  { return bytes.Clone(plain), nil }
func (unsealed) Open(sealed, _ []byte) ([]byte, error) { return bytes.Clone(sealed), nil }
