package defects

var sandboxDefects = []defect{
	{
		name: "sandbox-of-a-real-store", file: "storage/label.go", caught: "TestSandboxAndRealStoresAreKeptApart",
		old: "	case l.Sandbox == o.Sandbox, ", new: "	case !l.Sandbox, l.Sandbox == o.Sandbox, ",
		does: "a sandbox opens the store of real people",
	},
	{
		name: "sandbox-taken-for-real", file: "storage/label.go", caught: "TestSandboxAndRealStoresAreKeptApart",
		old: "	case l.Sandbox == o.Sandbox, ", new: "	case !o.Sandbox, l.Sandbox == o.Sandbox, ",
		does: "a real server serves the people of a sandbox",
	},
	{
		name: "sandbox-mark-not-kept", file: "storage/label.go", caught: "TestSandboxAndRealStoresAreKeptApart",
		old: ", Model: o.Model, Sandbox: o.Sandbox}", new: ", Model: o.Model}",
		does: "the store of a sandbox does not know that it is one",
	},
	{
		name: "sandbox-routes-everywhere", file: "gateway/sandbox.go", caught: "TestNoSandboxWithoutOne",
		old: "func (s *Server) sandboxRoutes() []*route {\n	if s.config.Sandbox == nil {", new: "func (s *Server) sandboxRoutes() []*route {\n	if s == nil {",
		does: "the routes of a sandbox are there in every server",
	},
	{
		name: "sandbox-result-taken", file: "receipt/verify.go", caught: "TestResultsOfASandboxAreNobodys",
		old: "	case issuer == SandboxIssuer && (", new: "	case want.Real && issuer == SandboxIssuer && (",
		does: "a result of a sandbox is taken by who does not ask who made it",
	},
	{
		name: "sandbox-unmarked", file: "gateway/sandbox.go", caught: "TestEveryProblemIsRehearsed",
		old: "	if s.config.Sandbox != nil {\n		ctx.Response", new: "	if s.config.Unrecorded && s.config.Sandbox != nil {\n		ctx.Response",
		does: "answers of a sandbox do not say that they are",
	},
	{
		name: "sandbox-over-any-folder", file: "cmd/zhenni/sandbox.go", caught: "TestSandboxesAreKeptApart", slow: true,
		old: "	if !known {", new: "	if !known && isEmpty(store) {",
		does: "a sandbox is made in a folder that holds something else",
	},
	{
		name: "sandbox-half-made", file: "cmd/zhenni/sandbox.go", caught: "TestASandboxOutlivesKills", slow: true,
		old: "os.Stat(filepath.Join(s.dir, sandboxBegun)); {", new: "os.Stat(filepath.Join(s.dir, sandboxBegun+\"-not\")); {",
		does: "a sandbox that was killed while it was made is served without its keys",
	},
	{
		name: "sandbox-quota-untold", file: "gateway/sandbox.go", caught: "TestEveryProblemIsRehearsed",
		old: "rq.tellQuota(zhenni.Quota{PerMinute: 1}, 0, minuteSeconds, 0, 0)", new: "rq.tellQuota(zhenni.Quota{}, 0, minuteSeconds, 0, 0)",
		does: "a client that reads what is left of its quota is not tried",
	},
	{
		name: "sandbox-clears-a-real-store", file: "storage/sandbox.go", caught: "TestClearSandboxTakesNoRealStore",
		old: "	return l.checkSandbox(Options{Sandbox: true})", new: "	return l.checkSandbox(Options{Sandbox: l.Sandbox})",
		does: "a sandbox that was begun in the folder of a real store removes it",
	},
	{
		name: "sandbox-clears-an-open-store", file: "storage/sandbox.go", caught: "TestClearSandboxLocksAndResumes",
		old: "lock, err := lockDir(dir, false)", new: "lock, err := os.Open(dir)",
		does: "a sandbox is removed while a server has it open",
	},
}
