package defects

// modelDefects are those of several models beside each other.
var modelDefects = []defect{
	{
		name: "model-said-to-be-served", file: "gateway/models.go", caught: "TestModelsOfARunningServer",
		old: "!models[i].Retired && server.serves(models[i].ID)", new: "!models[i].Retired",
		does: "an operator takes a model for served that the process was not started with, and nobody is moved to it",
	},
	{
		name: "model-added-to-nothing", file: "gateway/models.go", caught: "TestAModelIsAddedToARunningServer", in: "cmd/zhenni", slow: true,
		old: "	if err == nil {\n		err = results[0].Err\n	}\n	if err != nil {\n		return nil, err\n	}\n	a.log.Info(\"the store", new: "	_ = results\n	if err != nil {\n		return nil, err\n	}\n	a.log.Info(\"the store",
		does: "another model under an id that is taken is said to be added",
	},
	{
		name: "every-model-is-the-first", file: "actors/comparison.go", caught: "TestModelsAreNeverCompared",
		old: "			return i, nil\n", new: "			return 0, nil\n",
		does: "what one extractor made is compared with what another did",
	},
	{
		name: "unknown-model-is-the-first", file: "actors/comparison.go", caught: "TestModelsAreNeverCompared",
		old: "return 0, fmt.Errorf(\"%w: a model that is not served\", zhenni.ErrBadBatch)", new: "return 0, error(nil)",
		does: "a probe of an extractor that nobody calibrated is decided by the threshold of another",
	},
	{
		name: "change-seen-by-the-first-model", file: "actors/apply.go", caught: "TestRevokedByEveryModel",
		old: "for _, m := range h.matchers {", new: "for _, m := range h.matchers[:1] {",
		does: "a revoked credential matches by the further models",
	},
	{
		name: "stale-segment-of-the-first-model", file: "actors/comparison.go", caught: "TestRetiredModelMatchesNothing",
		old: "for _, m := range h.matchers {\n		m.Discard", new: "for _, m := range h.matchers[:1] {\n		m.Discard",
		does: "rows that were given up stay, and match, by the further models",
	},
	{
		name: "retired-model-stays-in-memory", file: "actors/comparison.go", caught: "TestRetiredModelMatchesNothing",
		old: "			n.stale.Or(allSegments)\n", new: "",
		does: "a model that was retired matches until the server stops",
	},
	{
		name: "retired-model-is-read", file: "storage/models.go", caught: "TestModelAddedAgain",
		old: "l[i].ID == id && !l[i].Retired", new: "l[i].ID == id",
		does: "the templates of a model that was retired are back once it is named again",
	},
	{
		name: "template-replaced", file: "storage/template.go", caught: "TestModelCommandsRefused",
		old: "if slices.Equal(there, c.Row) {", new: "if len(there) == len(c.Row) {",
		does: "an issuer that brings another face is told that it is taken",
	},
	{
		name: "template-for-the-revoked", file: "migration.go", in: "storage", caught: "TestModelCommandsRefused",
		old: "if !c.Live() || c.Overdue(at) {", new: "if c.Overdue(at) {",
		does: "a credential that was taken away is enrolled by another model",
	},
	{
		name: "head-and-document-differ", file: "gateway/served.go", caught: "TestNamingAModel",
		old: "v.profile.Model.ID == string(id) && rq.served == nil", new: "v.profile.Model.ID == string(id)",
		does: "who signs the head and who writes the document may mean two models",
	},
	{
		name: "model-not-part-of-what-is-asked", file: "gateway/transaction.go", caught: "TestModelIsPartOfWhatIsAsked",
		old: "		kind += \"\\nmodel: \" + string(model)\n", new: "		_ = model\n",
		does: "the answer by one model is given again to who asks by another",
	},
	{
		name: "template-without-a-proof", file: "gateway/template.go", caught: "TestFurtherTemplateIsProved",
		old: "		case s.bringsProved(rq):\n", new: "		case false:\n",
		does: "an app puts anybody's face beside a holder's, by the model that comes next",
	},
	{
		name: "template-of-a-stolen-key", file: "gateway/template.go", caught: "TestFurtherTemplateByATerminal",
		old: "		return s.heldTerminal(rq)\n", new: "		return false\n",
		does: "whoever has the API key of a terminal alone puts a face of his own beside anybody's",
	},
	{
		name: "template-by-a-terminal-without-the-card", file: "gateway/template.go", caught: "TestFurtherTemplateByATerminal",
		old: "s.heldService(rq)", new: "s.heldTo(s.config.IssueService)",
		does: "a photograph that matches the old model carries another face into the new one",
	},
	{
		name: "template-by-a-no", file: "gateway/template.go", caught: "TestFurtherTemplateIsProved",
		old: "	return owner.Generation, refuseUnproved(batch.Outcomes)\n", new: "	return owner.Generation, nil\n",
		does: "whoever does not match the template of a credential gets one of his own beside it",
	},
	{
		name: "template-not-signed-for", file: "gateway/template.go", caught: "TestFurtherTemplateIsProved",
		old: "both: sha256.Sum256(append(t.capture[:], t.reference[:]...))", new: "both: t.capture",
		does: "a device's signature over a probe carries whatever reference is sent with it",
	},
	{
		name: "full-by-a-face-alone", file: "gateway/template.go", caught: "TestFurtherTemplateIsProved",
		old: "owner.Device.IsZero() && owner.Level == zhenni.LevelFull", new: "false",
		does: "a credential that took a card gets a template for a face alone",
	},
	{
		name: "proof-of-a-template-for-ever", file: "gateway/template.go", caught: "TestProofOfATemplateIsRecorded",
		old: "age >= provedFor", new: "false",
		does: "a proof of last year carries a template today",
	},
	{
		name: "template-after-a-loss", file: "storage/template.go", caught: "TestProofOfATemplateEndsWithAChange",
		old: "now.StillProved(c.Proved), ", new: "",
		does: "a credential that was reported lost between proof and change takes the template",
	},
}
