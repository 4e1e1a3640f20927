package defects

// Of the history of who asked about a credential.
var historyDefects = []defect{
	{
		name: "history-of-a-neighbour", file: "storage/history/entry.go", caught: "TestSameAsModel",
		old: "func (e entry) of(o entry) bool { return e.hi == o.hi && e.lo == o.lo }", new: "func (e entry) of(o entry) bool { return e.hi>>63 == o.hi>>63 }",
		does: "a holder is shown who asked about somebody else",
	},
	{
		name: "history-of-another-tenant", file: "storage/history/read.go", caught: "TestSameAsModel",
		old: "		if f.who.Tenant == q.tenant {", new: "		if f.who.Tenant != 0 {",
		does: "a tenant learns who the parties of another are",
	},
	{
		name: "history-forgets-what-is-lost", file: "storage/history/writer.go", caught: "TestFailedWriteCostsItsBlock",
		old: "			lost := h.queue.shed(f)\n			h.state.lose(lost.from, lost.to, zhenni.GapShed)\n", new: "			h.queue.shed(f)\n",
		does: "an answer that is not complete says that it is",
	},
	{
		name: "history-forgets-what-was-shed", file: "storage/history/writer.go", caught: "TestQueueIsBounded",
		old: "		h.state.lose(t.lost.from, t.lost.to, zhenni.GapShed)\n", new: "",
		does: "under load an answer that is not complete says that it is",
	},
	{
		name: "history-queue-without-a-bound", file: "storage/history/queue.go", caught: "TestQueueIsBounded",
		old: "		if q.waiting+2*fillItems > q.bound {", new: "		if q.bound == 0 {",
		does: "a disk that stalls takes all memory of the node",
	},
	{
		name: "history-missing-file-unseen", file: "storage/history/open.go", caught: "TestDamageIsAGap",
		old: "		if s.first > next {", new: "		if s.first > next+1<<20 {",
		does: "an index that was removed takes its entries without a word",
	},
	{
		name: "history-damage-is-no-gap", file: "storage/history/open.go", caught: "TestDamageIsAGap",
		old: "	for _, r := range h.keeper.refused {\n		h.lose(r.span, now)\n	}\n", new: "",
		does: "entries of a damaged file are missing from an answer that says it is complete",
	},
	{
		name: "history-erasure-not-durable", file: "storage/history/history.go", caught: "TestForgottenIsGone",
		old: "	return h.state.save()\n", new: "	return nil\n",
		does: "what was forgotten is back after a crash",
	},
	{
		name: "history-merge-keeps-the-forgotten", file: "storage/history/merge.go", caught: "TestForgottenIsGone",
		old: "		if erasures[i].number > x.purged {", new: "		if erasures[i].number > x.purged+1<<20 {",
		does: "what was forgotten is shown again once its file is merged",
	},
	{
		name: "history-sort-keeps-the-forgotten", file: "storage/history/sort.go", caught: "TestSameAsModel",
		old: "e.hides(c.number, number) {", new: "e.hides(c.number+1, number) {",
		does: "what was forgotten is shown again once its segment is sorted",
	},
	{
		name: "history-forgets-the-later-too", file: "storage/history/state.go", caught: "TestForgottenIsGone",
		old: "segment == e.segment && block < e.block", new: "segment == e.segment",
		does: "what is noted after the holder asked to forget is lost",
	},
	{
		name: "history-not-purged", file: "storage/history/keeper.go", caught: "TestForgottenIsGone",
		old: "		if holds != nil && holds.second <= due {", new: "		if holds != nil && holds.second <= due && x.level > 1<<20 {",
		does: "what was forgotten stays on the disk for as long as the history is kept",
	},
	{
		name: "history-told-twice", file: "storage/history/open.go", caught: "TestIndexTakesThePlaceOfItsSegments",
		old: "x.first <= s.first && s.first <= x.last })", new: "x.first > x.last })",
		does: "a crash between an index and the end of its segment has every entry told twice",
	},
	{
		name: "history-answers-without-the-newest", file: "storage/history/read.go", caught: "TestConcurrently",
		old: "	if err := h.do(ctx, func() { h.drain(true) }); err != nil {\n		return page, err\n	}\n", new: "",
		does: "who has just asked is not shown",
	},
	{
		name: "history-kept-too-long", file: "storage/history/read.go", caught: "TestOldestGoesByTime",
		old: "	since = max(since, secondOf(h.opts.Now().Add(-h.opts.Keep)))\n", new: "",
		does: "entries are shown that are older than they are said to be kept",
	},
}

// Of what the gateway makes of it.
var toldDefects = []defect{
	{
		name: "history-notes-evaluations", file: "gateway/history.go", caught: "TestHistoryLeavesOut",
		old: "s.config.History == nil || rq.evaluation() {", new: "s.config.History == nil {",
		does: "trials fill the history with questions about nobody",
	},
	{
		name: "history-for-every-issuer", file: "gateway/history.go", caught: "TestHistoryIsForItsIssuer",
		old: "	_, err = s.owned(rq, id)\n", new: "	_, err = s.node.Credential(id)\n",
		does: "an issuer learns which credentials another tenant has",
	},
	{
		name: "history-outlives-its-credential", file: "gateway/erasure.go", caught: "TestHistoryOfCredential",
		old: "	if err := s.forget(id); err != nil {\n", new: "	if err != nil {\n",
		does: "who asked about an erased credential is still known",
	},
}
