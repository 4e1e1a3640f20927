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
		old: "	if r.Host != a.config.Address {", new: "	if r.Host == \"\" {",
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
		old: "	return view, a.config.Keep(seat)", new: "	return view, nil",
		does: "an app that ends between the opening and its answer has lost the session",
	},
}
