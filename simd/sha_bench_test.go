package simd

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkSumMany times 1,024 messages beside crypto/sha256, turn by turn, and reports the medians of a block.
func BenchmarkSumMany(b *testing.B) {
	const n = 1024
	for _, tier := range supported() {
		for _, size := range []int{33, 54, 64, 65, 256, 257} {
			b.Run(fmt.Sprintf("tier=%s/size=%d", tier, size), func(b *testing.B) {
				switchTo(b, tier)
				messages, dst := make([]byte, n*size), make([][32]byte, n)
				blocks := float64(n * ((size+8)/64 + 1))
				var many, single []float64
				for b.Loop() {
					many = append(many, perBlock(blocks, func() { SumMany(dst, messages, size, size) }))
					single = append(single, perBlock(blocks, func() {
						for i := range dst {
							dst[i] = sha256.Sum256(messages[i*size:][:size])
						}
					}))
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(many), "ns/block")
				b.ReportMetric(median(single), "crypto-ns/block")
			})
		}
	}
}

// perBlock returns the nanoseconds of f for each of so many blocks.
func perBlock(blocks float64, f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start).Nanoseconds()) / blocks
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}
