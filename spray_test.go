package zhenni_test

import (
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// FAULTS: N14
func TestSharedProbesFindsOneFaceTriedOnManyPeople(t *testing.T) {
	const dim, items = 32, 1000
	for _, encoding := range []string{"int8", "float32"} {
		b := zhenni.Batch{Dim: dim, IDs: make([]zhenni.CredentialID, items)}
		for i := range b.IDs {
			b.IDs[i] = zhenni.CredentialID{byte(i), byte(i >> 8)}
		}
		if encoding == "int8" {
			b.Int8 = make([]int8, items*dim)
		} else {
			b.Float32 = make([]float32, items*dim)
		}
		if got := b.SharedProbes(make([]uint32, 2*items)); got != items-1 {
			t.Errorf("%s: %d of %d repeats found", encoding, got, items-1)
		}
	}
}

func TestSharedProbesNeverCountsOneCredentialTwice(t *testing.T) {
	b := zhenni.Batch{Dim: 8, IDs: make([]zhenni.CredentialID, 5), Int8: make([]int8, 40)}
	if got := b.SharedProbes(make([]uint32, 1)); got != 0 {
		t.Errorf("five tries at one credential count as %d shared probes", got)
	}
}

// Against the obvious method: never more than the true number, whatever the scratch.
func TestSharedProbesNeverExceedsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const dim = 3
		n := rapid.IntRange(1, 20).Draw(t, "items")
		b := zhenni.Batch{Dim: dim, IDs: make([]zhenni.CredentialID, n)}
		b.Int8 = rapid.SliceOfN(rapid.Int8Range(0, 1), n*dim, n*dim).Draw(t, "probes")
		for i := range b.IDs {
			b.IDs[i][0] = rapid.ByteRange(0, 2).Draw(t, "id")
		}
		truth := 0
		for i := range n {
			for j := range i {
				if b.IDs[i] != b.IDs[j] && [dim]int8(b.Int8[i*dim:]) == [dim]int8(b.Int8[j*dim:]) {
					truth++
					break
				}
			}
		}
		seen := make([]uint32, rapid.IntRange(1, 64).Draw(t, "scratch"))
		if got := b.SharedProbes(seen); got > truth {
			t.Fatalf("%d found, %d exist", got, truth)
		}
	})
}

func BenchmarkSharedProbes(b *testing.B) {
	const dim, items = 512, 1024
	batch := zhenni.Batch{Dim: dim, IDs: make([]zhenni.CredentialID, items), Int8: make([]int8, items*dim)}
	for i := range batch.IDs {
		batch.IDs[i] = zhenni.CredentialID{byte(i), byte(i >> 8)}
		batch.Int8[i*dim], batch.Int8[i*dim+1] = int8(i), int8(i>>8)
	}
	seen := make([]uint32, 2*items)
	for b.Loop() {
		batch.SharedProbes(seen)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*items), "ns/item")
}
