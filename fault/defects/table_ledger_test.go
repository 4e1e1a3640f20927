package defects

var ledgerDefects = []defect{
	{
		name: "answered-before-the-record", file: "storage/ledger/ledger.go", caught: "TestTransactionIsAnsweredOnce",
		old: "	case <-g.done:\n", new: "	default:\n",
		does: "a decision is answered that no record and no leaf has",
	},
	{
		name: "record-not-written", file: "storage/ledger/writer.go", caught: "TestTransactionIsAnsweredOnce",
		old: "	if err := w.file.Through(g.buf, w.offset); err != nil {", new: "	if err := error(nil); err != nil {",
		does: "answers are in the audit log and can not be given again",
	},
	{
		name: "record-not-synced", file: "storage/ledger/writer.go", caught: "TestUnsyncedRecordAnswersNothing",
		old: "	if err := w.file.Through(g.buf, w.offset); err != nil {", new: "	if _, err := w.file.WriteAt(g.buf, w.offset); err != nil {",
		does: "a power failure takes answers that were given, and their transactions run again",
	},
	{
		name: "leaf-not-waited-for", file: "storage/ledger/writer.go", caught: "TestLogThatDoesNotTake",
		old: "	first, refused := l.opts.Log.Append(context.Background(), g.leaves)\n", new: "	first, _ := l.opts.Log.Append(context.Background(), g.leaves)\n	var refused error\n",
		does: "a decision is answered that the audit log does not have",
	},
	{
		name: "acknowledged-without-a-mark", file: "storage/ledger/writer.go", caught: "TestDamageInTheLastSegment",
		old: "	_, err := w.file.WriteAt(slot[:], markFirst+w.slot*markStride)\n", new: "	var err error\n",
		does: "damaged records are taken for a torn tail, and their transactions run again",
	},
	{
		name: "groups-behind-damage-run-again", file: "storage/ledger/recover.go", caught: "TestDamageBeforeTheLastGroupNeedsNoMark",
		old: "max(markOf(s.b), s.lastGroup())", new: "markOf(s.b)",
		does: "after a power failure damage has every transaction behind it run again",
	},
	{
		name: "ledger-goes-on-after-a-failure", file: "storage/ledger/writer.go", caught: "TestUnsyncedRecordAnswersNothing",
		old: "w.file.Through(g.buf, w.offset); err != nil {\n		l.fail(err)\n", new: "w.file.Through(g.buf, w.offset); err != nil {\n",
		does: "after a failed sync the next one is believed, though the pages are gone",
	},
	{
		name: "reused-id-runs", file: "storage/ledger/ledger.go", caught: "TestTransactionIsAnsweredOnce",
		old: "		l.stats.Reused++\n", new: "		err = nil\n",
		does: "a transaction id that was used for another request runs again",
	},
	{
		name: "digest-ignored", file: "storage/ledger/record.go", caught: "TestTransactionIsAnsweredOnce",
		old: "if !o.named || o.digest != r.Digest {", new: "if !o.named {",
		does: "another request under a used id is given the answer of the first",
	},
	{
		name: "digest-of-whole-pieces", file: "storage/ledger/secrets.go", caught: "TestDigestOfPieces",
		old: "for from := 0; from < len(body); from += pieceSize {", new: "for from := 0; from+pieceSize <= len(body); from += pieceSize {",
		does: "two documents that differ in their ends alone pass for one request",
	},
	{
		name: "body-not-in-the-digest", file: "storage/ledger/secrets.go", caught: "TestDigestTellsRequestsApart",
		old: "xxh3.Hash128Seed(body, seed)", new: "xxh3.Hash128Seed(body[:min(len(body), 64)], seed)",
		does: "two requests that begin alike are one",
	},
	{
		name: "evicted-id-runs-again", file: "storage/ledger/ledger.go", caught: "TestEvictedTransactionNeverRunsAgain",
		old: "ok && l.recent(m.seconds) {", new: "ok && !l.recent(m.seconds) {",
		does: "a transaction whose answer made room for others runs a second time",
	},
	{
		name: "evicted-id-not-remembered", file: "storage/ledger/ledger.go", caught: "TestEvictedTransactionNeverRunsAgain",
		old: "p.named() && l.recent(p.seconds) {", new: "p.named() && !l.recent(p.seconds) {",
		does: "a transaction whose answer made room for others runs a second time",
	},
	{
		name: "evicted-ids-lost-at-a-restart", file: "storage/ledger/open.go", caught: "TestEvictedTransactionNeverRunsAgain",
		old: "			l.rememberAll(all, newest)\n", new: "",
		does: "after a restart evicted transactions run a second time",
	},
	{
		name: "segment-dropped-without-its-ids", file: "storage/ledger/keeper.go", caught: "TestEvictedTransactionNeverRunsAgain",
		old: "	if l.recent(oldest.newest) {", new: "	if !l.recent(oldest.newest) {",
		does: "after a restart the transactions of a dropped segment run a second time",
	},
	{
		name: "dropped-answers-kept", file: "storage/ledger/keeper.go", caught: "TestDroppedSegmentIsUsedAgain",
		old: "disk.Clear(file.Through, l.opts.Segment)", new: "disk.Clear(file.Through, 0)",
		does: "answers that were dropped stay on the disk, in the segment that takes their place",
	},
	{
		name: "runs-twice-at-once", file: "storage/ledger/ledger.go", caught: "TestRequestInHandIsBusy",
		old: "l.inHand[k]; busy {", new: "l.inHand[k]; busy && k == (key{}) {",
		does: "a request sent twice at once runs twice",
	},
	{
		name: "in-hand-without-a-bound", file: "storage/ledger/ledger.go", caught: "TestBoundOnRequestsInHand",
		old: "if len(l.inHand) >= l.opts.InHand {", new: "if len(l.inHand) < 0 {",
		does: "requests in hand take memory until the process is killed",
	},
	{
		name: "replayed-to-another-party", file: "storage/ledger/secrets.go", caught: "TestProofsAreOfTheirOwnTransaction",
		old: "	b = append(b, byte(len(party)))\n	b = append(b, party...)\n", new: "",
		does: "a party's transaction is taken for another's of the same name",
	},
	{
		name: "pending-recorded", file: "storage/ledger/record.go", caught: "TestDecisionThatIsNone",
		old: "slices.Contains(d.Outcomes, zhenni.Pending) != d.Change || ", new: "",
		does: "an item that nobody decided is recorded as decided",
	},
	{
		name: "nonce-used-twice", file: "storage/ledger/record.go", caught: "TestNoncesAreUsedOnce",
		old: "l.nonce.Add(1)", new: "l.nonce.Load()",
		does: "two records under one key and nonce give each other away",
	},
	{
		name: "salt-not-drawn", file: "storage/ledger/open.go", caught: "TestNoncesAreUsedOnce",
		old: "	if _, err := rand.Read(l.salt); err != nil {", new: "	if _, err := rand.Read(nil); err != nil {",
		does: "two runs seal under the same keys and nonces",
	},
	{
		name: "records-without-leaves-kept", file: "storage/ledger/recover.go", caught: "TestRecordsAndLeavesAreReconciled",
		old: "if !ok || leaf >= uint64(l.opts.Log.Size()) {", new: "if ok && leaf >= uint64(l.opts.Log.Size()) {",
		does: "what a crash kept from the audit log is answered as if it were there",
	},
	{
		name: "damaged-answers-run-again", file: "storage/ledger/recover.go", caught: "TestDamageInTheLastSegment",
		old: "	l.rememberAll(s.lost, now)\n", new: "",
		does: "a transaction whose record is damaged runs a second time",
	},
	{
		name: "loss-without-a-trace", file: "storage/ledger/recover.go", caught: "TestLossWithoutATraceIsRefused",
		old: "	if s.dead > 0 {", new: "	if s.dead > 1<<30 {",
		does: "a ledger opens that lost transactions without knowing which",
	},
	{
		name: "older-ledger-taken", file: "storage/ledger/open.go", caught: "TestOlderCopyIsRefused",
		old: "	if err != nil || orphans <= allowed {", new: "	if err != nil || orphans <= allowed || orphans > 0 {",
		does: "a ledger put back as it was earlier runs transactions a second time",
	},
	{
		name: "files-seal-ignored", file: "storage/ledger/secrets.go", caught: "TestDamageInAnIndex",
		old: "	return content, hmac.Equal(", new: "	return content, len(content) > 0 || hmac.Equal(",
		does: "an index that was changed on disk is believed",
	},
}
