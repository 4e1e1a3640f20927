package defects

// Of what tells parties of their sessions.
var webhookDefects = []defect{
	{
		name: "webhook-mapped-address", file: "gateway/webhook/address.go", caught: "TestMessagesStayOutside",
		old: "	addr = addr.Unmap()\n", new: "",
		does: "an allowance, and what is private of IPv4, go by how the resolver spells the address",
	},
	{
		name: "webhook-metadata-address", file: "gateway/webhook/address.go", caught: "TestMessagesStayOutside",
		old: `"127.0.0.0/8", "168.63.129.16/32", `, new: `"127.0.0.0/8", `,
		does: "a party has the server ask its cloud on its behalf",
	},
	{
		name: "webhook-name-inside-and-outside", file: "gateway/webhook/client.go", caught: "TestReboundNameGetsNothing",
		old: "			return nil, errInside\n", new: "			continue\n",
		does: "a name that leads inside is connected to",
	},
	{
		name: "webhook-resolved-again", file: "gateway/webhook/client.go", caught: "TestReboundNameGetsNothing",
		old: "	for _, addr := range addrs {\n		conn, err", new: "	addrs, _ = c.resolve(ctx, host)\n	for _, addr := range addrs {\n		conn, err",
		does: "what is looked at is another address than what is connected to: DNS rebinding",
	},
	{
		name: "webhook-redirected", file: "gateway/webhook/client.go", caught: "TestAnswersAreBounded",
		old: "		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },\n", new: "",
		does: "an endpoint sends messages, signed, to whom it likes",
	},
	{
		name: "webhook-proxied", file: "gateway/webhook/client.go", caught: "TestMessageArrives",
		old: "			Proxy: nil, DialContext", new: "			Proxy: http.ProxyFromEnvironment, DialContext",
		does: "a proxy of the environment resolves the name, and nobody looks where it leads",
	},
	{
		name: "webhook-any-signature", file: "gateway/webhook/signature.go", caught: "TestVerify",
		old: "if s != (Secret{}) && hmac.Equal(given, s.mac(id, second, body)) {", new: "if hmac.Equal(given, s.mac(id, second, body)[:len(given)]) {",
		does: "an empty signature is one",
	},
	{
		name: "webhook-old-secret-for-ever", file: "gateway/webhook/endpoint.go", caught: "TestBothSecretsSignDuringGrace",
		old: "e.Previous != (Secret{}) && now.Before(e.PreviousUntil)", new: "e.Previous != (Secret{})",
		does: "whoever has the secret that was exchanged goes on reading signatures as good",
	},
	{
		name: "webhook-told-abroad", file: "gateway/webhook/notice.go", caught: "TestEachIsToldWhatIsTheirs",
		old: "if s.Tenant != e.Tenant || s.ChangedAt", new: "if s.ChangedAt",
		does: "the issuer of one tenant hears whose credential of another is asked for",
	},
	{
		name: "webhook-forgets-at-a-restart", file: "gateway/webhook/courier.go", caught: "TestCrashLosesNothing",
		old: "&endpoint{Endpoint: read, missed: true}", new: "&endpoint{Endpoint: read}",
		does: "a party is never told of a session that ended as the server was killed",
	},
	{
		name: "webhook-told-for-ever", file: "gateway/webhook/deliver.go", caught: "TestCrashLosesNothing",
		old: "	_ = c.keep(n.id, outcomeOf(e.Party, n, stateTold, 0).record()) // told again after a restart, at worst\n", new: "",
		does: "every start tells everybody everything again",
	},
	{
		name: "webhook-queue-without-a-bound", file: "gateway/webhook/courier.go", caught: "TestQueueIsBounded",
		old: "if len(e.queue)+e.inHand >= maxQueued || len(c.queued) >= maxAllQueued {\n		e.missed = true", new: "if false {\n		e.missed = true",
		does: "an endpoint that is down fills the memory",
	},
	{
		name: "webhook-overrun-is-lost", file: "gateway/webhook/courier.go", caught: "TestQueueIsBounded",
		old: "		e.missed = true\n		c.stats.Deferred++\n", new: "		c.stats.Deferred++\n",
		does: "what found no room in a queue is never told",
	},
	{
		name: "webhook-slow-takes-all", file: "gateway/webhook/courier.go", caught: "TestSlowAndBrokenEndpointsDelayNobody",
		old: "e.inHand < limit && c.inHand < maxInHand", new: "e.inHand < maxInHand*limit && c.inHand < maxInHand",
		does: "one endpoint that hangs has everybody wait",
	},
	{
		name: "webhook-never-rests", file: "gateway/webhook/deliver.go", caught: "TestBrokenEndpointRests",
		old: "e.failures >= failuresToRest {\n		e.rests", new: "false {\n		e.rests",
		does: "an endpoint that is down is hammered with all that waits for it",
	},
	{
		name: "webhook-moved-anywhere", file: "gateway/webhook/registry.go", caught: "TestPartyMovesWithinItsHosts",
		old: "u.Scheme == set.Scheme && slices.Contains(e.Hosts, u.Hostname())", new: "u.Scheme == set.Scheme",
		does: "who comes by a key of a party has its sessions told to himself",
	},
	{
		name: "webhook-shows-the-code", file: "gateway/webhooks.go", caught: "TestMessagesAreDescribed",
		old: "		Session: d.Session, Kind: d.Kind,", new: "		Session: d.Session, Code: d.Code, Kind: d.Kind,",
		does: "the digits that one person reads to another lie in the log of a receiver",
	},
	{
		name: "webhook-secret-shown-again", file: "gateway/webhooks.go", caught: "TestAdminOfWebhooks",
		old: "	if e.Previous != (webhook.Secret{}) {\n", new: "	if r.Secret = e.Secret.Reveal(); e.Previous != (webhook.Secret{}) {\n",
		does: "whoever reads where a party is told can forge what it is told",
	},
	{
		name: "note-lost-in-a-snapshot", file: "storage/sessions/machine.go", caught: "TestNotesAreKept",
		old: "		f.changes = append(f.changes, change{note: &note{key, value}})\n", new: "		_, _ = key, value\n",
		does: "what was told is told again, and webhooks are gone, once the log is cut",
	},
}
