//go:build race

package simd

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// races lists, by name, a call that reads or writes memory which another goroutine writes or reads meanwhile.
func races() map[string][2]func() {
	const d = 64
	a, b, src, signs := make([]int8, 64*d), make([]int8, 64*d), make([]float32, d), make([]uint64, 1)
	src[0] = 1
	dst, offsets := make([]int32, 64*64), make([]int, 9)
	messages, sums := make([]byte, 20*64), make([][32]byte, 20)
	write := func() { b[d-1]++ }
	return map[string][2]func(){
		"Dot":           {func() { Dot(a[:d], b[:d]) }, write},
		"SumSquares":    {func() { SumSquares(b[:d]) }, write},
		"DotPairs":      {func() { DotPairs(dst[:9], a, offsets, b, offsets, d) }, write},
		"DotPairsNorms": {func() { DotPairsNorms(dst[:9], dst[9:18], a, offsets, b, offsets, d) }, write},
		"Norms":         {func() { DotPairsNorms(dst[:9], dst[9:18], a, offsets, b, offsets, d) }, func() { dst[17]++ }},
		"DotBlock":      {func() { DotBlock(dst[:9], a[:d], b, d) }, write},
		"DotTile":       {func() { DotTile(dst, a, 64, b, 64, d) }, write},
		"DotTileWrite":  {func() { DotTile(dst, a, 64, b, 64, d) }, func() { dst[64*64-1]++ }},
		"Quantize":      {func() { Quantize(a[:d], src, 0) }, func() { src[d-1]++ }},
		"QuantizeDst":   {func() { Quantize(a[:d], src, 0) }, func() { a[d-1]++ }},
		"Hadamard":      {func() { Hadamard(src, signs) }, func() { src[d-1]++ }},
		"SumMany":       {func() { SumMany(sums, messages, 54, 64) }, func() { messages[19*64+53]++ }},
		"SumManyDst":    {func() { SumMany(sums, messages, 54, 64) }, func() { sums[19][31]++ }},
		"SumPrefixed":   {func() { SumPrefixed(sums, 0, messages, 54, 64) }, func() { messages[0]++ }},
		"SumTuples":     {func() { SumTuples(sums[:2], 1, sums[2:6], 2) }, func() { sums[5][0]++ }},
	}
}

// TestRace runs one race in a process of its own, which the detector ends.
func TestRace(t *testing.T) {
	pair, ok := races()[os.Getenv("ZHENNI_TEST_RACE")]
	if !ok {
		t.Skip("run by TestDetectorSeesAssembly")
	}
	done := make(chan struct{})
	go func() {
		pair[0]()
		close(done)
	}()
	pair[1]()
	<-done
}

func TestDetectorSeesAssembly(t *testing.T) {
	for name := range races() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestRace$")
			cmd.Env = append(os.Environ(), "ZHENNI_TEST_RACE="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "DATA RACE") {
				t.Fatalf("no race reported: %v\n%s", err, out)
			}
		})
	}
}
