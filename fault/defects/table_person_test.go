package defects

// Of what is known of a person, in the store and on the way into it.
var personDefects = []defect{
	{
		name: "erasure-seen-torn", file: "storage/person.go", caught: "TestShutIsLookedAtAgain",
		old: "	if shut {\n", new: "	if shut && false {\n",
		does: "a credential that is being erased is seen to stand without its device",
	},
	{
		name: "person-without-the-key-of-the-template", file: "storage/person.go", caught: "TestGoldenPerson",
		old: "hkdf.Expand(sha256.New, recordKey, personLabel, keySize)", new: "hkdf.Expand(sha256.New, make([]byte, len(recordKey)), personLabel, keySize)",
		does: "copies of a status from before an erasure tell whose the credential was",
	},
	{
		name: "erased-status-keeps-its-person", file: "storage/person.go", caught: "TestErasureForgetsThePersonInEveryCopy",
		old: "	case after.Status == zhenni.StatusErased || !known:\n", new: "	case !known:\n",
		does: "a status says that something is known of an erased person",
	},
	{
		name: "person-needed-to-end-a-credential", file: "storage/person.go", caught: "TestACredentialWithoutItsKeyCanBeEnded",
		old: "	if errors.Is(err, zhenni.ErrCorrupt) && st.form != lifeClear {\n", new: "	if errors.Is(err, zhenni.ErrCorrupt) && st.form == lifeClear {\n",
		does: "a credential whose key is damaged can not be suspended or revoked",
	},
	{
		name: "person-left-in-the-clear", file: "storage/rotate.go", caught: "TestAPersonInTheClearIsSealedOnTheWay",
		old: "	body, err := r.store.sealedBody(h, key, bytes.Clone(r.sc.body))\n", new: "	body, err := bytes.Clone(r.sc.body), error(nil)\n",
		does: "what an older build wrote of a person stays open to the tenant's key for good",
	},
	{
		name: "two-references-in-one-commit", file: "cmd/zhenni/sealedtake.go", caught: "TestAPersonHasOneReference",
		old: "taken < len(part) && !people[part[taken].enrol.Subject]; taken++", new: "taken < len(part); taken++",
		does: "a second photograph of somebody is not held against the first of the same file",
	},
	{
		name: "ended-reference-counted-as-live", file: "cmd/zhenni/sealedtake.go", caught: "TestAPersonHasOneReference",
		old: "	case !result.Credential.Live():\n", new: "	case r.row == 0:\n",
		does: "an operator is told that a reference which was revoked has come back",
	},
}
