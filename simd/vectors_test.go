package simd

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/vectors.json from the generic code")

const vectorFile = "testdata/vectors.json"

// vector is one committed case. Floats stand as bit patterns in hexadecimal, so that no reader rounds them; they come
// from input, a xorshift sequence that any language can repeat.
type vector struct {
	Dimension int      `json:"dimension"`
	Seed      uint32   `json:"seed"`
	Input     []string `json:"input_head"` // bits of the first eight floats
	Floor     string   `json:"floor"`
	MaxAbs    string   `json:"max_abs"`
	Rows      [2][]int `json:"rows"`        // the floats of Seed and Seed+1, quantised
	SumSq     [2]int32 `json:"sum_squares"` // of each row
	Dot       int32    `json:"dot"`         // of the two rows
	Signs     string   `json:"signs"`       // every word of the flips
	Hadamard  []string `json:"hadamard"`    // the transform of the floats of Seed, bits; powers of two only
}

var vectorDimensions = []int{1, 3, 64, 128, 192, 511, 512, 1024}

// input is n floats in (−16, 16): a 32-bit xorshift from seed, its upper 24 bits as a signed fraction, times 16.
func input(seed uint32, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		seed ^= seed << 13
		seed ^= seed >> 17
		seed ^= seed << 5
		s[i] = float32(int32(seed)>>8) / (1 << 19)
	}
	return s
}

func hexBits(s []float32) (out []string) {
	for _, x := range s {
		out = append(out, fmt.Sprintf("%08x", math.Float32bits(x)))
	}
	return out
}

// compute fills in a case with the tier in use.
func compute(d int, seed uint32) vector {
	const floor, signs = float32(1e-3), 0x9e3779b97f4a7c15
	v := vector{Dimension: d, Seed: seed, Floor: hexBits([]float32{floor})[0], Signs: fmt.Sprintf("%016x", uint64(signs))}
	x := input(seed, d)
	v.Input = hexBits(x[:min(d, 8)])
	var rows [2][]int8
	for i, src := range [][]float32{x, input(seed+1, d)} {
		rows[i] = make([]int8, d)
		maxAbs, sumSq := Quantize(rows[i], src, floor)
		if i == 0 {
			v.MaxAbs = hexBits([]float32{maxAbs})[0]
		}
		v.SumSq[i] = sumSq
		for _, q := range rows[i] {
			v.Rows[i] = append(v.Rows[i], int(q))
		}
	}
	v.Dot = Dot(rows[0], rows[1])
	if d&(d-1) == 0 {
		words := make([]uint64, (d+63)/64)
		for i := range words {
			words[i] = signs
		}
		Hadamard(x, words)
		v.Hadamard = hexBits(x)
	}
	return v
}

// The committed vectors are the same on every tier, and on every architecture.
// FAULTS: N6 N15
func TestVectors(t *testing.T) {
	if *rewrite {
		writeVectors(t)
	}
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var want []vector
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(vectorDimensions) {
		t.Fatalf("%d vectors, want %d", len(want), len(vectorDimensions))
	}
	eachTier(t, func(t *testing.T) {
		for _, w := range want {
			t.Run(strconv.Itoa(w.Dimension), func(t *testing.T) {
				if got := compute(w.Dimension, w.Seed); fmt.Sprint(got) != fmt.Sprint(w) {
					t.Fatalf("got  %v\nwant %v", got, w)
				}
			})
		}
	})
}

func writeVectors(t *testing.T) {
	switchTo(t, "generic")
	var out []byte
	for i, d := range vectorDimensions {
		line, err := json.Marshal(compute(d, uint32(1000+2*i)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ",\n"...)
		out = append(out, line...)
	}
	out = append([]byte("[\n"), append(out[2:], "\n]\n"...)...)
	if err := os.WriteFile(vectorFile, out, 0o644); err != nil {
		t.Fatal(err)
	}
}
