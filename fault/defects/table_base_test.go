package defects

// Of the base under a view, and of the snapshots and backups that refer to it.
var baseDefects = []defect{
	{
		name: "half-made-base-kept", file: "storage/recovery.go", caught: "TestImportOnABaseHalfDone",
		old: "	if err := s.dropBase(); err != nil {\n		return err\n	}\n	return errors.Join(s.putBack(kept), s.dropOrphans())", new: "	return errors.Join(s.putBack(kept), s.dropOrphans())",
		does: "credentials of an import that was never acknowledged are served",
	},
	{
		name: "half-made-base-rebuilt-over", file: "storage/rebuild.go", caught: "TestImportOnABaseHalfDone",
		old: "	if _, err := os.Stat(s.path(importFile)); err == nil { // which", new: "	if _, err := os.Stat(s.path(importFile)); err == nil && s.db != nil { // which",
		does: "a view made anew lies over a base that the log does not have",
	},
	{
		name: "half-made-base-verified", file: "storage/inmemory.go", caught: "TestVerifyOnlyOfAHalfDoneBase",
		old: "	if err == nil && snapshot == nil && s.base != nil {\n", new: "	if err == nil && snapshot == nil && s.base != nil && err != nil {\n",
		does: "a view in memory shows an import that the log does not have",
	},
	{
		name: "older-snapshot-over-a-base", file: "storage/snapshot.go", caught: "TestVerifyOnlyOfAHalfDoneBase",
		old: "	if err == nil && front.base != m.store.baseID() {\n", new: "	if err == nil && front.base != m.store.baseID() && err != nil {\n",
		does: "a snapshot from before an import is laid over its base",
	},
	{
		name: "base-not-marked-by-its-format", file: "storage/base.go", caught: "TestImportOnABase",
		old: "	s.label.Base, s.label.Format = seal.ID, baseFormat\n", new: "	s.label.Base = seal.ID\n",
		does: "an older build opens the store and sees none of its templates",
	},
	{
		name: "base-tags-not-held", file: "storage/base.go", caught: "TestDamagedBaseIsRefused",
		old: "f.Tag, content); err != nil {", new: "f.Tag, content); err != nil && len(content) == 0 {",
		does: "a damaged table of the base goes unseen, and into the backup",
	},
	{
		name: "base-seal-not-held", file: "storage/base.go", caught: "TestDamagedBaseIsRefused",
		old: "	if err != nil || !hmac.Equal(mac, seal.MAC) {", new: "	if err != nil || hmac.Equal(mac, nil) {",
		does: "what the base must hold can be changed",
	},
	{
		name: "marked-base-not-read", file: "storage/base.go", caught: "TestDamagedBaseIsMetByTheScrub",
		old: "s.verifyFirst() || s.isMarked())", new: "s.verifyFirst())",
		does: "a store whose base was found damaged is made anew over it, again and again",
	},
	{
		name: "base-not-scrubbed", file: "storage/scrub.go", caught: "TestDamagedBaseIsMetByTheScrub",
		old: "	s.scrubBase(ctx, pace)\n", new: "",
		does: "nobody reads the base until a person is verified",
	},
	{
		name: "snapshot-on-an-unread-base", file: "storage/truncate.go", caught: "TestDamagedBaseIsMetByTheScrub",
		old: "errors.Join(s.roomForCopy(), s.walkBase())", new: "errors.Join(s.roomForCopy())",
		does: "the log is cut behind a base that does not hold what was imported",
	},
	{
		name: "another-base-believed", file: "storage/base.go", caught: "TestBaseOfAnotherTimeIsRefused",
		old: "	if seal.ID != s.label.Base {", new: "	if seal.ID == \"\" {",
		does: "the base of another time of the store is read",
	},
	{
		name: "older-header-believed", file: "storage/base.go", caught: "TestBaseOfAnotherTimeIsRefused",
		old: "err == nil && half != nil {", new: "err == nil && half == nil {",
		does: "with an older header the base is left out",
	},
	{
		name: "hidden-record-shown", file: "storage/layers.go", caught: "TestLayersReadAsOneMap",
		old: "	case order == 0:\n		c.base.Next()\n", new: "",
		does: "a walk meets a credential as it was imported, after its revocation",
	},
	{
		name: "base-read-first", file: "storage/layers.go", caught: "TestLayersReadAsOneMap",
		old:  "	if r.base == nil || !errors.Is(err, badger.ErrKeyNotFound) {\n		return found, err\n	}\n	return r.base.Get(key)",
		new:  "	if r.base != nil {\n		if below, err := r.base.Get(key); !errors.Is(err, badger.ErrKeyNotFound) {\n			return below, err\n		}\n	}\n	return found, err",
		does: "a credential is read as it was imported, after its revocation",
	},
	{
		name: "hidden-record-still-tallied", file: "storage/base.go", caught: "TestImportOnABase",
		old: "		o.sums[place].subtract(t)\n", new: "		o.sums[place].subtract(tally{}); _ = t\n",
		does: "no snapshot over a base agrees with what the view holds",
	},
	{
		name: "tenant-keys-in-the-base", file: "storage/import.go", caught: "TestRootRotatedOnABase",
		old: "		if !im.closed {\n			stage(out, streamRest, r)\n		}\n", new: "		stage(out, streamRest, r)\n",
		does: "the keys of tenants stay in the base as an earlier root wrapped them",
	},
	{
		name: "tables-of-a-backup-not-read", file: "storage/backup.go", caught: "TestBackupOfABase",
		old: "		return m.matches(p)\n", new: "		return nil\n",
		does: "a backup whose tables are damaged is called whole",
	},
	{
		name: "tables-copied-again", file: "storage/basecopy.go", caught: "TestBackupOfABase",
		old: "held != nil && len(held.Tables) > 0 &&", new: "held != nil && len(held.Tables) < 0 &&",
		does: "every backup writes the whole base",
	},
}
