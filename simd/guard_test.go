//go:build unix

package simd

import (
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns size bytes, a multiple of the page, between two pages that fault when touched.
func guarded(t *testing.T, size int) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	size = (size + page - 1) / page * page
	whole, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(whole); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{whole[:page], whole[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return whole[page : page+size]
}

// cast reads memory as elements of another type; it must be aligned for them.
func cast[T any](memory []byte) []T {
	var element T
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[0])), len(memory)/int(unsafe.Sizeof(element)))
}

// atEnds calls body with the n elements right after the first guard page and the n right before the second.
func atEnds[T any](memory []T, n int, body func([]T)) {
	body(memory[:n:n])
	body(memory[len(memory)-n:])
}

// No kernel touches a byte outside its slices: neither before their start nor after their end.
// FAULTS: N12
func TestDotStaysInside(t *testing.T) {
	r := random(20)
	x, y := cast[int8](guarded(t, 8192)), cast[int8](guarded(t, 8192))
	copy(x, randomBytes(r, len(x)))
	copy(y, randomBytes(r, len(y)))
	eachTier(t, func(t *testing.T) {
		for _, n := range lengths() {
			atEnds(x, n, func(a []int8) {
				atEnds(y, n, func(b []int8) {
					if got, want := Dot(a, b), dotGeneric(a, b); got != want {
						t.Fatalf("n=%d: %d, want %d", n, got, want)
					}
				})
				sum, ok := SumSquares(a)
				if wantSum, wantOK := sumSquaresGeneric(a); sum != wantSum || ok != wantOK {
					t.Fatalf("squares n=%d: %d %v, want %d %v", n, sum, ok, wantSum, wantOK)
				}
			})
		}
	})
}

// Every alignment of both operands, with the end of one at the guard page.
// FAULTS: N12
func TestDotAtEveryAlignment(t *testing.T) {
	r := random(21)
	x, y := cast[int8](guarded(t, 4096)), randomBytes(r, 4096)
	copy(x, randomBytes(r, len(x)))
	eachTier(t, func(t *testing.T) {
		for align := range 64 {
			for _, n := range []int{1, 31, 32, 33, 63, 64, 65, 100, 127, 128, 192, 255, 256, 300, 511, 512, 513, 1024, 2048} {
				a, b := x[len(x)-n-align:len(x)-align], y[align:align+n]
				if got, want := Dot(a, b), dotGeneric(a, b); got != want {
					t.Fatalf("n=%d align=%d: %d, want %d", n, align, got, want)
				}
				if got, want := Dot(b, a), dotGeneric(a, b); got != want {
					t.Fatalf("n=%d align=%d: %d, want %d", n, align, got, want)
				}
			}
		}
	})
}

// FAULTS: N12
func TestBatchesStayInside(t *testing.T) {
	r := random(22)
	const rows = 40
	x, y := cast[int8](guarded(t, rows*512)), cast[int8](guarded(t, rows*512))
	dst, offsets := cast[int32](guarded(t, 4*rows*rows)), cast[int](guarded(t, 8*rows))
	norms := cast[int32](guarded(t, 4*rows))
	copy(x, randomBytes(r, len(x)))
	copy(y, randomBytes(r, len(y)))
	eachTier(t, func(t *testing.T) {
		for _, d := range []int{1, 17, 33, 64, 96, 128, 192, 200, 256, 511, 512} {
			for _, n := range []int{1, 5, 9, 33, rows} {
				a, b := x[len(x)-n*d:], y[len(y)-n*d:]
				off := offsets[len(offsets)-n:]
				for i := range off {
					off[i] = i * d
				}
				out, want := dst[len(dst)-n:], make([]int32, n*n)
				DotPairs(out, a, off, b, off, d)
				dotPairsGeneric(want[:n], a, off, b, off, d)
				sameWords(t, out, want[:n])
				clear(out)
				DotPairsNorms(out, norms[len(norms)-n:], a, off, b, off, d)
				sameWords(t, out, want[:n])
				sameWords(t, norms[len(norms)-n:], wantNorms(a, off, d))
				Prefetch(a, off)
				DotBlock(out, a[:d], b, d)
				dotBlockGeneric(want[:n], a[:d], b, d)
				sameWords(t, out, want[:n])
				out = dst[len(dst)-n*n:]
				DotTile(out, a, n, b, n, d)
				for i := range n {
					dotBlockGeneric(want[i*n:(i+1)*n], a[i*d:(i+1)*d], b, d)
				}
				sameWords(t, out, want)
			}
		}
	})
}

func sameWords(t *testing.T, got, want []int32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("element %d of %d is %d, want %d", i, len(want), got[i], want[i])
		}
	}
}

// FAULTS: N12
func TestFloatsStayInside(t *testing.T) {
	r := random(23)
	src, dst := cast[float32](guarded(t, 4*4096)), cast[int8](guarded(t, 4096))
	copy(src, randomFloats(r, len(src)))
	signs := cast[uint64](guarded(t, 4096))
	for i := range signs {
		signs[i] = r.Uint64()
	}
	eachTier(t, func(t *testing.T) {
		for _, n := range lengths() {
			atEnds(src, n, func(x []float32) {
				atEnds(dst, n, func(q []int8) {
					want := make([]int8, n)
					clear(q)
					_, sum := Quantize(q, x, 0)
					if _, wantSum := quantizeGeneric(want, x, 0); sum != wantSum || string(cast8(q)) != string(cast8(want)) {
						t.Fatalf("n=%d: %d %v, want %d %v", n, sum, q, wantSum, want)
					}
				})
			})
		}
		for n := 1; n <= 2048; n *= 2 {
			atEnds(src, n, func(x []float32) {
				atEnds(signs, (n+63)/64, func(s []uint64) { sameTransform(t, x, s) })
			})
		}
	})
}

// cast8 copies int8 to bytes, for comparison.
func cast8(s []int8) []byte {
	b := make([]byte, len(s))
	for i, x := range s {
		b[i] = byte(x)
	}
	return b
}

// Messages and digests end, or start, at a page that faults.
// FAULTS: N12
func TestSumManyStaysInside(t *testing.T) {
	data, dst := guarded(t, 40*301), cast[[32]byte](guarded(t, 40*32))
	copy(data, octets(24, len(data)))
	eachHash(t, func(t *testing.T) {
		for _, size := range []int{0, 1, 3, 31, 32, 54, 55, 56, 63, 64, 65, 119, 120, 127, 128, 256, 257, 300} {
			for _, n := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40} {
				atEnds(data, n*size, func(messages []byte) {
					atEnds(dst, n, func(sums [][32]byte) {
						SumMany(sums, messages, size, size)
						sameDigests(t, sums, nil, messages, size, size)
						SumPrefixed(sums, 1, messages, size, size)
						sameDigests(t, sums, []byte{1}, messages, size, size)
					})
				})
			}
		}
	})
}
