package actors

import (
	"fmt"

	"zhenni"
	"zhenni/engine"
)

// comparisonAlso returns which of the node's comparisons the second probe of a batch is for. The two are of different factors: a
// second look at one characteristic is another attempt, not another factor.
func (n *Node) comparisonAlso(b *zhenni.Batch) (int, error) {
	by, err := n.comparison(b)
	if err != nil {
		return 0, err
	}
	also, err := n.comparison(b.Also)
	if err != nil {
		return 0, err
	}
	if n.comparisons[also].Model.Factor == n.comparisons[by].Model.Factor {
		return 0, fmt.Errorf("%w: two probes of one factor", zhenni.ErrBadBatch)
	}
	return also, b.ValidateAlso(n.comparisons[also].Model.Dim)
}

// matchAlso compares the second probes of a part whose first ones were, and leaves one outcome of both: what either says alone
// ends here, before an attempt is counted. The work is the same whatever the first said. It returns the tally with that.
func (h *host) matchAlso(p *part, first engine.Tally, crashed bool) (engine.Tally, bool) {
	b := p.job.batch
	b.Also.Second = b.Second
	h.by = p.job.also
	second, crashedAlso := h.match(b.Also, p.items)
	h.by = p.job.by
	both := engine.Tally{Replays: first.Replays + second.Replays}
	for _, i := range p.items {
		b.Outcomes[i] = zhenni.Together(b.Outcomes[i], b.Also.Outcomes[i], b.AnyOne)
		b.Also.Outcomes[i] = zhenni.Pending
		switch b.Outcomes[i] {
		case zhenni.Match:
			both.Match++
		case zhenni.NoMatch:
			both.NoMatch++
		default:
			both.Refused++
		}
	}
	return both, crashed || crashedAlso
}
