package defects

// operatorDefects are those of who keeps relying parties, and how.
var operatorDefects = []defect{
	{
		name: "operator-by-api-key", file: "gateway/server.go", caught: "TestOperatorSigns",
		old: "	if rt.signed {", new: "	if rt.signed && rq.bodyRead {",
		does: "a secret that others can use changes who may ask",
	},
	{
		name: "operator-route-on-the-public-port", file: "gateway/server.go", caught: "TestOperatorRoutesAreNotPublic",
		old:  "		{method: \"GET\", path: \"/readyz\", handle: (*Server).ready},\n",
		new:  "		{method: \"GET\", path: \"/readyz\", handle: (*Server).ready},\n		{method: \"GET\", path: \"/v1/parties\", role: zhenni.RoleOperator, signed: true, handle: (*Server).parties},\n",
		does: "the public port shows what operators have",
	},
	{
		name: "operator-makes-operators", file: "gateway/partydocument.go", caught: "TestOperatorRoleTimesOperationTimesObject",
		old: "	if p.Roles.Has(zhenni.RoleOperator) {", new: "	if p.Roles == zhenni.RoleOperator {",
		does: "who comes by the key of one operator makes himself others",
	},
	{
		name: "change-of-any-version", file: "gateway/partychange.go", caught: "TestChangesOfOneVersion",
		old: "		if partyVersion(p) != version {", new: "		if version == \"\" {",
		does: "of two operators at once one undoes what the other did",
	},
	{
		name: "new-key-not-shown", file: "gateway/ownparty.go", caught: "TestNewKeyShowsPossession",
		old: "	if !key.Verify(PossessionText(party, key), signature[:]) {", new: "	if key.IsZero() {",
		does: "a party claims a key that somebody else has",
	},
	{
		name: "suspended-party-admitted", file: "gateway/authentication.go", caught: "TestOperatorKeepsParties",
		old: "	if party.Suspended {", new: "	if party.Suspended && party.Evaluation {",
		does: "a suspended party goes on",
	},
	{
		name: "request-outlives-a-suspension", file: "gateway/standing.go", caught: "TestRequestInHandEndsWithItsParty",
		old: "	if now.Suspended {", new: "	if now.Suspended && now.Evaluation {",
		does: "a party that is suspended still gets the answers to what it has in hand",
	},
	{
		name: "suspension-ends-by-replacement", file: "gateway/registry.go", caught: "TestSocketSuspends",
		old: "		party = party.InPlaceOf(old)\n", new: "",
		does: "a suspended party is let in again by whoever changes something else of it",
	},
}
