package defects

// Of the key file beside a store, of erasure and of the rotation of keys.
var keysDefects = []defect{
	{
		name: "key-written-after-its-record", file: "storage/apply.go", caught: "TestKeyFileFails",
		old: "	err := b.putKeys()\n	if err == nil {\n		err = c.store.propose(e)\n	}\n", new: "	err := c.store.propose(e)\n	if err == nil {\n		err = b.putKeys()\n	}\n",
		does: "a crash between the two leaves an acknowledged template without its key",
	},
	{
		name: "ring-behind-its-records", file: "storage/apply.go", caught: "TestFirstCredentialOfATenantIsWholeOrAbsent",
		old:  "	c.store.ring.Store(&b.ring)\n	err := b.putKeys()\n	if err == nil {\n		err = c.store.propose(e)\n	}\n",
		new:  "	err := b.putKeys()\n	if err == nil {\n		err = c.store.propose(e)\n	}\n	c.store.ring.Store(&b.ring)\n",
		does: "while a tenant's first credential is enrolled, it reads as damaged",
	},
	{
		name: "key-not-shredded", file: "storage/erase.go", caught: "TestErasedInTheCommitOfItsEnrolment",
		old: "	err := keys.Shred(b.shreds)\n", new: "	err := error(nil)\n",
		does: "an erased template opens from every backup",
	},
	{
		name: "epoch-stands-still", file: "storage/erase.go", caught: "TestPendingErasureIsFinished",
		old: "	b.keys.epoch += uint64(bit(len(b.shreds) > 0))\n", new: "",
		does: "an older key file, or an erasure cut off by a crash, is not told from the newest",
	},
	{
		name: "older-key-file-taken", file: "storage/keys.go", caught: "TestOlderKeyFileIsRefused",
		old: "	case behind && !s.opts.AdoptKeys:", new: "	case behind && s.vault.keys == nil:",
		does: "a key file put back brings erased templates back",
	},
	{
		name: "key-file-behind-by-epochs", file: "storage/keys.go", caught: "TestOlderKeyFileIsRefused",
		old: "s.vault.keys.Epoch()+1 < state.epoch {", new: "s.vault.keys.Epoch()+1<<20 < state.epoch {",
		does: "a key file from before two erasures is taken for the newest",
	},
	{
		name: "key-file-behind-by-places", file: "storage/keys.go", caught: "TestKeyFileWithoutItsLastPlaceIsRefused",
		old: "	return last == keyfile.Unused, err", new: "	return last > keyfile.Shredded, err",
		does: "a key file without the newest keys is taken: their templates are lost without a word",
	},
	{
		name: "pending-erasure-forgotten", file: "storage/keys.go", caught: "TestPendingErasureIsFinished",
		old: "if s.vault.keys.Epoch() < state.epoch {", new: "if s.vault.keys.Epoch() > state.epoch+1<<20 {",
		does: "an erasure cut off by a crash was acknowledged by the log and never happens",
	},
	{
		name: "keys-of-a-newer-view-dropped", file: "storage/keys.go", caught: "TestKeysOfANewerViewAreKept",
		old: " && end > state.places || end-state.places > groupCommands:", new: " && end < state.places:",
		does: "restoring an older backup beside the newest key file destroys the keys of what the backup lacks",
	},
	{
		name: "keys-without-a-commit-kept", file: "storage/keys.go", caught: "TestKeysWithoutACommitAreDropped",
		old: "	if err := s.vault.keys.Trim(state.places); err != nil {", new: "	if err := error(nil); err != nil {",
		does: "keys of what a crash prevented stay, and places are given out twice",
	},
	{
		name: "seal-without-the-place-of-its-key", file: "storage/seal.go", caught: "TestOpenKeyedRefusesAnythingElse",
		old: "	dst = append(dst, front...)\n", new: "	if len(front) == keyedHeaderSize {\n		front = front[:keyedHeaderSize-8]\n	}\n	dst = append(dst, front...)\n",
		does: "a key copied to another place opens its record there, after the erasure of the first",
	},
	{
		name: "another-tenant-erases", file: "storage/life.go", caught: "TestErase",
		old: "	if before.Tenant != tenant {", new: "	if tenant == 0 {",
		does: "an issuer destroys credentials of another tenant",
	},
	{
		name: "damaged-record-erases-another", file: "storage/erase.go", caught: "TestDamagedRecordErasesNoOther",
		old: "	return h.place, err == nil, err\n", new: "	return h.place, true, nil\n",
		does: "a damaged record has the key of somebody else destroyed",
	},
	{
		name: "tenant-key-dropped-before-the-walk", file: "storage/rotate.go", caught: "TestRotateTenant",
		old: "r.begin, r.rewrap, r.confirm, r.finish", new: "r.begin, r.finish, r.rewrap, r.confirm",
		does: "a rotation that is cut off leaves records that no key opens",
	},
	{
		name: "rotation-spares-the-slots", file: "storage/rotate.go", caught: "TestRotateTenant",
		old: "		if hasPlace(value) {\n			return r.rewrapSlot(h, key)\n		}\n", new: "		if hasPlace(value) {\n			return nil\n		}\n",
		does: "templates stay under the key that was to be given up",
	},
	{
		name: "rotated-key-not-retired", file: "storage/rotate.go", caught: "TestRotatedKeyOpensNothing",
		old: "advanceEpoch(retired...)", new: "advanceEpoch(retired[:0]...)",
		does: "the key that was given up stays stored",
	},
	{
		name: "rotated-key-stays-in-the-log", file: "storage/rotate.go", caught: "TestRotatedKeyOpensNothing",
		old: "	r.swap(&last)\n	return r.store.snapshotLast()", new: "	r.swap(&last)\n	return nil",
		does: "the key that was given up stays in the log",
	},
	{
		name: "header-before-the-tenant-keys", file: "storage/rotateroot.go", caught: "TestRotateRoot", slow: true,
		old: "s.rewrapTenants(old, next)", new: "s.rewrapTenants(old)",
		does: "a crash in the rotation of the root leaves tenant keys that neither root opens",
	},
	{
		name: "old-root-opens-on", file: "storage/rotateroot.go", caught: "TestRotateRoot", slow: true,
		old: "	if err := s.rewrapTenants(next); err != nil {\n		return err\n	}\n", new: "",
		does: "tenant keys stay wrapped by the root that was given up",
	},
}

var keyfileDefects = []defect{
	{
		name: "shred-not-synced", file: "storage/keyfile/file.go", caught: "TestDurableIsSynced",
		old: "	return f.Sync()\n}\n\n// Trim", new: "	return nil\n}\n\n// Trim",
		does: "a power failure brings an erased key back, after the erasure was acknowledged",
	},
	{
		name: "key-not-synced", file: "storage/keyfile/file.go", caught: "TestDurableIsSynced",
		old: "	if err := disk.SyncData(f.file); err != nil {\n		return fmt.Errorf(\"key file: %w\", err)\n	}\n	return nil\n}\n\n// grow", new: "	return nil\n}\n\n// grow",
		does: "a power failure takes the key of an acknowledged template",
	},
	{
		name: "epoch-not-synced", file: "storage/keyfile/file.go", caught: "TestDurableIsSynced",
		old: "next.write(f.file, f.key), disk.SyncData(f.file))", new: "next.write(f.file, f.key))",
		does: "after a power failure the newest key file is taken for an older one",
	},
	{
		name: "shredded-slot-read", file: "storage/keyfile/file.go", caught: "TestKeysComeBack",
		old: "	if err == nil && state != Used {", new: "	if err == nil && state == Unused {",
		does: "a tombstone is handed out as a key",
	},
	{
		name: "older-header-counts", file: "storage/keyfile/header.go", caught: "TestTornHeaderLeavesTheOther",
		old: "h.revision > newest.revision", new: "h.revision < newest.revision",
		does: "the epoch goes back by one",
	},
	{
		name: "header-in-place", file: "storage/keyfile/header.go", caught: "TestTornHeaderLeavesTheOther",
		old: "int64(h.revision%2)*headerPage", new: "0*headerPage",
		does: "a torn write of the header takes the key file with it",
	},
	{
		name: "key-file-seal-ignored", file: "storage/keyfile/header.go", caught: "TestOpenRefuses",
		old: "!= magic || !hmac", new: "!= magic || len(key) == 0 && !hmac",
		does: "the epoch of a key file can be set by hand, and an older one passes",
	},
	{
		name: "key-file-of-another-store", file: "storage/keyfile/file.go", caught: "TestOpenRefuses",
		old: "	if f.id != id {", new: "	if f.id != id && f.epoch > 1<<40 {",
		does: "the key file of another store is written to",
	},
	{
		name: "key-file-overwritten", file: "storage/keyfile/file.go", caught: "TestCreateSparesSlots",
		old: "info.Size() > firstSlot {", new: "info.Size() < 0 {",
		does: "making a store where another's key file lies destroys every key in it",
	},
}
