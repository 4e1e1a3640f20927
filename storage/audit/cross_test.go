package audit

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"zhenni"
)

// Roots and proofs are those of another implementation of RFC 6962, at every size up to beyond two levels of tiles.
func TestAgreesWithAnotherImplementation(t *testing.T) {
	const size = 66_000
	other := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := other.NewEmptyRange(0)
	var e edge
	for n := range int64(size) {
		leaf := testLeaf(n)
		entry := leaf.Append(nil)
		e.push(entry, func(tlog.Tile, []byte) {})
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(entry), nil); err != nil {
			t.Fatal(err)
		}
		if n > 1030 && n%997 != 0 && n < 65_530 {
			continue
		}
		want, err := tree.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.root(); string(got[:]) != string(want) {
			t.Fatalf("size %d: root %v, want %x", n+1, got, want)
		}
	}
}

func TestProofsConvinceAnotherImplementation(t *testing.T) {
	const size = 1500
	l := openLog(t, testOptions(t, newMemory()))
	fill(t, l, 0, size, 700)
	roots := make([]tlog.Hash, size+1)
	var e edge
	for n := range int64(size) {
		leaf := testLeaf(n)
		e.push(leaf.Append(nil), func(tlog.Tile, []byte) {})
		roots[n+1] = e.root()
	}
	if l.Tree() != e.tree() {
		t.Fatalf("the log is at %v", l.Tree())
	}
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.Int64Range(1, size).Draw(t, "now")
		index := rapid.Int64Range(0, now-1).Draw(t, "index")
		old := rapid.Int64Range(1, now).Draw(t, "old")
		inclusion, err1 := l.ProveInclusion(index, now)
		consistency, err2 := l.ProveConsistency(old, now)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		leaf := testLeaf(index)
		hash := rfc6962.DefaultHasher.HashLeaf(leaf.Append(nil))
		err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(now), hash, slicesOf(inclusion), roots[now][:])
		if err != nil {
			t.Fatalf("entry %d in %d: %v", index, now, err)
		}
		err = proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), uint64(now), slicesOf(consistency), roots[old][:], roots[now][:])
		if err != nil {
			t.Fatalf("%d in %d: %v", old, now, err)
		}
	})
	for _, bad := range [][2]int64{{-1, 5}, {5, 5}, {0, size + 1}} {
		if _, err := l.ProveInclusion(bad[0], bad[1]); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("inclusion of %v: %v", bad, err)
		}
	}
	for _, bad := range [][2]int64{{0, 5}, {6, 5}, {1, size + 1}} {
		if _, err := l.ProveConsistency(bad[0], bad[1]); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("consistency of %v: %v", bad, err)
		}
	}
}

func slicesOf(hashes []tlog.Hash) [][]byte {
	all := make([][]byte, len(hashes))
	for i := range hashes {
		all[i] = hashes[i][:]
	}
	return all
}

// A proof from a damaged tile is refused, not handed out.
//
// FAULTS: S3
func TestDamagedTileYieldsNoProof(t *testing.T) {
	disk := newMemory()
	l := openLog(t, testOptions(t, disk))
	fill(t, l, 0, 600, 600)
	disk.cached["tile/0/000"][77] ^= 1
	if _, err := l.ProveInclusion(2, 600); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}

// The tree of a batch is RFC 6962 over packs of eight, at any number of items; every item proves itself, and no other.
func TestBatchTree(t *testing.T) {
	var tree Tree
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 700).Draw(t, "items")
		i := rapid.IntRange(0, n-1).Draw(t, "item")
		ids, outcomes := testItems(n)
		key, context := BatchKey{1, byte(n)}, NewContext(7, "party", "transaction", "profile")
		root, err := tree.Build(&key, context, ids, outcomes)
		if err != nil {
			t.Fatal(err)
		}
		if want := slowRoot(&tree, context, ids, outcomes); root != want {
			t.Fatalf("root %v, want %v", root, want)
		}
		leaf := Leaf{Kind: KindBatch, At: testStart, Number: uint64(n), Hash: root}
		p, err := tree.Prove(i)
		if err != nil {
			t.Fatal(err)
		}
		o := Opening{Kind: KindBatch, Salt: tree.Salt(i), Credential: ids[i], Code: uint8(outcomes[i]), Context: context}
		if err := p.Check(leaf, o); err != nil {
			t.Fatal(err)
		}
		o.Code ^= 3
		if err := p.Check(leaf, o); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Fatalf("the other outcome: %v", err)
		}
		o.Code ^= 3
		p.Item = (p.Item + 1) % (n + 1)
		if err := p.Check(leaf, o); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Fatalf("the next item: %v", err)
		}
	})
}

// slowRoot is the root by the definition of RFC 6962, over openings hashed one by one.
func slowRoot(tree *Tree, context Context, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) tlog.Hash {
	var packs []tlog.Hash
	var pack []byte
	for i := range ids {
		o := Opening{Kind: KindBatch, Salt: tree.Salt(i), Credential: ids[i], Code: uint8(outcomes[i]), Context: context}
		commitment := o.Commitment()
		pack = append(pack, commitment[:]...)
		if i%packItems == packItems-1 || i == len(ids)-1 {
			packs, pack = append(packs, tlog.RecordHash(pack)), nil
		}
	}
	return mth(packs)
}

// mth is the Merkle tree hash of RFC 6962, section 2.1.
func mth(leaves []tlog.Hash) tlog.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(mth(leaves[:k]), mth(leaves[k:]))
}

func testItems(n int) ([]zhenni.CredentialID, []zhenni.Outcome) {
	ids, outcomes := make([]zhenni.CredentialID, n), make([]zhenni.Outcome, n)
	for i := range ids {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		ids[i], outcomes[i] = zhenni.CredentialID(sum[:16]), zhenni.Match+zhenni.Outcome(i%2)
	}
	return ids, outcomes
}

func TestBatchesRefused(t *testing.T) {
	var tree Tree
	ids, outcomes := testItems(3)
	for name, n := range map[string][2]int{"none": {0, 0}, "unequal": {3, 2}} {
		if _, err := tree.Build(&BatchKey{}, Context{}, ids[:n[0]], outcomes[:n[1]]); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many, codes := testItems(zhenni.MaxBatchItems + 1)
	if _, err := tree.Build(&BatchKey{}, Context{}, many, codes); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("too many: %v", err)
	}
	if _, err := tree.Build(&BatchKey{}, Context{}, many[:zhenni.MaxBatchItems], codes[:zhenni.MaxBatchItems]); err != nil {
		t.Error(err)
	}
	for _, i := range []int{-1, zhenni.MaxBatchItems} {
		if _, err := tree.Prove(i); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("item %d: %v", i, err)
		}
	}
}

func TestBuildAllocatesNothingPerItem(t *testing.T) {
	var tree Tree
	build := func(n int) float64 {
		ids, outcomes := testItems(n)
		return testing.AllocsPerRun(5, func() {
			if _, err := tree.Build(&BatchKey{}, Context{}, ids, outcomes); err != nil {
				t.Fatal(err)
			}
		})
	}
	// What is allocated is the cipher and its stream.
	if small, large := build(64), build(65_536); large > small {
		t.Errorf("%v allocations for 64 items, %v for 65,536", small, large)
	}
}
