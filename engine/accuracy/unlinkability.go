package accuracy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"zhenni"
	"zhenni/engine"
	"zhenni/engine/rotation"
	"zhenni/simd"
)

// Rotated returns the set with every embedding rotated by the key of its row, of dimension [rotation.Padded]. The model is
// named in the derivation only.
func (s *Set) Rotated(model string, keyOf func(row int) rotation.Key) (*Set, error) {
	dim := rotation.Padded(s.dim)
	labels, rows := make([]Label, s.Len()), make([]float32, s.Len()*dim)
	for i := range labels {
		labels[i] = s.Label(i)
		if err := s.rotate(rows[i*dim:(i+1)*dim], i, model, keyOf(i)); err != nil {
			return nil, err
		}
	}
	return NewSet(dim, labels, rows)
}

func (s *Set) rotate(dst []float32, row int, model string, key rotation.Key) error {
	r, err := rotation.New(key, zhenni.Model{ID: model, Dim: s.dim, Factor: zhenni.FactorFace})
	if err != nil {
		return err
	}
	defer r.Destroy()
	return r.Apply(dst, s.Embedding(row))
}

// Linkage is how well one way of comparing templates under different keys tells those of one person from those of two.
type Linkage struct {
	// By is what is compared, see [Linkages]; Captures is 1 where the templates are of one capture, 2 where of two.
	By       string `json:"by"`
	Captures int    `json:"captures"`
	OneKey   bool   `json:"one_key,omitempty"` // the control: both templates are under one key
	// DSys is the global measure of Gomez-Barrero et al., "General Framework to Evaluate Unlinkability in Biometric
	// Template Protection Systems" (IEEE TIFS 2018), equation 7, with ω = 1: 0 is unlinkable, 1 is told every time. Floor is
	// what the same estimate gives for two samples of one distribution: no lower figure can be told from 0.
	DSys  float64 `json:"d_sys"`
	Floor float64 `json:"floor"`
}

// linkers are the ways of comparing two stored templates, the higher the more alike: by angle, as the matcher does; and by
// what a key does not change at first sight, how large elements are in their order, and the norm.
var linkers = []struct {
	name  string
	score func(a, b []int8) float64
}{
	{"angle", func(a, b []int8) float64 {
		na, _ := simd.SumSquares(a)
		nb, _ := simd.SumSquares(b)
		return float64(simd.Dot(a, b)) / math.Sqrt(float64(na)*float64(nb))
	}},
	{"magnitudes in order", func(a, b []int8) float64 {
		x, y := magnitudes(a), magnitudes(b)
		distance := 0.0
		for i := range x {
			distance += math.Abs(float64(x[i]) - float64(y[i]))
		}
		return -distance
	}},
	{"norm", func(a, b []int8) float64 {
		na, _ := simd.SumSquares(a)
		nb, _ := simd.SumSquares(b)
		return -math.Abs(math.Sqrt(float64(na)) - math.Sqrt(float64(nb)))
	}},
}

func magnitudes(row []int8) []int8 {
	m := make([]int8, len(row))
	for i, q := range row {
		m[i] = max(q, -q)
	}
	slices.Sort(m)
	return m
}

// Linkages measures every linker on pairs templates of one person and as many of two, each template under a key of its
// own, drawn by seed; once with two captures of a person, once with one capture twice, and once, as the control, with two
// captures under one key. It is [zhenni.ErrBadValue] where fewer than two persons have two samples.
func Linkages(set *Set, model string, pairs int, seed uint64) ([]Linkage, error) {
	d := drawing{set: set, model: model, random: rand.New(rand.NewPCG(seed, 0x6c696e6b))}
	for p := range set.names {
		if set.samples(p) > 1 {
			d.several = append(d.several, int32(p))
		}
	}
	if len(d.several) < 2 || pairs < 1000 {
		return nil, fmt.Errorf("%w: %d persons with two samples, %d pairs: want at least 2 and 1,000", zhenni.ErrBadValue, len(d.several), pairs)
	}
	var all []Linkage
	for _, kind := range []Linkage{{Captures: 2}, {Captures: 1}, {Captures: 2, OneKey: true}} {
		found, err := d.measure(kind, pairs)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// drawing draws pairs of templates.
type drawing struct {
	set     *Set
	model   string
	random  *rand.Rand
	several []int32 // persons with two samples or more
}

// measure draws the pairs of one kind and applies every linker to them.
func (d *drawing) measure(kind Linkage, pairs int) ([]Linkage, error) {
	mated, first, second := make([][]float64, len(linkers)), make([][]float64, len(linkers)), make([][]float64, len(linkers))
	for range pairs {
		for _, draw := range []struct {
			rows   [2]int
			scores [][]float64
		}{{d.oneOf(kind.Captures), mated}, {d.twoPersons(), first}, {d.twoPersons(), second}} {
			a, b, err := d.templates(draw.rows, kind.OneKey)
			if err != nil {
				return nil, err
			}
			for k, linker := range linkers {
				draw.scores[k] = append(draw.scores[k], linker.score(a, b))
			}
		}
	}
	found := make([]Linkage, len(linkers))
	for k, linker := range linkers {
		found[k] = kind
		found[k].By = linker.name
		found[k].DSys, found[k].Floor = dSys(mated[k], first[k]), dSys(second[k], first[k])
	}
	return found, nil
}

// oneOf draws rows of one person: the same one for one capture, else two.
func (d *drawing) oneOf(captures int) [2]int {
	p := d.several[d.random.IntN(len(d.several))]
	first, n := int(d.set.first[p]), int(d.set.samples(int(p)))
	a := d.random.IntN(n)
	if captures == 1 {
		return [2]int{first + a, first + a}
	}
	return [2]int{first + a, first + (a+1+d.random.IntN(n-1))%n}
}

// twoPersons draws rows of two of the same persons.
func (d *drawing) twoPersons() [2]int {
	i := d.random.IntN(len(d.several))
	j := (i + 1 + d.random.IntN(len(d.several)-1)) % len(d.several)
	pick := func(p int32) int { return int(d.set.first[p]) + d.random.IntN(int(d.set.samples(int(p)))) }
	return [2]int{pick(d.several[i]), pick(d.several[j])}
}

// templates makes the stored forms of two rows.
func (d *drawing) templates(rows [2]int, oneKey bool) (a, b []int8, err error) {
	var templates [2][]int8
	key := d.key()
	for i, row := range rows {
		if i == 1 && !oneKey {
			key = d.key()
		}
		x := make([]float32, rotation.Padded(d.set.dim))
		if err := d.set.rotate(x, row, d.model, key); err != nil {
			return nil, nil, err
		}
		templates[i] = make([]int8, len(x))
		if _, err := engine.Prepare(templates[i], x); err != nil {
			return nil, nil, err
		}
	}
	return templates[0], templates[1], nil
}

func (d *drawing) key() (k rotation.Key) {
	for i := range k {
		k[i] = byte(d.random.Uint32())
	}
	return k
}

// linkageBins is how many bins of equal size by rank scores are counted in. More of them see finer differences and raise
// the floor.
const linkageBins = 50

// dSys estimates the measure from histograms: the integral of D(s)·p(s|mated), where D = 2·LR/(1+LR) − 1 wherever the
// likelihood ratio LR is above 1, and 0 elsewhere. Bins hold equal shares of all scores, so that no tail is empty.
func dSys(mated, nonMated []float64) float64 {
	all := slices.Concat(mated, nonMated)
	slices.Sort(all)
	edges := make([]float64, 0, linkageBins-1)
	for i := 1; i < linkageBins; i++ {
		edges = append(edges, all[i*len(all)/linkageBins])
	}
	edges = slices.Compact(edges)
	a, b := histogram(edges, mated), histogram(edges, nonMated)
	sum := 0.0
	for i := range a {
		if a[i] > b[i] { // LR > 1; where no non-mated score is, D is 1
			sum += a[i] * (2*a[i]/(a[i]+b[i]) - 1)
		}
	}
	return sum
}

// histogram returns the share of scores below each edge and not below the one before, and that of the rest.
func histogram(edges, scores []float64) []float64 {
	shares := make([]float64, len(edges)+1)
	for _, s := range scores {
		i, found := slices.BinarySearch(edges, s)
		if found {
			i++
		}
		shares[i] += 1 / float64(len(scores))
	}
	return shares
}
