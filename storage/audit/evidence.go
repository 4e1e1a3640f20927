package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// Evidence shows whoever has the public key of a log that one event is in it: a verification, an item of a batch, or a
// change of state. It is for the parties of the event alone, since it opens the commitment.
type Evidence struct {
	// Index is the place of Leaf, an encoded entry.
	Index int64  `json:"index"`
	Leaf  []byte `json:"leaf"`
	// Opening is the block that the commitment is the SHA-256 of.
	Opening []byte `json:"opening"`
	// Item leads from the opening to the leaf of a batch; nil for anything else.
	Item *ItemProof `json:"item,omitempty"`
	// Inclusion leads from the leaf to the root of Checkpoint.
	Inclusion  tlog.RecordProof `json:"inclusion"`
	Checkpoint string           `json:"checkpoint"`
	// Context is what the context of the opening is the digest of, where that is known.
	Context *Facts `json:"context,omitempty"`
}

// Facts are what a whole request shares, in the order of [NewContext].
type Facts struct {
	Tenant      zhenni.TenantID `json:"tenant"`
	Party       string          `json:"party"`
	Transaction string          `json:"transaction"`
	Profile     string          `json:"profile"`
}

// Context returns the digest of the facts.
func (f Facts) Context() Context { return NewContext(f.Tenant, f.Party, f.Transaction, f.Profile) }

// Evidence proves a leaf, which an opening and for an item its proof belong to, under the newest checkpoint:
// [zhenni.ErrUnavailable] where no checkpoint has it yet.
func (l *Log) Evidence(index int64, leaf Leaf, o Opening, item *ItemProof) (Evidence, error) {
	s := l.published.Load()
	if index >= s.tree.N {
		return Evidence{}, unavailable("no checkpoint has entry %d yet", index)
	}
	inclusion, err := l.ProveInclusion(index, s.tree.N)
	if err != nil {
		return Evidence{}, err
	}
	var block [openingSize]byte
	o.put(&block)
	e := Evidence{
		Index: index, Leaf: leaf.Append(nil), Opening: block[:], Item: item, Checkpoint: string(s.signed),
		Inclusion: append(tlog.RecordProof{}, inclusion...), // an array in JSON, also of none
	}
	if item != nil {
		e.Item = &ItemProof{Item: item.Item, Pack: item.Pack, Path: append(tlog.RecordProof{}, item.Path...)}
	}
	return e, nil
}

// Check holds the evidence against the keys that must have signed its checkpoint, the log's first, and returns what it
// shows. Anything that does not fit is [zhenni.ErrCorrupt]. It needs nothing else.
func (e *Evidence) Check(origin string, keys ...note.Verifier) (Leaf, Opening, tlog.Tree, error) {
	fail := func(err error) (Leaf, Opening, tlog.Tree, error) { return Leaf{}, Opening{}, tlog.Tree{}, err }
	if len(keys) == 0 {
		return fail(badValue("evidence is checked by the key of its log"))
	}
	tree, err := ReadCheckpoint([]byte(e.Checkpoint), origin, keys...)
	if err != nil {
		return fail(err)
	}
	if e.Index < 0 || e.Index >= tree.N {
		return fail(corrupt("entry %d of %d", e.Index, tree.N))
	}
	if err := tlog.CheckRecord(e.Inclusion, tree.N, tree.Hash, e.Index, tlog.RecordHash(e.Leaf)); err != nil {
		return fail(corrupt("the leaf is not entry %d of the log: %v", e.Index, err))
	}
	leaf, err := ParseLeaf(e.Leaf)
	if err != nil {
		return fail(err)
	}
	o, err := parseOpening(e.Opening)
	if err != nil {
		return fail(err)
	}
	if err := e.checkOpening(leaf, o); err != nil {
		return fail(err)
	}
	return leaf, o, tree, nil
}

// checkOpening holds the opening against the leaf, and the facts against the opening.
func (e *Evidence) checkOpening(leaf Leaf, o Opening) error {
	if e.Context != nil && e.Context.Context() != o.Context {
		return corrupt("the facts are not those of the opening")
	}
	if leaf.Kind == KindBatch {
		if e.Item == nil {
			return corrupt("an opening of no item of the batch")
		}
		return e.Item.Check(leaf, o)
	}
	if e.Item != nil || o.Kind != leaf.Kind || o.Commitment() != leaf.Hash {
		return fmt.Errorf("%w: audit: the opening is not of this leaf", zhenni.ErrCorrupt)
	}
	return nil
}
