package defects

// signedDefects are those of signed requests, from the gateway to what they are remembered by.
var signedDefects = []defect{
	{
		name: "signed-stream-known-by-its-algorithm", file: "gateway/transaction.go", caught: "TestSignedStreamIsHashedOnce",
		old: "kind, body = kind+\"\\nsigned\", rq.signedBody", new: "kind, body = kind+\"\\nsigned\", rq.signedBody[:7]",
		does: "another stream under a transaction is answered with the outcomes of the first",
	},
	{
		name: "blake3-beside-sha256-unchecked", file: "gateway/httpsig/digest.go", caught: "TestBodyIsTheOneThatWasSigned",
		old: "	if d.has3 && simd.Blake3(body) != d.sum3 {", new: "	if d.has3 && !d.has256 && simd.Blake3(body) != d.sum3 {",
		does: "of two digests that disagree the better known is believed, and who checks the other is deceived",
	},
	{
		name: "challenge-without-its-key", file: "gateway/eddsa/table.go", caught: "TestVectorsOfRFC8032",
		old: "	hash.Write(t.public[:])\n", new: "",
		does: "k leaves out whose key it is, and signatures of busy keys are refused",
	},
	{
		name: "s-in-two-forms", file: "gateway/eddsa/table.go", caught: "TestAgreesWithTheLibrary",
		old: "	if err != nil {\n		return false\n	}\n	k, sum", new: "	if err != nil {\n		wide := append(append([]byte{}, signature[32:]...), make([]byte, 32)...)\n		s, _ = new(edwards25519.Scalar).SetUniformBytes(wide)\n	}\n	k, sum",
		does: "whoever saw a signature makes another of it",
	},
	{
		name: "key-multiplied-by-half-its-digits", file: "gateway/eddsa/table.go", caught: "TestAgreesWithTheLibrary",
		old: "	for range 4 {\n		product.Double(product)\n	}\n", new: "",
		does: "the even digits weigh as little as the odd ones, and no signature of a busy key verifies",
	},
	{
		name: "prepared-without-bound", file: "gateway/keyring.go", caught: "TestKeysThatSignOftenArePrepared",
		old: "	last.verifies.Release()\n", new: "	_ = last.verifies\n",
		does: "each key that was ever busy keeps 40 KiB",
	},
	{
		name: "blake3-unchecked", file: "gateway/httpsig/digest.go", caught: "TestBulkBodyIsTheOneThatWasSigned",
		old: "	case \"blake3\":\n		has, sum = &d.has3, d.sum3[:]\n", new: "	case \"blake3\":\n		has, sum = new(bool), d.sum3[:]\n",
		does: "a body in bulk is taken unlooked at, whatever was signed",
	},
	{
		name: "nonce-not-remembered", file: "gateway/signature.go", caught: "TestNonceIsTakenOnce",
		old: "	if errors.Is(err, zhenni.ErrReplayed) {\n		return refuse(kindReplay, \"\")\n	}\n	if err != nil {", new: "	if err != nil && !errors.Is(err, zhenni.ErrReplayed) {",
		does: "whoever saw a signed request sends it again for a minute",
	},
	{
		name: "signed-body-unproved", file: "gateway/signature.go", caught: "TestSignedRequests",
		old: "	if err := p.claim.VerifyBody(body, nil); err != nil {", new: "	if err := p.claim.VerifyBody(body, nil); err != nil && len(body) == 0 {",
		does: "another body is taken under the signature of a head",
	},
	{
		name: "retired-key-taken", file: "gateway/signature.go", caught: "TestSignedRequests",
		old: "	if !known || !held.Open(now) {", new: "	if !known {",
		does: "a key that was rotated away signs for ever",
	},
	{
		name: "transaction-uncovered", file: "gateway/signature.go", caught: "TestSignedRequests",
		old: "{\"Transaction-Id\", \"transaction-id\", true},", new: "{\"Transaction-Id\", \"transaction-id\", false},",
		does: "somebody on the way names the transaction of another's request",
	},
	{
		name: "strangers-told-apart", file: "gateway/signature.go", caught: "TestStrangersLookAlike",
		old: "		return httpsig.ErrKey\n", new: "		return refuse(kindSignatureForm, \"the key is unknown\")\n",
		does: "a stranger finds out which keys there are",
	},
	{
		name: "forgotten-body-answered", file: "gateway/server.go", caught: "TestAHandlerCanNotForgetTheBody",
		old: "	if rq.proof != nil {", new: "	if rq.proof != nil && false {",
		does: "a handler that forgets to read the body answers a request that nobody proved",
	},
	{
		name: "certificate-looked-up-once", file: "gateway/authentication.go", caught: "TestCertificateIsLookedUpWithEveryRequest",
		old: "	if !certificate.Open(now) || now.Before(c.peer.notBefore) || now.After(c.peer.notAfter) {", new: "	if !certificate.Open(now) {",
		does: "a certificate outlives its time on a connection that stays open",
	},
	{
		name: "session-outlives-its-key", file: "gateway/sessionkeys.go", caught: "TestSessionKeys",
		old: "!known || !found.root.open(party, now) ||", new: "!known ||",
		does: "whoever stole a key goes on for an hour after it was taken away",
	},
	{
		name: "quota-of-requests", file: "gateway/quota.go", caught: "TestQuotas",
		old: "	n, wait := uint64(items), int64(0)", new: "	n, wait := uint64(min(items, 1)), int64(0)",
		does: "a request in bulk counts as one",
	},
	{
		name: "key-of-two-parties", file: "storage/partychange.go", caught: "TestNoTwoPartiesHaveOneKey",
		old: "	if err := b.partyIndex.free(p); err != nil {", new: "	if err := b.partyIndex.free(p); err != nil && false {",
		does: "a party takes the key of another, and with it what that asks",
	},
	{
		name: "removed-partys-key-found", file: "storage/partyindex.go", caught: "TestPartiesAreFoundByWhatTheyHave",
		old:  "	if p, ok = s.RelyingParty(known.owner); !ok {\n		return zhenni.RelyingParty{}, key, false\n	}\n	for _, k := range p.Keys {\n		if k.Public == known.public {\n			return p, k, true\n		}\n	}\n	return zhenni.RelyingParty{}, key, false",
		new:  "	p = (*s.parties.Load())[known.owner].RelyingParty\n	for _, k := range p.Keys {\n		return p, k, true\n	}\n	return p, key, false",
		does: "a party is found by the first of its keys, whichever was asked for",
	},
	{
		name: "replay-after-a-restart", file: "storage/nonce/files.go", caught: "TestOutlivesTheProcess",
		old: "		case !s.segments[slot].load(h.number, content[headerSize:]):", new: "		case !s.segments[slot].load(h.number, nil):",
		does: "a restart forgets which requests came",
	},
	{
		name: "full-nonces-let-in", file: "storage/nonce/segment.go", caught: "TestFullRefusesWhatIsNew",
		old: "	if place = g.count.Add(1) - 1; place >= capacity {", new: "	if place = g.count.Add(1) - 1; place >= capacity && capacity == 0 {",
		does: "nonces fill memory and disk",
	},
	{
		name: "unknown-past-believed", file: "storage/nonce/store.go", caught: "TestUnknownPastIsRefused",
		old: "	case created.Unix() < s.after:", new: "	case created.Unix() < s.after && s.files == nil:",
		does: "after a power failure every request of the last minute can be sent again",
	},
	{
		name: "clock-steps-back-unseen", file: "storage/nonce/store.go", caught: "TestClockStepsBack",
		old: "	case number < s.floor || number <= s.newest-held:", new: "	case number < s.floor:",
		does: "a clock that steps back meets requests that are forgotten, and takes them again",
	},
}
