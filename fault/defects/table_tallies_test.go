package defects

// Of what the log says that the view holds, and of the walks that hold the one against the other.
var tallyDefects = []defect{
	{
		name: "tallies-stand-still", file: "storage/machine.go", caught: "TestTalliesAreThoseOfAWalk", slow: true,
		old: "	a.held.add(e.turned)\n", new: "",
		does: "what an entry adds to a slot is not tallied: the slot is taken for damaged",
	},
	{
		name: "replaced-record-still-tallied", file: "storage/batch.go", caught: "TestTalliesAreThoseOfAWalk",
		old: "		t.subtract(before)\n", new: "		_ = before\n",
		does: "the tally of a slot keeps what was replaced",
	},
	{
		name: "lost-record-believed", file: "storage/agreement.go", caught: "TestLostRecordIsNeverBelieved",
		old: "	if sum == held {\n", new: "	if sum == held || sum.records < 1<<30 {\n",
		does: "a slot that lost a revocation is served",
	},
	{
		name: "slots-only-counted", file: "storage/agreement.go", caught: "TestLostRecordIsNeverBelieved",
		old: "	if sum == held {\n", new: "	if sum.records == held.records {\n",
		does: "a slot with an older record in place of a newer one is served",
	},
	{
		name: "unwalked-slot-believed", file: "storage/agreement.go", caught: "TestLostRecordIsNeverBelieved",
		old: "if a.agreed.has(slot) || !a.known {", new: "if !a.damaged.has(slot) || !a.known {",
		does: "the first read of a slot is answered before anything was compared",
	},
	{
		name: "walk-not-compared", file: "storage/walk.go", caught: "TestLostRecordIsNeverBelieved",
		old: "if m.held == nil || ", new: "if m.held == nil || sum.records < 1<<30 || ",
		does: "warming reads a slot that lost records as if it were whole",
	},
	{
		name: "differing-slot-visited", file: "storage/walk.go", caught: "TestLostRecordIsNeverBelieved",
		old: "int(f.ID.Slot()) == skipped {", new: "skipped == 1<<20 {",
		does: "the older records of a slot that differs are loaded to be matched",
	},
	{
		name: "rest-not-compared", file: "storage/agreement.go", caught: "TestLostTenantKeyIsMadeAgain",
		old: "if err != nil || sum == s.agreement.held[restPlace] {", new: "if err != nil || sum.records < 1<<30 {",
		does: "a lost tenant key is replaced by a new one, and its records are lost with it",
	},
	{
		name: "older-slots-file-taken", file: "storage/slots.go", caught: "TestFilesPutBackAreNeverBelieved", slow: true,
		old: "return g.at == m.durable })", new: "return g.at.index <= m.durable.index })",
		does: "tallies of an older state are taken for those of the view",
	},
	{
		name: "missing-tallies-believed", file: "storage/slots.go", caught: "TestDamagedSlotsFileIsNotBelieved",
		old: "	if !a.known {\n", new: "	if !a.known && len(m.generations) > 1<<20 {\n",
		does: "a view whose tallies are lost is served without being compared with anything",
	},
	{
		name: "slots-file-seal-ignored", file: "storage/slots.go", caught: "TestDamagedSlotsFileIsNotBelieved",
		old: "if len(rest) < sha256.Size || !hmac", new: "if len(rest) < sha256.Size || len(key) == 0 && !hmac",
		does: "tallies can be written to fit a view that was changed",
	},
	{
		name: "log-behind-its-tallies", file: "storage/slots.go", caught: "TestFilesPutBackAreNeverBelieved", slow: true,
		old: "		if g.at.index > s.log.Last() {", new: "		if g.at.index > s.log.Last()+1<<20 {",
		does: "a log put back beside its view as it was earlier is followed",
	},
	{
		name: "damage-not-marked", file: "storage/agreement.go", caught: "TestLostRecordIsNeverBelieved",
		old: "if err := writeFile(s.path(damagedFile), nil); err != nil {", new: "if err := error(nil); err != nil {",
		does: "a slot that is refused is refused for ever: no start makes the view anew",
	},
	{
		name: "marked-view-opened", file: "storage/rebuild.go", caught: "TestLostRecordIsNeverBelieved",
		old: "	if s.isMarked() {", new: "	if s.isMarked() && s.opts.ReadOnly {",
		does: "a view that was found damaged is opened again and never rebuilt",
	},
	{
		name: "snapshot-of-a-lossy-view", file: "storage/snapshot.go", caught: "TestSnapshotOfALossyViewIsRefused",
		old: "	if *held != *over.sums {", new: "	if *held != *over.sums && front.untallied {",
		does: "a snapshot of a view that lost records becomes the state, and the log that has them is cut",
	},
	{
		name: "lossy-snapshot-written", file: "storage/snapshot.go", caught: "TestSnapshotOfALossyViewIsRefused",
		old: "	return f.store.compareAll(sums, f.held)\n", new: "	_ = sums\n	return nil\n",
		does: "a view that lost records is made a snapshot of, and nobody hears of it",
	},
	{
		name: "enrolled-into-a-damaged-slot", file: "storage/batch.go", caught: "TestLostRecordIsNeverBelieved",
		old: "	if err := b.store.agree(c.ID.Slot()); err != nil {\n		return zhenni.Credential{}, err\n	}\n	switch", new: "	switch",
		does: "a credential whose record was lost is enrolled again as another person",
	},
	{
		name: "scrub-says-nothing", file: "storage/scrub.go", caught: "TestScrubMeetsDamage",
		old: "	s.scrub.damage.Add(1)\n", new: "",
		does: "damage that the scrub meets is told to nobody",
	},
	{
		name: "scrub-leaves-the-log-out", file: "storage/scrub.go", caught: "TestScrubMeetsDamage",
		old: "	if err != nil && ctx.Err() == nil {\n		s.scrubFound(what", new: "	if err != nil && ctx.Err() != nil {\n		s.scrubFound(what",
		does: "a log that rots is found out when it is needed",
	},
	{
		name: "scrub-believes-what-it-met", file: "storage/scrub.go", caught: "TestScrubbedTableIsDoubted",
		old: "	s.doubt()\n	s.markDamaged()\n", new: "",
		does: "a table damaged while the store is open stays believed, and is opened again as it is",
	},
	{
		name: "scrub-without-a-rate", file: "storage/scrub.go", caught: "TestScrubKeepsToItsRate",
		old: "return rest(ctx, due-time.Since(p.began))", new: "return rest(ctx, 0*due)",
		does: "the scrub takes the disk from those who verify",
	},
	{
		name: "scrub-given-up-halfway", file: "storage/scrub.go", caught: "TestScrubMeetsDamage",
		old: "		case errors.Is(err, zhenni.ErrCorrupt):\n			s.scrubFound(", new: "		case errors.Is(err, zhenni.ErrCorrupt):\n			return false\n			s.scrubFound(",
		does: "behind the first damaged slot nothing is ever read",
	},
	{
		name: "tables-unread-after-a-death", file: "storage/scrub.go", caught: "TestTablesAreReadFirstAfterADeath",
		old: "missing == nil || ", new: "missing == nil && s.label.Upgraded || ",
		does: "a damaged table that ends the process ends it at every start",
	},
}
