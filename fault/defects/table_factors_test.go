package defects

// factorDefects are those of verifications by two factors and of the erasure of a person, across the packages.
var factorDefects = []defect{
	{
		name: "one-of-two-is-enough", file: "also.go", caught: "TestTogether",
		old: "anyOne && (first", new: "(first",
		does: "a face alone is told yes where a voice is asked for too",
	},
	{
		name: "no-verdict-is-ignored", file: "also.go", caught: "TestTogether",
		old: "		if o != Match && o != NoMatch {\n", new: "		if o == Pending {\n",
		does: "whoever makes one comparison fail is judged by the other",
	},
	{
		name: "both-read-as-either", file: "also.go", caught: "TestTwoFactorsCompared",
		old: "means.Len() > 1 && means&^group == 0", new: "means.Len() > 1 && group != 0",
		does: "a service of both factors is met by either",
	},
	{
		name: "spare-probe-compared", file: "policy.go", caught: "TestTwoFactorsCompared",
		old: "		if met && (probes.Len() < 2 || probes&^used == 0) {\n", new: "		if met {\n",
		does: "a probe that no way asks for is compared, and its failure is the person's",
	},
	{
		name: "second-probe-not-counted", file: "actors/attempts.go", caught: "TestTwoProbesOfOnePerson",
		old: " || b.Also != nil && h.matchers[p.job.also].Missed(i)", new: "",
		does: "voices are tried without end beside a face that matches",
	},
	{
		name: "second-probe-says-more", file: "actors/also.go", caught: "TestTwoProbesOfOnePerson",
		old: "		b.Also.Outcomes[i] = zhenni.Pending\n", new: "",
		does: "the outcome of one factor leaves the node beside that of both",
	},
	{
		name: "two-probes-of-one-face", file: "actors/also.go", caught: "TestSecondProbesThatAreRefused",
		old: "	if n.comparisons[also].Model.Factor == n.comparisons[by].Model.Factor {\n", new: "	if by < 0 {\n",
		does: "a second look at one face counts as another factor",
	},
	{
		name: "one-capture-alive", file: "gateway/also.go", caught: "TestEvidenceOfTwoCaptures",
		old: "	if c == nil {\n		return\n", new: "	if true {\n		return\n",
		does: "a recorded voice goes with a living face",
	},
	{
		name: "device-vouches-for-one", file: "gateway/also.go", caught: "TestEvidenceOfTwoCaptures",
		old: "		return c.both\n", new: "		return first\n",
		does: "what a device signed for is shown with another voice",
	},
	{
		name: "one-rate-of-two", file: "gateway/also.go", caught: "TestVerifiedByTwoProbes",
		old: "			pair.policy.Rates[zhenni.Means(also.Model.Factor)] = also.Rate()\n", new: "			pair.policy.Rates[zhenni.Means(also.Model.Factor)] = 0\n",
		does: "the rate of either factor is stated as that of the better one",
	},
	{
		name: "sprayed-voice", file: "gateway/limits.go", caught: "TestSprayOfASecondProbe",
		old: "		if b.Also != nil {\n", new: "		if false {\n",
		does: "one voice is tried on everybody beside a face that changes",
	},
	{
		name: "subject-of-the-last-alone", file: "storage/holdings.go", caught: "TestCredentialsOfASubject",
		old: "	next := holdings{last: id, earlier: h.all(), known: h.known}\n", new: "	next := holdings{last: id, known: h.known}\n",
		does: "who is deleted stays in every credential before the last",
	},
	{
		name: "erasure-forgets-the-others", file: "storage/holdings.go", caught: "TestCredentialsOfASubject",
		old: "		if other != id {\n", new: "		if other == id {\n",
		does: "after one is erased nothing leads to the person's others",
	},
	{
		name: "index-from-before-believed", file: "storage/holdings.go", caught: "TestCredentialsFromBeforeTheIndex",
		old: "	if err != nil || held.known {\n", new: "	if true {\n",
		does: "of a store that was there before, the earlier credentials of who is deleted are kept",
	},
	{
		name: "named-before-the-others", file: "gateway/erasure.go", caught: "TestErasureOfAPersonThatIsNotWhole",
		old: "		if r.Err != nil {\n			return r.Err\n", new: "		if r.Err != nil {\n			return nil\n",
		does: "what is left of a person is not found any more, and the erasure is told to be done",
	},
	{
		name: "reference-of-two-tenants", file: "gateway/erasure.go", caught: "TestErasureOfAPersonThatIsNotWhole",
		old: "		if of == references && tenant != rq.party.Tenant {\n", new: "		if of == references && tenant == 0 {\n",
		does: "one issuer erases the references of another",
	},
	{
		name: "pairs-answered-in-parts", file: "cmd/zhenni/verify.go", caught: "TestVerifyBySecondFile", slow: true,
		old: "v.alsoDim, v.limit = also.Dim, 1 //", new: "v.alsoDim = also.Dim //",
		does: "what was answered before a cut is asked once more, and counted as another attempt",
	},
	{
		name: "files-of-other-people", file: "cmd/zhenni/verifyalso.go", caught: "TestVerifyBySecondFile", slow: true,
		old: "		case also.claim != claim:\n", new: "		case false:\n",
		does: "a voice is sent as the second probe of somebody else's claim, whose attempts it spends",
	},
}
