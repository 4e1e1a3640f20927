package cold

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

func TestWhatWasBuiltIsRead(t *testing.T) {
	for _, n := range []int{0, 1, 23, 24, 25, 500} {
		o := testOptions(t)
		all := first(n)
		build(t, o, 7, all...)
		tier := open(t, o)
		if tier.Commit() != 7 || tier.Stats().Records != n {
			t.Errorf("%d records: commit %d, %+v", n, tier.Commit(), tier.Stats())
		}
		wantOnly(t, tier, n+10, byID(all...))
	}
}

// Every way to read gives the same, for every dimension, where an id is asked for more than once too.
func TestEveryWayReadsTheSame(t *testing.T) {
	for _, dim := range []int{1, 128, 512, zhenni.MaxDim} {
		o := testOptions(t)
		o.Model.Dim = dim
		all := first(60)
		for i := range all {
			all[i] = newReference(testID(i), 1, dim)
		}
		build(t, o, 1, all...)
		for name, set := range map[string]func(*Options){
			"default": func(*Options) {}, "pool": func(o *Options) { o.noRing = true }, "cached": func(o *Options) { o.noDirect = true },
			"one by one": func(o *Options) { o.Depth = 1 }, "deep": func(o *Options) { o.Depth = 500 },
		} {
			t.Run(fmt.Sprint(dim, " ", name), func(t *testing.T) {
				o := o
				set(&o)
				tier := open(t, o)
				wantOnly(t, tier, 70, byID(all...))
				ids := []zhenni.CredentialID{all[3].ID, all[59].ID, all[3].ID, all[3].ID, testID(99)}
				refs, errs := wanted(len(ids), dim)
				tier.Read(ids, refs, errs)
				for i, want := range []int{3, 59, 3, 3} {
					if errs[i] != nil || !same(refs[i], all[want]) {
						t.Errorf("item %d: %v", i, errs[i])
					}
				}
			})
		}
	}
}

// sameAsMap is a tier beside a map.
type sameAsMap struct {
	opts Options
	tier *Tier
	want map[zhenni.CredentialID]zhenni.Reference
	mark uint64
}

const mapIDs = 80

func (m *sameAsMap) Put(t *rapid.T) {
	id := testID(rapid.IntRange(0, mapIDs-1).Draw(t, "id"))
	r := newReference(id, m.want[id].Generation+1, testModel.Dim)
	if err := m.tier.Put(&r); err != nil {
		t.Fatal(err)
	}
	m.want[id] = r
}

func (m *sameAsMap) Remove(t *rapid.T) {
	seldom(t)
	var ids []zhenni.CredentialID
	for _, n := range rapid.SliceOfN(rapid.IntRange(0, mapIDs-1), 0, 5).Draw(t, "ids") {
		ids = append(ids, testID(n))
		delete(m.want, testID(n))
	}
	if err := m.tier.Remove(ids...); err != nil {
		t.Fatal(err)
	}
}

// seldom skips most of the steps that wait for the disk.
func seldom(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
		t.Skip()
	}
}

func (m *sameAsMap) Mark(t *rapid.T) {
	seldom(t)
	m.mark++
	if err := m.tier.Mark(m.mark); err != nil {
		t.Fatal(err)
	}
}

func (m *sameAsMap) Reopen(t *rapid.T) {
	seldom(t)
	m.reopen(t)
}

func (m *sameAsMap) reopen(t *rapid.T) {
	err := m.tier.Close()
	if err == nil {
		m.tier, err = Open(m.opts)
	}
	if err != nil || m.tier.Commit() != m.mark {
		t.Fatal(err, "commit", m.tier.Commit())
	}
}

func (m *sameAsMap) Rebuild(t *rapid.T) {
	seldom(t)
	all := slices.SortedFunc(maps.Values(m.want), func(a, b zhenni.Reference) int { return slices.Compare(a.ID[:], b.ID[:]) })
	m.mark++
	if err := errors.Join(m.tier.Close(), Build(m.opts, m.mark, listed(all...))); err != nil {
		t.Fatal(err)
	}
	m.reopen(t)
}

func (m *sameAsMap) Check(t *rapid.T) {
	wantOnly(t, m.tier, mapIDs, m.want)
	if got := m.tier.Stats().Records; got != len(m.want) {
		t.Fatalf("%d records, want %d", got, len(m.want))
	}
}

func TestSameAsMap(t *testing.T) {
	base := testOptions(t)
	some := first(15)
	build(t, base, 0, some...)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		o := base
		o.Dir = fmt.Sprint(base.Dir, n)
		if err := os.CopyFS(o.Dir, os.DirFS(base.Dir)); err != nil {
			rt.Fatal(err)
		}
		tier, err := Open(o)
		if err != nil {
			rt.Fatal(err)
		}
		m := &sameAsMap{opts: o, tier: tier, want: byID(some...)}
		defer func() { _ = errors.Join(m.tier.Close(), os.RemoveAll(o.Dir)) }()
		rt.Repeat(map[string]func(*rapid.T){
			"": m.Check, "put": m.Put, "remove": m.Remove, "mark": m.Mark, "reopen": m.Reopen, "rebuild": m.Rebuild,
		})
	})
}
