package cold

import (
	"errors"
	"sync"
	"testing"

	"zhenni"
)

// Reading allocates nothing by the item: nothing at all by the ring, a little for each goroutine of a pool.
func TestReadAllocates(t *testing.T) {
	const n = 256
	for name, tt := range map[string]struct {
		pool bool
		most float64
	}{"default": {false, 2}, "pool": {true, 0.25 * n}} {
		o := testOptions(t)
		o.Depth, o.noRing = 32, tt.pool
		all := first(n)
		build(t, o, 1, all...)
		tier := open(t, o)
		ids := make([]zhenni.CredentialID, n)
		for i := range ids {
			ids[i] = all[i].ID
		}
		refs, errs := wanted(n, testModel.Dim)
		tier.Read(ids, refs, errs)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		got := testing.AllocsPerRun(20, func() { tier.Read(ids, refs, errs) })
		one := testing.AllocsPerRun(20, func() { tier.Read(ids[:1], refs[:1], errs[:1]) })
		t.Logf("%s: %v allocations for %d records, %v for one", name, got, n, one)
		if got > tt.most || one > 2 {
			t.Errorf("%s: %v allocations for %d records, %v for one", name, got, n, one)
		}
	}
}

// While credentials change, a read of one has its record of before or after, or says that it does not know.
func TestReadBesideChanges(t *testing.T) {
	const n, generations = 20, 30
	o := testOptions(t)
	build(t, o, 1, first(n)...)
	tier := open(t, o)
	ids := make([]zhenni.CredentialID, n)
	for i := range ids {
		ids[i] = testID(i)
	}
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		defer close(done)
		for generation := range zhenni.Generation(generations) {
			for _, id := range ids {
				r := newReference(id, generation+2, testModel.Dim)
				if err := tier.Put(&r); err != nil {
					t.Error(err)
				}
			}
		}
	})
	refs, errs := wanted(n, testModel.Dim)
	last := make([]zhenni.Generation, n)
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		tier.Read(ids, refs, errs)
		for i := range ids {
			switch {
			case errors.Is(errs[i], zhenni.ErrCorrupt):
			case errs[i] != nil:
				t.Fatal(errs[i])
			case !same(refs[i], newReference(ids[i], refs[i].Generation, testModel.Dim)) || refs[i].Generation < last[i]:
				t.Fatalf("generation %d after %d: %+v", refs[i].Generation, last[i], refs[i])
			default:
				last[i] = refs[i].Generation
			}
		}
	}
	writer.Wait()
	for i := range ids {
		if last[i] != generations+1 {
			t.Errorf("generation %d in the end, want %d", last[i], generations+1)
		}
	}
}

func TestClosedTierAnswersNothing(t *testing.T) {
	o := testOptions(t)
	all := first(3)
	build(t, o, 1, all...)
	tier := open(t, o)
	if err := errors.Join(tier.Close(), tier.Close()); err != nil {
		t.Fatal(err)
	}
	_, err := tier.read(all[0].ID)
	for _, err := range []error{err, tier.Put(&all[0]), tier.Remove(all[0].ID), tier.Mark(9)} {
		if !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	all := first(3)
	short := all[2]
	short.Row = short.Row[1:]
	for name, refs := range map[string][]zhenni.Reference{
		"descending": {all[1], all[0]}, "twice": {all[1], all[1]}, "short row": {short}, "nobody": {{}},
	} {
		if err := Build(testOptions(t), 1, listed(refs...)); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v, want ErrBadValue", name, err)
		}
	}
	wrong := errors.New("ended")
	err := Build(testOptions(t), 1, func(func(zhenni.Reference) error) error { return wrong })
	if !errors.Is(err, wrong) {
		t.Errorf("%v, want the error of the references", err)
	}
}
