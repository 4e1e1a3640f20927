package defects

var commandlogDefects = []defect{
	{
		name: "catalog-checksum-ignored", file: "storage/commandlog/catalog.go", caught: "TestDamagedCatalogIsRefused",
		old: "	if !bytes.Equal(sum, hex.AppendEncode(nil, want[:])) {", new: "	if len(sum) != 2*len(want) || hex.DecodedLen(len(sum)) == 0 {",
		does: "a damaged list of segments is believed, and segments are removed by it",
	},
	{
		name: "catalog-made-anew", file: "storage/commandlog/catalog.go", caught: "TestMissingCatalogIsRefused",
		old: "	if err == nil && len(segments) > 0 {", new: "	if err == nil && len(segments) > 1<<20 {",
		does: "a log without its catalog is taken for a new one, and its segments are removed",
	},
	{
		name: "log-cut-before-the-snapshot-is-verified", file: "storage/commandlog/apply.go", caught: "TestUnverifiedSnapshotCutsNothing",
		old: "	if err := s.store.verify(s.ID()); err != nil {", new: "	if err := s.store.verify(s.ID()); err != nil && s.ID() == \"\" {",
		does: "the log is cut behind a snapshot that does not read back",
	},
	{
		name: "answered-before-applied", file: "storage/commandlog/log.go", caught: "TestEntriesComeBackInOrder",
		old: "switch err := l.wait(ctx, future); {", new: "switch err := error(nil); {",
		does: "a proposal is answered before its entry is durable",
	},
	{
		name: "refusal-lost", file: "storage/commandlog/log.go", caught: "TestRefusalIsTheAnswerAndStopsNothing",
		old: "	err, _ = future.Response().(error)\n	return future.Index(), err", new: "	return future.Index(), nil",
		does: "an entry that the machine refused is acknowledged",
	},
	{
		name: "applied-after-a-panic", file: "storage/commandlog/apply.go", caught: "TestPanicStopsTheLogNotTheProcess",
		old: "	if err := a.broken(); err != nil {\n		return err\n	}\n", new: "",
		does: "entries are applied to a state that a panic left half changed",
	},
	{
		name: "entry-not-inspected", file: "storage/commandlog/log.go", caught: "TestEveryEntryIsInspected",
		old: "for index := max(l.first, l.snapshot+1); index <= l.last; index++ {", new: "for index := max(l.first, l.snapshot+1); index < l.last; index++ {",
		does: "the last entry of a log is applied unread",
	},
	{
		name: "gap-before-the-log", file: "storage/commandlog/log.go", caught: "TestSnapshotCutsTheLog",
		old: "	case l.last != 0 && l.first > l.snapshot+1:", new: "	case l.last != 0 && l.first > l.snapshot+1<<40:",
		does: "a log that begins behind its snapshot is opened with a hole",
	},
	{
		name: "failed-write-tried-again", file: "storage/commandlog/guard.go", caught: "TestNothingIsWrittenAfterAFailure",
		old: "	if err := g.err(); err != nil {\n		return err\n	}\n", new: "",
		does: "after a failed sync the next one is believed, though the pages are gone",
	},
	{
		name: "failed-truncation-forgotten", file: "storage/commandlog/guard.go", caught: "TestNothingIsWrittenAfterAFailure",
		old: "	return g.try(func() error { return g.WAL.DeleteRange(first, last) })", new: "	return g.WAL.DeleteRange(first, last)",
		does: "entries are acknowledged in a segment that the next start removes",
	},
	{
		name: "unsaved-term-ends-the-process", file: "storage/commandlog/guard.go", caught: "TestTermThatIsNotSavedStopsTheLogOnly",
		old: "return g.WAL.SetUint64(key, value) }) != nil {\n		<-g.over\n	}", new: "return g.WAL.SetUint64(key, value) }) != nil {\n		return g.err()\n	}",
		does: "a disk that fails ends the process, and verification with it",
	},
	{
		name: "log-runs-on-after-a-failure", file: "storage/commandlog/guard.go", caught: "TestFailedAppendLatches",
		old: "		l.machine.stop(l.disk.err())\n		l.stopRaft()\n", new: "",
		does: "a log whose disk failed stands for election for ever",
	},
}
