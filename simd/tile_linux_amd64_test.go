//go:build !purego

package simd

import (
	"fmt"
	"testing"
	"time"
)

// The yardstick of DotTile is VPDPBUSD alone, issued as fast as the core takes it: 64 products an instruction. The two
// take turns; of-peak compares their lower quartiles. Other tiers show their rate beside it.
func BenchmarkDotTile(b *testing.B) {
	for _, tier := range supported() {
		for _, d := range dimensions {
			b.Run(fmt.Sprintf("tier=%s/d=%d", tier, d), func(b *testing.B) {
				switchTo(b, tier)
				tileBesidePeak(b, 256, 256, d)
			})
		}
	}
}

func tileBesidePeak(b *testing.B, na, nb, d int) {
	r := random(32)
	x, y, dst := randomBytes(r, na*d), randomBytes(r, nb*d), make([]int32, na*nb)
	hasPeak := supported()[0] == "avx512vnni"
	instructions := na * nb * d / 64
	var tiles, peaks []float64
	for b.Loop() {
		start := time.Now()
		DotTile(dst, x, na, y, nb, d)
		tiles = append(tiles, float64(time.Since(start).Nanoseconds())/float64(na*nb))
		if hasPeak {
			start = time.Now()
			peakVNNI(instructions / 28)
			peaks = append(peaks, float64(time.Since(start).Nanoseconds())/float64(na*nb))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1e3/quartile(tiles), "M/s")
	if hasPeak {
		b.ReportMetric(100*quartile(peaks)/quartile(tiles), "%of-peak")
	}
}
