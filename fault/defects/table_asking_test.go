package defects

// Of persons who ask each other, and of holders who ask for themselves.
var askingDefects = []defect{
	{
		name: "wrong-name-confirmed", file: "gateway/persons.go", caught: "TestAnotherNameIsNoMatch",
		old: "	if !named {\n		return zhenni.NoMatch, nil\n", new: "	if !named && o == zhenni.Pending {\n		return zhenni.NoMatch, nil\n",
		does: "somebody else than was asked for is confirmed by the own face",
	},
	{
		name: "name-of-any-subject", file: "gateway/persons.go", caught: "TestAnotherNameIsNoMatch",
		old: "	return err == nil && subtle.ConstantTimeCompare(tag[:], c.NameTag[:]) == 1, err\n", new: "	return err == nil && subtle.ConstantTimeCompare(tag[:], tag[:]) == 1, err\n",
		does: "whoever asks is shown under a name that is not theirs",
	},
	{
		name: "compared-before-the-code", file: "gateway/sessionanswer.go", caught: "TestPersonAsksPerson",
		old: "	if session.ForSeat(seat).CodeWanted {\n", new: "	if session.ForSeat(seat).CodeShown {\n",
		does: "a face is compared for a link that was sent on, before the digits were heard",
	},
	{
		name: "shared-twice", file: "gateway/personshare.go", caught: "TestPersonAsksPerson",
		old: "	delete(r.waiting, id)\n	return what, there\n", new: "	return what, there\n",
		does: "what was to be shown once is shown again",
	},
	{
		name: "shared-for-good", file: "gateway/personshare.go", caught: "TestSharing",
		old: "there && now.Before(what.until) {", new: "there && !what.until.IsZero() {",
		does: "what nobody fetched stays in memory",
	},
	{
		name: "selfie-as-it-came", file: "gateway/personshare.go", caught: "TestSharing",
		old: "	return out.Bytes(), nil\n", new: "	return raw, nil\n",
		does: "a picture tells where it was taken",
	},
	{
		name: "name-shared-whole", file: "gateway/personshare.go", caught: "TestPersonAsksPerson",
		old: "zhenni.MaskName(c.name.Reveal()); !named", new: "c.name.Reveal(); !named",
		does: "who asks is told the whole name",
	},
	{
		name: "asks-not-counted-as-one", file: "gateway/personbegin.go", caught: "TestDailyCaps",
		old: "	defer s.persons.lock(asker.ID)()\n", new: "	_ = s.persons.lock\n",
		does: "a person who asks many at once asks more often than one may",
	},
	{
		name: "blocked-and-asked", file: "gateway/persons.go", caught: "TestBlocked",
		old: "s.config.Persons.Circle.Blocked(by, of) {\n", new: "s.config.Persons.Circle.Blocked(of, by) {\n",
		does: "who does not want to be asked is asked again",
	},
	{
		name: "barred-and-asking", file: "gateway/persons.go", caught: "TestReported",
		old: "	if s.config.Persons.Circle.Barred(holderHandle(asker)) {\n", new: "	if s.config.Persons.Circle.Barred(asker.Subject) && asker.Subject.IsZero() {\n",
		does: "who was reported by many goes on asking",
	},
	{
		name: "lost-phone-asking", file: "gateway/persons.go", caught: "TestAskerOfALostPhone",
		old: "	if err != nil || asker.Status != zhenni.StatusActive {\n		return refuse(kindSessionEnded", new: "	if err != nil {\n		return refuse(kindSessionEnded",
		does: "who found a phone goes on asking in its owner's name after that was reported",
	},
	{
		name: "holder-of-anything", file: "gateway/sessionseat.go", caught: "TestHoldersAskForThemselves",
		old: "	if !ofDevice || err != nil || c.Device != found.record.Device {\n		return zhenni.Credential{}, refuse(kindHolder, \"\")\n", new: "	if err != nil || !ofDevice && c.Device != found.record.Device {\n		return zhenni.Credential{}, refuse(kindHolder, \"\")\n",
		does: "any device reads whose credential was asked about",
	},
	{
		name: "reports-of-one-add-up", file: "storage/sessions/reports.go", caught: "TestReportsBar",
		old: "	next.by = slices.DeleteFunc(next.by, func(r report) bool { return r.by == from })\n", new: "",
		does: "one person bars another from asking",
	},
	{
		name: "bar-forgotten", file: "storage/sessions/reports.go", caught: "TestReportsBar",
		old: "		if !r.barred && len(", new: "		if len(",
		does: "who was barred asks again after a month, and no operator has looked",
	},
	{
		name: "name-of-two-letters-whole", file: "maskedname.go", caught: "TestMaskName",
		old: "alone && letters >= 3 && seen == letters", new: "alone && seen == letters",
		does: "a name of two letters is shown whole",
	},
}
