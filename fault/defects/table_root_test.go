package defects

var rootDefects = []defect{
	{
		name: "threshold-takes-nan", file: "threshold.go", caught: "TestNewThreshold",
		old: "if !(t > 0 && t <= 1) {", new: "if t <= 0 || t > 1 {",
		does: "a threshold that is not a number is taken",
	},
	{
		name: "negative-dot-accepted", file: "threshold.go", caught: "TestAcceptAtTheEdge",
		old: "uint64(max(dot, 0))", new: "uint64(max(dot, -dot))",
		does: "the opposite of a reference matches: the square hides the sign",
	},
	{
		name: "strict-at-the-threshold", file: "threshold.go", caught: "TestAcceptAtTheEdge",
		old: "bits.Sub64(square<<32, rightLow, 0)", new: "bits.Sub64(square<<32, rightLow, 1)",
		does: "a comparison exactly at the threshold is not accepted",
	},
	{
		name: "products-in-64-bits", file: "threshold.go", caught: "TestAcceptAtTheEdge",
		old: "uint64(probeNorm)*uint64(refNorm))\n", new: "uint64(probeNorm)*uint64(refNorm))\n\trightHigh = 0\n",
		does: "the bound overflows and nearly everything is accepted",
	},
	{
		name: "zero-threshold-accepts", file: "threshold.go", caught: "TestAcceptAtTheEdge",
		old: " || t == 0 {", new: " {",
		does: "a threshold that was never set accepts whatever is alike at all",
	},
	{
		name: "key-compared-on-a-prefix", file: "party.go", caught: "TestAdmitsComparesTheWholeHash",
		old: "subtle.ConstantTimeCompare(hash[:], p.KeyHash[:])", new: "subtle.ConstantTimeCompare(hash[:8], p.KeyHash[:8])",
		does: "an API key whose hash begins alike is admitted",
	},
	{
		name: "key-of-another-party", file: "party.go", caught: "TestAdmits",
		old: "return p.ID == key.Party && ", new: "return ",
		does: "a party's secret is admitted under another party's name",
	},
	{
		name: "role-or-instead-of-and", file: "party.go", caught: "TestRoles",
		old: "return r&want == want", new: "return r&want != 0 || want == RoleVerifier",
		does: "an issuer may verify without the role",
	},
	{
		name: "revoked-can-be-active-again", file: "credential.go", caught: "TestLegalChangesExhaustively",
		old: "	StatusRevoked:    {StatusErased},", new: "	StatusRevoked:    {StatusErased, StatusActive},",
		does: "a revocation can be taken back",
	},
	{
		name: "generation-stands-still", file: "life.go", in: "storage", caught: "TestOneBadCommandStopsNoOther", slow: true,
		old: "	c.Generation++\n", new: "",
		does: "a change leaves the generation, so an older record passes for the newer",
	},
	{
		name: "ids-in-capitals", file: "credential.go", caught: "TestParseCredentialIDRefusesOtherSpellings",
		old: "	return 255\n", new: "	if 'A' <= c && c <= 'F' {\n\t\treturn c - 'A' + 10\n\t}\n\treturn 255\n",
		does: "an id has two written forms",
	},
	{
		name: "batch-without-room-for-outcomes", file: "batch.go", caught: "TestBatchValidate",
		old: "case len(b.Outcomes) != n:", new: "case len(b.Outcomes) > n:",
		does: "a batch whose outcomes are too few is taken",
	},
	{
		name: "profile-edited", file: "profile.go", caught: "TestReadProfileRefusesWhatWasEdited",
		old: "if id != p.ID {", new: "if len(id) != len(p.ID) {",
		does: "a profile edited by hand is served",
	},
}
