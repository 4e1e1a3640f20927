package statuslist

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// testSpare are entries drawn under a seed, each list's its own.
func testSpare(fill byte) Spare {
	return func(list uint32) iter.Seq2[uint32, uint64] {
		return func(yield func(uint32, uint64) bool) {
			numbers, seen := rand.New(rand.NewPCG(uint64(fill), uint64(list))), map[uint32]bool{}
			for len(seen) < Decoys {
				index := numbers.Uint32N(Entries)
				if seen[index] {
					continue
				}
				seen[index] = true
				if !yield(index, numbers.Uint64()) {
					return
				}
			}
		}
	}
}

func testCover(fill byte) *Cover { return NewCover(testSpare(fill), testTime) }

// Decoys are suspended before they become invalid, if at all: half of them.
func TestDecoysAreHalfSuspended(t *testing.T) {
	suspended := 0
	for index, bits := range testSpare(1)(1) {
		d := decoyOf(index, bits)
		if d.invalid < 0 || d.invalid >= coverLife || d.suspended > d.invalid || d.invalid-d.suspended > longestSuspension {
			t.Fatalf("%+v", d)
		}
		if d.suspended != d.invalid {
			suspended++
		}
	}
	if suspended < Decoys*45/100 || suspended > Decoys*55/100 {
		t.Errorf("%d are suspended at some time", suspended)
	}
}

// What becomes of a decoy is frozen: one of another build would become valid again, and be known for what it is.
func TestDecoysAreFrozen(t *testing.T) {
	var got []string
	for _, bits := range []uint64{0, 1, 1<<63 | 1<<30 | 1<<29, ^uint64(0)} {
		d := decoyOf(7, bits)
		got = append(got, fmt.Sprintf("%d %d", d.suspended, d.invalid))
	}
	if want := []string{
		"0 0", "587403774 587403774", "315359683453371888 315359999859621888", "628128315538090002 630719999131840002",
	}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A decoy goes from valid to suspended to invalid and never back, like a credential that is reported lost and then revoked.
func TestDecoysNeverComeBack(t *testing.T) {
	cover := testCover(1)
	before := newPublished()
	for _, years := range []int{0, 1, 5, 10, 20, 30} {
		now := newPublished()
		cover.apply(now, 1, testTime.AddDate(years, 0, 0))
		invalid := 0
		for i := range Entries {
			was, _ := before.Value(i)
			is, _ := now.Value(i)
			if was == Invalid && is != Invalid {
				t.Fatalf("entry %d is %d again after %d years", i, is, years)
			}
			if is == Invalid {
				invalid++
			}
		}
		if want := min(Decoys, Decoys*years/20); invalid < want*95/100 || invalid > want*105/100 {
			t.Errorf("%d are invalid after %d years, want about %d", invalid, years, want)
		}
		before = now
	}
	young := newPublished()
	cover.apply(young, 1, testTime.Add(-time.Hour*24*365))
	if !bytes.Equal(young.array, newPublished().array) {
		t.Error("before the beginning there are decoys")
	}
}

// The next change of a decoy is told: nothing changes before, and something does then.
func TestNextChangeOfADecoy(t *testing.T) {
	cover, at := testCover(1), testTime
	before := newPublished()
	for range 20 {
		next := cover.apply(before, 1, at)
		if !next.After(at) || next.Sub(at) > 24*time.Hour {
			t.Fatalf("after %v comes %v", at, next)
		}
		early, now := newPublished(), newPublished()
		cover.apply(early, 1, next.Add(-1))
		cover.apply(now, 1, next)
		if !bytes.Equal(early.array, before.array) || bytes.Equal(now.array, before.array) {
			t.Fatalf("at %v another change", next)
		}
		before, at = now, next
	}
	if next := cover.apply(before, 1, testTime.AddDate(30, 0, 0)); !next.IsZero() {
		t.Errorf("after the end comes %v", next)
	}
	if next := (*Cover)(nil).apply(before, 1, at); !next.IsZero() {
		t.Errorf("without decoys comes %v", next)
	}
}
