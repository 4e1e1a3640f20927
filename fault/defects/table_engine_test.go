package defects

var engineDefects = []defect{
	{
		name: "evicted-while-warming", file: "engine/segment.go", caught: "TestWarmInParts",
		old: "s.complete, s.gap = false, true\n", new: "s.complete = false\n",
		does: "who was asked about while memory was filled, and gave way, is unknown from then on",
	},
	{
		name: "discarded-while-warming", file: "engine/segment.go", caught: "TestWarmInParts",
		old: "s.complete, s.gap = 0, 0, 0, 0, false, true", new: "s.complete, s.gap = 0, 0, 0, 0, false, false",
		does: "rows that were given up while memory was filled are taken for people who do not exist",
	},
	{
		name: "change-lost-while-warming", file: "engine/upkeep.go", caught: "TestWarmInParts",
		old: "s.complete, s.gap = false, true", new: "s.complete = false",
		does: "a change that could not be read while memory was filled has its credential be unknown",
	},
	{
		name: "unknown-id-matches", file: "engine/matcher.go", caught: "TestTheDecoyIsNobody",
		old: "bit(c.known) & bit(m.rule", new: "bit(m.rule",
		does: "whoever resembles the decoy matches every id that does not exist",
	},
	{
		name: "replay-accepted", file: "engine/matcher.go", caught: "TestReplayedTemplate",
		old: " &^ bit(replayed)\n", new: "\n",
		does: "a stolen template sent as a probe is a match",
	},
	{
		name: "replay-unseen", file: "engine/matcher.go", caught: "TestReplayedTemplate",
		old: "		m.tally.Replays++\n", new: "		_ = replayed\n",
		does: "a replayed template raises no alarm",
	},
	{
		name: "outcome-of-another-item", file: "engine/matcher.go", caught: "TestVerifyDecidesOnlyThePendingOfItsItems",
		old: "b.Outcomes[c.item] = m.decide(", new: "b.Outcomes[i] = m.decide(",
		does: "outcomes land on other items of the batch",
	},
	{
		name: "dot-of-another-item", file: "engine/matcher.go", caught: "TestVerifyAgreesWithThePlainRule",
		old: "m.decide(c, dots[i], norms[i], b.Evaluation)", new: "m.decide(c, dots[len(dots)-1-i], norms[i], b.Evaluation)",
		does: "an item is decided by another's score",
	},
	{
		name: "another-tenant-verifies", file: "engine/lookup.go", caught: "TestEveryNoLooksAlike",
		old: "known := h.tenant == b.Tenant && h.status == zhenni.StatusActive", new: "known := h.status == zhenni.StatusActive",
		does: "a relying party verifies the credentials of another tenant",
	},
	{
		name: "inactive-row-kept", file: "engine/segment.go", caught: "TestNoTemplateStaysBehind",
		old: "	if h.status != zhenni.StatusActive {\n		clear(s.elements(row))\n	}\n", new: "",
		does: "the template of a revoked credential stays open in memory",
	},
	{
		name: "template-left-behind", file: "engine/segment.go", caught: "TestNoTemplateStaysBehind",
		old: "	*h = header{next: s.vacant}\n	clear(s.elements(row))\n", new: "	*h = header{next: s.vacant}\n",
		does: "a template that was dropped stays in memory",
	},
	{
		name: "decoy-skipped", file: "engine/lookup.go", caught: "TestUnknownIDsAreCompared",
		old: "	} else if s.complete {\n		m.admit(b, c, 0)\n", new: "	} else if s.complete {\n		b.Outcomes[c.item] = zhenni.NoMatch\n		m.tally.NoMatch++\n",
		does: "an unknown id is answered sooner than a known one",
	},
	{
		name: "failure-is-no-match", file: "engine/lookup.go", caught: "TestStoreFailureIsNoVerdict",
		old: "	case errors.Is(err, zhenni.ErrNotFound):\n		return 0, nil\n	case err != nil:", new: "	case errors.Is(err, zhenni.ErrNotFound), errors.Is(err, zhenni.ErrCorrupt):\n		return 0, nil\n	case err != nil:",
		does: "a damaged record is a verdict on the person",
	},
	{
		name: "refused-counted-as-no-match", file: "engine/lookup.go", caught: "TestVerifyAgreesWithThePlainRule",
		old: "			m.tally.Refused++\n			continue\n		}\n		m.admit(b, c, headerAt)", new: "			m.tally.NoMatch++\n			continue\n		}\n		m.admit(b, c, headerAt)",
		does: "a store that fails looks like people who do not match",
	},
	{
		name: "found-by-tag-alone", file: "engine/segment.go", caught: "TestCredentialsOfOneTag",
		old: "if row := uint32(content) - 1; s.header(row).id == *id {", new: "if row := uint32(content) - 1; true {",
		does: "one of two credentials that share a tag is decided by the other's reference",
	},
	{
		name: "row-of-another-tag", file: "engine/lookup.go", caught: "TestCredentialsOfOneTag",
		old: "if h.id != b.IDs[c.item] || at == 0 {", new: "if at == 0 {",
		does: "the quick path takes a row by its tag",
	},
	{
		name: "refresh-keeps-the-row", file: "engine/upkeep.go", caught: "TestRefreshBringsEveryChange",
		old: "	if row, found := s.find(&id); found {\n		s.drop(row)\n	}\n	s.room(1)", new: "	s.room(1)",
		does: "a revoked credential is matched from memory",
	},
	{
		name: "warm-goes-back", file: "engine/upkeep.go", caught: "TestWarmDoesNotGoBack",
		old: "if s.header(row).generation >= r.Generation {", new: "if s.header(row).generation == r.Generation {",
		does: "a walk begun before a revocation brings the older generation back",
	},
	{
		name: "complete-after-failure", file: "engine/upkeep.go", caught: "TestRefreshThatFailsForgets",
		old: "	if err == nil {\n		s.complete, s.gap", new: "	{\n		s.complete, s.gap",
		does: "a record that could not be read again is taken for one that does not exist",
	},
	{
		name: "complete-after-damage", file: "engine/upkeep.go", caught: "TestStoreFailureIsNoVerdict",
		old: "	s.gap = gap || err != nil\n", new: "	s.gap = gap || err != nil && !errors.Is(err, zhenni.ErrCorrupt)\n",
		does: "a record skipped as damaged is taken for one that does not exist",
	},
	{
		name: "complete-after-a-panic", file: "engine/upkeep.go", caught: "TestWarmInParts",
		old: "	s.gap = true // should the store panic\n", new: "	s.gap = gap\n",
		does: "people whom a reload that failed did not bring are taken for unknown",
	},
	{
		name: "complete-after-eviction", file: "engine/segment.go", caught: "TestCompleteSegmentNeedsNoStore",
		old: "		s.complete, s.gap = false, true\n		s.drop(s.victim())", new: "		s.drop(s.victim())",
		does: "a record that was evicted is taken for one that does not exist",
	},
	{
		name: "record-of-another-id", file: "engine/upkeep.go", caught: "TestRecordOfAnotherCredential",
		old: "if known && r.ID == *id && r.Tenant != 0", new: "if known && r.Tenant != 0",
		does: "a store that answers with another credential's record is believed",
	},
	{
		name: "norm-not-checked", file: "engine/upkeep.go", caught: "TestStoreFailureIsNoVerdict",
		old: "err == nil && norm == r.Norm {", new: "err == nil && norm > 0 {",
		does: "a record with a smaller norm than its row's is easier to match",
	},
	{
		name: "minus-128-in-a-probe", file: "engine/probe.go", caught: "TestCheckRow",
		old: "if !symmetric || norm < 1 {", new: "if !symmetric && norm < 1 {",
		does: "a probe with -128 is compared",
	},
	{
		name: "bad-probe-compared", file: "engine/matcher.go", caught: "TestVerifyAgreesWithThePlainRule",
		old: "		if norms[i] < 1 {\n			m.refuseProbe(b, c.item)\n			continue\n		}\n", new: "",
		does: "a probe that is no embedding is given a verdict",
	},
	{
		name: "bad-probe-read-for", file: "engine/matcher.go", caught: "TestBadProbeReadsNothing",
		old: "	m.checkMissing(b)\n", new: "",
		does: "probes that are refused cost reads of the disk",
	},
	{
		name: "probe-of-nan", file: "engine/probe.go", caught: "TestPrepareRefusesWhatIsNotFinite",
		old: "if !(zhenni.QuantisedNorm(maxAbs, norm) >= zhenni.MinNorm) {", new: "if zhenni.QuantisedNorm(maxAbs, norm) < zhenni.MinNorm {",
		does: "a probe that is not a number is compared",
	},
	{
		name: "decided-items-decided-again", file: "engine/matcher.go", caught: "TestVerifyDecidesOnlyThePendingOfItsItems",
		old: "		if b.Outcomes[item] == zhenni.Pending {\n			n++\n		}\n", new: "		n++\n",
		does: "an item refused while it was read is given a verdict",
	},
	{
		name: "half-read-row-stays", file: "engine/lookup.go", caught: "TestNoTemplateStaysBehind",
		old: "		if !taken {\n			clear(elements)\n		}", new: "		_ = taken",
		does: "what a failing store wrote of a template stays in memory",
	},
}
