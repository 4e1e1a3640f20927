package defects

var receiptDefects = []defect{
	{
		name: "audience-unbound", file: "receipt/verify.go", caught: "TestResultsAreForTheirAudience",
		old: "	case audience != want.Audience:", new: "	case audience == \"\":",
		does: "a yes to one relying party is taken by another",
	},
	{
		name: "payload-spelled-freely", file: "receipt/claims.go", caught: "TestPayloadsHaveOneForm",
		old: "	if !bytes.Equal(c.payload(), payload) {", new: "	if !bytes.Equal(payload, payload) {",
		does: "a result with a member twice, or an unknown one, is taken",
	},
	{
		name: "no-with-a-level", file: "receipt/claims.go", caught: "TestClaimsThatAreNotSigned",
		old: "c.Subject != \"\" || c.Level != 0 ||", new: "c.Subject != \"\" ||",
		does: "a no tells the level of the credential",
	},
	{
		name: "higher-s-taken", file: "receipt/key.go", caught: "TestRFC7515",
		old: "lowHalf(signature[32:]) && ", new: "",
		does: "a result has two texts",
	},
	{
		name: "kid-unchecked", file: "receipt/key.go", caught: "TestKeysThatAreRefused",
		old: "	if err == nil && k.id != j.ID {", new: "	if err == nil && j.ID == k.id+\"x\" {",
		does: "a key that is read otherwise than it was meant passes",
	},
	{
		name: "sm2-by-chance", file: "receipt/sm2.go", caught: "TestSM2SignsWithoutChance",
		old: "	if len(b) != sm3.Size {", new: "	if len(b) > 0 {",
		does: "an answer that is given again has another signature",
	},
	{
		name: "party-as-sector", file: "receipt/pseudonym.go", caught: "TestPseudonyms",
		old: "sectorKind, sector = kindParty, party.ID", new: "sector = party.ID",
		does: "a party and a sector of its name can link their persons",
	},
	{
		name: "signed-by-another-key", file: "receipt/issuer.go", caught: "TestRotation",
		old: "	return nil, fmt.Errorf(\"%w: receipt: the key that signed", new: "	if len(i.signers) > 0 {\n		return i.signers[0], nil\n	}\n	return nil, fmt.Errorf(\"%w: receipt: the key that signed",
		does: "an answer that is given again is signed by another key",
	},
	{
		name: "gone-credential-signed", file: "gateway/receipt.go", caught: "TestNothingIsSignedOfWhatIsGone",
		old: " || err == nil && c.Status != zhenni.StatusActive {", new: " {",
		does: "a yes is signed about a credential that was revoked before",
	},
	{
		name: "draft-not-kept", file: "gateway/receipt.go", caught: "TestAnswersAreSigned",
		old: "	if rq.draft == nil || !rq.named {", new: "	if rq.draft != nil || !rq.named {",
		does: "an answer that is given again is not signed",
	},
	{
		name: "result-of-another-entry", file: "cmd/zhenni/verifyresult.go", caught: "TestResultsFitTheirEvent",
		old: "	case e.Index != c.LogIndex:", new: "	case e.Index < 0:",
		does: "a result is shown by the proof of another",
	},
}
