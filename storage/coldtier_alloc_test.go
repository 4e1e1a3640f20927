//go:build !race

package storage

import (
	"testing"

	"zhenni"
)

// A read of the tier allocates at most twice, and many together nothing by the item. Under the race detector a pool drops
// what it is given now and then.
func TestColdReadsAllocateLittle(t *testing.T) {
	s, _ := coldStore(t, 5)
	row := make([]int8, testModel.Dim)
	one := leastAllocs(func() {
		if _, err := s.Reference(testID(1), row); err != nil {
			t.Error(err)
		}
	})
	ids, refs, errs := make([]zhenni.CredentialID, 100), make([]zhenni.Reference, 100), make([]error, 100)
	for i := range ids {
		ids[i], refs[i].Row = testID(i%5+1), make([]int8, testModel.Dim)
	}
	many := leastAllocs(func() { s.ReferenceMany(ids, refs, errs) })
	t.Logf("%v allocations for one, %v for %d", one, many, len(ids))
	if one > 2 || many > 2 {
		t.Errorf("%v allocations for one, %v for %d", one, many, len(ids))
	}
}

// leastAllocs is the least of a few measurements: what the store does in the background allocates as well.
func leastAllocs(f func()) float64 {
	least := testing.AllocsPerRun(50, f)
	for range 4 {
		least = min(least, testing.AllocsPerRun(50, f))
	}
	return least
}
