package cold

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// tagTwins returns ids of one slot and one tag.
func tagTwins(t testing.TB, n int) (twins []zhenni.CredentialID) {
	t.Helper()
	seen := map[uint64][]zhenni.CredentialID{}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1 << 20 {
		var id zhenni.CredentialID
		binary.LittleEndian.PutUint64(id[8:], rng.Uint64())
		tag := tagOf(&id)
		if seen[tag] = append(seen[tag], id); len(seen[tag]) == n {
			return seen[tag]
		}
	}
	t.Fatal("no ids of one tag")
	return nil
}

// Ids of one tag are told apart by their records: read, changed and removed each on its own, also after a reopen.
func TestOneTag(t *testing.T) {
	o := testOptions(t)
	twins := tagTwins(t, 3)
	build(t, o, 1, newReference(twins[0], 1, testModel.Dim))
	tier := open(t, o)
	for _, id := range twins[1:] {
		if _, err := tier.read(id); err != errAbsent {
			t.Fatal("before it is put:", err)
		}
		r := newReference(id, 1, testModel.Dim)
		if err := tier.Put(&r); err != nil {
			t.Fatal(err)
		}
	}
	second := newReference(twins[2], 2, testModel.Dim)
	if err := tier.Put(&second); err != nil {
		t.Fatal(err)
	}
	for _, tier := range []*Tier{tier, open(t, o)} {
		for i, want := range []zhenni.Generation{1, 1, 2} {
			if r, err := tier.read(twins[i]); err != nil || !same(r, newReference(twins[i], want, testModel.Dim)) {
				t.Fatalf("twin %d: %+v, %v", i, r, err)
			}
		}
	}
	if err := tier.Remove(twins[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := tier.read(twins[0]); err != errAbsent {
		t.Error("removed:", err)
	}
	if _, err := tier.read(twins[1]); err != nil {
		t.Error("its twin:", err)
	}
}

// The index does what a map does, in tables of any size.
func TestIndexSameAsMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x index
		held := map[zhenni.CredentialID]uint64{}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			var id zhenni.CredentialID
			binary.LittleEndian.PutUint32(id[10:], rng.Uint32N(60))
			old, there := held[id]
			next := newEntry(&id, zhenni.Generation(rng.Uint32()), rng.Uint32N(1<<20))
			switch {
			case !there:
				x.add(id.Slot(), next)
			case rng.IntN(2) == 0:
				x.replace(id.Slot(), old, next)
			default:
				x.remove(id.Slot(), old)
				delete(held, id)
				continue
			}
			held[id] = next
		}
		for id, want := range held {
			if got := x.candidate(&id, 0); got != want {
				t.Fatalf("%s: %x, want %x", id, got, want)
			}
		}
		if x.live != len(held) {
			t.Fatalf("%d live, want %d", x.live, len(held))
		}
	})
}

// The memory of the index, measured: at most 12 bytes a credential from a million on.
func TestIndexBytes(t *testing.T) {
	const credentials = 1_000_000
	var x index
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range uint32(credentials) {
		var id zhenni.CredentialID
		binary.LittleEndian.PutUint64(id[:], rng.Uint64())
		binary.LittleEndian.PutUint64(id[8:], rng.Uint64())
		x.add(id.Slot(), newEntry(&id, 1, i))
	}
	each := float64(x.bytes()) / credentials
	t.Logf("%.2f bytes a credential", each)
	if each > 12 {
		t.Errorf("%.2f bytes a credential, want at most 12", each)
	}
}
