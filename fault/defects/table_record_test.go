package defects

// Of the record of changes outside of a store, of its backups and of a store open for verification only.
var recordDefects = []defect{
	{
		name: "acknowledged-before-recorded", file: "storage/machine.go", caught: "TestUnrecordedCommitIsMadeGood",
		old: "	if err := m.record(e); err != nil {\n		return m.fail(err)\n	}\n", new: "	_ = m.record(e)\n",
		does: "a change is acknowledged that the audit log never gets",
	},
	{
		name: "gap-in-the-record", file: "storage/record.go", caught: "TestRecordWithAGapIsRefused",
		old: "	case recorded != 0 && e.sequence != recorded+1:", new: "	case recorded != 0 && e.sequence < recorded:",
		does: "the audit log goes on behind changes that it lacks",
	},
	{
		name: "commit-recorded-twice", file: "storage/record.go", caught: "TestUnrecordedCommitIsMadeGood",
		old: "	case e.sequence <= recorded:", new: "	case e.sequence < recorded:",
		does: "what is applied again after a crash is in the audit log twice",
	},
	{
		name: "store-behind-its-record", file: "storage/record.go", caught: "TestStoreAndRecordMustAgree",
		old: "	case recorded > reached:\n", new: "	case recorded > reached:\n		return nil\n	case recorded > reached+1<<40:\n",
		does: "a store put back as it was earlier opens, and revocations are undone",
	},
	{
		name: "record-behind-its-store", file: "storage/record.go", caught: "TestStoreAndRecordMustAgree",
		old: "	case recorded != 0:\n		return missingRecord(recorded+1, reached)\n", new: "	case recorded != 0:\n		return nil\n",
		does: "an audit log put back as it was earlier is gone on with",
	},
	{
		name: "record-without-a-beginning", file: "storage/record.go", caught: "TestRecordsBegin",
		old: "	return by.Record(reached, []zhenni.Change{{Imported: uint64(s.Count())}})\n", new: "	return nil\n",
		does: "the audit log does not say what was there before it",
	},
	{
		name: "recorder-not-asked", file: "storage/record.go", caught: "TestUnrecordedCommitIsMadeGood",
		old: "s.opts.Recorder.Ready(); err != nil {", new: "s.opts.Recorder.Ready(); err != nil && s.log == nil {",
		does: "changes are begun that can not be recorded, and the first of them stops the store",
	},
	{
		name: "manifest-first", file: "storage/backup.go", caught: "TestBackupWithoutRoomLeavesTheLastOne",
		old: "	if err = b.writeTables(&next, held);", new: "	_ = next.write(b.options.Dir, b.store.keys)\n	if err = b.writeTables(&next, held);",
		does: "a backup that is cut off takes the last whole one with it",
	},
	{
		name: "manifest-seal-ignored", file: "storage/manifest.go", caught: "TestDamagedBackupIsRefused",
		old: "if !hmac.Equal(mac, m.MAC) || len(m.MAC) != sha256.Size {", new: "if !hmac.Equal(mac, m.MAC) && len(m.MAC) != sha256.Size {",
		does: "whoever can write to a backup says what belongs to it",
	},
	{
		name: "older-files-not-looked-at", file: "storage/backup.go", caught: "TestBackupOfLostPartsIsNotAddedTo",
		old: "		if err != nil || info.Size() != p.Bytes {", new: "		if err != nil && info != nil {",
		does: "a backup is added to whose beginning is lost",
	},
	{
		name: "backup-digests-ignored", file: "storage/recount.go", caught: "TestPartOfAnotherBackupIsRefused",
		old: "if m.bytes != p.Bytes || !bytes.Equal(m.hash.Sum(nil), p.SHA256) {", new: "if m.bytes != p.Bytes {",
		does: "a file of a backup passes that is not the one that was written",
	},
	{
		name: "backup-fills-the-disk", file: "storage/backup.go", caught: "TestBackupWithoutRoomLeavesTheLastOne",
		old: "	if free < n+s.opts.Reserve {", new: "	if free < 0 {",
		does: "a backup on the store's disk takes the room that the store needs",
	},
	{
		name: "backup-of-another-store", file: "storage/backup.go", caught: "TestBackupRefuses",
		old: "	if held.Header.Store != b.store.label.Store {", new: "	if held.Header.Store == \"\" {",
		does: "a backup of another store is written over",
	},
	{
		name: "two-histories-in-a-backup", file: "storage/backup.go", caught: "TestBackupKeepsToOneHistory",
		old: "		if !bytes.Equal(digestEntry(e), end.SHA256) {", new: "		if len(digestEntry(e)) != len(end.SHA256) {",
		does: "entries of a restored store are put behind those of the lost one",
	},
	{
		name: "log-of-another-history-followed", file: "storage/restore.go", caught: "TestRestoreKeepsToTheLogThatWasBackedUp",
		old: "		if !bytes.Equal(digestEntry(e), end.SHA256) {", new: "		if !bytes.Equal(digestEntry(e), end.SHA256) && e.Index == 0 {",
		does: "a restore goes on with the log of another history",
	},
	{
		name: "restore-into-a-store", file: "storage/restore.go", caught: "TestRestoreRefuses",
		old: "if !again && f.Name() != restoreFile+\".new\" || !ours {", new: "if !again && f.Name() == \"\" || !ours {",
		does: "a restore into the folder of a store removes that store",
	},
	{
		name: "half-restored-store-opens", file: "storage/store.go", caught: "TestKilledRestoreIsTakenUpAgain", slow: true,
		old: "; err == nil && !s.opts.restoring {", new: "; err == nil && !s.opts.restoring && s.log != nil {",
		does: "a restore that was cut off is served",
	},
	{
		name: "verify-only-behind-the-mark", file: "storage/load.go", caught: "TestVerifyOnlyRefusesWhatIsNotCurrent",
		old: "	if s.opts.ReadOnly && !s.opts.VerifyOnly {", new: "	if s.opts.ReadOnly {",
		does: "a store open for verification only serves what was revoked by changes that it lost",
	},
	{
		name: "verify-only-without-a-bound", file: "storage/inmemory.go", caught: "TestVerifyOnlyRefusesWhatIsNotCurrent",
		old: "need > s.opts.Memory {", new: "need < 0 {",
		does: "a view in memory is filled until the process is killed",
	},
	{
		name: "verify-only-writes", file: "storage/slots.go", caught: "TestVerifyOnlyAfterACrash",
		old: "if m.store.opts.VerifyOnly || ", new: "if ",
		does: "a folder that must not be written is written to",
	},
}
