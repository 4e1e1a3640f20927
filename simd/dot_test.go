package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// random returns a generator that a name and a seed determine.
func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }

// randomBytes fills n elements from the whole int8 range, −128 included.
func randomBytes(r *rand.Rand, n int) []int8 {
	s := make([]int8, n)
	for i := range s {
		s[i] = int8(r.IntN(256) - 128)
	}
	return s
}

// filled returns n elements of the value x.
func filled(n int, x int8) []int8 {
	s := make([]int8, n)
	for i := range s {
		s[i] = x
	}
	return s
}

// lengths are all of 1…300, the dimensions in use and their neighbours, up to the longest.
func lengths() (ns []int) {
	for n := 0; n <= 300; n++ {
		ns = append(ns, n)
	}
	return append(ns, 383, 384, 511, 512, 513, 767, 768, 1000, 1023, 1024, 1025, 2047, 2048)
}

// FAULTS: N6 N15
func TestDotEqualsGeneric(t *testing.T) {
	r := random(1)
	a, b := randomBytes(r, 4096), randomBytes(r, 4096)
	eachTier(t, func(t *testing.T) {
		for _, n := range lengths() {
			for range 4 {
				x, y := r.IntN(64), r.IntN(64)
				x64, y64 := a[x:x+n], b[y:y+n]
				if got, want := Dot(x64, y64), dotGeneric(x64, y64); got != want {
					t.Fatalf("n=%d offsets %d, %d: %d, want %d", n, x, y, got, want)
				}
				sum, ok := SumSquares(x64)
				wantSum, wantOK := sumSquaresGeneric(x64)
				if sum != wantSum || ok != wantOK {
					t.Fatalf("squares n=%d: %d %v, want %d %v", n, sum, ok, wantSum, wantOK)
				}
			}
		}
	})
}

// The extremes have closed forms, so the oracle itself is checked here.
// FAULTS: N7 N8
func TestDotExtremes(t *testing.T) {
	values := []int8{-128, -127, -1, 0, 1, 127}
	eachTier(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 192, 255, 256, 511, 512, 1024, 2048} {
			for _, x := range values {
				for _, y := range values {
					a, b := filled(n, x), filled(n, y)
					if got, want := Dot(a, b), int32(n)*int32(x)*int32(y); got != want {
						t.Fatalf("n=%d %d·%d: %d, want %d", n, x, y, got, want)
					}
				}
				sum, ok := SumSquares(filled(n, x))
				if want := int32(n) * int32(x) * int32(x); sum != want || ok != (x != -128) {
					t.Fatalf("n=%d %d²: %d %v, want %d", n, x, sum, ok, want)
				}
			}
		}
	})
}

// A single −128 anywhere is seen and counted.
// FAULTS: N7
func TestLoneMinimum(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		for n := 1; n <= 300; n++ {
			a, b := filled(n, 127), filled(n, -127)
			for at := range n {
				b[at] = -128
				if got, want := Dot(b, a), int32(n)*-127*127-127; got != want {
					t.Fatalf("n=%d at %d: %d, want %d", n, at, got, want)
				}
				if got, want := Dot(b, b), int32(n)*127*127+255; got != want {
					t.Fatalf("n=%d at %d: %d, want %d", n, at, got, want)
				}
				if _, ok := SumSquares(b); ok {
					t.Fatalf("n=%d: −128 at %d not seen", n, at)
				}
				b[at] = -127
			}
		}
	})
}

// FAULTS: N15
func TestDotPairsEqualsGeneric(t *testing.T) {
	r := random(2)
	a, b := randomBytes(r, 3*2048), randomBytes(r, 3*2048)
	eachTier(t, func(t *testing.T) {
		for _, d := range []int{0, 1, 3, 31, 32, 63, 64, 65, 127, 128, 192, 200, 256, 511, 512, 513, 1024, 2048} {
			for _, n := range []int{0, 1, 2, 7, 8, 9, 10, 33} {
				aOff, bOff := make([]int, n), make([]int, n)
				for i := range n {
					aOff[i], bOff[i] = r.IntN(len(a)-d+1), r.IntN(len(b)-d+1)
				}
				got, want := make([]int32, n+1), make([]int32, n+1)
				DotPairs(got[:n], a, aOff, b, bOff, d)
				dotPairsGeneric(want[:n], a, aOff, b, bOff, d)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("d=%d n=%d: %v, want %v", d, n, got, want)
				}
			}
		}
	})
}

// rowsOfEveryKind are n rows of d elements: some with −128 among them, some without, every fifth all zeros.
func rowsOfEveryKind(r *rand.Rand, n, d int) []int8 {
	rows := randomBytes(r, n*d)
	for i := range n {
		row := rows[i*d : (i+1)*d]
		for k, x := range row {
			if i%5 == 0 {
				row[k] = 0
			} else if i%2 == 0 && x == -128 {
				row[k] = -127
			}
		}
	}
	return rows
}

// wantNorms is what DotPairsNorms means.
func wantNorms(a []int8, aOff []int, d int) []int32 {
	norms := make([]int32, len(aOff))
	for i, at := range aOff {
		if sum, symmetric := sumSquaresGeneric(a[at : at+d]); symmetric {
			norms[i] = sum
		}
	}
	return norms
}

// FAULTS: N7 N15
func TestDotPairsNormsEqualsGeneric(t *testing.T) {
	r := random(5)
	eachTier(t, func(t *testing.T) {
		for _, d := range []int{0, 1, 3, 31, 32, 63, 64, 65, 127, 128, 192, 200, 256, 300, 511, 512, 513, 1024, 2048} {
			for _, n := range []int{0, 1, 2, 7, 8, 9, 10, 33} {
				a, b := rowsOfEveryKind(r, n+3, d), randomBytes(r, (n+3)*d+1)
				aOff, bOff := make([]int, n), make([]int, n)
				for i := range n {
					aOff[i], bOff[i] = r.IntN(n+3)*d, r.IntN(len(b)-d)
				}
				dots, norms, want := make([]int32, n+1), make([]int32, n+1), make([]int32, n+1)
				DotPairsNorms(dots[:n], norms[:n], a, aOff, b, bOff, d)
				dotPairsGeneric(want[:n], a, aOff, b, bOff, d)
				if fmt.Sprint(dots) != fmt.Sprint(want) {
					t.Fatalf("d=%d n=%d: %v, want %v", d, n, dots, want)
				}
				if wanted := append(wantNorms(a, aOff, d), 0); fmt.Sprint(norms) != fmt.Sprint(wanted) {
					t.Fatalf("d=%d n=%d: norms %v, want %v", d, n, norms, wanted)
				}
			}
		}
	})
}

// A single −128 anywhere takes the norm away, and not the next row's.
// FAULTS: N7
func TestLoneMinimumHasNoNorm(t *testing.T) {
	var dots, norms [2]int32
	eachTier(t, func(t *testing.T) {
		for n := 1; n <= 300; n++ {
			a, b := filled(2*n, 127), filled(n, 1)
			for at := range n {
				a[at] = -128
				DotPairsNorms(dots[:], norms[:], a, []int{0, n}, b, []int{0, 0}, n)
				if want := int32(n) * 127; dots != [2]int32{want - 255, want} || norms != [2]int32{0, want * 127} {
					t.Fatalf("n=%d at %d: %v, norms %v", n, at, dots, norms)
				}
				a[at] = 127
			}
		}
	})
}

// FAULTS: N15
func TestDotBlockEqualsGeneric(t *testing.T) {
	r := random(3)
	rows := randomBytes(r, 1<<16)
	eachTier(t, func(t *testing.T) {
		for _, d := range []int{0, 1, 3, 31, 32, 63, 64, 65, 127, 128, 192, 200, 256, 511, 512, 513, 1024, 2048} {
			for _, stride := range []int{0, 1, d, d + 1, d + 64} {
				for _, symmetric := range []bool{false, true} {
					probe := randomBytes(r, d)
					for i, x := range probe {
						if symmetric && x == -128 {
							probe[i] = -127
						}
					}
					got, want := make([]int32, 14), make([]int32, 14)
					DotBlock(got[:13], probe, rows, stride)
					dotBlockGeneric(want[:13], probe, rows, stride)
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("d=%d stride=%d: %v, want %v", d, stride, got, want)
					}
				}
			}
		}
	})
}

// FAULTS: N15
func TestDotTileEqualsGeneric(t *testing.T) {
	r := random(4)
	a, b := randomBytes(r, 300*512), randomBytes(r, 300*512)
	eachTier(t, func(t *testing.T) {
		for _, d := range []int{0, 1, 15, 16, 48, 64, 100, 128, 192, 512, 2048} {
			for _, rows := range [][2]int{{0, 0}, {0, 5}, {1, 1}, {13, 40}, {14, 31}, {14, 32}, {15, 33}, {28, 64}, {29, 70}, {270, 35}, {530, 33}} {
				na, nb := rows[0], rows[1]
				if na*d > len(a) || nb*d > len(b) {
					continue
				}
				got, want := make([]int32, na*nb+1), make([]int32, na*nb+1)
				DotTile(got, a, na, b, nb, d)
				for i := range na {
					dotBlockGeneric(want[i*nb:(i+1)*nb], a[i*d:(i+1)*d], b, d)
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("d=%d %d×%d: element %d is %d, want %d", d, na, nb, i, got[i], want[i])
					}
				}
			}
		}
	})
}

// One offset beyond its slice is found at every place of a batch.
// FAULTS: N12
func TestOutside(t *testing.T) {
	most := int(^uint(0) >> 1)
	eachTier(t, func(t *testing.T) {
		for n := 1; n <= 40; n++ {
			offsets := make([]int, n)
			for i := range offsets {
				offsets[i] = 100 - i
			}
			if outside(offsets, 100) {
				t.Fatalf("n=%d: offsets up to the last refused", n)
			}
			for i := range offsets {
				for _, off := range []int{101, -1, most, -most - 1, 1 << 32, -1 << 32} {
					kept := offsets[i]
					offsets[i] = off
					if !outside(offsets, 100) {
						t.Fatalf("n=%d: offset %d at %d accepted", n, off, i)
					}
					offsets[i] = kept
				}
			}
		}
	})
}

// FAULTS: N12
func TestArgumentsThatDoNotFitPanic(t *testing.T) {
	s, dst, x := make([]int8, 64), make([]int32, 4), make([]float32, 8)
	huge := int(^uint(0) >> 1)
	for name, call := range map[string]func(){
		"dot lengths":         func() { Dot(s, s[1:]) },
		"pairs offsets":       func() { DotPairs(dst, s, []int{0}, s, []int{0, 1, 2, 3}, 8) },
		"pairs beyond":        func() { DotPairs(dst, s, []int{0, 0, 0, 57}, s, make([]int, 4), 8) },
		"pairs below":         func() { DotPairs(dst, s, make([]int, 4), s, []int{0, 0, -1, 0}, 8) },
		"pairs row too long":  func() { DotPairs(dst, s, make([]int, 4), s, make([]int, 4), 65) },
		"pairs negative row":  func() { DotPairs(dst, s, make([]int, 4), s, make([]int, 4), -1) },
		"pairs within cap":    func() { DotPairs(dst, s[:32], []int{0, 0, 0, 30}, s, make([]int, 4), 8) },
		"norms lengths":       func() { DotPairsNorms(dst, dst[1:], s, make([]int, 4), s, make([]int, 4), 8) },
		"norms offsets":       func() { DotPairsNorms(dst, dst, s, []int{0}, s, make([]int, 4), 8) },
		"norms beyond":        func() { DotPairsNorms(dst, dst, s, []int{0, 0, 0, 57}, s, make([]int, 4), 8) },
		"norms row beyond":    func() { DotPairsNorms(dst, dst, s, make([]int, 4), s, []int{0, 57, 0, 0}, 8) },
		"block beyond":        func() { DotBlock(dst, s[:8], s, 19) },
		"block probe longer":  func() { DotBlock(dst[:1], s, s[1:], 0) },
		"block negative":      func() { DotBlock(dst, s[:8], s, -1) },
		"block overflow":      func() { DotBlock(dst, s[:8], s, huge/2) },
		"tile a short":        func() { DotTile(dst, s, 2, s, 2, 33) },
		"tile dst short":      func() { DotTile(dst, s, 2, s, 3, 8) },
		"tile negative":       func() { DotTile(dst, s, -1, s, 2, 8) },
		"tile overflow":       func() { DotTile(dst, s, huge, s, 1, 8) },
		"quantize lengths":    func() { Quantize(s[:7], x, 0) },
		"hadamard length":     func() { Hadamard(x[:7], []uint64{0}) },
		"hadamard empty":      func() { Hadamard(nil, nil) },
		"hadamard short sign": func() { Hadamard(make([]float32, 128), []uint64{0}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			call()
		})
	}
}
