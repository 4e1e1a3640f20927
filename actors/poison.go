package actors

import (
	"zhenni"
	"zhenni/engine"
)

// A credential that made the matcher panic strikeLimit times is parked: its items are refused without being run. A
// segment remembers at most strikeEntries credentials; beyond that a forgotten one has to panic again.
const (
	strikeLimit   = 3
	strikeEntries = 1024
)

// strike counts a panic against the credential and parks it at the limit.
func (h *host) strike(id zhenni.CredentialID) {
	counts := &h.node.strikes[engine.SegmentOf(id)]
	if *counts == nil {
		*counts = make(map[zhenni.CredentialID]int)
	}
	if _, known := (*counts)[id]; !known && len(*counts) >= strikeEntries {
		h.forgetOne(*counts)
	}
	(*counts)[id]++
	if (*counts)[id] == strikeLimit {
		h.node.parked.Add(1)
		h.node.ledger.parked.Add(1)
		h.node.log.Error("credential parked", "shard", h.name, "panics", strikeLimit)
	}
}

// forgetOne makes room, at the cost of a parked credential only when all are parked.
func (h *host) forgetOne(counts map[zhenni.CredentialID]int) {
	var victim zhenni.CredentialID
	for id, n := range counts {
		victim = id
		if n < strikeLimit {
			break
		}
	}
	h.forgive(victim)
}

// forgive forgets the panics of a credential: it was changed, or room is needed.
func (h *host) forgive(id zhenni.CredentialID) {
	counts := h.node.strikes[engine.SegmentOf(id)]
	if counts[id] >= strikeLimit {
		h.node.parked.Add(-1)
	}
	delete(counts, id)
}

// isParked reports whether the credential is refused without being run.
func (h *host) isParked(id zhenni.CredentialID) bool {
	return h.node.strikes[engine.SegmentOf(id)][id] >= strikeLimit
}

// refuseParked refuses the items of parked credentials.
func (h *host) refuseParked(b *zhenni.Batch, items []uint32) {
	if h.node.parked.Load() == 0 {
		return
	}
	for _, i := range items {
		if b.Outcomes[i] == zhenni.Pending && h.isParked(b.IDs[i]) {
			b.Outcomes[i] = zhenni.RefusedInternal
		}
	}
}
