package simd

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"testing"
)

// pattern is the message of the official vectors: the bytes from 0 to 250, again and again.
func pattern(n int) []byte {
	message := make([]byte, n)
	for i := range message {
		message[i] = byte(i % 251)
	}
	return message
}

// The vectors are those of the reference implementation: test_vectors.json, the first 32 bytes of each hash.
//
// FAULTS: N15
func TestBlake3Vectors(t *testing.T) {
	f, err := os.Open("testdata/blake3.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	eachTier(t, func(t *testing.T) {
		if _, err := f.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		vectors := 0
		for lines := bufio.NewScanner(f); lines.Scan(); vectors++ {
			var size int
			var want string
			if _, err := fmt.Sscan(lines.Text(), &size, &want); err != nil {
				t.Fatal(err)
			}
			if got := Blake3(pattern(size)); hex.EncodeToString(got[:]) != want {
				t.Errorf("%d bytes: %x, want %s", size, got, want)
			}
		}
		if vectors != 22 {
			t.Errorf("%d vectors, want 22", vectors)
		}
	})
}

// Every tier agrees with the generic code, around each size at which the tree has another shape.
//
// FAULTS: N15
func TestBlake3Tiers(t *testing.T) {
	message := octets(3, 40*blakeGroup)
	var sizes []int
	for chunks := range 70 {
		sizes = append(sizes, chunks*blakeChunk+1, (chunks+1)*blakeChunk-1, (chunks+1)*blakeChunk)
	}
	for groups := 5; groups <= 40; groups += 7 {
		sizes = append(sizes, groups*blakeGroup-1, groups*blakeGroup, groups*blakeGroup-3*blakeChunk+5)
	}
	want := map[int][32]byte{}
	before := Tier()
	use("generic")
	for _, size := range sizes {
		want[size] = Blake3(message[:size])
	}
	use(before)
	eachTier(t, func(t *testing.T) {
		for _, size := range sizes {
			if got := Blake3(message[:size]); got != want[size] {
				t.Fatalf("%d bytes: %x, want %x", size, got, want[size])
			}
		}
	})
}

func TestBlake3AllocatesNothing(t *testing.T) {
	message := octets(5, 5*blakeGroup+17)
	eachTier(t, func(t *testing.T) {
		for _, size := range []int{0, 700, 2000, len(message)} {
			if n := testing.AllocsPerRun(100, func() { Blake3(message[:size]) }); n > 0 {
				t.Errorf("%d bytes: %v allocations", size, n)
			}
		}
	})
}

func BenchmarkBlake3(b *testing.B) {
	message := octets(7, 4096*530)
	for _, size := range []int{64, 1900, blakeGroup, len(message)} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				Blake3(message[:size])
			}
		})
	}
}
