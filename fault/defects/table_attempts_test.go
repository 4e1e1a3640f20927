package defects

// attemptDefects are of what bounds attempts, wherever that is.
var attemptDefects = []defect{
	{
		name: "barred-credential-matches", file: "attempts.go", caught: "TestDecide",
		old: "	case r.Barred(a, now):\n		return a, false\n", new: "	case r.Barred(a, now):\n		return a, matched\n",
		does: "whoever climbs on decisions goes on climbing",
	},
	{
		name: "pause-lengthened-by-attempts", file: "attempts.go", caught: "TestDecide",
		old: "	case r.Barred(a, now):\n		return a, false\n", new: "	case r.Disabled(a):\n		return a, false\n	case r.Barred(a, now):\n		return r.missed(a, now), false\n",
		does: "an attacker locks a victim out for ever with a request now and then",
	},
	{
		name: "open-match-clears", file: "attempts.go", in: "bench/evaluation", caught: "TestHillClimbingIsBarred",
		old: "	a.Streak = 0\n	if", new: "	a.Streak, a.Total = 0, 0\n	if",
		does: "a photograph that matches clears what its owner's climb has cost",
	},
	{
		name: "lanes-are-one", file: "actors/attempts.go", caught: "TestLanesAreApart",
		old: "b.Lane(int(item))", new: "zhenni.LaneOpen",
		does: "an attacker without the device locks out the holder's device",
	},
	{
		name: "first-of-a-batch-counts", file: "actors/attempts.go", caught: "TestAttemptsAreCountedPerItem",
		old: "	if c.rules.Barred(was, c.now) {\n", new: "	if was.Version < c.version && c.rules.Barred(was, c.now) && len(c.part.counts) == 0 {\n",
		does: "a thousand attempts in one batch are all decided",
	},
	{
		name: "counts-of-nobody", file: "actors/attempts.go", caught: "TestWhatIsNotCounted",
		old: "if h.matcher().Missed(i) ||", new: "if true ||",
		does: "ids that somebody made up fill the memory of counts, and push out those of people",
	},
	{
		name: "uncounted-is-answered", file: "actors/attempts.go", caught: "TestNoRoomIsNoVerdict",
		old: "		b.Outcomes[item] = zhenni.RefusedUnavailable\n", new: "",
		does: "with the memory of counts full, attempts are free",
	},
	{
		name: "version-from-the-start", file: "actors/attempts.go", caught: "TestCountsGoOnInAnotherNode",
		old: "		a.version.Store(max(a.version.Load(), count.Version))\n", new: "",
		does: "where the clock was set back, what is counted is taken for older than what was",
	},
	{
		name: "older-count-wins", file: "attemptcounts.go", caught: "TestMergeIsOrderless",
		old: "held.Version >= count.Version && held.Version > 0", new: "held.Version > count.Version+1<<20",
		does: "a restart brings back a count from before the last attempts",
	},
	{
		name: "counts-not-sealed-in", file: "storage/ledger/record.go", caught: "TestCountsAreKept",
		old: "counts: len(d.Attempts),", new: "counts: 0,",
		does: "a restart forgets what was tried since the last segment was full",
	},
	{
		name: "counts-dropped-with-a-segment", file: "storage/ledger/keeper.go", caught: "TestCountsOutliveTheirSegment",
		old: "	l.complain(\"write the counts of failed attempts\", l.writeCounts(s.number+1))\n", new: "	l.counted.from = s.number + 1\n",
		does: "failed attempts are forgotten once enough was answered after them",
	},
	{
		name: "lost-counts-forgiven", file: "storage/ledger/attempts.go", caught: "TestLostCountsAreNotForgotten",
		old: "	if l.reachesBack(files) {", new: "	if true {",
		does: "whoever damages one file has all failed attempts forgotten",
	},
	{
		name: "spray-is-answered", file: "gateway/limits.go", caught: "TestSprayInABatchIsNotAnswered",
		old: "		s.stop(rq.party.ID, p, now)\n		return refuse(kindStopped, \"\")\n", new: "		p.stopped.Store(false)\n",
		does: "a spray of 65,536 people in one request is answered before it is stopped",
	},
	{
		name: "cap-of-each-party", file: "gateway/limits.go", caught: "TestSprayOverManyPartiesIsCapped",
		old: "	l.noMatches += noMatches\n", new: "	l.noMatches = noMatches\n",
		does: "a spray spread over many parties is not seen",
	},
	{
		name: "quota-forgotten-at-a-restart", file: "gateway/quota.go", caught: "TestQuotaOutlivesARestart",
		old: "		u.restore(q.meters.Kept(u.name))\n", new: "",
		does: "whoever brings a restart about has the whole quota again",
	},
	{
		name: "cap-ends-with-the-clock", file: "gateway/limits.go", caught: "TestCapOutlivesARestart",
		old: "now/millisPerMinute <= l.capped.Load()", new: "now/millisPerMinute == l.capped.Load()",
		does: "a clock that goes back lets a spray go on",
	},
	{
		name: "replaced-party-is-lifted", file: "storage/partychange.go", caught: "TestStoppedPartyStaysStopped",
		old: "	p.Stopped = old.Stopped\n", new: "",
		does: "a new key lifts the stop of a party",
	},
	{
		name: "removed-id-given-again", file: "storage/partychange.go", caught: "TestRelyingParties",
		old: "	case known && old.removed:\n", new: "	case known && old.removed && false:\n",
		does: "a new party inherits stored answers, proofs and quota of a removed one",
	},
}
