package defects

// Of what sessions tell, to whom and when.
var sessionDefects = []defect{
	{
		name: "arrival-refused-at-its-end", file: "gateway/arrival.go", caught: "TestArrivesAgainAtTheEnd",
		old: "	if err != nil && session.End != zhenni.SessionLive {\n", new: "	if err == nil && session.End != zhenni.SessionLive {\n",
		does: "a guest's phone that arrives again as the hotel's capture is decided is refused, and does not learn the outcome",
	},
	{
		name: "result-left-out", file: "gateway/sessionasker.go", caught: "TestResultsThatAreGone",
		old: "		return \"\", zhenni.ErrEvicted\n", new: "		return \"\", nil\n",
		does: "a confirmed member of a group whose result is not kept any more is left out of the results without a word",
	},
	{
		name: "stream-cut-at-its-end", file: "gateway/sessionstream.go", caught: "TestStreamsEndInOrderHoweverLongTheyWaited",
		old: "		if t.conn != nil {\n", new: "		if t.conn != nil && err == nil {\n",
		does: "who followed a session for longer than ten seconds finds the connection broken in place of the stream's end",
	},
	{
		name: "begun-again-by-another-clock", file: "gateway/sessionbegin.go", caught: "TestProofOfLife",
		old: "	return there.CreatedAt, err\n", new: "	_ = there\n\treturn s.config.Now(), err\n",
		does: "a request for a proof of life whose answer was lost is refused once it is due, though the session is there",
	},
	{
		name: "live-past-its-deadline", file: "gateway/sessions.go", caught: "TestAnswerAfterExpiry",
		old: "session.Passed(s.config.Now()).End == zhenni.SessionLive {\n\t\treturn session, err", new: "session.End == zhenni.SessionLive {\n\t\treturn session, err",
		does: "a session whose alarm is late is shown as live after its deadline",
	},
	{
		name: "record-of-any-end", file: "sessionview.go", caught: "TestVouches",
		old: "		(s.Kind == SessionGroup || s.Confirmed())\n", new: "		(s.Kind == SessionGroup || !s.Confirmed() || s.Confirmed())\n",
		does: "who typed the wrong digits, or none, has a signed yes all the same",
	},
	{
		name: "record-before-the-end", file: "sessionview.go", caught: "TestVouches",
		old: "	return s.End != SessionLive && seat >= 0", new: "	return seat >= 0",
		does: "who asks a group reads in the log how each one answered before all have",
	},
	{
		name: "credential-in-the-proof", file: "gateway/log.go", caught: "TestRecordOfASessionIsItsYes",
		old: "session.Tenant == rq.party.Tenant && session.Named() &&\n", new: "session.Tenant == rq.party.Tenant &&\n",
		does: "a counter learns by the proof of its session which credential the visitor has",
	},
	{
		name: "followers-of-all-sides", file: "actors/watchers.go", caught: "TestWatchersAreBounded",
		old: "		if other.side == side {\n", new: "		if other.side == side || w.n > 0 {\n",
		does: "a few who took a picture of the screen keep the clerk from seeing the result",
	},
	{
		name: "unheard-of-for-ever", file: "actors/sessions.go", caught: "TestSessionMadeUnheardOfTimesOut",
		old: "			h.lookLater(s.ID)\n", new: "			_ = h.lookLater\n",
		does: "a session whose making was answered too slowly never times out",
	},
	{
		name: "stream-ends-the-process", file: "gateway/sessionstream.go", caught: "TestPanicEndsItsStream",
		old: "		if cause := recover(); cause != nil {\n", new: "		if cause := any(nil); cause != nil {\n",
		does: "a panic in a stream ends the server",
	},
	{
		name: "unusable-card-ends-at-once", file: "gateway/sessionanswer.go", caught: "TestUnusableCardAtAKiosk",
		old: "		if unusable && (!capturedByAsker[session.Kind] || session.ForSeat(seat).TriesLeft == 1) {", new: "		if unusable {",
		does: "a kiosk tells a revoked credential from a face that does not match",
	},
	{
		name: "compared-after-its-time", file: "gateway/sessionanswer.go", caught: "TestTooLateIsNotCompared",
		old: "session = session.Passed(s.config.Now()); session.End", new: "session.End",
		does: "an answer that comes too late is compared and recorded before it is refused",
	},
	{
		name: "request-counts-against-itself", file: "gateway/cibaask.go", caught: "TestCIBADoesNotPester",
		old: "session.ID != request.ID && ", new: "",
		does: "a client that lost the answer to its third request is told that it may not ask",
	},
	{
		name: "arrivals-always-watched", file: "gateway/sessionstream.go", caught: "TestArrivalsAreSeenWithoutWaiting",
		old: "	if rq.wait() > 0 {\n", new: "	if rq.wait() >= 0 {\n",
		does: "a few devices of a hotel that wait keep the others from seeing how many guests there are",
	},
	{
		name: "inbox-page-begins-again", file: "gateway/inbox.go", caught: "TestInboxIsPaged",
		old: "			placeOf(&one).compare(from) <= 0\n", new: "			placeOf(&one).deadline < from.deadline\n",
		does: "of sessions that end together a holder is shown the same page for ever",
	},
	{
		name: "record-of-a-day", file: "session.go", caught: "TestRecordOutlivesItsSession",
		old: "	SessionRecordKept = longestGroup + SessionKept + time.Hour\n", new: "	SessionRecordKept = SessionKept + time.Hour + 0*longestGroup\n",
		does: "of a group that took longer than a day the results of who answered first are gone when it ends",
	},
	{
		name: "record-of-sessions-as-of-none", file: "cmd/zhenni/sessions.go", caught: "TestAnswersAreKeptForSessions",
		old: "	if !c.wanted() {\n		return 0\n	}\n", new: "	if !c.wanted() || c.live >= 0 {\n		return 0\n	}\n",
		does: "a server with sessions keeps what they are asked for no longer than one without",
	},
	{
		name: "possession-of-the-old-phone", file: "gateway/receipt.go", caught: "TestNoYesForThePhoneThatWasMovedFrom",
		old: "l.found && c.Device != l.record.Device {", new: "!l.found && c.Device != l.record.Device {",
		does: "a yes says that the credential's device was there, which was another's by then",
	},
	{
		name: "device-of-whatever-yes", file: "gateway/receipt.go", caught: "TestNoYesForThePhoneThatWasMovedFrom",
		old: "l.found && c.Device != l.record.Device {", new: "c.Device != l.record.Device {",
		does: "a yes that rests on the face alone is withheld from whoever has a phone",
	},
	{
		name: "seat-of-the-old-phone", file: "gateway/sessionseat.go", caught: "TestSeatIsNotOpenedByThePhoneThatWasMovedFrom",
		old: "err != nil || c.Device != found.record.Device {", new: "err != nil || c.Device.IsZero() && !found.found {",
		does: "a phone takes a seat for a credential that was moved from it meanwhile",
	},
	{
		name: "proof-for-whoever-has-it-now", file: "gateway/template.go", caught: "TestProofOfATemplateIsRecorded",
		old: "	return zhenni.Generation(binary.BigEndian.Uint64(stored.Answer)), nil", new: "	return zhenni.Generation(binary.BigEndian.Uint64(make([]byte, 8))), nil",
		does: "a template that the old phone signed for is put to a credential that was moved from it",
	},
}
