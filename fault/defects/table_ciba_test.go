package defects

var cibaDefects = []defect{
	{
		name: "collected-twice", file: "remote.go", caught: "TestAYesIsCollectedOnce",
		old: "s.Confirmed() && !s.Collected", new: "s.Confirmed()",
		does: "one yes is handed out as often as it is asked for",
	},
	{
		name: "collected-in-memory", file: "actors/sessions.go", caught: "TestCIBAOutlivesKills", in: "cmd/zhenni",
		old: "s.End != zhenni.SessionLive && e.Kind != zhenni.EventCollected", new: "s.End != zhenni.SessionLive",
		does: "a yes is handed out again after a restart",
	},
	{
		name: "tokens-before-the-mark", file: "gateway/cibatoken.go", caught: "TestTokensAreCollectedByOne",
		old: "	if errors.As(err, &refused) && (", new: "	if err = nil; errors.As(err, &refused) && (",
		does: "of two that collect at once both get the tokens",
	},
	{
		name: "request-of-another-client", file: "gateway/cibatoken.go", caught: "TestCIBARequestsAreTheirClients",
		old: "session.Party != rq.party.ID || ", new: "",
		does: "a client collects the yes that another asked for",
	},
	{
		name: "request-guessed", file: "gateway/cibatoken.go", caught: "TestCIBARequestsAreTheirClients",
		old: " || !session.IsRequest(token) {", new: " || token == (zhenni.SessionToken{}) {",
		does: "the id of a session is enough to collect its yes",
	},
	{
		name: "assertion-replayed", file: "gateway/cibaclient.go", caught: "TestAssertionsAreTakenOnce",
		old: "	if errors.Is(err, zhenni.ErrReplayed) {", new: "	if errors.Is(err, zhenni.ErrReplayed) {\n		err = nil\n	} else if errors.Is(err, zhenni.ErrReplayed) {",
		does: "whoever reads an assertion on its way asks as its client",
	},
	{
		name: "assertion-for-another-server", file: "gateway/cibaclient.go", caught: "TestClientsThatAreNone",
		old: "len(many) > 0 && !slices.ContainsFunc(", new: "len(many) > 0 || !slices.ContainsFunc(",
		does: "an assertion that was made for another server is passed on to this one",
	},
	{
		name: "assertion-by-another-key", file: "gateway/cibaclient.go", caught: "TestClientsThatAreNone",
		old: " || party.ID != a.claims.Issuer ||", new: " ||",
		does: "a party asks in the name of another",
	},
	{
		name: "id-token-of-a-trial", file: "receipt/idtoken.go", caught: "TestIDTokenOfAYesAlone",
		old: " || c.Evaluation ||", new: " ||",
		does: "a trial becomes an ID token",
	},
	{
		name: "id-token-of-a-no", file: "receipt/idtoken.go", caught: "TestIDTokenOfAYesAlone",
		old: "	case c.Outcome != zhenni.Match ||", new: "	case c.Outcome == zhenni.Pending ||",
		does: "a no becomes an ID token",
	},
	{
		name: "every-no-told", file: "gateway/cibatoken.go", caught: "TestCIBAEndsWithoutAYes",
		old: "session.End == zhenni.SessionTimeout, ", new: "session.End == zhenni.SessionTimeout, session.End == zhenni.SessionCredentialUnusable, ",
		does: "a client is told that the credential is of no use",
	},
	{
		name: "parameter-twice", file: "gateway/cibaclient.go", caught: "TestForms",
		old: "		if _, twice := f[name]; twice {", new: "		if _, twice := f[name]; twice && name == \"\" {",
		does: "a form has two readings",
	},
	{
		name: "ping-goes-inside", file: "gateway/webhook/client.go", caught: "TestPingsStayOutside",
		old: "		if !mayReach(addr, c.config.Allow) {", new: "		if !mayReach(addr, prefixes(\"0.0.0.0/0\", \"::/0\")) {",
		does: "a name that leads to a private network has the server ask there",
	},
	{
		name: "ping-unlooked-at", file: "gateway/webhook/client.go", caught: "TestPingsStayOutside",
		old: "	if err := c.Check(address); err != nil {\n		return 0, err\n	}\n", new: "",
		does: "a ping goes to any address, of any scheme, that is written down",
	},
	{
		name: "ping-redirected", file: "gateway/webhook/client.go", caught: "TestPingFollowsNoRedirect",
		old: "		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },\n", new: "",
		does: "an endpoint has the server carry the client's token to whom it likes, the cloud's metadata among them",
	},
	{
		name: "ping-slow-takes-all", file: "gateway/cibaping.go", caught: "TestSlowEndpointHoldsNobodyUp",
		old:  "	for party, url := range endpoints {\n		p.endpoints[party] = &pingEndpoint{party, url, share(maxPingsWaiting, maxPingsWaitingOfOne), share(maxPings, maxPingsOfOne)}",
		new:  "	inHand := share(maxPings, maxPingsOfOne)\n	for party, url := range endpoints {\n		p.endpoints[party] = &pingEndpoint{party, url, share(maxPingsWaiting, maxPingsWaitingOfOne), inHand}",
		does: "one endpoint that hangs has no other client told",
	},
	{
		name: "ping-for-ever", file: "gateway/cibaping.go", caught: "TestPingsAreTriedAgain",
		old: "context.WithDeadline(p.stopped, over)", new: "context.WithCancel(p.stopped)",
		does: "a client is pinged of a request that is long over",
	},
	{
		name: "ping-insists", file: "gateway/cibaping.go", caught: "TestPingsAreTriedAgain",
		old: "		if !errors.Is(err, zhenni.ErrUnavailable) {\n			return\n		}\n", new: "		_ = errors.Is\n",
		does: "an endpoint that does not take a ping is asked again all the same",
	},
}
