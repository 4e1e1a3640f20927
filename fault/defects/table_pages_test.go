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
		old: "		f.Path, f.Body = \"/\"+name,", new: "		f.Lasting = true\n		f.Path, f.Body = \"/\"+name,",
		does: "a browser shows the page of an older server for a year",
	},
}
