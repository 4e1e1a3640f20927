package simd

import (
	"encoding/binary"
	"math"
	"math/bits"
	"testing"
)

// everyTier runs body with each tier of the machine in use.
func everyTier(t *testing.T, body func()) {
	before := inUse
	defer use(before)
	for _, tier := range supported() {
		use(tier)
		body()
	}
}

// signed reads bytes as int8, at most the longest row.
func signed(data []byte) []int8 {
	s := make([]int8, min(len(data), 2048))
	for i := range s {
		s[i] = int8(data[i])
	}
	return s
}

// floats reads bytes as float32 bit patterns, at most the longest row.
func floats(data []byte) []float32 {
	s := make([]float32, min(len(data)/4, 2048))
	for i := range s {
		s[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return s
}

// FAULTS: N15
func FuzzDot(f *testing.F) {
	f.Add([]byte{1, 2, 3}, []byte{128, 127, 255})
	f.Fuzz(func(t *testing.T, x, y []byte) {
		n := min(len(x), len(y), 2048)
		a, b := signed(x[:n]), signed(y[:n])
		want := dotGeneric(a, b)
		wantSum, wantOK := sumSquaresGeneric(a)
		everyTier(t, func() {
			if got := Dot(a, b); got != want {
				t.Fatalf("%s: %d, want %d", Tier(), got, want)
			}
			if sum, ok := SumSquares(a); sum != wantSum || ok != wantOK {
				t.Fatalf("%s: squares %d %v, want %d %v", Tier(), sum, ok, wantSum, wantOK)
			}
		})
	})
}

// FuzzBatches reads rows of d elements from one byte string and the pairing from another.
// FAULTS: N12 N15
func FuzzBatches(f *testing.F) {
	f.Add([]byte("sixteen elements"), []byte{0, 1, 2, 3}, uint16(3))
	f.Fuzz(func(t *testing.T, data, pairing []byte, dim uint16) {
		rows, d := signed(data), int(dim)
		if len(rows) == 0 || d > len(rows) {
			return
		}
		n := min(len(pairing)/2, 64)
		aOff, bOff := make([]int, n), make([]int, n)
		for i := range n {
			aOff[i], bOff[i] = int(pairing[2*i])%(len(rows)-d+1), int(pairing[2*i+1])%(len(rows)-d+1)
		}
		want, got := make([]int32, 64*64), make([]int32, 64*64)
		everyTier(t, func() {
			DotPairs(got[:n], rows, aOff, rows, bOff, d)
			dotPairsGeneric(want[:n], rows, aOff, rows, bOff, d)
			sameWords(t, got[:n], want[:n])
			whole := min(64, len(rows)/max(d, 1))
			DotBlock(got[:whole], rows[:d], rows, d)
			dotBlockGeneric(want[:whole], rows[:d], rows, d)
			sameWords(t, got[:whole], want[:whole])
			DotTile(got, rows, whole, rows, whole, d)
			for i := range whole {
				dotBlockGeneric(want[i*whole:(i+1)*whole], rows[i*d:(i+1)*d], rows, d)
			}
			sameWords(t, got[:whole*whole], want[:whole*whole])
		})
	})
}

// FAULTS: N1 N2 N3 N5 N9 N15
func FuzzQuantize(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 0, 0, 192, 255}, uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, floor uint32) {
		src := floats(data)
		everyTier(t, func() { sameQuantized(t, src, math.Float32frombits(floor)) })
	})
}

// FAULTS: N15
func FuzzHadamard(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 0, 0, 192, 255}, uint64(1))
	f.Fuzz(func(t *testing.T, data []byte, sign uint64) {
		src := floats(data)
		if len(src) == 0 {
			return
		}
		src = src[:1<<(bits.Len(uint(len(src)))-1)]
		signs := make([]uint64, (len(src)+63)/64)
		for i := range signs {
			signs[i] = bits.RotateLeft64(sign, i)
		}
		everyTier(t, func() { sameTransform(t, append([]float32(nil), src...), signs) })
	})
}
