package accuracy

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"zhenni"
)

// people makes a set of persons with samples each, seeded, of unit Gaussians around a direction for each person.
func people(t testing.TB, persons, samples, dim int) *Set {
	t.Helper()
	set, err := Population{Seed: 7, Dim: dim}.Set(persons, samples-1)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// FAULTS: N1 N2 N3 N4 N6
func TestNewSetRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	good := []Label{{"a", "p"}, {"b", "q"}}
	for name, c := range map[string]struct {
		dim    int
		labels []Label
		values []float32
		want   error
	}{
		"no dimension":     {0, good, nil, zhenni.ErrBadValue},
		"long dimension":   {2049, good, make([]float32, 2*2049), zhenni.ErrBadValue},
		"no rows":          {2, nil, nil, zhenni.ErrBadValue},
		"too few elements": {2, good, []float32{1, 2, 3}, zhenni.ErrBadValue},
		"no image id":      {1, []Label{{"", "p"}}, []float32{1}, zhenni.ErrBadValue},
		"no person":        {1, []Label{{"a", ""}}, []float32{1}, zhenni.ErrBadValue},
		"image twice":      {1, []Label{{"a", "p"}, {"a", "q"}}, []float32{1, 1}, zhenni.ErrBadValue},
		"NaN":              {2, good, []float32{1, 2, nan, 1}, zhenni.ErrBadProbe},
		"infinite":         {2, good, []float32{1, inf, 1, 1}, zhenni.ErrBadProbe},
		"zero":             {2, good, []float32{1, 2, 0, 0}, zhenni.ErrBadProbe},
		"norm below floor": {2, good, []float32{1, 2, 5e-4, 5e-4}, zhenni.ErrBadProbe},
		"denormal":         {2, good, []float32{1, 2, 1e-40, 1e-42}, zhenni.ErrBadProbe},
	} {
		if _, err := NewSet(c.dim, c.labels, c.values); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What is measured does not depend on the order of a file.
func TestSetIsInCanonicalOrder(t *testing.T) {
	const n, dim = 40, 8
	labels := make([]Label, n)
	values := make([]float32, n*dim)
	for i := range labels {
		labels[i] = Label{fmt.Sprintf("image %02d", i), fmt.Sprintf("person %d", i%7)}
		for k := range dim {
			values[i*dim+k] = float32((i*31+k*17)%23 - 11)
		}
	}
	first, err := NewSet(dim, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) {
		labels[i], labels[j] = labels[j], labels[i]
		for k := range dim {
			values[i*dim+k], values[j*dim+k] = values[j*dim+k], values[i*dim+k]
		}
	})
	second, err := NewSet(dim, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	if first.Hash() != second.Hash() {
		t.Error("the hash depends on the order of rows")
	}
	for i := 1; i < n; i++ {
		if first.persons[i] < first.persons[i-1] {
			t.Fatal("rows are not in order of person")
		}
	}
	mated, nonMated := first.Pairs()
	if want := int64(5*15 + 2*10); mated != want || mated+nonMated != n*(n-1)/2 {
		t.Errorf("%d mated and %d non-mated pairs, want %d mated", mated, nonMated, want)
	}
	values[0]++
	third, err := NewSet(dim, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	if third.Hash() == first.Hash() {
		t.Error("the hash does not see a changed element")
	}
}

func TestSplitSharesNoPerson(t *testing.T) {
	set := people(t, 30, 3, 16)
	a, b, err := set.Split(5, 0.4)
	if err != nil {
		t.Fatal(err)
	}
	if a.Persons() != 12 || b.Persons() != 18 || a.Len()+b.Len() != set.Len() {
		t.Errorf("%d and %d persons", a.Persons(), b.Persons())
	}
	in := make(map[string]bool)
	for i := range a.Len() {
		in[a.Label(i).Person] = true
	}
	for i := range b.Len() {
		if in[b.Label(i).Person] {
			t.Errorf("%s is on both sides", b.Label(i).Person)
		}
	}
	for _, fraction := range []float64{0, 0.01, 1, 2, -1, math.NaN()} {
		if _, _, err := set.Split(1, fraction); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("fraction %v: %v", fraction, err)
		}
	}
}
