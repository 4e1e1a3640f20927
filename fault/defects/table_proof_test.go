package defects

// proofDefects are of issues that are proved, and of what is remembered of them.
var proofDefects = []defect{
	{
		name: "proof-for-good", file: "gateway/prove.go", caught: "TestProofIsNoStandingPermission",
		old: " && age < provedFor {", new: " {",
		does: "a face that matched once is issued a credential years later",
	},
	{
		name: "reference-in-the-proof", file: "gateway/prove.go", caught: "TestRecordOfAProofShowsNoReference",
		old: "IDs: []zhenni.CredentialID{i.command.ID}", new: "IDs: batch.IDs",
		does: "the proof in the log tells a party of a reference that is none of its business",
	},
	{
		name: "absent-costs-less", file: "gateway/prove.go", caught: "TestAbsentPersonIsOneCredential",
		old: "		other = *found\n", new: "		_ = found\n",
		does: "by the time of an answer a party learns who has no reference",
	},
	{
		name: "identity-by-level", file: "gateway/receipt.go", caught: "TestEnrolledWithoutAnIdentityAssertsNone",
		old: "	if c.Subject.IsZero() {", new: "	if false {",
		does: "who enrols a template as full has an identity vouched for that nobody saw",
	},
	{
		name: "stored-answer-to-anybody", file: "gateway/transaction.go", caught: "TestStoredAnswerEndsWithItsParty",
		old: "			if err := s.mayBeToldAgain(rq); err != nil {\n				return nil, err\n			}\n", new: "",
		does: "a party that was stopped is told again what it was told",
	},
	{
		name: "cap-of-one-party", file: "gateway/share.go", caught: "TestOnePartyUsesUpItsShareOnly",
		old: "const partyShare = 4", new: "const partyShare = 1",
		does: "one party has nothing verified for anybody",
	},
	{
		name: "issue-without-liveness", file: "gateway/prove.go", caught: "TestIssueAsksForLiveness",
		old: "	if err := s.permitIssue(rq, i); err != nil {", new: "	if err := error(nil); err != nil {",
		does: "a file of somebody's face is issued a credential",
	},
	{
		name: "terminal-without-the-card", file: "gateway/issueevidence.go", caught: "TestTerminalIssueAsksForTheCard",
		old: "		return s.heldTo(s.config.TerminalIssueService)\n", new: "		return nil, nil\n",
		does: "a terminal that saw no card issues a full credential",
	},
	{
		name: "lite-at-a-terminal-on-nothing", file: "gateway/issueevidence.go", caught: "TestTerminalIssueAsksForTheCard",
		old:  "		return s.heldService(rq)\n",
		new:  "		if i.probe != nil && i.byApp() {\n			return s.heldTo(s.config.IssueService)\n		}\n		return s.heldService(rq)\n",
		does: "a terminal's credential with a probe is held to what apps are, mostly to nothing",
	},
	{
		name: "signatures-for-nothing", file: "gateway/issue.go", caught: "TestIssueWithoutQuotaIsNotLookedAt",
		old:  "	if err := s.spend(rq, 1); err != nil {\n		return err\n	}\n	if err := s.permitIssue(rq, i); err != nil {\n		return err\n	}\n",
		new:  "	if err := s.permitIssue(rq, i); err != nil {\n		return err\n	}\n	if err := s.spend(rq, 1); err != nil {\n		return err\n	}\n",
		does: "a party with no quota left has eight signatures verified for each request that is refused",
	},
	{
		name: "any-phone-at-issue", file: "gateway/issueevidence.go", caught: "TestTerminalIssueAsksForTheCard",
		old: "		if token.Verify(i.command.Device) != nil {", new: "		if token.Verify(i.command.Device) != nil && false {",
		does: "a credential is issued to a phone that was never there",
	},
	{
		name: "template-of-a-photograph", file: "gateway/issueevidence.go", caught: "TestTerminalIssueAsksForTheCard",
		old: "ruling := service.Live(shown, now); ruling != zhenni.Admitted {", new: "ruling := service.Live(shown, now); ruling == zhenni.NoRuling {",
		does: "a terminal enrols a picture of somebody",
	},
	{
		name: "capture-of-two", file: "gateway/reuse.go", caught: "TestCaptureIsOnePersons",
		old: "		return refuse(kindCaptureReused, \"\")\n", new: "",
		does: "one face is enrolled under two persons",
	},
	{
		name: "nonce-reuse-taken", file: "gateway/reuse.go", caught: "TestNonceUsedTwiceIsRefused",
		old: "		return refuse(kindSealingReused, \"\")\n", new: "",
		does: "what seals under one key and nonce is taken",
	},
	{
		name: "sightings-given-up", file: "gateway/sightings.go", caught: "TestSightingsAreNeverGivenUpEarly",
		old: "		return sightFull\n", new: "		clear(known.with)\n",
		does: "whoever sends enough has the rest forgotten",
	},
	{
		name: "re-proved-and-blocked", file: "storage/reproved.go", caught: "TestReproofClearsThePIN",
		old: "	p.Attempts = zhenni.PINAttempts{}\n	r, err := b.store.sealPIN(id, p", new: "	r, err := b.store.sealPIN(id, p",
		does: "whom the issuer has re-proved is locked out by the PIN",
	},
}
