package defects

var auditDefects = []defect{
	{
		name: "group-acknowledged-before-sync", file: "storage/audit/journal.go", caught: "TestCrashAtEveryChange",
		old: "	if err := j.file.Through(padded, j.offset); err != nil {", new: "	if _, err := j.file.WriteAt(padded, j.offset); err != nil {",
		does: "leaves are acknowledged that a power failure takes away",
	},
	{
		name: "torn-tail-kept", file: "storage/audit/journal.go", caught: "TestTornTailIsToldFromDamage",
		old: "	return group, groupSum(group) == binary.BigEndian.Uint32(group[20:])\n", new: "	return group, true\n",
		does: "a group cut by a crash is taken for acknowledged leaves",
	},
	{
		name: "lost-tail-unnoticed", file: "storage/audit/journal.go", caught: "TestTornTailIsToldFromDamage",
		old: "	if marked > h.end() {", new: "	if marked > h.end()+1<<20 {",
		does: "acknowledged leaves that are damaged are dropped as a torn tail",
	},
	{
		name: "mark-left-behind", file: "storage/audit/journal.go", caught: "TestTornTailIsToldFromDamage",
		old: "	return j.mark(first + int64(count))\n", new: "	return nil\n",
		does: "nothing tells a torn tail from a lost one",
	},
	{
		name: "groups-behind-damage-dropped", file: "storage/audit/journal.go", caught: "TestDamageBeforeTheLastGroupNeedsNoMark",
		old: "if version > 1 && hasGroup(b, at+disk.Sector) {", new: "if version > 2 {",
		does: "after a power failure damage drops every acknowledged leaf behind it",
	},
	{
		name: "journal-before-misread", file: "storage/audit/journal.go", caught: "TestJournalOfTheFormatBefore",
		old: "; version > 1 {\n			at = disk.RoundUp(at)", new: "; version > 0 {\n			at = disk.RoundUp(at)",
		does: "a journal written by the build before loses its leaves",
	},
	{
		name: "segment-retired-early", file: "storage/audit/journal.go", caught: "TestCrashAtEveryChange",
		old: "j.closed[0].end <= size {", new: "j.closed[0].end <= size+1<<20 {",
		does: "a segment is removed while its entries are in no bundle",
	},
	{
		name: "spare-believed", file: "storage/audit/journal.go", caught: "TestRetiredSegmentsAreUsedAgain",
		old: "disk.Clear(file.Through, j.length)", new: "disk.Clear(file.Through, 0)",
		does: "a segment that is used again holds groups of old, which stand for acknowledged leaves",
	},
	{
		name: "spare-counted", file: "storage/audit/journal.go", caught: "TestSegmentThatWasNotBegun",
		old: "		h.unused = append(h.unused, name)\n", new: "		h.segments = append(h.segments, name)\n",
		does: "a log whose journal was deleted but for the next segment goes on without its last leaves",
	},
	{
		name: "spare-not-checked", file: "storage/audit/journal.go", caught: "TestSegmentThatWasNotBegun",
		old: "if first == unbegun && !zero(b[segmentHeader:]) {", new: "if first == unbegun && len(b) == 0 {",
		does: "a segment in use whose head is put back loses its leaves without a word",
	},
	{
		name: "stale-partials-kept", file: "storage/audit/open.go", caught: "TestStalePartialsAreRemovedInTime",
		old: "base-staleEntries", new: "base",
		does: "what a crash leaves of checkpoints before the newest stays for ever",
	},
	{
		name: "deleted-entries-kept", file: "storage/audit/prune.go", caught: "TestStalePartialsAreRemovedInTime",
		old: "t.L == entriesLevel && t.N < end }", new: "t.L == entriesLevel && t.N < 0 }",
		does: "entries that were deleted are left in the partial forms of their bundles",
	},
	{
		name: "failed-sync-tried-again", file: "storage/audit/log.go", caught: "TestFailedSyncIsFatal",
		old: "		err = s.journal.append(g.first, g.count, g.buf)\n		s.fail(err)\n", new: "		err = s.journal.append(g.first, g.count, g.buf)\n",
		does: "after a failed sync the next one is believed, though the pages are gone",
	},
	{
		name: "leaves-without-a-bound", file: "storage/audit/log.go", caught: "TestStalledDiskRefuses",
		old: "	if at+len(leaves) > bound {", new: "	if at > 1<<30 {",
		does: "a disk that stalls fills memory with leaves",
	},
	{
		name: "checkpoint-before-tiles", file: "storage/audit/publisher.go", caught: "TestCrashAtEveryChange",
		old: "	if len(files) > 0 {\n		if err := disk.Write(files...); err != nil {\n			return err\n		}\n	}\n", new: "	if len(files) > 0 {\n		defer func() { _ = disk.Write(files...) }()\n	}\n",
		does: "a checkpoint is signed whose tiles a crash takes away",
	},
	{
		name: "fork-cosigned", file: "storage/audit/witness.go", caught: "TestWitnessFollowsOneHistory",
		old: "	if err := tlog.CheckTree(proof, tree.N, tree.Hash, last.N, last.Hash); err != nil {", new: "	if err := tlog.CheckTree(proof, tree.N, tree.Hash, last.N, last.Hash); err != nil && last.N < 0 {",
		does: "a witness cosigns two histories",
	},
	{
		name: "roll-back-cosigned", file: "storage/audit/witness.go", caught: "TestWitnessFollowsOneHistory",
		old: "	case tree.N < last.N:\n		return corrupt(\"a checkpoint of size %d after one of %d\", tree.N, last.N)\n", new: "	case tree.N < last.N:\n		return nil\n",
		does: "a witness cosigns a log whose end was cut",
	},
	{
		name: "cosigned-before-kept", file: "storage/audit/witness.go", caught: "TestWitnessKeepsBeforeItSigns",
		old: "	if err := w.opts.Files.Write(Content{checkpointFile, cosigned}); err != nil {\n		return nil, ioError(err)\n	}\n", new: "	_ = w.opts.Files.Write(Content{checkpointFile, cosigned})\n",
		does: "a witness forgets what it has cosigned",
	},
	{
		name: "pruned-too-far", file: "storage/audit/prune.go", caught: "TestPruneKeepsProofs",
		old: "min(below, l.Tree().N) / tileWidth * tileWidth", new: "(min(below, l.Tree().N) + tileWidth - 1) / tileWidth * tileWidth",
		does: "entries that were to be kept are deleted",
	},
	{
		name: "tail-cut-unnoticed", file: "storage/audit/open.go", caught: "TestRollBackIsRefused",
		old: "		if t.N > end {", new: "		if t.N > end+1<<40 {",
		does: "an older copy of the log put back is opened",
	},
	{
		name: "another-history-opened", file: "storage/audit/open.go", caught: "TestRefusalsSayHowToRepair",
		old: "if want, ok := expected[e.size]; ok && want != e.root() {", new: "if want, ok := expected[e.size]; ok && want != e.root() && e.size < 0 {",
		does: "a log whose entries are not those that were signed is opened",
	},
	{
		name: "journal-missing-unnoticed", file: "storage/audit/open.go", caught: "TestRefusalsSayHowToRepair",
		old: "	case !fresh && len(h.segments) == 0:", new: "	case !fresh && len(h.segments) < 0:",
		does: "a log whose journal was deleted goes on without its last leaves",
	},
	{
		name: "witness-not-asked", file: "storage/audit/open.go", caught: "TestRollBackIsRefused",
		old: "		if t.N >= tree.N {\n			if err := expect(what, t); err != nil {\n				return err\n			}\n			continue\n		}", new: "		if t.N >= tree.N {\n			continue\n		}",
		does: "a log signed again by its owner without its end is opened beside a witness",
	},
	{
		name: "signatures-in-two-forms", file: "storage/audit/checkpoint.go", caught: "TestSignaturesHaveOneForm",
		old: "			_, err := base64.StdEncoding.Strict().DecodeString(s.Base64)\n", new: "			_, err := base64.StdEncoding.DecodeString(s.Base64)\n",
		does: "a checkpoint can be changed without its signature failing",
	},
	{
		name: "missing-signature-passes", file: "storage/audit/checkpoint.go", caught: "TestCosignatureIsAskedFor",
		old: "		if !signedBy(n, key) {", new: "		if !signedBy(n, key) && len(keys) == 1 {",
		does: "a checkpoint without the witness' cosignature passes for a cosigned one",
	},
	{
		name: "foreign-files-unnoticed", file: "storage/audit/verify.go", caught: "TestForeignFilesAreReported",
		old: "		if !v.leftover(name) {", new: "		if !v.leftover(name) && name == \"\" {",
		does: "the offline checker passes files that do not belong to the log",
	},
	{
		name: "tiles-not-compared", file: "storage/audit/verify.go", caught: "TestTamperings",
		old: "	case bytes.Equal(data, want):\n		v.report.Tiles++\n", new: "	case len(data) == len(want), bytes.Equal(data, want):\n		v.report.Tiles++\n",
		does: "the offline checker passes tiles that do not follow from the entries",
	},
	{
		name: "opening-of-another-leaf", file: "storage/audit/opening.go", caught: "TestSealedOpenings",
		old: "o.Commitment() != leaf.Hash {", new: "o.Salt == [saltSize]byte{} {",
		does: "an opening proves what its leaf does not say",
	},
	{
		name: "commitment-without-salt", file: "storage/audit/opening.go", caught: "TestCommitmentFormat",
		old: "	copy(b[saltAt:], o.Salt[:])\n", new: "",
		does: "whoever has the public tiles finds out by trying who was verified, and how it ended",
	},
	{
		name: "full-disk-appended-to", file: "storage/audit/log.go", caught: "TestNothingIsTakenWithoutRoom",
		old: "oom(); err != nil {\n		return 0, err\n", new: "oom(); err != nil && l == nil {\n		return 0, err\n",
		does: "the disk is written full, and the log fails for good",
	},
	{
		name: "full-disk-is-ready", file: "storage/audit/changes.go", caught: "TestNothingIsTakenWithoutRoom",
		old: "oom(); err != nil {\n		return err\n", new: "oom(); err != nil && c == nil {\n		return err\n",
		does: "changes are begun that the disk of the audit log has no room for",
	},
	{
		name: "stalled-disk-is-ready", file: "storage/audit/changes.go", caught: "TestStalledDiskIsNotReady",
		old: "stall > stallAfter {", new: "stall > 1<<20*stallAfter {",
		does: "changes are begun that wait for a disk that hangs",
	},
	{
		name: "newest-change-not-found", file: "storage/audit/changes.go", caught: "TestChangesAreFoundAgain",
		old: "		last = found\n", new: "",
		does: "after a crash the audit log does not know its newest change, and records it twice or refuses the store",
	},
	{
		name: "cut-tail-of-changes", file: "storage/audit/changes.go", caught: "TestChangesOfALogPutBack",
		old: "	case noted && last.size > size:", new: "	case noted && last.size > size+1<<40:",
		does: "a log that lost changes goes on as if they had not been made",
	},
	{
		name: "deleted-change-forgotten", file: "storage/audit/changes.go", caught: "TestChangesBelowWhatWasDeleted",
		old: "	case found.commit == 0 && !noted && from > 0:", new: "	case found.commit == 0 && !noted && from < 0:",
		does: "a log whose note is lost says that nothing ever changed",
	},
	{
		name: "evidence-of-another-entry", file: "storage/audit/evidence.go", caught: "TestEvidence",
		old: "	if err := tlog.CheckRecord(e.Inclusion, tree.N, tree.Hash, e.Index, tlog.RecordHash(e.Leaf)); err != nil {", new: "	if err := error(nil); err != nil {",
		does: "a proof convinces of a leaf that is not in the log",
	},
	{
		name: "evidence-of-another-opening", file: "storage/audit/evidence.go", caught: "TestEvidence",
		old: "	if e.Item != nil || o.Kind != leaf.Kind || o.Commitment() != leaf.Hash {", new: "	if e.Item != nil || o.Kind != leaf.Kind {",
		does: "a proof convinces of an outcome that the leaf does not hide",
	},
	{
		name: "facts-of-another-request", file: "storage/audit/evidence.go", caught: "TestEvidence",
		old: "e.Context.Context() != o.Context {", new: "e.Context.Context() == (Context{}) {",
		does: "the verification of one party is shown as another's",
	},
	{
		name: "changed-keys-taken", file: "storage/audit/secrets.go", caught: "TestKeysThatShowAnotherAreRefused",
		old: "s.Key.KeyHash() != key.KeyHash() {", new: "s.Key.KeyHash() == 0 {",
		does: "a log is signed under another key than the one that it shows",
	},
}
