package accuracy

import (
	"fmt"

	"zhenni"
)

// maxMated bounds the mated scores held in memory at once (256 MiB).
const maxMated = 32 << 20

// tileRows is the height and width of a tile: its scores take 512 KiB, its rows are read from the nearest cache.
const tileRows = 256

// Sweep is every unordered pair of a set, cut into tiles. It is immutable: several goroutines may compare different
// tiles at once, each with a Scorer and a Tally of its own.
type Sweep struct {
	set   *Set
	tiles [][2]Span
}

// NewSweep lays out the tiles. A set without mated or without non-mated pairs, or with more mated pairs than fit in
// memory, is [zhenni.ErrBadValue].
func NewSweep(set *Set) (*Sweep, error) {
	mated, nonMated := set.Pairs()
	if mated == 0 || nonMated == 0 {
		return nil, fmt.Errorf("%w: %d mated and %d non-mated pairs: want two persons, one of them with two samples",
			zhenni.ErrBadValue, mated, nonMated)
	}
	if mated > maxMated {
		return nil, fmt.Errorf("%w: %d mated pairs, at most %d are held: take fewer samples of each person",
			zhenni.ErrBadValue, mated, maxMated)
	}
	s := &Sweep{set: set}
	for i := 0; i < set.Len(); i += tileRows {
		for j := i; j < set.Len(); j += tileRows {
			s.tiles = append(s.tiles, [2]Span{{i, min(i+tileRows, set.Len())}, {j, min(j+tileRows, set.Len())}})
		}
	}
	return s, nil
}

// Tiles is the number of tiles.
func (s *Sweep) Tiles() int { return len(s.tiles) }

// Compare scores one tile into a tally and returns the number of comparisons.
func (s *Sweep) Compare(tile int, scorer Scorer, into *Tally) (comparisons int, err error) {
	a, b := s.tiles[tile][0], s.tiles[tile][1]
	if len(into.scratch) == 0 {
		into.scratch = make([]float64, tileRows*tileRows)
	}
	scores := into.scratch[:a.Len()*b.Len()]
	if err := scorer.Tile(scores, a, b); err != nil {
		return 0, err
	}
	for i := a.First; i < a.Last; i++ {
		row := scores[(i-a.First)*b.Len():][:b.Len()]
		// Rows are in order of person: behind row i come first its own person's, then only others'.
		own := min(max(i+1, b.First), b.Last)
		others := min(max(int(s.set.first[s.set.persons[i]+1]), own), b.Last)
		into.addMated(row[own-b.First : others-b.First])
		into.addNonMated(i, others, row[others-b.First:])
		comparisons += b.Last - own
	}
	return comparisons, nil
}
