package defects

var gatewayDefects = []defect{
	{
		name: "bulk-never-yields", file: "gateway/passage.go", caught: "TestBulkLeavesProcessorsToSinglesThatItSlowsDown",
		old: "		return min(max(gap+gap/2, gapLeast), gapMost)", new: "		return gap",
		does: "ten bulk jobs take all processors, and a single verification waits behind each of them",
	},
	{
		name: "turn-kept", file: "gateway/passage.go", caught: "TestRequestsInBulkEnd",
		old: "	s.yield(rq)\n	if rq.bulk {", new: "	if rq.bulk {",
		does: "a request in bulk that is refused keeps its turn, and those behind it wait for as long as they may",
	},
	{
		name: "slow-disk-blamed-on-bulk", file: "gateway/passage.go", caught: "TestBulkIsNotBlamedForASlowDisk",
		old: "	if beside && gap == gapMost || !beside", new: "	if !beside",
		does: "bulk is held up for ever where singles are slow by themselves",
	},
	{
		name: "both-framings-let-through", file: "gateway/guard.go", caught: "TestGuardRefusesFraming",
		old: "if encoding := single[fieldTransferEncoding]; encoding != nil {", new: "if encoding := single[fieldTransferEncoding]; encoding != nil && single[fieldContentLength] == nil {",
		does: "Content-Length and Transfer-Encoding together: a proxy and this server see two requests each",
	},
	{
		name: "chunked-accepted", file: "gateway/guard.go", caught: "TestGuardRefusesFraming",
		old: "			return h, &refusal{kind: kindLength}\n", new: "			return h, nil\n",
		does: "a chunked body is read by rules that nobody checked",
	},
	{
		name: "second-length-taken", file: "gateway/guard.go", caught: "TestHeadIsRefusedBeforeAnybodyReadsIt",
		old: "			if single[i] != nil {", new: "			if single[i] != nil && i != fieldContentLength {",
		does: "of two Content-Length fields the last counts",
	},
	{
		name: "length-with-a-sign", file: "gateway/guard.go", caught: "TestHeadIsRefusedBeforeAnybodyReadsIt",
		old: "		if c < '0' || c > '9' {\n			return 0, false\n		}\n		n = n*10", new: "		if c == '+' {\n			continue\n		}\n		if c < '0' || c > '9' {\n			return 0, false\n		}\n		n = n*10",
		does: "Content-Length: +4 has two readings",
	},
	{
		name: "space-before-the-colon", file: "gateway/guard.go", caught: "TestGuardRefusesLines",
		old: "		if !tokenByte[c] {\n			return &refusal{kindMalformed, \"a field name", new: "		if !tokenByte[c] && c != ' ' {\n			return &refusal{kindMalformed, \"a field name",
		does: "a field name that ends in a space hides the field from this guard",
	},
	{
		name: "duplicate-json-keys", file: "gateway/json.go", caught: "TestDocumentsThatAreRefused",
		old: "		if f.value != nil {\n			return refuse", new: "		if f.value != nil && false {\n			return refuse",
		does: "of two values of a key the last counts, and a filter before it saw the first",
	},
	{
		name: "unknown-json-keys", file: "gateway/json.go", caught: "TestDocumentsThatAreRefused",
		old: "	return refuse(kindItem, \"there is a field that this route does not take\")\n", new: "	_, _, _, ok = r.scalar()\n	return nil\n",
		does: "fields nobody asked for are taken without a word",
	},
	{
		name: "data-after-the-document", file: "gateway/json.go", caught: "TestDocumentsThatAreRefused",
		old: "if r.space(); r.at != len(r.data) {", new: "if r.space(); r.at > len(r.data) {",
		does: "what follows a document is ignored",
	},
	{
		name: "loose-base64", file: "gateway/json.go", caught: "TestDocumentsThatAreRefused",
		old: "base64.StdEncoding.Strict()", new: "*base64.StdEncoding",
		does: "one vector has many spellings",
	},
	{
		name: "role-not-asked", file: "gateway/authentication.go", caught: "TestAnotherTenantSeesNothing",
		old: "if party.Roles&role == 0 ||", new: "if party.Roles == 0 ||",
		does: "a verifier enrols and revokes",
	},
	{
		name: "unknown-party-admitted", file: "gateway/authentication.go", caught: "TestKeysThatAreNotValid",
		old: "!admitted || !known {", new: "!admitted && known {",
		does: "a key of a party that does not exist is admitted",
	},
	{
		name: "another-tenants-status", file: "gateway/credential.go", caught: "TestAnotherTenantSeesNothing",
		old: "if record.Tenant == rq.party.Tenant {", new: "if record.Tenant != 0 {",
		does: "a relying party reads the status of another tenant's credential",
	},
	{
		name: "lines-out-of-order", file: "gateway/batch.go", caught: "TestMixedLinesKeepOrder",
		old: "b.outcomes[position] = batch.Outcomes[i]", new: "b.outcomes[i] = batch.Outcomes[i]; _ = position",
		does: "outcomes are told of other lines",
	},
	{
		name: "lent-memory-used-again", file: "gateway/verification.go", caught: "TestMemoryThatIsLentIsNotUsedAgain",
		old: "	rq.lease.lent = true\n", new: "",
		does: "after a deadline a shard writes into the memory of another request",
	},
	{
		name: "memory-without-a-bound", file: "gateway/body.go", caught: "TestMemoryIsShedAtTheBound", slow: true,
		old: "if l.depot.held.Add(size) > l.depot.limit {", new: "if l.depot.held.Add(size) < 0 {",
		does: "bodies take memory until the process is killed",
	},
	{
		name: "held-memory-not-given-back", file: "gateway/body.go", caught: "TestHeldMemoryIsGivenBack",
		old: "	l.depot.held.Add(-l.reserved)\n", new: "",
		does: "the bound on memory is used up by requests that have ended",
	},
	{
		name: "pending-told-as-no-match", file: "gateway/answer.go", caught: "TestAPendingOutcomeIsRefused",
		old: "		if o == zhenni.Pending || i >= zhenni.OutcomeCount {\n			o = zhenni.RefusedInternal", new: "		if o == zhenni.Pending || i >= zhenni.OutcomeCount {\n			o = zhenni.NoMatch",
		does: "an item that nobody decided is a verdict",
	},
	{
		name: "overload-without-retry-after", file: "gateway/server.go", caught: "TestOverloadIsAnsweredWithRetryAfter",
		old: "		response.Header.Set(\"Retry-After\", retrySeconds(s.config.RetryAfter))\n", new: "",
		does: "clients turned away come back at once",
	},
	{
		name: "id-without-entropy", file: "gateway/enrolment.go", caught: "TestWithoutEntropyNothingIsEnrolled",
		old: "	if _, err := io.ReadFull(s.config.Entropy, idBytes(ids)); err != nil {", new: "	if n, err := io.ReadFull(s.config.Entropy, idBytes(ids)); err != nil && n > 16*len(ids) {",
		does: "without entropy every credential has the id zero",
	},
	{
		name: "transaction-without-entropy", file: "gateway/server.go", caught: "TestShortEntropyIssuesNothing",
		old: "	if _, err := io.ReadFull(s.config.Entropy, rq.random[:]); err != nil {", new: "	if n, err := io.ReadFull(s.config.Entropy, rq.random[:]); err != nil && n > 16 {",
		does: "without entropy every request is the same transaction",
	},
	{
		name: "compressed-body-taken", file: "gateway/guard.go", caught: "TestCompressedBodiesAreRefused",
		old: "!strings.EqualFold(string(encoding), \"identity\") {", new: "!strings.EqualFold(string(encoding), \"identity\") && len(encoding) > 100 {",
		does: "a compressed body is read as it lies",
	},
	{
		name: "connections-without-a-bound", file: "gateway/listener.go", caught: "TestConnectionsBeyondTheBoundAreTurnedAway", slow: true,
		old: "if l.total >= l.config.MaxConns || l.byIP[ip] >= l.config.MaxConnsPerIP {", new: "if l.total >= l.config.MaxConns*1000 {",
		does: "one address takes every connection",
	},
	{
		name: "deadline-of-the-wall-clock", file: "gateway/verification.go", caught: "TestClockIsForShow",
		old: "begun.Add(s.config.VerifyTimeout)", new: "s.config.Now().Add(s.config.VerifyTimeout)",
		does: "a clock that is set forward ends every request, one set back none",
	},
	{
		name: "dropped-by-no-panic", file: "gateway/verification.go", caught: "TestPanicsAndRefusalsAreDropped",
		old: "	defer s.drop(rq)\n", new: "",
		does: "a transaction that ended in a panic stays in hand, and can never be sent again",
	},
	{
		name: "batch-dropped-by-no-panic", file: "gateway/batch.go", caught: "TestPanicsAndRefusalsAreDropped",
		old: "	defer s.drop(rq)\n", new: "",
		does: "a batch that ended in a panic stays in hand, and can never be sent again",
	},
	{
		name: "stream-dropped-by-no-panic", file: "gateway/arrowwrite.go", caught: "TestPanicsAndRefusalsAreDropped",
		old: "	defer s.drop(rq)\n", new: "",
		does: "a stream that ended in a panic stays in hand, and can never be sent again",
	},
	{
		name: "answered-without-a-record", file: "gateway/transaction.go", caught: "TestNothingIsAnsweredThatIsNotRecorded",
		old: "	rq.inHand = false\n	if err != nil {\n		return err\n	}\n	rq.setLogIndex(index)", new: "	rq.inHand = false\n	_ = err\n	rq.setLogIndex(index)",
		does: "a decision is answered that could not be recorded",
	},
	{
		name: "refusal-kept-as-an-answer", file: "gateway/transaction.go", caught: "TestPanicsAndRefusalsAreDropped",
		old: "if !rq.inHand || !decided(d.Outcomes) {", new: "if !rq.inHand {",
		does: "a request that was turned away for the moment is turned away for good",
	},
	{
		name: "body-not-digested", file: "gateway/transaction.go", caught: "TestTransactionsAreAnsweredOnce",
		old: "if s.config.Ledger == nil || !rq.named && media != mediaJSON {", new: "if s.config.Ledger == nil || media != \"\" {",
		does: "another request under a used id is given the answer of the first",
	},
	{
		name: "witnessed-by-anything", file: "gateway/log.go", caught: "TestLogRoutes",
		old: "	case errors.Is(err, zhenni.ErrCorrupt):", new: "	case errors.Is(err, zhenni.ErrCorrupt):\n		err = nil\n	case errors.Is(err, zhenni.ErrLocked):",
		does: "a checkpoint that nobody cosigned is answered as kept",
	},
}
