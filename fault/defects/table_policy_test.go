package defects

// policyDefects are those of who may ask for what on which evidence, across the packages.
var policyDefects = []defect{
	{
		name: "rates-multiplied", file: "fusion.go", caught: "TestRatesBoundEveryDependence",
		old: "		least = min(least, r.bounded())", new: "		least *= r.bounded()",
		does: "the rate of two factors is that of impostors whose errors have nothing to do with each other",
	},
	{
		name: "union-without-the-last", file: "fusion.go", caught: "TestRatesBoundEveryDependence",
		old: "	for _, r := range rates {\n		sum += r.bounded()", new: "	for _, r := range rates {\n		sum = max(sum, r.bounded())",
		does: "of two factors that are each enough only the worse one counts",
	},
	{
		name: "unknown-rate-is-none", file: "fusion.go", caught: "TestRatesOfWhatIsNotKnown",
		old: "	if p.Comparisons < 1 {\n		return 1\n	}\n", new: "",
		does: "a profile that was never calibrated has no false matches",
	},
	{
		name: "joint-of-alternatives", file: "fusion.go", caught: "TestJointCalibration",
		old: "		if n == 1 {", new: "		if n >= 1 {",
		does: "a calibration of face and voice together counts where either is enough",
	},
	{
		name: "way-met-by-one-group", file: "means.go", caught: "TestWays",
		old: "		if group&shown == 0 {\n			return 0, false\n		}\n", new: "		if group&shown == 0 {\n			continue\n		}\n",
		does: "one factor of several is enough",
	},
	{
		name: "service-with-the-face-only", file: "service.go", caught: "TestServiceRefusals",
		old: "	if s.WithoutFace.Means().Has(MeansFace) {", new: "	if false {",
		does: "a service without a way for whoever can not show a face is taken",
	},
	{
		name: "field-twice", file: "catalogue.go", caught: "TestServiceRefusals",
		old: "		case seen[name]:\n", new: "		case false:\n",
		does: "of two levels of a service the last counts, and who read the first is wrong",
	},
	{
		name: "service-not-granted", file: "policy.go", caught: "TestAsk",
		old: "	if p.Catalogue == nil || !granted {", new: "	if p.Catalogue == nil || !granted && service == \"\" {",
		does: "a net café asks in the name of a company register",
	},
	{
		name: "any-purpose", file: "policy.go", caught: "TestAsk",
		old: "	case !under || !slices.Contains(s.Purposes, purpose):\n", new: "	case !under || !slices.Contains(s.Purposes, purpose) && s == nil:\n",
		does: "what was asked for is not what the service is for",
	},
	{
		name: "claimed-face-counts", file: "policy.go", caught: "TestDecideOneChange",
		old: "	set := shown.Others&^biometric | probes\n", new: "	set := shown.Others | probes\n",
		does: "a face that nobody compared meets a service",
	},
	{
		name: "stale-liveness", file: "policy.go", caught: "TestDecideOneChange",
		old: "	return !t.IsZero() && since <= age && since", new: "	return !t.IsZero() && since",
		does: "a recording of yesterday is alive today",
	},
	{
		name: "possession-not-asked", file: "policy.go", caught: "TestDecideEverything",
		old: "	case s.Possession && !set.Has(MeansPossession):\n		return RulingPossession\n", new: "",
		does: "a face without the phone is enough where both are asked for",
	},
	{
		name: "rate-above-the-target", file: "policy.go", caught: "TestDecideByRate",
		old: "	if compared && !(rate <= s.FMR) {", new: "	if compared && rate > 2*s.FMR {",
		does: "a service is given with more false matches than it allows, or an unknown number",
	},
	{
		name: "same-person-unseen", file: "policy.go", caught: "TestAdmissions",
		old: "compared && shown.Liveness >= LivenessPassive && validAtAge", new: "compared && validAtAge",
		does: "a photograph is the same person",
	},
	{
		name: "no-ruling-is-public", file: "policy.go", caught: "TestRulings",
		old: "return r >= RulingUnknown || r == NoRuling", new: "return r >= RulingUnknown",
		does: "a ruling that was never made is told",
	},
	{
		name: "evidence-of-another-capture", file: "evidence/token.go", caught: "TestMismatches",
		old: "	case c.Capture != e.Capture:\n		return ErrCapture\n", new: "",
		does: "one living face vouches for every photograph after it",
	},
	{
		name: "evidence-of-another-transaction", file: "evidence/token.go", caught: "TestMismatches",
		old: "	case c.Transaction != e.Transaction:\n		return ErrTransaction\n", new: "",
		does: "evidence for a coffee pays for a car",
	},
	{
		name: "evidence-signed-by-anybody", file: "evidence/token.go", caught: "TestOtherKeys",
		old: "	case !signed:\n", new: "	case !signed && !named:\n",
		does: "whoever writes a key's name has signed with it",
	},
	{
		name: "key-of-another-name", file: "evidence/token.go", caught: "TestOtherKeys",
		old: "	case !named || t.algorithm != algorithm:\n", new: "	case !named && t.algorithm != algorithm:\n",
		does: "a token by another key of the algorithm is told from a forged one by its error",
	},
	{
		name: "claims-in-any-form", file: "evidence/claims.go", caught: "TestOtherForms",
		old: "	return string(c.appendTo(again[:0])) == text", new: "	return len(c.appendTo(again[:0])) > 0",
		does: "one statement has several spellings, and two readers may differ",
	},
	{
		name: "liveness-by-any-device", file: "evidence/claims.go", caught: "TestDeviceSignsForAnIssue",
		old: " && c.Kind != Possession:\n", new: " && c.Kind > Possession:\n",
		does: "whoever asks to be issued a credential vouches for being alive",
	},
	{
		name: "purpose-that-was-not-granted", file: "party.go", caught: "TestAsk",
		old: "!narrowed || of == purpose {", new: "!narrowed || of == purpose || id == service {",
		does: "a party that may ask for one purpose asks for all of the service",
	},
	{
		name: "possession-by-a-terminal", file: "evidence/claims.go", caught: "TestSignRefuses",
		old: "		return c.Level == zhenni.LivenessNone && c.Terminal == \"\"", new: "		return c.Level == zhenni.LivenessNone",
		does: "a terminal says that the phone is there",
	},
	{
		name: "terminal-of-another-tenant", file: "gateway/evidence.go", caught: "TestEvidenceIsRefused",
		old: "	if !known || terminal.Tenant != tenant || !terminal", new: "	if !known || !terminal",
		does: "the terminals of one tenant vouch for the people of another",
	},
	{
		name: "retired-key-of-a-terminal", file: "gateway/evidence.go", caught: "TestEvidenceIsRefused",
		old: " && (k.NotAfter.IsZero() || now.Before(k.NotAfter))", new: "",
		does: "a terminal that was sold goes on vouching",
	},
	{
		name: "decoy-key-counts", file: "gateway/evidence.go", caught: "TestFactsOfTheCredentialAreKept",
		old: "		all = token.Verify(with) == nil && real && all\n", new: "		all = token.Verify(with) == nil && all\n",
		does: "whoever signs with the published decoy holds every credential without a device",
	},
	{
		name: "device-told", file: "gateway/policy.go", caught: "TestFactsOfTheCredentialAreKept",
		old: "	shown.NotDevice = !ofDevice\n", new: "	if !ofDevice {\n		return refuse(kindEvidence, \"not of the device\")\n	}\n",
		does: "a relying party learns which phone is whose",
	},
	{
		name: "yes-of-another-device", file: "gateway/policy.go", caught: "TestFactsOfTheCredentialAreKept",
		old: "		batch.Outcomes[0] = zhenni.NoMatch\n", new: "",
		does: "a stolen face matches without the phone",
	},
	{
		name: "service-left-out", file: "gateway/policy.go", caught: "TestServicesThatAreRefused",
		old: "		if len(rq.party.Services) > 0 {\n", new: "		if false {\n",
		does: "a party gets around what its services ask for by naming none",
	},
	{
		name: "per-item-in-bulk", file: "gateway/policy.go", caught: "TestServicesInBulk",
		old: "	if t.granted.PerItem(compared) {\n", new: "	if false {\n",
		does: "a service that asks for liveness is answered in bulk, where there is none",
	},
	{
		name: "service-of-the-head-forgotten", file: "gateway/policy.go", caught: "TestServicesAreReplayed",
		old: "	return media + \"\\n\" + t.service + \"\\n\" + t.purpose\n", new: "	return media\n",
		does: "a stored answer for one service is given for another",
	},
	{
		name: "admission-in-a-no", file: "gateway/policy.go", caught: "TestYesAndNoOfAService",
		old: " || outcome != zhenni.Match {\n		return dst", new: " {\n		return dst",
		does: "a no says that the credential is good",
	},
	{
		name: "level-not-asked-for", file: "engine/lookup.go", caught: "TestLevelsBelowTheOneAskedFor",
		old: " && h.level >= b.Level", new: "",
		does: "a credential issued on a selfie registers a company",
	},
	{
		name: "level-lost-in-the-cold-tier", file: "storage/cold/format.go", caught: "TestReferencesHaveTheirLevel", in: "storage",
		old: "|byte(r.Level)<<levelShift", new: "",
		does: "no credential that is read from the cold tier has a level",
	},
	{
		name: "miss-is-a-short-look", file: "gateway/evidence.go", caught: "TestDevicesAreLookedUpAlike",
		old: "		other = *found\n	}\n	if _, err := devices", new: "	}\n	if _, err := devices",
		does: "how long an answer takes tells whether a credential exists",
	},
	{
		name: "look-held-through-a-change", file: "gateway/receipt.go", caught: "TestLookHoldsWhileNothingChanges",
		old: "l.record.ID == id && s.config.Devices.Unchanged(id, l.since) {", new: "l.record.ID == id {",
		does: "a yes is told of a credential that was suspended while it was verified",
	},
	{
		name: "changes-read-behind-the-look", file: "gateway/evidence.go", caught: "TestLookHoldsWhileNothingChanges",
		old:  "	since := devices.Changes(id)\n	record, err := devices.Credential(id)\n",
		new:  "	record, err := devices.Credential(id)\n	since := devices.Changes(id)\n",
		does: "a change between a look and what is asked of changes is never seen",
	},
	{
		name: "group-of-nothing-is-safe", file: "fusion.go", caught: "TestRatesOfWhatIsNotKnown",
		old: "		if n == 0 {\n			continue // nothing is known of it\n		}\n", new: "",
		does: "a way that nothing meets has no false matches",
	},
}
