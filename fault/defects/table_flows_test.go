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
}
