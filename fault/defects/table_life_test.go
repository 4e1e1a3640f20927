package defects

// lifeDefects are of subjects and the life of their credentials.
var lifeDefects = []defect{
	{
		name: "lite-over-full", file: "life.go", caught: "TestLifeOfACredentialIsTheTable",
		old: "	{LevelFull, StatusActive}: {{IssueByCard, LevelFull}, {IssueReenrolment, LevelFull}},\n", new: "",
		does: "the app alone puts a lite credential in the place of a full one",
	},
	{
		name: "void-device-moves", file: "life.go", caught: "TestLifeOfACredentialIsTheTable",
		old: "	case c.Device != from:\n", new: "	case c.Device == from && false:\n",
		does: "a device that was moved from moves the credential once more",
	},
	{
		name: "overdue-activated", file: "credential.go", caught: "TestTableOfLifeKeepsItsInvariants",
		old: " || next == StatusActive && c.Overdue(at)", new: "",
		does: "a credential past its end is put to use again",
	},
	{
		name: "handle-printed", file: "subject.go", caught: "TestSubjectDoesNotPrint",
		old:  "func (h SubjectHandle) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }\n",
		new:  "func (h SubjectHandle) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, \"%x\", h[:]) }\n",
		does: "the handle of a person is in every log that has their credential",
	},
	{
		name: "past-its-end-matched", file: "engine/lookup.go", caught: "TestNothingMatchesPastItsEnd",
		old: " && m.sweep.second < h.until", new: "",
		does: "a credential past its end matches until a sweeper comes by",
	},
	{
		name: "locked-factor-matched", file: "engine/segment.go", caught: "TestLockedFactorIsNotMatched",
		old: "	if r.Locked && r.Status == zhenni.StatusActive {\n", new: "	if r.Locked && r.Status == 0 {\n",
		does: "a face that its holder has locked matches",
	},
	{
		name: "second-not-said", file: "actors/node.go", caught: "TestNothingMatchesPastItsEnd", in: "actors",
		old: "	b.Second = now.Unix()\n", new: "",
		does: "a credential with an end is never matched",
	},
	{
		name: "replaced-credential-stays-cached", file: "actors/apply.go", caught: "TestLivesHaveAnOrder", in: "fault/lifecycle",
		old: "				ids = append(ids, c.Replaces)\n", new: "				_ = c.Replaces\n",
		does: "the credential that a re-issue has voided matches until its row happens to be read again",
	},
	{
		name: "lock-not-announced", file: "actors/apply.go", caught: "TestLivesHaveAnOrder", in: "fault/lifecycle",
		old: "		case zhenni.LockFactors:\n			ids = append(ids, c.ID)\n", new: "",
		does: "a factor that was locked matches until its row happens to be read again",
	},
	{
		name: "renewed-credential-swept", file: "storage/life.go", caught: "TestDueIsWhatIsOverdue",
		old: "return now.ExpiredAt(normalTime(c.At))", new: "return now.WithStatus(zhenni.StatusExpired, normalTime(c.At))",
		does: "a sweeper that was late ends a credential that was renewed meanwhile",
	},
	{
		name: "two-live-credentials", file: "storage/life.go", caught: "TestReissueIsOneCommit",
		old: "	if live != c.Replaces {\n", new: "	if live != c.Replaces && !last.Live() {\n",
		does: "of two re-issues at once both are made",
	},
	{
		name: "replaced-credential-goes-on", file: "storage/life.go", caught: "TestReissueIsOneCommit",
		old: "	return slices.Concat(records, []record{index}, due), err\n", new: "	_ = records\n	return append(due, index), err\n",
		does: "a re-issue leaves the credential that it replaces",
	},
	{
		name: "handle-on-disk", file: "storage/subject.go", caught: "TestSubjectIsNotReadableOnDisk",
		old: "	sum := mac.Sum(nil)\n", new: "	sum := subject[:]\n",
		does: "whoever reads the disk has the handle of everybody",
	},
	{
		name: "handle-outlives-erasure", file: "credential.go", in: "storage", caught: "TestErasureForgetsTheSubject",
		old: "c.Subject, c.NameTag, c.Region, c.Device, c.Rotation = SubjectHandle{}, NameTag{}, 0, PublicKey{}, RotationCommitment{}", new: "c.Device = PublicKey{}",
		does: "who was erased is still known by their handle",
	},
	{
		name: "identity-root-exchanged", file: "storage/subject.go", caught: "TestSecretsAreBoundOnce",
		old: "subtle.ConstantTimeCompare(bound[:], check[:]) != 1", new: "subtle.ConstantTimeCompare(bound[:], check[:]) > 1",
		does: "a store goes on under another root, and everybody can be enrolled a second time",
	},
	{
		name: "full-credential-without-a-terminal", file: "gateway/issue.go", caught: "TestIssue",
		old: "	if (level == zhenni.LevelFull || c.Issue == zhenni.IssueByCard) && !rq.party.Roles.Has(zhenni.RoleTerminal) {\n", new: "	if level == 0 {\n",
		does: "an app's issuer issues full credentials without card and PIN",
	},
	{
		name: "device-moved-by-anybody", file: "gateway/server.go", caught: "TestLifeByRoleAndRoute",
		old: "issuerOrTerminal, handle: (*Server).moveDevice", new: "anyRole, handle: (*Server).moveDevice",
		does: "a verifier moves devices",
	},
	{
		name: "unproved-is-issued", file: "gateway/prove.go", caught: "TestNoIsTheSameWhateverItIsFor",
		old: "	return refuse(kindNotProved, \"\")\n", new: "	return nil\n",
		does: "the app is issued a credential for somebody else's face",
	},
	{
		name: "app-without-a-face", file: "gateway/prove.go", caught: "TestWhatIsProved",
		old: "	case !captured && held && byApp:", new: "	case !captured && held && !byApp:",
		does: "the app leaves the face out, and is issued what it likes",
	},
	{
		name: "proved-by-itself", file: "gateway/prove.go", caught: "TestIssueOfAProvedFace",
		old: "	rq.references = s.config", new: "	_ = s.config",
		does: "the face is held against what the app brought itself, the time before",
	},
	{
		name: "references-as-evaluation", file: "gateway/prove.go", caught: "TestReferencesAreNoEvaluation",
		old: "rq.party.Evaluation && rq.references == 0", new: "rq.party.Evaluation",
		does: "a party of evaluation climbs on the references of people without end",
	},
	{
		name: "references-verified", file: "gateway/authentication.go", caught: "TestReferencesAreNoEvaluation",
		old: " || role == zhenni.RoleVerifier && s.holdsReferences(party.Tenant)", new: "",
		does: "whoever verifies with the tenant of references asks about photographs that nobody consented to",
	},
}
