package defects

// pinDefects are those of PINs and of verifications without a probe, across the packages.
var pinDefects = []defect{
	{
		name: "pin-on-the-word-of-a-terminal", file: "gateway/pin.go", caught: "TestPINOfATerminalAsksForTheCard",
		old: "	case !shown.Others.Has(zhenni.MeansCard)", new: "	case len(rq.terms.tokens) > 0 && !shown.Others.Has(zhenni.MeansCard)",
		does: "a terminal sets a PIN of its choice for a person whom it never saw",
	},
	{
		name: "pin-on-evidence-of-another", file: "gateway/pin.go", caught: "TestPINOfATerminalAsksForTheCard",
		old: "Subject: c.ID, Capture: sha256.Sum256(sealed), Transaction: rq.transaction", new: "Subject: zhenni.CredentialID{}, Capture: sha256.Sum256(sealed), Transaction: rq.transaction",
		does: "what was seen of nobody yet, for an issue, sets a PIN, and a person's own card sets none",
	},
	{
		name: "pin-asked-of-strangers", file: "service.go", caught: "TestPINBesideWhatIsHeld",
		old: "	if !s.Possession && !s.WithoutFace.guardsPIN() {", new: "	if false {",
		does: "a service is taken that lets anybody use up anybody's attempts at a PIN",
	},
	{
		name: "pin-of-whoever-holds-nothing", file: "policy.go", caught: "TestPINAloneIsNotShown",
		old: "	if set&held == 0 {", new: "	if false {",
		does: "a PIN is looked at that nothing held goes with",
	},
	{
		name: "identity-as-a-pin", file: "identity/header.go", caught: "TestSealedPIN",
		old: "	case string(h.typ) != typ:", new: "	case string(h.typ) != typ && string(h.typ) != SealedTyp:",
		does: "what was sealed as one thing is opened as another",
	},
	{
		name: "pin-not-counted", file: "gateway/unprobed.go", caught: "TestGuessesAtOnce",
		old: "		if err = s.countPIN(rq, id, false, deadline); err == nil {\n", new: "		{\n",
		does: "a PIN is guessed without end",
	},
	{
		name: "attempt-of-a-stranger", file: "gateway/unprobed.go", caught: "TestNoWithoutAFace",
		old: "	if !fit {\n		return openedPIN{}, nil\n	}\n", new: "",
		does: "whoever has a phone of any kind blocks the PIN of any person",
	},
	{
		name: "count-kept-at-a-right-pin", file: "gateway/unprobed.go", caught: "TestVerifiedWithoutAFace",
		old: "	err = s.countPIN(rq, id, true, deadline)\n", new: "",
		does: "the fifth right PIN pauses its holder",
	},
	{
		name: "pin-counted-unopened", file: "gateway/unprobed.go", caught: "TestPINsThatDoNotOpen",
		old: "			err = turn.Opens(opened.binding, opened.verifier)\n", new: "",
		does: "a lost pepper uses up everybody's attempts, and tells who is there",
	},
	{
		name: "no-beside-unavailable", file: "gateway/unprobed.go", caught: "TestPINsThatDoNotOpen",
		old: "	if !proved && rq", new: "	if false && rq",
		does: "who is told no is not there, and who is told that it is unavailable is",
	},
	{
		name: "answer-as-soon-as-known", file: "gateway/unprobed.go", caught: "TestEntriesAreAnsweredInSteps",
		old: "	defer s.level(begun)\n", new: "",
		does: "how long an answer takes tells whether a credential exists, and has a PIN",
	},
	{
		name: "pin-of-a-full-credential-by-mail", file: "gateway/pin.go", caught: "TestSetPIN",
		old: "	if c.Level == zhenni.LevelFull && !rq", new: "	if false && !rq",
		does: "the PIN of a full credential is set where nobody was seen",
	},
	{
		name: "pin-of-the-day-of-birth", file: "gateway/pin.go", caught: "TestSetPIN",
		old: "	if err := digits.Weak(birth); err != nil {\n", new: "	if err := digits.Weak(birth.AddDate(1, 0, 0)); err != nil {\n",
		does: "a PIN is taken that is printed on the card",
	},
	{
		name: "pin-by-the-card-of-another", file: "gateway/pin.go", caught: "TestSetPIN",
		old: "		if c.Subject.IsZero() || subject != c.Subject {\n", new: "		if subject == (zhenni.SubjectHandle{}) {\n",
		does: "the PIN of a credential is set with the identity of somebody else",
	},
	{
		name: "locked-pin-counts", file: "storage/pin.go", caught: "TestPINCommandsRefused",
		old: "	if owner.Locked&zhenni.LockPIN != 0 {", new: "	if false {",
		does: "whoever knows the PIN is let in although its holder has locked it",
	},
	{
		name: "renewed-over-another", file: "storage/pin.go", caught: "TestPINIsRenewed",
		old: "	if !bytes.Equal(p.Verifier, c.From) {\n", new: "	if bytes.Equal(p.Verifier, c.To) {\n",
		does: "a PIN that was set while the one before was made anew is lost, and the one before is right",
	},
	{
		name: "earlier-pepper-is-fresh", file: "identity/pin/checker.go", caught: "TestVerifierUnderAnEarlierPepperIsStale",
		old: " || v.pepper != c.peppers.current.version", new: "",
		does: "PINs stay under a pepper that is to be destroyed",
	},
	{
		name: "pin-looked-at-for-any-face", file: "gateway/bothfactors.go", caught: "TestNoByFaceAndPIN",
		old: "batch.IDs[0], *outcome == zhenni.Match, digits", new: "batch.IDs[0], true, digits",
		does: "whoever has a stolen phone blocks the PIN of its owner without the face",
	},
	{
		name: "wrong-pin-beside-a-face", file: "gateway/bothfactors.go", caught: "TestNoByFaceAndPIN",
		old: "		if !right {\n", new: "		if !right && *outcome == zhenni.NoMatch {\n",
		does: "a face alone is told yes where a PIN is asked for too",
	},
	{
		name: "spare-pin-looked-at", file: "policy.go", caught: "TestPINBesideAProbe",
		old: "	if probes != 0 && set.Has(MeansPIN) {\n", new: "	if false {\n",
		does: "a PIN that nobody asked for uses up attempts, and counts for a service that takes either",
	},
	{
		name: "pin-set-again", file: "gateway/pin.go", caught: "TestSetPINAgain",
		old: "		return true, nil\n", new: "		return false, nil\n",
		does: "a request that is sent again clears the count of attempts",
	},
	{
		name: "pins-of-ended-credentials-counted", file: "storage/pins.go", caught: "TestLivePINsAreVisited",
		old: "len(c.pin) == 0 || !c.Live()", new: "len(c.pin) == 0",
		does: "an operator keeps an old pepper for ever, for PINs that nobody can use",
	},
	{
		name: "pin-of-the-one-before", file: "storage/templates.go", caught: "TestLivePINsAreVisited",
		old: "	if w.pinOf == id {\n", new: "	if w.pin != nil {\n",
		does: "a walk takes the PIN of one credential for that of the next",
	},
	{
		name: "no-pin-seems-left", file: "cmd/zhenni/peppers.go", caught: "TestPepperMayBeDropped", slow: true,
		old: "		under[v.Pepper()]++\n", new: "		under[max(v.Pepper(), 2)]++\n",
		does: "an operator drops a pepper that PINs are still under, and their holders set them anew",
	},
}
