package layer

import (
	"math"
	"math/rand/v2"
	"unsafe"

	"zhenni/simd"
)

// cachedKernels are those that read no memory to speak of. prepare returns what does some items' work and says how many,
// once its answer was found right.
var cachedKernels = []struct {
	name string
	// powers says that it takes powers of two only.
	powers  bool
	prepare func(d int, seed uint64) (work func() (items int), err error)
}{
	{"pair", false, preparePair},
	{"tile", false, prepareTile},
	{"checked", false, prepareChecked},
	{"quantised", false, prepareQuantised},
	{"hadamard", true, prepareHadamard},
}

// cachedItems is how many calls of a kernel are made between two looks at the clock.
const cachedItems = 4096

func preparePair(d int, seed uint64) (func() int, error) {
	x, y := noise(d, seed), noise(d, seed+1)
	if got, want := simd.Dot(x, y), plainDot(x, y); got != want {
		return nil, wrong("Dot", d, got, want)
	}
	return func() int {
		var sum int32
		for range cachedItems {
			sum += simd.Dot(x, y)
		}
		x[0] = int8(sum)
		return cachedItems
	}, nil
}

// tileRows is how many rows meet how many.
const tileRows = 128

func prepareTile(d int, seed uint64) (func() int, error) {
	a, b, dots := noise(tileRows*d, seed), noise(tileRows*d, seed+1), make([]int32, tileRows*tileRows)
	work := func() int {
		simd.DotTile(dots, a, tileRows, b, tileRows, d)
		return len(dots)
	}
	work()
	for i := 0; i < len(dots); i += tileRows + 1 {
		if want := plainDot(a[i/tileRows*d:][:d], b[i%tileRows*d:][:d]); dots[i] != want {
			return nil, wrong("DotTile", d, dots[i], want)
		}
	}
	return work, nil
}

func prepareChecked(d int, seed uint64) (func() int, error) {
	x := noise(d, seed)
	if got, ok := simd.SumSquares(x); !ok || got != plainDot(x, x) {
		return nil, wrong("SumSquares", d, got, plainDot(x, x))
	}
	return func() int {
		var sum int32
		for range cachedItems {
			squares, _ := simd.SumSquares(x)
			sum += squares
		}
		x[0] = int8(sum) | 1
		return cachedItems
	}, nil
}

func prepareQuantised(d int, seed uint64) (func() int, error) {
	src, dst := normal(d, seed), make([]int8, d)
	if largest, got := simd.Quantize(dst, src, 0); !(largest > 0) || got != plainDot(dst, dst) {
		return nil, wrong("Quantize", d, got, plainDot(dst, dst))
	}
	return func() int {
		for range cachedItems {
			simd.Quantize(dst, src, 0)
		}
		return cachedItems
	}, nil
}

func prepareHadamard(d int, seed uint64) (func() int, error) {
	x, signs := normal(d, seed), make([]uint64, (d+63)/64)
	before := length(x)
	simd.Hadamard(x, signs)
	if after := length(x); math.Abs(after/before-1) > 1e-4 { // it turns, and does not stretch
		return nil, wrong("Hadamard", d, after, before)
	}
	return func() int {
		for range cachedItems {
			simd.Hadamard(x, signs)
		}
		return cachedItems
	}, nil
}

func length(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

func plainDot(x, y []int8) (sum int32) {
	for i := range x {
		sum += int32(x[i]) * int32(y[i])
	}
	return sum
}

// noise are n elements in [-127, 127] that start a cache line, as the rows of an arena do.
func noise(n int, seed uint64) []int8 {
	all := make([]int8, n+lineBytes)
	skip := -int(uintptr(unsafe.Pointer(&all[0]))) & (lineBytes - 1)
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	row := all[skip:][:n]
	for i := range row {
		row[i] = int8(random.IntN(255) - 127)
	}
	return row
}

func normal(n int, seed uint64) []float32 {
	random, x := rand.New(rand.NewPCG(seed, uint64(n))), make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}
