package simd

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// The memory benchmarks compare rows that no cache holds with reading the same rows and doing nothing: the limit. The
// two take short turns, each is given its lower quartile, which a busy neighbour does not reach, and of-limit is the
// limit's over the kernel's.
// ZHENNI_BENCH_BYTES sets the size of the memory, 256 MiB unless said.

const rowBytes = 512

// turn is how many rows each side reads before the other has its go.
const turn = 1 << 12

// bigRows maps rows of their own in huge pages, filled so that every page is present.
func bigRows(b *testing.B) []int8 {
	size := 256 << 20
	if s := os.Getenv("ZHENNI_BENCH_BYTES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 2*turn*rowBytes {
			b.Fatalf("ZHENNI_BENCH_BYTES=%q", s)
		}
		size = n
	}
	memory, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := syscall.Munmap(memory); err != nil {
			b.Error(err)
		}
	})
	_ = syscall.Madvise(memory, syscall.MADV_HUGEPAGE) // advice: without it the figures are those of small pages
	for i := range memory {
		memory[i] = byte(i * 7 >> 3)
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(&memory[0])), len(memory))
}

// readRow reads one word of every line of the row at off.
func readRow(rows []int8, off int) uint64 {
	row := (*[rowBytes / 8]uint64)(unsafe.Pointer(&rows[off]))
	return row[0] + row[8] + row[16] + row[24] + row[32] + row[40] + row[48] + row[56]
}

// besideLimit times kernel and limit over the same kind of offsets, turn by turn, and reports nanoseconds a row and
// the share of the limit that the kernel reaches.
func besideLimit(b *testing.B, next func() []int, kernel, limit func(offsets []int)) {
	for _, tier := range supported() {
		b.Run("tier="+tier, func(b *testing.B) {
			switchTo(b, tier)
			var kernels, limits []float64
			for b.Loop() {
				kernels = append(kernels, clock(kernel, next()))
				limits = append(limits, clock(limit, next()))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(quartile(kernels), "ns/row")
			b.ReportMetric(quartile(limits), "limit-ns/row")
			b.ReportMetric(100*quartile(limits)/quartile(kernels), "%of-limit")
		})
	}
}

// clock returns the nanoseconds an offset that f takes.
func clock(f func([]int), offsets []int) float64 {
	start := time.Now()
	f(offsets)
	return float64(time.Since(start).Nanoseconds()) / float64(len(offsets))
}

func quartile(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/4]
}

func BenchmarkDotPairs(b *testing.B) {
	rows, r := bigRows(b), random(30)
	probes, probeOffsets := randomBytes(r, 256*rowBytes), make([]int, turn)
	for i := range probeOffsets {
		probeOffsets[i] = i % 256 * rowBytes
	}
	offsets, dst := make([]int, turn), make([]int32, turn)
	next := func() []int {
		for i := range offsets {
			offsets[i] = r.IntN(len(rows)/rowBytes) * rowBytes
		}
		return offsets
	}
	besideLimit(b, next,
		func(offsets []int) { DotPairs(dst, probes, probeOffsets, rows, offsets, rowBytes) },
		func(offsets []int) {
			for i, off := range offsets {
				sink += int32(readRow(rows, off) + readRow(probes, probeOffsets[i]))
			}
		})
}

func BenchmarkDotBlock(b *testing.B) {
	rows := bigRows(b)
	probe, dst, at := randomBytes(random(31), rowBytes), make([]int32, turn), 0
	offsets := make([]int, turn)
	next := func() []int {
		if at += turn * rowBytes; at+turn*rowBytes > len(rows) {
			at = 0
		}
		for i := range offsets {
			offsets[i] = at + i*rowBytes
		}
		return offsets
	}
	besideLimit(b, next,
		func(offsets []int) { DotBlock(dst, probe, rows[offsets[0]:], rowBytes) },
		func(offsets []int) {
			for _, off := range offsets {
				sink += int32(readRow(rows, off))
			}
		})
}
