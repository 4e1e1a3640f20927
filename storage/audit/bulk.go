package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
	"zhenni/simd"
)

// packItems is the number of commitments in one leaf of a batch's tree. Eight to a leaf take 1.9 blocks of SHA-256 an
// item, one to a leaf four, for 128 bytes more of proof: seven commitments, three nodes fewer. Where the blocks of many
// items share vectors (package simd) either is cheap; where they do not, half the blocks are half the time of a batch.
const packItems = 8

// commitBatch is the number of openings made and hashed at a time: they and their salts stay in the first-level cache.
const commitBatch = 256

// Tree is the small tree of a bulk batch: RFC 6962 over packs of eight commitments in order, the last pack shorter. Its
// buffers are used again by the next Build. It belongs to one goroutine. The zero value is ready.
type Tree struct {
	salts       cipher.Block
	commitments []tlog.Hash
	levels      [][]tlog.Hash // levels[0] are the leaves; those above the root are empty
	// scratch of hashItems
	openings [commitBatch * openingSize]byte
	stream   [commitBatch * saltSize]byte
}

// BatchKey is the secret of a batch's salts: 32 random bytes, new for each batch. The salt of item i is AES-256 of i
// under the key, so one item's salt tells nothing of another's, and the key alone opens all items again.
type BatchKey [32]byte

// Build makes the tree over the items of a batch: credential ids[i] with outcome outcomes[i]. The root is the Hash of
// the batch's leaf, len(ids) its Number. Nothing is allocated for an item once the buffers are large enough.
// No items, more than [zhenni.MaxBatchItems] or unequal lengths are [zhenni.ErrBadValue].
func (t *Tree) Build(
	key *BatchKey, context Context, ids []zhenni.CredentialID, outcomes []zhenni.Outcome,
) (root tlog.Hash, err error) {
	if len(ids) < 1 || len(ids) > zhenni.MaxBatchItems || len(outcomes) != len(ids) {
		return tlog.Hash{}, badValue("%d items and %d outcomes, want 1–%d of both", len(ids), len(outcomes), zhenni.MaxBatchItems)
	}
	if t.salts, err = aes.NewCipher(key[:]); err != nil {
		return tlog.Hash{}, err
	}
	t.reserve(len(ids))
	t.hashItems(context, ids, outcomes)
	return t.hashLevels(), nil
}

func (t *Tree) reserve(items int) {
	t.commitments = resized(t.commitments, items)
	for level, n := 0, (items+packItems-1)/packItems; ; level, n = level+1, (n+1)/2 {
		if level == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		t.levels[level] = resized(t.levels[level], n)
		if n == 1 {
			for above := level + 1; above < len(t.levels); above++ {
				t.levels[above] = t.levels[above][:0]
			}
			return
		}
	}
}

// resized returns n hashes of any value, those of hashes where they are enough.
func resized(hashes []tlog.Hash, n int) []tlog.Hash {
	if cap(hashes) < n {
		return make([]tlog.Hash, n)
	}
	return hashes[:n]
}

// hashItems makes the commitment of every item and, while they are in the cache, the packs.
func (t *Tree) hashItems(context Context, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) {
	o := Opening{Kind: KindBatch, Context: context}
	for i := range min(len(ids), commitBatch) {
		o.put((*[openingSize]byte)(t.openings[i*openingSize:]))
	}
	var zero [saltSize]byte
	salts := cipher.NewCTR(t.salts, zero[:])
	for from := 0; from < len(ids); from += commitBatch {
		part := t.commitments[from:min(from+commitBatch, len(ids))] // whole packs, but for the last
		stream := t.stream[:len(part)*saltSize]
		clear(stream)
		salts.XORKeyStream(stream, stream)
		for i := range part {
			b := (*[openingSize]byte)(t.openings[i*openingSize:])
			*(*[saltSize]byte)(b[saltAt:]) = [saltSize]byte(stream[i*saltSize:])
			*(*zhenni.CredentialID)(b[credentialAt:]) = ids[from+i]
			b[codeAt] = byte(outcomes[from+i])
		}
		simd.SumMany(part, t.openings[:], openingSize, openingSize)
		hashPacks(t.levels[0][from/packItems:], part)
	}
}

// hashPacks makes leaves of commitments: RFC 6962 hashes a leaf behind a 0.
func hashPacks(leaves, commitments []tlog.Hash) {
	whole := len(commitments) / packItems
	simd.SumTuples(leaves[:whole], 0, commitments, packItems)
	if rest := commitments[whole*packItems:]; len(rest) > 0 {
		simd.SumTuples(leaves[whole:whole+1], 0, rest, len(rest))
	}
}

// hashLevels pairs the nodes of each level; a last one without a partner moves up as it is, which is RFC 6962's split.
func (t *Tree) hashLevels() tlog.Hash {
	level := t.levels[0]
	for next := 1; len(level) > 1; next++ {
		above := t.levels[next]
		simd.SumTuples(above[:len(level)/2], 1, level, 2)
		if len(level)%2 == 1 {
			above[len(level)/2] = level[len(level)-1]
		}
		level = above
	}
	return level[0]
}

// Salt returns the salt of item i, which its opening needs.
func (t *Tree) Salt(i int) (salt [saltSize]byte) {
	binary.BigEndian.PutUint64(salt[8:], uint64(i))
	t.salts.Encrypt(salt[:], salt[:])
	return salt
}

// ItemProof proves that one item is in a batch. Of the other items it holds commitments only.
type ItemProof struct {
	// Item is the place of the item, from 0.
	Item int `json:"item"`
	// Pack is the commitments of the item's pack, its own among them: 1 to 8.
	Pack []tlog.Hash `json:"pack"`
	// Path leads from the pack to the root.
	Path tlog.RecordProof `json:"path"`
}

// Prove returns the proof of item i of the batch built last. An i that is no item is [zhenni.ErrBadValue].
func (t *Tree) Prove(i int) (ItemProof, error) {
	if i < 0 || i >= len(t.commitments) {
		return ItemProof{}, badValue("item %d of %d", i, len(t.commitments))
	}
	n := i / packItems
	last := min((n+1)*packItems, len(t.commitments))
	p := ItemProof{Item: i, Pack: slices.Clone(t.commitments[n*packItems : last])}
	for _, level := range t.levels {
		if beside := n ^ 1; beside < len(level) {
			p.Path = append(p.Path, level[beside])
		}
		n /= 2
	}
	return p, nil
}

// Check reports whether the opening is the item that p proves to be in the batch of the leaf: [zhenni.ErrCorrupt]
// where it is not. That the leaf is in the log is for [tlog.CheckRecord] to say.
func (p ItemProof) Check(leaf Leaf, o Opening) error {
	if leaf.Kind != KindBatch || o.Kind != KindBatch || p.Item < 0 || uint64(p.Item) >= leaf.Number {
		return corrupt("item %d is not of this batch", p.Item)
	}
	pack := p.Item / packItems
	if len(p.Pack) != min(packItems, int(leaf.Number)-pack*packItems) {
		return corrupt("a pack of %d commitments", len(p.Pack))
	}
	if p.Pack[p.Item%packItems] != o.Commitment() {
		return corrupt("the opening is not of item %d", p.Item)
	}
	var record []byte
	for _, commitment := range p.Pack {
		record = append(record, commitment[:]...)
	}
	packs := (int64(leaf.Number) + packItems - 1) / packItems
	if err := tlog.CheckRecord(p.Path, packs, leaf.Hash, int64(pack), tlog.RecordHash(record)); err != nil {
		return corrupt("%v", err)
	}
	return nil
}
