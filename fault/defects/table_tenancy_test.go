package defects

// tenancyDefects are those of who may do what, and about whom.
var tenancyDefects = []defect{
	{
		name: "request-outlives-its-party", file: "gateway/standing.go", caught: "TestRequestInHandEndsWithItsParty",
		old: "	if !known || now.Tenant != rq.party.Tenant ||", new: "	if !known && now.Tenant == rq.party.Tenant ||",
		does: "a party that is removed still gets the answers to what it has in hand",
	},
	{
		name: "request-outlives-a-stop", file: "gateway/standing.go", caught: "TestRequestInHandEndsWithItsParty",
		old: "s.config.Now().UnixMilli()); err != nil {", new: "s.config.Now().UnixMilli()); err != nil && false {",
		does: "a spray that gave itself away is told what its other requests found",
	},
	{
		name: "request-outlives-its-key", file: "gateway/standing.go", caught: "TestSignedRequestInHandEndsWithItsKey",
		old: "	return rq.rests.open(now, s.config.Now())", new: "	return len(now.Keys) > 0",
		does: "what was signed by a key that was taken away is answered",
	},
	{
		name: "unrecorded-stream-unasked", file: "gateway/arrowwrite.go", caught: "TestUnrecordedStreamEndsWithItsParty",
		old: "	if err := s.mayBeTold(rq); err != nil {", new: "	if err := s.mayBeTold(rq); err != nil && rq.inHand {",
		does: "a stream that is not recorded outlives its party",
	},
	{
		name: "route-without-a-rule", file: "gateway/server.go", caught: "TestRoleTimesOperationTimesObject",
		old:  "		{method: \"GET\", path: \"/livez\", handle: (*Server).live},\n",
		new:  "		{method: \"GET\", path: \"/livez\", handle: (*Server).live},\n		{method: \"GET\", path: \"/debug/vars\", handle: (*Server).live},\n",
		does: "a route is public before anybody has said who may use it",
	},
	{
		name: "operator-on-the-public-port", file: "gateway/authentication.go", caught: "TestRoleTimesOperationTimesObject",
		old: "= issuerOrTerminal | zhenni.RoleVerifier | zhenni.RoleAuditor\n", new: "= issuerOrTerminal | zhenni.RoleVerifier | zhenni.RoleAuditor | zhenni.RoleOperator\n",
		does: "the key of an operator opens something on the public port",
	},
	{
		name: "nothing-costs-less", file: "gateway/credential.go", caught: "TestRoleTimesOperationTimesObject",
		old:  "		s.noteFound(id)\n		if record.Tenant == rq.party.Tenant {\n			return record, nil\n		}\n",
		new:  "		s.noteFound(id)\n		if record.Tenant == rq.party.Tenant {\n			return record, nil\n		}\n		return zhenni.Credential{}, refuse(kindNoCredential, \"\")\n",
		does: "by the time of an answer a party learns that an id is another tenant's",
	},
	{
		name: "auditor-of-every-tenant", file: "gateway/operator.go", caught: "TestAuditorSeesTheTenantsProofs",
		old: "	if !known || party.Tenant != rq.party.Tenant {", new: "	if !known {",
		does: "an auditor fetches the proofs of another tenant",
	},
}
