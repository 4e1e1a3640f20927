package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// packItems is the number of commitments in one leaf of a batch's tree. Eight to a leaf take 1.9 blocks of SHA-256 an
// item, one to a leaf four, for 224 bytes more of proof.
const packItems = 8

const (
	packSize  = 1 + packItems*tlog.HashSize // the 0 that RFC 6962 puts before a leaf, then the commitments
	saltBatch = 256                         // salts made at a time: they stay in the first-level cache
)

// Tree is the small tree of a bulk batch: RFC 6962 over packs of eight commitments in order, the last pack shorter. Its
// buffers are used again by the next Build. It belongs to one goroutine. The zero value is ready.
type Tree struct {
	items   int
	context Context
	salts   cipher.Block
	packs   []byte        // packSize each
	levels  [][]tlog.Hash // levels[0] are the leaves; those above the root are empty
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
	t.items, t.context = len(ids), context
	t.reserve((len(ids) + packItems - 1) / packItems)
	t.commit(ids, outcomes)
	t.hashPacks()
	return t.hashLevels(), nil
}

func (t *Tree) reserve(packs int) {
	if cap(t.packs) < packs*packSize {
		t.packs = make([]byte, packs*packSize)
	}
	t.packs = t.packs[:packs*packSize]
	for level, n := 0, packs; ; level, n = level+1, (n+1)/2 {
		if level == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		if cap(t.levels[level]) < n {
			t.levels[level] = make([]tlog.Hash, n)
		}
		t.levels[level] = t.levels[level][:n]
		if n == 1 {
			for above := level + 1; above < len(t.levels); above++ {
				t.levels[above] = t.levels[above][:0]
			}
			return
		}
	}
}

// commit writes the commitment of every item to its place in its pack.
func (t *Tree) commit(ids []zhenni.CredentialID, outcomes []zhenni.Outcome) {
	var salts [saltBatch * saltSize]byte
	var block [openingSize]byte
	o := Opening{Kind: KindBatch, Context: t.context}
	o.put(&block)
	var counter [saltSize]byte
	for i := range ids {
		at := i % saltBatch * saltSize
		if at == 0 {
			clear(salts[:])
			binary.BigEndian.PutUint64(counter[8:], uint64(i))
			cipher.NewCTR(t.salts, counter[:]).XORKeyStream(salts[:], salts[:])
		}
		copy(block[1:17], salts[at:])
		copy(block[17:33], ids[i][:])
		block[33] = byte(outcomes[i])
		sum := sha256.Sum256(block[:])
		copy(t.packs[commitmentAt(i):], sum[:])
	}
}

func commitmentAt(item int) int {
	return item/packItems*packSize + 1 + item%packItems*tlog.HashSize
}

// pack returns pack i as RFC 6962 hashes it.
func (t *Tree) pack(i int) []byte {
	last := min(packItems, t.items-i*packItems)
	return t.packs[i*packSize : i*packSize+1+last*tlog.HashSize]
}

func (t *Tree) hashPacks() {
	for i := range t.levels[0] {
		t.levels[0][i] = sha256.Sum256(t.pack(i))
	}
}

// hashLevels pairs the nodes of each level; a last one without a partner moves up as it is, which is RFC 6962's split.
func (t *Tree) hashLevels() tlog.Hash {
	level := t.levels[0]
	for next := 1; len(level) > 1; next++ {
		above := t.levels[next]
		for i := range len(level) / 2 {
			above[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
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
	if i < 0 || i >= t.items {
		return ItemProof{}, badValue("item %d of %d", i, t.items)
	}
	p := ItemProof{Item: i}
	for pack := t.pack(i / packItems)[1:]; len(pack) > 0; pack = pack[tlog.HashSize:] {
		p.Pack = append(p.Pack, tlog.Hash(pack))
	}
	n := i / packItems
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
