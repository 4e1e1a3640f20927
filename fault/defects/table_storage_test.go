package defects

var storageDefects = []defect{
	{
		name: "seal-without-its-place", file: "storage/seal.go", caught: "TestSwappedRecordsDoNotOpen",
		old: "	return append(dst, key...)\n}\n\n// draw fills", new: "	return dst\n}\n\n// draw fills",
		does: "a record copied over another's opens there",
	},
	{
		name: "seal-without-its-header", file: "storage/seal.go", caught: "TestOpenRefusesAnythingElse",
		old: "	dst = append(dst, front...)\n", new: "",
		does: "tenant and generation of a record can be changed",
	},
	{
		name: "seal-without-entropy", file: "storage/seal.go", caught: "TestNoEntropyWritesNothing",
		old: "if _, err := io.ReadFull(entropy, random); err != nil {", new: "if n, err := io.ReadFull(entropy, random); err != nil && n > len(random) {",
		does: "without entropy every record has the same key and nonce",
	},
	{
		name: "tenant-key-without-entropy", file: "storage/load.go", caught: "TestNoEntropyMakesNoTenantKey",
		old: "	if err != nil {\n		return nil, record{}, err\n	}\n	wrapped, err", new: "	wrapped, err",
		does: "without entropy every tenant has the key zero",
	},
	{
		name: "older-template-passes", file: "storage/store.go", caught: "TestOlderTemplateDoesNotPass",
		old: "if h.tenant != st.Tenant || h.generation != st.template {", new: "if h.tenant != st.Tenant {",
		does: "a template of an earlier generation put back matches",
	},
	{
		name: "another-tenant-revokes", file: "storage/life.go", caught: "TestCommandsRefused",
		old: "	if before.Tenant != tenant {", new: "	if tenant == 0 {",
		does: "an issuer revokes credentials of another tenant",
	},
	{
		name: "enrolled-twice", file: "storage/batch.go", caught: "TestCommandsRefused",
		old: "	case err == nil:\n		return b.repeated(c)\n", new: "",
		does: "an enrolment replaces another person's template",
	},
	{
		name: "revocation-not-idempotent", file: "storage/batch.go", caught: "TestChangeStatusRetried",
		old: "		if now.Status == c.To {\n			return now, nil\n		}\n", new: "",
		does: "a revocation sent again is an error",
	},
	{
		name: "acknowledged-before-the-log", file: "storage/apply.go", caught: "TestFailedCommitLatches",
		old: "		err = c.store.propose(e)\n", new: "		go func() { _ = c.store.propose(e) }()\n",
		does: "a change is acknowledged before the log has it",
	},
	{
		name: "failed-commit-forgotten", file: "storage/apply.go", caught: "TestFailedProposalLatches",
		old: "		c.failed = err\n		return err\n	}\n	c.store.truncateWhenDue", new: "		return err\n	}\n	c.store.truncateWhenDue",
		does: "after a failed write the store goes on from a state that may not be on disk",
	},
	{
		name: "mark-not-written", file: "storage/apply.go", caught: "TestFailedCommitLatches",
		old: "	if err := c.mark.write(b.water); err != nil {\n		c.failed = err\n		return err\n	}\n	return nil\n", new: "	return nil\n",
		does: "a view and a log that both lost their end are believed",
	},
	{
		name: "disk-filled", file: "storage/apply.go", caught: "TestFullDiskRefuses",
		old: "if free < s.opts.Reserve {", new: "if free < 0 {",
		does: "the disk is written full, which kills the process through its mapped files",
	},
	{
		name: "given-up-and-applied", file: "storage/apply.go", caught: "TestGivingUpLeavesNothingOpen",
		old: "if req.ctx.Err() == nil && req.taken.CompareAndSwap(false, true) {", new: "if req.taken.Store(true); true {",
		does: "a change that its caller was told is not made is made later",
	},
	{
		name: "view-behind-the-mark", file: "storage/load.go", caught: "TestOpenRefuses",
		old: "	if reached.sequence >= marked.sequence {\n", new: "	if reached.sequence+1 >= marked.sequence {\n",
		does: "a store that lost its last acknowledged change opens",
	},
	{
		name: "lower-mark-believed", file: "storage/mark.go", caught: "TestOpenRefuses",
		old: "if !ok || w.sequence > high.sequence {", new: "if !ok || w.sequence < high.sequence {",
		does: "the older of the two slots of the mark counts",
	},
	{
		name: "mark-without-seal", file: "storage/mark.go", caught: "TestOpenRefuses",
		old: "if err != nil || !hmac.Equal(sealMark(w, key), b) {", new: "if err != nil || false && !hmac.Equal(sealMark(w, key), b) {",
		does: "a mark written by somebody else is believed",
	},
	{
		name: "entry-seal-ignored", file: "storage/entry.go", caught: "TestEntriesAreFrozen",
		old: "	if !hmac.Equal(entryMAC(body, key), mac) {", new: "	if len(mac) == 0 {",
		does: "an entry of the log changed on disk is applied",
	},
	{
		name: "position-seal-ignored", file: "storage/machine.go", caught: "TestPositionIsSealed",
		old:  "	if len(b) != progressSize || !hmac.Equal(entryMAC(b[:2*positionSize], key), b[2*positionSize:]) {",
		new:  "	if len(b) != progressSize || !hmac.Equal(entryMAC(b[:2*positionSize], key), b[2*positionSize:]) && len(key) == 0 {",
		does: "a view can be made to claim entries that it has not",
	},
	{
		name: "cold-believed-behind-the-view", file: "storage/machine.go", caught: "TestColdTierIsNotBelievedBehindTheView",
		old:  "	if err := m.follow(e); err != nil {\n		return m.fail(err)\n	}\n	m.store.changes.end(&e)\n",
		new:  "	m.store.changes.end(&e)\n	if err := m.follow(e); err != nil {\n		return m.fail(err)\n	}\n",
		does: "a credential that somebody was shown revoked matches for as long as the cold tier has not followed",
	},
	{
		name: "cold-single-believed", file: "storage/coldtier.go", caught: "TestColdTierIsNotBelievedBehindTheView",
		old: " && r.Level != 0 && s.Unchanged(id, since)", new: " && r.Level != 0 && since < 1<<63",
		does: "so does one that is read alone",
	},
	{
		name: "cold-batch-believed", file: "storage/coldtier.go", caught: "TestColdTierIsNotBelievedBehindTheView",
		old: " || !s.Unchanged(id, (*since)[i]) {", new: " || (*since)[i] == 1<<63 {",
		does: "so does a batch",
	},
	{
		name: "gap-in-the-log", file: "storage/machine.go", caught: "TestCommitsHaveNoGap",
		old: "	case e.sequence > m.applied.sequence+1:", new: "	case e.sequence > m.applied.sequence+1000:",
		does: "a log with a hole is replayed over it",
	},
	{
		name: "snapshot-seal-ignored", file: "storage/snapshot.go", caught: "TestOldSnapshotReads",
		old: "	if !hmac.Equal(b, sum) {", new: "	if len(b) != len(sum) {",
		does: "a damaged snapshot of the old form becomes the state",
	},
	{
		name: "snapshot-count-ignored", file: "storage/snapshot.go", caught: "TestOldSnapshotReads",
		old: "s.end(count)\n", new: "nil\n",
		does: "a snapshot that was cut short becomes the state",
	},
	{
		name: "chunk-seal-ignored", file: "storage/chunks.go", caught: "TestChunksAreWholeOrRefused",
		old: "r.buf[end:end+tagSize], r.buf[:end]); err != nil {", new: "r.buf[end:end+tagSize], r.buf[:end]); err != nil && r.number > 1<<40 {",
		does: "a damaged snapshot becomes the state",
	},
	{
		name: "chunks-in-any-order", file: "storage/chunks.go", caught: "TestChunksAreWholeOrRefused",
		old: "	nonce := binary.LittleEndian.AppendUint64(make([]byte, 0, nonceSize), number)\n", new: "	nonce := binary.LittleEndian.AppendUint64(make([]byte, 0, nonceSize), number>>40)\n",
		does: "a snapshot whose parts change places becomes the state",
	},
	{
		name: "import-marker-removed-early", file: "storage/import.go", caught: "TestImportStaysMarkedUntilItIsLogged",
		old:  "	if err := errors.Join(s.propose(e), s.machine.settle()); err != nil {\n		return err\n	}\n	s.step()\n	if err := removeFile(s.path(importFile)); err != nil {\n		return err\n	}\n	s.snapshotImport()",
		new:  "	if err := removeFile(s.path(importFile)); err != nil {\n		return err\n	}\n	if err := errors.Join(s.propose(e), s.machine.settle()); err != nil {\n		return err\n	}\n	s.snapshotImport()",
		does: "a crash in an import leaves nothing to put the store back with",
	},
	{
		name: "import-out-of-order", file: "storage/import.go", caught: "TestImportRefuses",
		old: "bytes.Compare(im.last[:], c.ID[:]) >= 0 {", new: "bytes.Compare(im.last[:], c.ID[:]) > 0 {",
		does: "an import takes one credential twice",
	},
	{
		name: "half-import-served", file: "storage/recovery.go", caught: "TestImportHalfDone",
		old: "	if s.machine.imported == before+1 {", new: "	if s.machine.imported == before+1 || before+1 > 0 {",
		does: "an import that was never committed is served",
	},
	{
		name: "lost-import-unnoticed", file: "storage/machine.go", caught: "TestImportInTheLogIsCommitted",
		old: "	if e.sequence > m.holds {", new: "	if e.sequence > m.holds+1000 {",
		does: "a view rebuilt from the log lacks an import and does not say so",
	},
	{
		name: "damaged-table-opened", file: "storage/badger.go", caught: "TestTablesAreReadFirstAfterADeath",
		old: "	last, err := verifyTables(opts.Dir, manifest, whole)\n", new: "	last, _ := verifyTables(opts.Dir, manifest, whole)\n",
		does: "a flipped bit in a table ends the process, or is served",
	},
	{
		name: "lost-table-forgotten", file: "storage/orphans.go", caught: "TestShortenedManifestIsRefused",
		old: "if errors.Is(err, badger.ErrKeyNotFound) || err == nil && item.Version() < version {", new: "if errors.Is(err, badger.ErrKeyNotFound) && item.Version() < version {",
		does: "a shortened manifest loses a table without a word",
	},
	{
		name: "second-process", file: "storage/disk_unix.go", caught: "TestFolderLockExcludes",
		old: "	how := unix.LOCK_EX\n", new: "	how := unix.LOCK_SH\n",
		does: "two processes write one store",
	},
	{
		name: "removed-party-admitted", file: "storage/store.go", caught: "TestRelyingParties",
		old: "	if !ok || p.removed {\n		return zhenni.RelyingParty{}, false", new: "	if !ok {\n		return zhenni.RelyingParty{}, false",
		does: "a relying party that was removed is still let in",
	},
	{
		name: "lost-tenant-key-replaced", file: "storage/batch.go", caught: "TestOneTenantsKeyLost",
		old: "	if ok && by == nil {\n		return nil, fmt", new: "	if ok && by == nil && tenant == 0 {\n		return nil, fmt",
		does: "a tenant key that does not open is overwritten or used as none",
	},
	{
		name: "header-seal-ignored", file: "storage/label.go", caught: "TestOpenRefuses",
		old: "	if !hmac.Equal(mac, l.MAC) {", new: "	if len(mac) == 0 {",
		does: "the model of a store can be changed in its header",
	},
	{
		name: "change-not-counted", file: "storage/still.go", caught: "TestUnchangedUntilAChange",
		old: "r.key[0] == prefixCredential {", new: "r.key[0] != prefixCredential {",
		does: "a record that was read before a change is told to be as it was",
	},
}
