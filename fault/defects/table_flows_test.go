package defects

// flowDefects are of what the parties of a session do, and of what lets them do it again.
var flowDefects = []defect{
	{
		name: "answer-of-any-try", file: "gateway/sessionanswer.go", caught: "TestAnswerOfAnotherTry",
		old: "try != nil && string(try) != session.Transaction(seat) {", new: "try != nil && string(try) == \"\" {",
		does: "an answer that was lost and is sent again takes another try",
	},
	{
		name: "capture-of-any-try", file: "gateway/sessionanswer.go", caught: "TestCaptureOfAnotherTry",
		old: "try != nil && string(try) != session.Transaction(seat) {", new: "try != nil && !capturedByAsker[session.Kind] && string(try) != session.Transaction(seat) {",
		does: "a capture at a kiosk or hotel whose answer was lost takes another try",
	},
	{
		name: "capture-names-no-try", file: "holder/asking.go", caught: "TestCaptureSentAgain",
		old: "	if try != \"\" {\n		request.Header.Set(\"Transaction-Id\", try)\n	}\n", new: "",
		does: "a terminal does not say which try it sends again",
	},
	{
		name: "seat-seen-by-any-scan", file: "gateway/sessionseat.go", caught: "TestScannedCodeShowsWhoAsks",
		old: "		if session.Seats[seat].State != zhenni.SeatWaiting && !session.IsPhone(seat, token) {\n", new: "		if session.End != zhenni.SessionLive && !session.IsPhone(seat, token) {\n",
		does: "who photographed a code reads the digits off another's phone",
	},
	{
		name: "payment-of-another-hash", file: "holder/seat.go", caught: "TestViewsOfAnotherPayment",
		old: "	if v.Payment.Hash != base64.RawURLEncoding.EncodeToString(hash[:]) {", new: "	if v.Payment.Hash == \"\" && hash != [32]byte{} {",
		does: "a phone shows one payment and signs for another",
	},
	{
		name: "stream-goes-on-behind-a-cut-event", file: "holder/stream.go", caught: "TestFollowing",
		old: "			id = string(value)", new: "			id, s.last = string(value), string(value)",
		does: "what a connection that broke had begun to tell is told to nobody",
	},
	{
		name: "rotation-key-for-any-hotel", file: "holder/arrival.go", caught: "TestArriving",
		old: "phone.SealRotation(*a.Engine, seat.hotel+\"/\"+name)", new: "phone.SealRotation(*a.Engine, name)",
		does: "the rotation key that a guest sealed for one hotel is good for another",
	},
	{
		name: "offer-for-good", file: "holder/offer.go", caught: "TestOfferIsAnsweredWhileItIsShown",
		old: "step := offerStep(at), offerStep(at.Add(-OfferLife));", new: "step := offerStep(at), offerStep(at.Add(-100 * OfferLife));",
		does: "a picture of a terminal's code is as good as the code",
	},
	{
		name: "rotated-at-a-terminal-forgotten", file: "holder/offer.go", caught: "TestOffersThatAreNone",
		old: "		i.Rotation = zhenni.RotationCommitment(a.Rotation)\n", new: "",
		does: "who was issued a rotated template at a terminal can not be a guest at a hotel",
	},
	{
		name: "capture-taken-for-rotated", file: "holder/offer.go", caught: "TestOffersThatAreNone",
		old: "if len(i.Probe) == 0 || len(i.Reference) == 0 {", new: "if len(i.Probe) == 0 && len(i.Reference) == 0 {",
		does: "a capture in the clear is enrolled as a rotated template, and matches nobody",
	},
	{
		name: "arrival-of-another", file: "holder/arrival.go", caught: "TestArriving",
		old: "s.Session != (zhenni.SessionID{}) && s.Session != id {", new: "s.Session == id && s.hotel == \"\" {",
		does: "a guest's phone follows the session of another guest",
	},
	{
		name: "expected-name-in-the-clear", file: "holder/person.go", caught: "TestAskingAPerson",
		old:  "if body[\"expected\"], err = identity.SealName(a.Engine, a.Expected, a.Party+\"/\"+transaction); err != nil {",
		new:  "if body[\"expected\"] = a.Expected; err != nil {",
		does: "whoever sees a question pass reads whom it is about",
	},
	{
		name: "selfie-with-the-name", file: "holder/seats.go", caught: "TestConsentByField",
		old: "share, body[\"name\"] = append(share, \"name\"), a.Name", new: "share, body[\"name\"] = append(share, \"name\", \"selfie\"), a.Name",
		does: "who lets their name be seen consents to their picture, too",
	},
	{
		name: "key-beside-the-token", file: "holder/client.go", caught: "TestAskersWithoutAnAccount",
		old: "	case c.config.Asker != (zhenni.SessionToken{}):\n", new: "	case c.config.Asker != (zhenni.SessionToken{}) && c.config.Signer != nil:\n",
		does: "a person who asks has to have an account",
	},
	{
		name: "blocker-not-told", file: "gateway/persons.go", caught: "TestBlocked",
		old: "		e.Kind = zhenni.EventDeclined\n", new: "		e = zhenni.SessionEvent{Kind: zhenni.EventDeclined, Seat: e.Seat}\n",
		does: "who has blocked the asker, and lost the answer, is told that there is no session",
	},
	{
		name: "key-not-brought-again", file: "cmd/zhenni/holderarrive.go", caught: "TestAGuestOverAKill",
		old: "if v.view = view; view.RotationWanted {", new: "if v.view = view; view.RotationWanted && view.State == 0 {",
		does: "a guest who is served while the server is killed has to begin anew",
	},
	{
		name: "asked-on-any-acceptance", file: "cmd/zhenni/terminalissue.go", caught: "TestATerminalAsksOnWhatItKept",
		old: "again := bytes.Equal(asked.Acceptance, digest[:])", new: "again := asked.Acceptance != nil",
		does: "what a terminal saw of one person's phone is sent for another's",
	},
	{
		name: "asked-again-for-any-code", file: "cmd/zhenni/terminalissue.go", caught: "TestATerminalAsksOnWhatItKept",
		old: "offer.Question(accepted.Transaction, asked.At); err != nil {", new: "offer.Question(accepted.Transaction, asked.At); err != nil && !again {",
		does: "what was asked for once is asked for again beside another offer",
	},
	{
		name: "acceptance-with-more", file: "cmd/zhenni/insist.go", caught: "TestAcceptancesThatAreNone",
		old: "	decoder.DisallowUnknownFields()\n", new: "",
		does: "a phone writes into its answer what only the terminal says, and it is passed over",
	},
}
