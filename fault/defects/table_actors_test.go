package defects

var actorsDefects = []defect{
	{
		name: "warming-a-segment-at-once", file: "actors/warm.go", caught: "TestAnswersWithinASegment",
		old: "int(n.warmSlots.Load()))", new: "engine.SegmentSlots)",
		does: "behind the start of a large store nobody is answered in time",
	},
	{
		name: "change-not-announced", file: "actors/apply.go", caught: "TestRevokeWhileResharding",
		old: "	n.announce(ctx, ids)\n", new: "",
		does: "a revoked credential matches until its row happens to be read again",
	},
	{
		name: "announced-only-on-success", file: "actors/apply.go", caught: "TestRevocationWithoutAnAnswer",
		old: "	n.announce(ctx, ids)\n	n.retire(commands)\n", new: "	if err == nil {\n		n.announce(ctx, ids)\n	}\n	n.retire(commands)\n",
		does: "a change that took effect although its answer was an error is not seen",
	},
	{
		name: "status-shown-before-it-holds", file: "actors/apply.go", caught: "TestStatusThatWasReadHolds",
		old: "	if n.changing.has(id) {\n", new: "	if false {\n",
		does: "who has read that a credential is revoked may still see it match, while the disk of the audit log stalls",
	},
	{
		name: "statuses-not-announced", file: "actors/apply.go", in: "fault/lifecycle", caught: "TestHistoriesHaveAnOrder",
		old: "		case zhenni.ChangeStatus:\n			ids = append(ids, c.ID)\n", new: "",
		does: "a revoked credential matches until its row happens to be read again",
	},
	{
		name: "queue-lost-at-a-panic", file: "actors/tree.go", caught: "TestPanicsLoseNoQueue",
		old: "	s.RestartChildren(child)\n", new: "	s.StopChildren(child)\n",
		does: "a panic takes along everything that waits for the shard",
	},
	{
		name: "drain-loses-the-queue", file: "actors/tree.go", caught: "TestDrainAnswersTheQueue",
		old: "t.root.Poison(s.pid)", new: "t.root.Stop(s.pid)",
		does: "what was admitted before a drain is never answered",
	},
	{
		name: "admission-without-a-bound", file: "actors/shard.go", caught: "TestBlockedShard",
		old: "if now+items > limit {", new: "if items > limit {",
		does: "a slow shard's queue grows until memory ends",
	},
	{
		name: "refund-lost", file: "actors/placement.go", caught: "TestAdmissionIsAllOrNothing",
		old: "			p.shards[k].inFlight.Add(-int64(counts[k]))\n", new: "			_ = k\n",
		does: "a batch turned away by one shard takes room of the others for good",
	},
	{
		name: "tokens-kept", file: "actors/shard.go", caught: "TestStorm",
		old: "	h.inFlight.Add(-int64(len(items)))\n", new: "",
		does: "a shard fills up by answering",
	},
	{
		name: "late-accept", file: "actors/job.go", caught: "TestLateAnswerIsNone",
		old: "late := j.overdue.Load() || !time.Now().Before(j.deadline)", new: "late := j.overdue.Load()",
		does: "a process that was stopped for a while accepts on waking",
	},
	{
		name: "overdue-part-is-run", file: "actors/job.go", caught: "TestOverduePartMakesTheBatchLate",
		old: "	if time.Now().Before(j.deadline) {\n		return false\n	}\n	j.overdue.Store(true)\n	return true", new: "	return false",
		does: "work is done for callers who are gone",
	},
	{
		name: "abandoned-batch-counted-as-answered", file: "actors/shard.go", caught: "TestSlowStoreMeetsDeadline",
		old: "if late || p.job.state.Load() == jobAbandoned {", new: "if late {",
		does: "the ledger counts an answer that nobody got",
	},
	{
		name: "answered-twice", file: "actors/job.go", caught: "TestOutcomesDoNotDependOnShards",
		old: "	if j.left.Add(-1) > 0 {\n		return\n	}\n", new: "	if j.left.Add(-1) > 1 {\n		return\n	}\n",
		does: "a batch is given back while its last part is still being decided",
	},
	{
		name: "panic-is-no-match", file: "actors/shard.go", caught: "TestPanicIsIsolated",
		old: "		b.Outcomes[i] = zhenni.RefusedInternal\n		h.strike(b.IDs[i])", new: "		b.Outcomes[i] = zhenni.NoMatch\n		h.strike(b.IDs[i])",
		does: "a panic is a verdict on the person",
	},
	{
		name: "panic-spoils-its-batch", file: "actors/shard.go", caught: "TestPanicIsIsolated",
		old: "	t = h.isolate(b, items)\n", new: "	refuse(b, items, zhenni.RefusedInternal)\n",
		does: "one bad record refuses its batch-mates",
	},
	{
		name: "poison-never-parked", file: "actors/poison.go", caught: "TestPoisonIsParked", slow: true,
		old: "	strikeLimit   = 3\n", new: "	strikeLimit   = 1 << 30\n",
		does: "one bad record restarts its shard for ever",
	},
	{
		name: "parked-for-good", file: "actors/apply.go", caught: "TestPoisonIsParked",
		old: "		h.forgive(id)\n", new: "",
		does: "a credential that was put right stays refused",
	},
	{
		name: "panics-not-counted", file: "actors/shard.go", caught: "TestShardFailsAndRecovers",
		old: "if len(h.crashes) > c.PanicLimit {", new: "if len(h.crashes) > 1<<20 {",
		does: "a shard that can not work never says so",
	},
	{
		name: "failed-shard-forgets-to-drop", file: "actors/shard.go", caught: "TestRevokeOnFailedShardThatMoves",
		old: "		h.node.stale.Or(h.segments)\n		h.failed.Store(true)", new: "		h.failed.Store(true)",
		does: "a change made while a shard is down is not seen when it is back",
	},
	{
		name: "half-written-segment-kept", file: "actors/shard.go", caught: "TestPanicMarksItsSegment",
		old: "	h.node.stale.Or(guilty)\n", new: "",
		does: "rows that a panic left half written are compared with",
	},
	{
		name: "successor-does-not-wait", file: "actors/placement.go", caught: "TestPlacement",
		old: "			s.after = append(s.after, old.released)\n", new: "",
		does: "two shards work on one segment",
	},
	{
		name: "pending-counted-as-no-match", file: "actors/ledger.go", caught: "TestLedgerLeavesNothingPending",
		old: "			b.Outcomes[i] = zhenni.RefusedInternal\n", new: "			b.Outcomes[i] = zhenni.NoMatch\n",
		does: "an item that nobody decided is a verdict",
	},
	{
		name: "drain-leaves-commands-behind", file: "actors/placement.go", caught: "TestDrainWaitsForCommands",
		old: "		n.commands.Wait()\n", new: "",
		does: "the store is closed under a command",
	},
	{
		name: "stall-unseen", file: "actors/watchdog.go", caught: "TestBlockedShard",
		old: "stalled := now.Sub(last.since) >= n.config.Stall", new: "stalled := now.Sub(last.since) >= 1000*n.config.Stall",
		does: "a blocked shard takes work until it is full, and the node says that it is ready",
	},
	{
		name: "failed-shard-stays-down", file: "actors/watchdog.go", caught: "TestShardFailsAndRecovers",
		old: "		n.tree.root.Send(s.pid, &rebuild{})\n", new: "",
		does: "a shard that failed once serves no more",
	},
	{
		name: "items-to-the-wrong-shard", file: "actors/job.go", caught: "TestItemsGoToTheirShards",
		old: "			order[next[s]] = uint32(i)\n", new: "			order[len(order)-1-next[s]] = uint32(i)\n",
		does: "a shard works on segments of another",
	},
	{
		name: "passed-deadline-admitted", file: "actors/node.go", caught: "TestDeadlineOnArrival",
		old: "	if patience <= 0 {", new: "	if patience <= -time.Hour {",
		does: "what is overdue on arrival takes room",
	},
	{
		name: "deadline-without-its-moment", file: "actors/node.go", caught: "TestDeadlinesAreMonotonic",
		old: "	j.batch, j.by, j.also, j.deadline = b, by, also, deadline\n", new: "	j.batch, j.by, j.also, j.deadline = b, by, also, deadline.Round(0)\n",
		does: "a step of the wall clock moves deadlines, and with them what is too late",
	},
}
