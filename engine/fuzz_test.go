package engine_test

import (
	"encoding/binary"
	"math"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// FAULTS: N1 N2 N3 N4 N5
func FuzzPrepare(f *testing.F) {
	for _, v := range []uint32{0, 1, 0x00800000, 0x3a83126f, 0x3f800000, 0x7f7fffff, 0x7f800000, 0x7fc00000} {
		f.Add(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, v), 0xbf000000))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := make([]float32, min(len(data)/4, zhenni.MaxDim))
		if len(src) == 0 {
			return
		}
		for i := range src {
			src[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		b := &zhenni.Batch{Dim: len(src), Float32: src}
		want, accepted := plainProbe(b, 0)
		got := make([]int8, len(src))
		norm, err := engine.Prepare(got, src)
		if (err == nil) != accepted {
			t.Fatalf("%v: %v, accepted by the plain rule: %v", src, err, accepted)
		}
		if err != nil {
			return
		}
		if checked, err := engine.CheckRow(got); err != nil || checked != norm || plainDot(got, want) != plainDot(want, want) {
			t.Fatalf("%v: %v, norm %d; checked: norm %d, %v; want %v", src, got, norm, checked, err, want)
		}
	})
}

// FAULTS: N3 N7
func FuzzCheckRow(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{128})
	f.Add([]byte{127, 129, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		row := make([]int8, min(len(data), zhenni.MaxDim))
		for i := range row {
			row[i] = int8(data[i])
		}
		if len(row) == 0 {
			return
		}
		want, accepted := plainProbe(&zhenni.Batch{Dim: len(row), Int8: row}, 0)
		norm, err := engine.CheckRow(row)
		if (err == nil) != accepted || accepted && int64(norm) != plainDot(want, want) {
			t.Fatalf("%v: norm %d, %v", row, norm, err)
		}
	})
}
