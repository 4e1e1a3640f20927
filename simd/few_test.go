//go:build amd64 && !purego

package simd

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
)

// A call about few rows uses no registers of 512 bits, one about many does, and both come to what the generic code does.
//
// FAULTS: N15
func TestFewRowsStayNarrow(t *testing.T) {
	if wideFor(leastWide-1) || wideFor(leastWide) != useVNNI {
		t.Errorf("%d rows wide: %v, %d rows: %v", leastWide-1, wideFor(leastWide-1), leastWide, wideFor(leastWide))
	}
	const d = 512
	r := random(7)
	rows := randomBytes(r, (leastWide+1)*d)
	for _, n := range []int{1, 2, narrow, wide + 1, leastWide - 1, leastWide, leastWide + 1} {
		at := make([]int, n)
		for i := range at {
			at[i] = i * d
		}
		dots, norms, want, wantNorms := make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
		DotPairsNorms(dots, norms, rows, at, rows, at, d)
		for i, from := range at {
			row := rows[from : from+d]
			want[i] = dotGeneric(row, row)
			if sum, symmetric := sumSquaresGeneric(row); symmetric {
				wantNorms[i] = sum
			}
			if got := Dot(row, row); got != want[i] {
				t.Errorf("row %d alone: %d, want %d", i, got, want[i])
			}
		}
		if !slices.Equal(dots, want) || !slices.Equal(norms, wantNorms) {
			t.Errorf("%d rows differ from the generic code", n)
		}
		testFewMessages(t, n)
	}
}

func testFewMessages(t *testing.T, n int) {
	t.Helper()
	const size = 150
	messages := bytes.Repeat([]byte{3, 1, 4, 1, 5, 9, 2}, n*size/7+1)
	sums := make([][32]byte, n)
	SumMany(sums, messages, size, size)
	for i, sum := range sums {
		if sum != sha256.Sum256(messages[i*size:(i+1)*size]) {
			t.Errorf("message %d of %d differs", i, n)
		}
	}
}

// BenchmarkVerifyBehindDot is a signature that is verified after one comparison: what the registers of the comparison cost
// what comes after it.
func BenchmarkVerifyBehindDot(b *testing.B) {
	seed, message := sha256.Sum256(nil), make([]byte, 400)
	private := ed25519.NewKeyFromSeed(seed[:])
	public, signature := private[ed25519.SeedSize:], ed25519.Sign(private, message)
	for _, tier := range supported() {
		for _, few := range []int{0, leastWide} {
			b.Run(fmt.Sprintf("tier=%s/least=%d", tier, few), func(b *testing.B) {
				switchTo(b, tier)
				leastWide = few
				x := aligned(512, 3)
				for b.Loop() {
					sink += Dot(x, x)
					if !ed25519.Verify(ed25519.PublicKey(public), message, signature) {
						b.Fatal("a signature does not verify")
					}
				}
			})
		}
	}
}
