package actors

import (
	"fmt"

	"zhenni"
	"zhenni/engine"
)

// Comparison is what a node compares by one model: a threshold, the rows that are in memory, and where the others are read
// from. Rows and store are of that model and of no other.
type Comparison struct {
	Model     zhenni.Model
	Rule      zhenni.Threshold
	Arena     *engine.Arena
	Templates engine.Store
}

// comparisonsOf checks what a node is to compare by, the first of it first. Each model is there once.
func comparisonsOf(first Comparison, beside []Comparison) ([]Comparison, error) {
	if len(beside) >= zhenni.MaxModels {
		return nil, fmt.Errorf("%w: %d models, want at most %d", zhenni.ErrBadValue, 1+len(beside), zhenni.MaxModels)
	}
	all := append([]Comparison{first}, beside...)
	seen := map[string]bool{}
	for _, c := range all {
		if err := c.Model.Validate(); err != nil {
			return nil, err
		}
		if seen[c.Model.ID] {
			return nil, fmt.Errorf("%w: model %s is there twice", zhenni.ErrBadValue, c.Model.ID)
		}
		seen[c.Model.ID] = true
	}
	return all, nil
}

// comparison returns which of the node's comparisons a batch is for. It is the one place where that is decided: what follows
// reads nothing but the rows of the model that made the probes.
func (n *Node) comparison(b *zhenni.Batch) (int, error) {
	if b.Model == "" {
		return 0, nil
	}
	for i := range n.comparisons {
		if n.comparisons[i].Model.ID == b.Model {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: a model that is not served", zhenni.ErrBadBatch)
}

// newMatchers makes a matcher for each comparison.
func (n *Node) newMatchers() []*engine.Matcher {
	matchers := make([]*engine.Matcher, len(n.comparisons))
	for i, c := range n.comparisons {
		matchers[i] = engine.NewMatcher(c.Arena, c.Templates, c.Rule)
	}
	return matchers
}

// matcher is the one of the part in hand.
func (h *host) matcher() *engine.Matcher { return h.matchers[h.by] }

// discard forgets a segment, of every model.
func (h *host) discard(segment int) {
	for _, m := range h.matchers {
		m.Discard(segment)
	}
}

// arenaStats adds up what the arenas hold.
func (n *Node) arenaStats() (sum zhenni.ArenaStats) {
	for _, c := range n.comparisons {
		s := c.Arena.Stats()
		sum.Rows += s.Rows
		sum.Capacity += s.Capacity
		sum.Bytes += s.Bytes
		sum.StoreReads += s.StoreReads
		sum.Evictions += s.Evictions
	}
	return sum
}

// retire has every row dropped where one of the commands ends a model: its templates are found no more from then on.
func (n *Node) retire(commands []zhenni.Command) {
	for _, c := range commands {
		if _, ends := c.(zhenni.RetireModel); ends {
			n.stale.Or(allSegments)
			return
		}
	}
}
