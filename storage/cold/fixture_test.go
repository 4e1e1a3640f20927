package cold

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"zhenni"
)

var testModel = zhenni.Model{ID: "test-1", Dim: 24, Factor: zhenni.FactorFace}

func testOptions(t testing.TB) Options {
	t.Helper()
	return Options{
		Dir: filepath.Join(t.TempDir(), "cold"), Model: testModel, Key: bytes.Repeat([]byte{7}, keyBytes), Depth: 4, Calls: 2,
	}
}

// testID names the n-th credential: a slot each, ascending.
func testID(n int) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint32(id[:], uint32(n+1)<<18)
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

// newReference is the reference of an id as of a generation, the same each time.
func newReference(id zhenni.CredentialID, generation zhenni.Generation, dim int) zhenni.Reference {
	rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:])^uint64(generation)))
	r := zhenni.Reference{
		ID: id, Tenant: zhenni.TenantID(rng.Uint32N(9) + 1), Generation: generation, Row: make([]int8, dim),
		Status: zhenni.Status(rng.Uint32N(5) + 1),
	}
	for i := range r.Row {
		r.Row[i] = int8(rng.IntN(255) - 127)
		r.Norm += int32(r.Row[i]) * int32(r.Row[i])
	}
	r.Norm = max(r.Norm, 1)
	return r
}

// listed visits references in order.
func listed(all ...zhenni.Reference) func(visit func(zhenni.Reference) error) error {
	return func(visit func(zhenni.Reference) error) error {
		for _, r := range all {
			if err := visit(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// first are the references 0 … n − 1, of generation 1.
func first(n int) []zhenni.Reference {
	all := make([]zhenni.Reference, n)
	for i := range all {
		all[i] = newReference(testID(i), 1, testModel.Dim)
	}
	return all
}

func build(t testing.TB, o Options, commit uint64, all ...zhenni.Reference) {
	t.Helper()
	if err := Build(o, commit, listed(all...)); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, o Options) *Tier {
	t.Helper()
	tier, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tier.Close() })
	return tier
}

// wanted is memory for the answers to n ids.
func wanted(n, dim int) ([]zhenni.Reference, []error) {
	refs, rows := make([]zhenni.Reference, n), make([]int8, n*dim)
	for i := range refs {
		refs[i].Row = rows[i*dim:][:dim:dim]
	}
	return refs, make([]error, n)
}

// read asks for one id.
func (t *Tier) read(id zhenni.CredentialID) (zhenni.Reference, error) {
	refs, errs := wanted(1, t.dim)
	t.Read([]zhenni.CredentialID{id}, refs, errs)
	return refs[0], errs[0]
}

func same(a, b zhenni.Reference) bool {
	rows := slices.Equal(a.Row, b.Row)
	return rows && a.ID == b.ID && a.Tenant == b.Tenant && a.Status == b.Status && a.Generation == b.Generation && a.Norm == b.Norm
}

// wantOnly holds the tier against what it should have, of the ids 0 … n − 1.
func wantOnly(t fataler, tier *Tier, n int, want map[zhenni.CredentialID]zhenni.Reference) {
	t.Helper()
	ids := make([]zhenni.CredentialID, n)
	for i := range ids {
		ids[i] = testID(i)
	}
	rand.New(rand.NewPCG(1, uint64(n))).Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	refs, errs := wanted(n, tier.dim)
	tier.Read(ids, refs, errs)
	for i, id := range ids {
		r, there := want[id]
		switch {
		case there && (errs[i] != nil || !same(refs[i], r)):
			t.Fatalf("credential %s: %+v, %v; want %+v", id, refs[i], errs[i], r)
		case !there && !errors.Is(errs[i], zhenni.ErrNotFound):
			t.Fatalf("credential %s, which is not there: %v", id, errs[i])
		}
	}
}

// byID maps references.
func byID(all ...zhenni.Reference) map[zhenni.CredentialID]zhenni.Reference {
	m := map[zhenni.CredentialID]zhenni.Reference{}
	for _, r := range all {
		m[r.ID] = r
	}
	return m
}

// fataler is a test, or a draw of one.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
