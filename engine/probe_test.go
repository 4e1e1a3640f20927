package engine_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"zhenni"
	"zhenni/engine"
)

func expectBadProbe(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, zhenni.ErrBadProbe) {
		t.Errorf("%s: %v, want a bad probe", name, err)
	}
}

// fill returns n elements of the same value.
func fill[T any](n int, x T) []T { return slices.Repeat([]T{x}, n) }

// A broken element is refused wherever it stands, however good the others are.
//
// FAULTS: N1 N2
func TestPrepareRefusesWhatIsNotFinite(t *testing.T) {
	nan, infinite := float32(math.NaN()), float32(math.Inf(1))
	for _, dim := range []int{1, 2, 15, 64, 511, 512, 513, zhenni.MaxDim} {
		src := newEmbedding(rand.New(rand.NewPCG(1, uint64(dim))), dim)
		for at := range src {
			for _, bad := range []float32{nan, -nan, infinite, -infinite, math.Float32frombits(0x7f800001)} {
				good := src[at]
				src[at] = bad
				if _, err := engine.Prepare(make([]int8, dim), src); !errors.Is(err, zhenni.ErrBadProbe) {
					t.Fatalf("dim %d: element %d is %v: %v", dim, at, bad, err)
				}
				src[at] = good
			}
			if dim == zhenni.MaxDim && at == 100 {
				break
			}
		}
	}
}

// FAULTS: N3 N4 N9 N11
func TestPrepareAtItsLimits(t *testing.T) {
	oneHot := make([]float32, 512)
	oneHot[100] = -2
	for _, c := range []struct {
		name string
		src  []float32
		norm int32 // 0: refused
	}{
		{"zero", fill(512, float32(0)), 0},
		{"negative zero", fill(512, float32(math.Copysign(0, -1))), 0},
		{"norm below the floor", fill(4, float32(4.9e-4)), 0},
		{"norm above the floor", fill(4, float32(5.1e-4)), 4 * 127 * 127},
		{"every element below the floor, the norm above it", fill(zhenni.MaxDim, float32(2.3e-5)), zhenni.MaxDim * 127 * 127},
		{"every element, and the norm, below the floor", fill(zhenni.MaxDim, float32(2.2e-5)), 0},
		{"1e38", fill(512, float32(1e38)), 512 * 127 * 127},
		{"largest", fill(512, float32(-math.MaxFloat32)), 512 * 127 * 127},
		{"one-hot", oneHot, 127 * 127},
		{"constant", fill(512, float32(0.04)), 512 * 127 * 127},
	} {
		norm, err := engine.Prepare(make([]int8, len(c.src)), c.src)
		if c.norm == 0 {
			expectBadProbe(t, c.name, err)
		} else if err != nil || norm != c.norm {
			t.Errorf("%s: norm %d, %v; want %d", c.name, norm, err, c.norm)
		}
	}
}

// An element that a processor may flush to zero quantises to zero anyway, so its mode can not show.
//
// FAULTS: N5
func TestPrepareIsBlindToDenormals(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, scale := range []float32{1.1e-3, 1, math.MaxFloat32} {
		kept := make([]float32, 512)
		for i := range kept {
			kept[i] = math.Float32frombits(rng.Uint32N(0x00800000) | rng.Uint32()&(1<<31))
		}
		flushed := make([]float32, 512)
		kept[7], flushed[7] = scale, scale
		a, b := make([]int8, 512), make([]int8, 512)
		normA, errA := engine.Prepare(a, kept)
		normB, errB := engine.Prepare(b, flushed)
		if errA != nil || errB != nil || normA != normB || !slices.Equal(a, b) {
			t.Errorf("scale %g: norms %d and %d, %v, %v", scale, normA, normB, errA, errB)
		}
	}
	if _, err := engine.Prepare(make([]int8, 512), fill(512, math.Float32frombits(1))); err == nil {
		t.Error("denormals alone were accepted")
	}
}

// FAULTS: N3 N7 N8
func TestCheckRow(t *testing.T) {
	for _, dim := range []int{1, 31, 64, 511, 512, 513, zhenni.MaxDim} {
		full := fill(dim, int8(127))
		if norm, err := engine.CheckRow(full); err != nil || norm != int32(dim)*127*127 {
			t.Errorf("dim %d: norm %d, %v", dim, norm, err)
		}
		for at := range full {
			full[at] = -128
			if _, err := engine.CheckRow(full); !errors.Is(err, zhenni.ErrBadProbe) {
				t.Fatalf("dim %d: -128 at %d: %v", dim, at, err)
			}
			full[at] = 127
		}
		_, err := engine.CheckRow(make([]int8, dim))
		expectBadProbe(t, "zeros", err)
	}
}
