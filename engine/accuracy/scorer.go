package accuracy

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"zhenni/engine"
	"zhenni/simd"
)

// Span is the rows First … Last-1 of a set.
type Span struct{ First, Last int }

// Len is the number of rows.
func (s Span) Len() int { return s.Last - s.First }

// Scorer compares rows of one set by cosine. A Scorer holds scratch memory and is used by one goroutine at a time.
type Scorer interface {
	// Tile writes the scores of every row of a with every row of b, a-major, to dst of a.Len()·b.Len() elements.
	Tile(dst []float64, a, b Span) error
	// Pairs writes the score of rows pairs[i] to dst[i].
	Pairs(dst []float64, pairs []Trial) error
	// Fork returns a Scorer over the same rows with scratch of its own.
	Fork() Scorer
}

// Int8 scores the search form that is served: cos = dot/√(Np·Nt), dot and norms exact integers.
//
// The accept rule of [zhenni.Threshold] rounds t up to the next 2⁻³² of t², so it accepts no pair that Int8 scores
// below t: errors counted by Int8 are never fewer than those served.
type Int8 struct {
	dim   int
	rows  []int8
	norms []float64 // Σq² of each row, an integer
	dots  []int32
}

// NewInt8 quantises the rows of set.
func NewInt8(set *Set) (*Int8, error) {
	s := &Int8{dim: set.dim, rows: make([]int8, len(set.embeddings)), norms: make([]float64, set.Len())}
	for i := range s.norms {
		sumSq, err := engine.Prepare(s.row(i), set.Embedding(i))
		if err != nil {
			return nil, fmt.Errorf("image %q: %w", set.images[i], err)
		}
		s.norms[i] = float64(sumSq)
	}
	return s, nil
}

func (s *Int8) row(i int) []int8 { return s.rows[i*s.dim : (i+1)*s.dim] }

func (s *Int8) block(of Span) []int8 { return s.rows[of.First*s.dim : of.Last*s.dim] }

// Fork implements [Scorer].
func (s *Int8) Fork() Scorer { return &Int8{dim: s.dim, rows: s.rows, norms: s.norms} }

// Tile implements [Scorer].
func (s *Int8) Tile(dst []float64, a, b Span) error {
	if len(s.dots) < len(dst) {
		s.dots = make([]int32, len(dst))
	}
	dots := s.dots[:len(dst)]
	simd.DotTile(dots, s.block(a), a.Len(), s.block(b), b.Len(), s.dim)
	norms := s.norms[b.First:b.Last]
	for i := range a.Len() {
		norm := s.norms[a.First+i]
		row, out := dots[i*len(norms):(i+1)*len(norms)], dst[i*len(norms):(i+1)*len(norms)]
		for j, dot := range row {
			out[j] = float64(dot) / math.Sqrt(norm*norms[j])
		}
	}
	return nil
}

// Pairs implements [Scorer].
func (s *Int8) Pairs(dst []float64, pairs []Trial) error {
	for i, t := range pairs {
		dot := simd.Dot(s.row(int(t.A)), s.row(int(t.B)))
		dst[i] = float64(dot) / math.Sqrt(s.norms[t.A]*s.norms[t.B])
	}
	return nil
}

// Float scores the embeddings as they were given, in float64: score matrices are products of batches of unit rows.
type Float struct {
	dim  int
	rows []float64 // of unit length
}

// NewFloat scales the rows of set to unit length.
func NewFloat(set *Set) *Float {
	s := &Float{dim: set.dim, rows: make([]float64, len(set.embeddings))}
	for i := range set.Len() {
		unit(s.rows[i*s.dim:(i+1)*s.dim], set.Embedding(i))
	}
	return s
}

func unit(dst []float64, src []float32) {
	var sum float64
	for _, x := range src {
		sum += float64(x) * float64(x)
	}
	norm := math.Sqrt(sum)
	for i, x := range src {
		dst[i] = float64(x) / norm
	}
}

// Fork implements [Scorer].
func (s *Float) Fork() Scorer { return &Float{dim: s.dim, rows: s.rows} }

// batch is the rows of a span as a matrix over the same memory.
func (s *Float) batch(of Span) *tensor.Dense {
	return tensor.New(tensor.WithShape(of.Len(), s.dim), tensor.WithBacking(s.rows[of.First*s.dim:of.Last*s.dim]))
}

// Tile implements [Scorer].
func (s *Float) Tile(dst []float64, a, b Span) error {
	columns := s.batch(b)
	if err := columns.T(); err != nil {
		return fmt.Errorf("accuracy: transpose a batch: %w", err)
	}
	scores := tensor.New(tensor.WithShape(a.Len(), b.Len()), tensor.WithBacking(dst))
	if _, err := s.batch(a).MatMul(columns, tensor.WithReuse(scores)); err != nil {
		return fmt.Errorf("accuracy: score a tile: %w", err)
	}
	return nil
}

// pairBatch is how many pairs Float gathers into one matrix.
const pairBatch = 1024

// Pairs implements [Scorer].
func (s *Float) Pairs(dst []float64, pairs []Trial) error {
	for len(pairs) > 0 {
		n := min(len(pairs), pairBatch)
		if err := s.pairBatch(dst[:n], pairs[:n]); err != nil {
			return fmt.Errorf("accuracy: score pairs: %w", err)
		}
		dst, pairs = dst[n:], pairs[n:]
	}
	return nil
}

// pairBatch sums, along the rows, the product of two gathered matrices.
func (s *Float) pairBatch(dst []float64, pairs []Trial) error {
	a, b := make([]float64, 0, len(pairs)*s.dim), make([]float64, 0, len(pairs)*s.dim)
	for _, t := range pairs {
		a = append(a, s.rows[int(t.A)*s.dim:(int(t.A)+1)*s.dim]...)
		b = append(b, s.rows[int(t.B)*s.dim:(int(t.B)+1)*s.dim]...)
	}
	shape := tensor.WithShape(len(pairs), s.dim)
	product, err := tensor.New(shape, tensor.WithBacking(a)).Mul(tensor.New(shape, tensor.WithBacking(b)))
	if err != nil {
		return err
	}
	sums, err := product.Sum(1)
	if err != nil {
		return err
	}
	if scores, ok := sums.Data().([]float64); ok {
		copy(dst, scores)
	} else {
		dst[0] = sums.Data().(float64)
	}
	return nil
}
