package accuracy

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"zhenni"
	"zhenni/engine"
)

// Label names one sample: which image or recording it is, and whose.
type Label struct {
	ImageID string
	Person  string
}

// Set is labelled embeddings of one model. Its rows are in canonical order, by person and then by image id, so that
// every figure drawn from it depends on what was measured and not on the order of a file. It is immutable and may be
// read by several goroutines.
type Set struct {
	dim        int
	embeddings []float32
	images     []string
	persons    []int32 // of each row, ascending
	names      []string
	first      []int32 // first row of each person, and len(images) last
}

// NewSet takes the labels of len(labels) rows of dim elements each. The embeddings are copied. An embedding that is
// not finite or is too small is [zhenni.ErrBadProbe]; a wrong shape, an empty name or an image id that comes twice is
// [zhenni.ErrBadValue].
func NewSet(dim int, labels []Label, embeddings []float32) (*Set, error) {
	if dim < 1 || dim > zhenni.MaxDim {
		return nil, fmt.Errorf("%w: dimension %d: want 1–%d", zhenni.ErrBadValue, dim, zhenni.MaxDim)
	}
	if len(labels) == 0 || len(embeddings) != len(labels)*dim {
		return nil, fmt.Errorf("%w: %d embedding elements for %d labels of dimension %d",
			zhenni.ErrBadValue, len(embeddings), len(labels), dim)
	}
	order := make([]int, len(labels))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(labels[i].Person, labels[j].Person), cmp.Compare(labels[i].ImageID, labels[j].ImageID))
	})
	s := &Set{dim: dim, embeddings: make([]float32, 0, len(embeddings))}
	for _, i := range order {
		if err := s.add(labels[i], embeddings[i*dim:(i+1)*dim]); err != nil {
			return nil, err
		}
	}
	s.first = append(s.first, int32(len(s.images)))
	return s, s.checkImages()
}

func (s *Set) add(label Label, embedding []float32) error {
	if label.ImageID == "" || label.Person == "" {
		return fmt.Errorf("%w: image %q of person %q: a name is empty", zhenni.ErrBadValue, label.ImageID, label.Person)
	}
	if _, err := engine.Prepare(make([]int8, s.dim), embedding); err != nil {
		return fmt.Errorf("image %q: %w", label.ImageID, err)
	}
	if n := len(s.names); n == 0 || s.names[n-1] != label.Person {
		s.names = append(s.names, label.Person)
		s.first = append(s.first, int32(len(s.images)))
	}
	s.images = append(s.images, label.ImageID)
	s.persons = append(s.persons, int32(len(s.names)-1))
	s.embeddings = append(s.embeddings, embedding...)
	return nil
}

func (s *Set) checkImages() error {
	seen := make(map[string]bool, len(s.images))
	for _, id := range s.images {
		if seen[id] {
			return fmt.Errorf("%w: image %q comes twice", zhenni.ErrBadValue, id)
		}
		seen[id] = true
	}
	return nil
}

// Dim is the number of elements of an embedding.
func (s *Set) Dim() int { return s.dim }

// Len is the number of samples.
func (s *Set) Len() int { return len(s.images) }

// Persons is the number of persons.
func (s *Set) Persons() int { return len(s.names) }

// Label returns the label of row i.
func (s *Set) Label(i int) Label { return Label{ImageID: s.images[i], Person: s.names[s.persons[i]]} }

// Embedding returns row i, which the set keeps.
func (s *Set) Embedding(i int) []float32 { return s.embeddings[i*s.dim : (i+1)*s.dim] }

// samples is the number of rows of person p.
func (s *Set) samples(p int) int64 { return int64(s.first[p+1] - s.first[p]) }

// Pairs counts the unordered pairs of samples of one person, and of two persons.
func (s *Set) Pairs() (mated, nonMated int64) {
	for p := range s.names {
		n := s.samples(p)
		mated += n * (n - 1) / 2
	}
	n := int64(s.Len())
	return mated, n*(n-1)/2 - mated
}

// Hash is the SHA-256, in hexadecimal, of the canonical form: a heading, the dimension, then for each row in canonical
// order image id and person, each after its length, and the elements, little-endian.
func (s *Set) Hash() string {
	h := sha256.New()
	buf := binary.LittleEndian.AppendUint64([]byte("zhenni labelled set 1\n"), uint64(s.dim))
	for i := range s.images {
		label := s.Label(i)
		for _, text := range []string{label.ImageID, label.Person} {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(len(text)))
			buf = append(buf, text...)
		}
		for _, x := range s.Embedding(i) {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
		}
		h.Write(buf)
		buf = buf[:0]
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Split divides the set by person: calibration gets the given fraction of the persons, drawn with seed, and
// confirmation the others, so that no person is in both. A side left without a person is [zhenni.ErrBadValue].
func (s *Set) Split(seed uint64, fraction float64) (calibration, confirmation *Set, err error) {
	n := int(math.Round(fraction * float64(s.Persons())))
	if n < 1 || n >= s.Persons() {
		return nil, nil, fmt.Errorf("%w: fraction %v of %d persons leaves one side empty", zhenni.ErrBadValue, fraction, s.Persons())
	}
	chosen := make([]bool, s.Persons())
	for _, p := range rand.New(rand.NewPCG(seed, 0)).Perm(s.Persons())[:n] {
		chosen[p] = true
	}
	if calibration, err = s.subset(chosen, true); err != nil {
		return nil, nil, err
	}
	confirmation, err = s.subset(chosen, false)
	return calibration, confirmation, err
}

func (s *Set) subset(chosen []bool, want bool) (*Set, error) {
	var labels []Label
	var embeddings []float32
	for i := range s.images {
		if chosen[s.persons[i]] == want {
			labels = append(labels, s.Label(i))
			embeddings = append(embeddings, s.Embedding(i)...)
		}
	}
	return NewSet(s.dim, labels, embeddings)
}
