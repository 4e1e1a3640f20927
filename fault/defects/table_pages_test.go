package defects

// Of the pages by which people take part in a session.
var pagesDefects = []defect{
	{
		name: "pages-without-their-policy", file: "gateway/pages.go", caught: "TestPagesAreServed",
		old: "range pages.Headers {", new: "range pages.Headers[:0] {",
		does: "a browser runs on a page whatever it is made to, and shows it in a frame of somebody else's",
	},
	{
		name: "pages-of-a-server-without-sessions", file: "gateway/pages.go", caught: "TestPagesAreNoAPI",
		old: "	if s.config.Sessions == nil {\n", new: "	if s == nil {\n",
		does: "a server that has no sessions shows pages of them",
	},
	{
		name: "pages-run-what-is-written-in-them", file: "gateway/pages/pages.go", caught: "TestPolicy",
		old: "script-src 'self'; style-src", new: "script-src 'self' 'unsafe-inline'; style-src",
		does: "a text that became markup becomes a script",
	},
	{
		name: "pages-kept-for-ever", file: "gateway/pages/pages.go", caught: "TestAddresses",
		old: "		f.Path = \"/\" + name\n", new: "		f.Lasting = true\n		f.Path = \"/\" + name\n",
		does: "a browser shows the page of an older server for a year",
	},
	{
		name: "pages-hand-over-to-a-script", file: "gateway/pages/pages.go", caught: "TestHandingOver",
		old: "	return address == u.Scheme+\":\"\n", new: "	return true\n",
		does: "a page hands what lets in to any address that an operator mistyped",
	},
	{
		name: "app-for-every-name", file: "holder/app/app.go", caught: "TestWhatIsRefused",
		old: "	if !a.at(r.Host) {", new: "	if r.Host == \"\" {",
		does: "a page of elsewhere, by a name that it has resolve to this machine, is the app's own page",
	},
	{
		name: "app-for-whoever-asks", file: "holder/app/app.go", caught: "TestWhatIsRefused",
		old: "	return subtle.ConstantTimeCompare(got[:], want[:]) == 1", new: "	return subtle.ConstantTimeCompare(got[:1], got[:1]) == len(want[:1])",
		does: "whoever else uses the machine answers with the phone of its holder",
	},
	{
		name: "app-sends-what-it-saw", file: "holder/app/session.go", caught: "TestAPictureAnswers",
		old: "	return holder.NewProbe(rotated)", new: "	return holder.NewProbe(embedding)",
		does: "the embedding leaves the phone as the camera took it, and fits the templates of every other server",
	},
	{
		name: "app-forgets-its-seat", file: "holder/app/session.go", caught: "TestAPictureAnswers",
		old: "a.config.Keep(seat); err != nil", new: "error(nil); err != nil",
		does: "an app that ends between the opening and its answer has lost the session",
	},
	{
		name: "app-answers-another-session", file: "holder/app/session.go", caught: "TestAnotherSessionMeanwhile",
		old: "if name(seat) == r.PathValue(\"seat\") {", new: "if name(seat) != \"\" {",
		does: "what a person agrees to on one page is done in a session that another page opened meanwhile",
	},
	{
		name: "app-loses-its-seat-by-a-look", file: "holder/app/session.go", caught: "TestALookLosesNothing",
		old: "	a.looked = seat\n", new: "	a.seat, a.looked = seat, seat\n",
		does: "any site has an app lose the session that is open in it",
	},
	{
		name: "app-takes-a-seat-that-was-not-kept", file: "holder/app/session.go", caught: "TestALookLosesNothing",
		old:  "		if err := a.config.Keep(seat); err != nil {\n			return nil, err\n		}\n		a.seat, a.looked, a.consent = seat, nil, consent{}\n",
		new:  "		a.seat, a.looked, a.consent = seat, nil, consent{}\n		if err := a.config.Keep(seat); err != nil {\n			return nil, err\n		}\n",
		does: "an app on a full disk loses the session that is open in it",
	},
	{
		name: "app-keeps-a-consent", file: "holder/app/session.go", caught: "TestConsentOfAnAnswerThatFailed",
		old: "given, a.consent = a.consent, consent{}", new: "given = a.consent",
		does: "what a person let see once goes with the next answer too, unasked",
	},
	{
		name: "app-signs-that-a-file-lives", file: "holder/app/session.go", caught: "TestLivenessOfACamera",
		old: "r.Header.Get(sourceField) == ofCamera", new: "r.Header.Get(sourceField) != \"-\"",
		does: "a phone signs that a picture chosen from a file is of somebody who is there",
	},
	{
		name: "app-waits-for-ever", file: "holder/app/session.go", caught: "TestASilentServer",
		old: "context.WithTimeout(r.Context(), wait+longestAnswer)", new: "context.WithTimeout(r.Context(), 9*(wait+longestAnswer))",
		does: "a server that is silent holds the app of a phone",
	},
}
