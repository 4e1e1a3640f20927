package simd

import (
	"fmt"
	"testing"
	"unsafe"
)

var dimensions = []int{128, 192, 256, 512, 1024}

// eachTierAndDimension runs body as a benchmark for every tier of the machine and dimension in use.
func eachTierAndDimension(b *testing.B, body func(b *testing.B, d int)) {
	for _, tier := range supported() {
		for _, d := range dimensions {
			b.Run(fmt.Sprintf("tier=%s/d=%d", tier, d), func(b *testing.B) {
				switchTo(b, tier)
				body(b, d)
			})
		}
	}
}

var sink int32

// aligned is filled at an address that starts a line of the cache, where an arena puts its rows.
func aligned(n int, x int8) []int8 {
	s := filled(n+64, x)
	start := -uintptr(unsafe.Pointer(&s[0])) % 64
	return s[start:][:n]
}

func BenchmarkDot(b *testing.B) {
	eachTierAndDimension(b, func(b *testing.B, d int) {
		x, y := aligned(d, 3), aligned(d, -5)
		var sum int32 // a store to memory could fall 4 KiB from a row and delay its loads
		for b.Loop() {
			sum += Dot(x, y)
		}
		sink = sum
	})
}

func BenchmarkSumSquares(b *testing.B) {
	eachTierAndDimension(b, func(b *testing.B, d int) {
		x := aligned(d, 3)
		for b.Loop() {
			sink, _ = SumSquares(x)
		}
	})
}

func BenchmarkQuantize(b *testing.B) {
	eachTierAndDimension(b, func(b *testing.B, d int) {
		src, dst := randomNormal(d), make([]int8, d)
		for b.Loop() {
			_, sink = Quantize(dst, src, 1e-3)
		}
	})
}

func BenchmarkHadamard(b *testing.B) {
	eachTierAndDimension(b, func(b *testing.B, d int) {
		if d == 192 {
			b.Skip("not a power of two")
		}
		x, signs := randomNormal(d), make([]uint64, d/64)
		for b.Loop() {
			Hadamard(x, signs)
		}
	})
}

// randomNormal returns n normal floats.
func randomNormal(n int) []float32 {
	r, s := random(8), make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}
