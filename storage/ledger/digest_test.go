package ledger

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A body of any length has one digest, and another one as soon as a byte of it is another, two pieces change places or one byte
// more or less is there.
func TestDigestOfPieces(t *testing.T) {
	s := secrets{digest: 42}
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{
		leastWide - 1, leastWide, leastWide + 1, 2*pieceSize - 1, 2 * pieceSize, 2*pieceSize + 1, leastBulk - 1, leastBulk, leastBulk + 1,
	} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(r.Uint32())
		}
		whole := s.digestOf("/a", "json", body)
		seen := map[[digestSize]byte]int{whole: -1}
		tell := func(at int, changed []byte) {
			digest := s.digestOf("/a", "json", changed)
			if other, twice := seen[digest]; twice {
				t.Errorf("%d bytes: changes %d and %d have one digest", n, at, other)
			}
			seen[digest] = at
		}
		for _, at := range []int{0, pieceSize - 1, pieceSize, n / 2, n - 1} {
			body[at]++
			tell(at, body)
		}
		swapped := slices.Clone(body)
		half := min(pieceSize, n/2)
		copy(swapped, body[half:2*half])
		copy(swapped[half:], body[:half])
		tell(n, swapped)
		tell(n+1, body[:n-1])
		tell(n+2, append(body, 0))
		if _, twice := seen[s.digestOf("/b", "json", body)]; twice {
			t.Errorf("%d bytes: the digest of another route", n)
		}
	}
}

func TestDigestAllocatesNothing(t *testing.T) {
	s := secrets{digest: 42}
	body := make([]byte, leastBulk-1)
	if got := testing.AllocsPerRun(100, func() { s.digestOf("/a", "json", body) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
