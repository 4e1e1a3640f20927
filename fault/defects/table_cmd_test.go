package defects

var cmdDefects = []defect{
	{
		name: "witness-checkpoint-not-asked", file: "cmd/zhenni/auditlog.go", caught: "TestAuditLogFromEndToEnd", slow: true,
		old: "if o.seen, err = readSmall(f.WitnessSeen); err", new: "if _, err = readSmall(f.WitnessSeen); err",
		does: "a store and its audit log that were both put back as they were earlier open beside a witness",
	},
	{
		name: "another-audit-log-taken", file: "cmd/zhenni/auditlog.go", caught: "TestAuditLogFromEndToEnd", slow: true,
		old: "	if err != nil || want == \"\" {\n		return err\n	}\n	have", new: "	if err != nil || want != \"-\" {\n		return err\n	}\n	have",
		does: "where the folder of the audit log is not given, a new log is begun without a word",
	},
	{
		name: "status-blind-to-the-record", file: "cmd/zhenni/auditlog.go", caught: "TestServiceReturnsWithRoom",
		old: "	return s.audit.changes.Ready()\n}\n\n// Close", new: "	return nil\n}\n\n// Close",
		does: "status and metrics say that changes are taken while the disk of their record is full",
	},
	{
		name: "environment-above-the-store", file: "cmd/zhenni/admin.go", caught: "TestStoreStandsAboveTheEnvironmentsSocket", slow: true,
		old: "	if f.otherStore(parse) && !typedFlags", new: "	if !f.otherStore(parse) && !typedFlags",
		does: "a model, a relying party or a backup is of another store than the command line names",
	},
	{
		name: "environments-operator-above-the-store", file: "cmd/zhenni/rp.go", caught: "TestStoreStandsAboveTheEnvironmentsSocket", slow: true,
		old: "elsewhere && !operated {", new: "elsewhere && operated {",
		does: "a relying party is added at the operator's address of another server than the command line names",
	},
	{
		name: "plan-blind-to-sessions", file: "bench/capacity/plan.go", caught: "TestPlanKeepsAnswersForSessions",
		old: "	if d.Sessions {\n		return zhenni.SessionRecordKept", new: "	if d.Sessions && d.PerDay < 0 {\n		return zhenni.SessionRecordKept",
		does: "a disk is planned for a day of the answers that are kept for 31, and results of sessions go early",
	},
	{
		name: "more-answers-than-a-ledger-takes", file: "bench/capacity/plan.go", caught: "TestPlannedAnswersAreWhatALedgerTakes",
		old: "max(plan.NodesForRate, plan.NodesForMemory, plan.NodesForAnswers)", new: "max(plan.NodesForRate, plan.NodesForMemory)",
		does: "a plan says --answers that no server takes",
	},
	{
		name: "one-key-before", file: "cmd/zhenni/receipts.go", caught: "TestResultsOfEveryKeyBefore",
		old: "for _, path := range f.ResultKeyBefore {", new: "for _, path := range f.ResultKeyBefore[:min(1, len(f.ResultKeyBefore))] {",
		does: "after a second rotation the results of sessions that are kept are refused as evicted",
	},
	{
		name: "key-before-twice", file: "cmd/zhenni/receipts.go", caught: "TestResultKeysThatAreRefused",
		old: "there, twice := files[id]; twice {", new: "there, twice := files[id]; twice && id == \"\" {",
		does: "a key of before that is named twice in the place of two leaves the results of the other without their key",
	},
}
