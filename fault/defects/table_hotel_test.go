package defects

var hotelDefects = []defect{
	{
		name: "another-payment-taken", file: "receipt/verify.go", caught: "TestResultsAreOfTheirPayment",
		old: "c.Bound.Payment != want.Payment.Hash()", new: "c.Bound.Payment == [32]byte{}",
		does: "a result of one payment is taken for another",
	},
	{
		name: "session-beside-its-transaction", file: "receipt/claims.go", caught: "TestBindingHasOneSpelling",
		old: "strings.HasPrefix(transaction, \"session.\"+b.Session.String()+\".\")", new: "strings.HasPrefix(transaction, \"session.\")",
		does: "a result names one session, and the transaction of another",
	},
	{
		name: "rotation-key-kept", file: "gateway/sessions.go", caught: "TestHotelsCapturesAreRotated",
		old: "	if session.End != zhenni.SessionLive {\n		s.rotations", new: "	if session.End == zhenni.SessionRefused {\n		s.rotations",
		does: "the key of a guest stays in memory after the session",
	},
	{
		name: "captured-in-the-clear", file: "gateway/rotations.go", caught: "TestRotationKeysAreSentAgain",
		old: "	if !session.Keyed {", new: "	if !s.rotations.has(session.ID) {",
		does: "without the key of a guest the face in the clear is held against the rotated template, and costs a try",
	},
	{
		name: "rotation-key-of-choice", file: "gateway/rotations.go", caught: "TestGuestsAreComparedByTheKeyOfTheirEnrolment",
		old: "	case rotation.Key(*k).Commitment() != c.Rotation:", new: "	case rotation.Key(*k).Commitment().IsZero():",
		does: "a holder chooses the key that a hotel's capture is turned by, and so lends the credential to somebody else",
	},
	{
		name: "rotation-key-left-at-home", file: "gateway/rotations.go", caught: "TestGuestsAreComparedByTheKeyOfTheirEnrolment",
		old: "	case k == nil && c.Rotation.IsZero():", new: "	case k == nil:",
		does: "a guest who is enrolled rotated waits for a capture that can not match, and loses tries by it",
	},
	{
		name: "rotated-forgotten-by-a-move", file: "storage/person.go", caught: "TestRotatedIsKept",
		old: "	sealed.rotated = !c.Rotation.IsZero()\n", new: "	sealed.rotated = !c.Rotation.IsZero() && c.Generation == 1\n",
		does: "a device move has a credential be compared without the key that it was enrolled under",
	},
	{
		name: "templates-of-two-keys", file: "storage/template.go", caught: "TestTemplatesAreRotatedAlike",
		old: ", now.RotatedBy(c.Rotation))", new: ")",
		does: "one credential has templates under two keys, and matches by whichever the guest brings",
	},
	{
		name: "a-card-of-nobody", file: "gateway/evidence.go", caught: "TestEvidenceAtAHotel",
		old: "c.Kind == evidence.Liveness && c.Terminal != \"\"", new: "c.Terminal != \"\"",
		does: "a terminal that does not know the guest vouches for the guest's card",
	},
	{
		name: "code-of-two-guests", file: "gateway/arrivaldesk.go", caught: "TestArrivalsAreBounded",
		old: "		used[s.Code], waiting = true, waiting+1", new: "		used[s.Code], waiting = false, waiting+1",
		does: "two guests of a hotel show the same code",
	},
	{
		name: "codes-guessed-at-will", file: "gateway/arrivaldesk.go", caught: "TestWrongCodesOfArrivals",
		old: "	s.desks.guessed(rq.party.ID, now)\n", new: "",
		does: "a device tries the codes of all guests",
	},
	{
		name: "arrival-of-nobody", file: "gateway/arrival.go", caught: "TestStrangersDoNotArrive",
		old: "Capture: a.phone, Transaction: a.name, Party: named,", new: "Capture: a.phone, Transaction: a.name, Party: \"bank\",",
		does: "what a phone signed for another relying party lets it arrive",
	},
	{
		name: "next-proof-lost", file: "actors/sessions.go", caught: "TestProofsOfLifeFollowOnce",
		old: "		if s.End != zhenni.SessionLive && h.followed(s) {", new: "		if s.End != zhenni.SessionLive {",
		does: "a crash behind a proof of life is the end of them",
	},
	{
		name: "proved-ahead", file: "sessionnext.go", caught: "TestProofsOfLifeOpenInTime",
		old: "now.Before(s.Opens())", new: "now.Before(s.CreatedAt)",
		does: "somebody proves today that they will be alive next year",
	},
	{
		name: "day-of-the-month-drifts", file: "sessionlife.go", caught: "TestProofsOfLifeKeepTheirDay",
		old: "		next.Due = inMonths(next.Due, int(s.Every), s.DueDay)", new: "		next.Due = inMonths(next.Due, int(s.Every), uint8(next.Due.Day()))",
		does: "a proof of life on the 31st is due on the 28th for ever after a February",
	},
	{
		name: "next-forgotten-first", file: "storage/sessions/machine.go", caught: "TestWhatEndedFirstIsForgottenFirst",
		old: "m.sessions[a].ChangedAt.Compare(m.sessions[b].ChangedAt)", new: "m.sessions[b].ChangedAt.Compare(m.sessions[a].ChangedAt)",
		does: "a proof of life that was cancelled is begun again after a crash",
	},
	{
		name: "ended-arrival-waits", file: "storage/sessions/machine.go", caught: "TestArrivals",
		old: "s.Kind == zhenni.SessionHotel && s.End == zhenni.SessionLive)", new: "s.Kind == zhenni.SessionHotel)",
		does: "guests who left use up the codes of a hotel",
	},
	{
		name: "summary-of-another-session", file: "receipt/summary.go", caught: "TestSummariesAreBound",
		old: "want.Session != zhenni.SessionID{} && s.Session != want.Session", new: "s.Session == (zhenni.SessionID{})",
		does: "what one group decided is shown for another",
	},
	{
		name: "summary-signed-as-a-result", file: "receipt/key.go", caught: "TestSummariesAreFrozen",
		old: "header(typ), header(summaryType)", new: "header(typ), header(typ)",
		does: "a summary and a result have one header, and nothing but the members of their payloads tells them apart",
	},
	{
		name: "summary-contradicts-itself", file: "receipt/summary.go", caught: "TestSummariesThatAreNone",
		old: "	case s.Confirmed >= s.Quorum && s.End != zhenni.SessionCompleted, s.Confirmed", new: "	case s.Confirmed",
		does: "a group that failed is signed with all that it takes",
	},
	{
		name: "summary-before-the-end", file: "sessiongroup.go", caught: "TestGroupOutcomes",
		old: "s.Kind != SessionGroup || s.End == SessionLive", new: "s.Kind != SessionGroup",
		does: "how many of a group confirmed is told before the end",
	},
	{
		name: "summary-tells-the-unusable", file: "sessiongroup.go", caught: "TestGroupOutcomes",
		old: "End: s.ForAsker().End,", new: "End: s.End,",
		does: "who asks is told that a credential is of no use",
	},
}
