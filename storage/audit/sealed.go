package audit

import (
	"slices"

	"zhenni"
)

// itemSize is what the sealed opening of a batch holds of each item: credential [16] | outcome u8.
const itemSize = 17

// SealBatch seals what opens every item of a batch: key, context and the items. It is bound to the batch's leaf. Only
// the log's owner opens it, to hand each party its own [Opening] and [ItemProof].
func SealBatch(
	by Sealer, leaf Leaf, key *BatchKey, context Context, ids []zhenni.CredentialID, outcomes []zhenni.Outcome,
) ([]byte, error) {
	if uint64(len(ids)) != leaf.Number || len(outcomes) != len(ids) || leaf.Kind != KindBatch {
		return nil, badValue("%d items for a leaf of %d", len(ids), leaf.Number)
	}
	plain := AppendBatch(make([]byte, 0, len(key)+contextSize+len(ids)*itemSize), key, context, ids, outcomes)
	defer clear(plain)
	return by.Seal(plain, leaf.Append(nil))
}

// AppendBatch appends what [SealBatch] seals to dst: 52 bytes, and 17 for each of ids, which has an outcome.
func AppendBatch(dst []byte, key *BatchKey, context Context, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) []byte {
	dst = append(append(dst, key[:]...), context[:]...)
	n := len(dst)
	dst = slices.Grow(dst, len(ids)*itemSize)[:n+len(ids)*itemSize]
	for i, items := 0, dst[n:]; i < len(ids); i, items = i+1, items[itemSize:] {
		*(*zhenni.CredentialID)(items) = ids[i]
		items[itemSize-1] = byte(outcomes[i])
	}
	return dst
}

// OpenItem opens a sealed batch and returns the opening of item i with its proof. t serves as working memory. A batch
// that is not of this leaf is [zhenni.ErrCorrupt], an i that is no item [zhenni.ErrBadValue].
func OpenItem(by Sealer, leaf Leaf, sealed []byte, t *Tree, i int) (Opening, ItemProof, error) {
	plain, err := by.Open(sealed, leaf.Append(nil))
	if err != nil {
		return Opening{}, ItemProof{}, err
	}
	defer clear(plain)
	const head = len(BatchKey{}) + contextSize
	if leaf.Kind != KindBatch || leaf.Number > zhenni.MaxBatchItems || len(plain) != head+int(leaf.Number)*itemSize {
		return Opening{}, ItemProof{}, corrupt("not the opening of this batch")
	}
	key, context := BatchKey(plain[:32]), Context(plain[32:head])
	ids, outcomes := make([]zhenni.CredentialID, leaf.Number), make([]zhenni.Outcome, leaf.Number)
	for n := range ids {
		item := plain[head+n*itemSize:][:itemSize]
		ids[n], outcomes[n] = zhenni.CredentialID(item[:16]), zhenni.Outcome(item[16])
	}
	root, err := t.Build(&key, context, ids, outcomes)
	if err != nil {
		return Opening{}, ItemProof{}, err
	}
	if root != leaf.Hash {
		return Opening{}, ItemProof{}, corrupt("not the opening of this batch")
	}
	proof, err := t.Prove(i)
	if err != nil {
		return Opening{}, ItemProof{}, err
	}
	o := Opening{Kind: KindBatch, Salt: t.Salt(i), Credential: ids[i], Code: uint8(outcomes[i]), Context: context}
	return o, proof, nil
}
