package gateway

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// Devices knows by what keys the devices of credentials sign. Its methods may be called from several goroutines.
type Devices interface {
	// DeviceKey returns the key of the one device that holds the credential; the zero key where there is none.
	DeviceKey(id zhenni.CredentialID) (zhenni.PublicKey, error)
}

// Bounds of the evidence of one request.
const (
	maxEvidence      = 8
	maxEvidenceBytes = 8 << 10
)

// terms are the service that a request is for, and what it shows for it. The zero value is a request without a service.
type terms struct {
	service, purpose string
	tokens           [][]byte // in the request's body
	capturedAt       time.Time

	// granted is the service, once the policy has let the party ask for it.
	granted *zhenni.Service
	// admission is what a match is worth; with ruling, of a single verification.
	admission zhenni.Admission
	ruling    zhenni.Ruling
}

// mediaOf makes the terms in the head part of what a request in bulk asks; those of a document are in its body.
func (t *terms) mediaOf(media string) string {
	if t.service == "" || media == mediaJSON {
		return media
	}
	return media + "\n" + t.service + "\n" + t.purpose
}

// newPolicy is the policy of what is served: the one factor that is compared has the profile's rate, and no other has one.
func newPolicy(c Config) zhenni.Policy {
	p := zhenni.Policy{Catalogue: c.Catalogue, Rates: zhenni.NewRates()}
	p.Rates[zhenni.Means(c.Profile.Model.Factor)] = c.Profile.Rate()
	return p
}

// takeTerms takes what a document says of the service it is for.
func (rq *request) takeTerms(fields []field) error {
	service, purpose, tokens, captured := &fields[fieldBodyService], &fields[fieldBodyPurpose], &fields[fieldEvidence], &fields[fieldCapturedAt]
	if rq.ctx.Request.Header.Peek("Service") != nil || rq.ctx.Request.Header.Peek("Purpose") != nil {
		return refuse(kindSyntax, "service and purpose of one verification are named in its document")
	}
	if (service.value == nil) != (purpose.value == nil) || service.value == nil && (tokens.value != nil || captured.value != nil) {
		return refuse(kindItem, "service and purpose are named together, and evidence and captured_at with them")
	}
	if service.value == nil {
		return nil
	}
	if service.number || purpose.number {
		return refuse(kindItem, "service or purpose is not a string")
	}
	if captured.value != nil {
		var ok bool
		if rq.terms.capturedAt, ok = parseTime(string(captured.value)); !ok || captured.number {
			return refuse(kindItem, "captured_at is not a time in UTC as 2006-01-02T15:04:05Z, with or without milliseconds")
		}
	}
	size := 0
	for _, token := range tokens.items {
		size += len(token)
	}
	if size > maxEvidenceBytes {
		return refuse(kindItem, "evidence is more than "+strconv.Itoa(maxEvidenceBytes)+" bytes")
	}
	rq.terms.tokens = tokens.items
	return rq.nameTerms(service.value, purpose.value)
}

// takeHeadTerms takes the service that a request in bulk names, once for all items.
func (rq *request) takeHeadTerms() error {
	service, purpose := rq.ctx.Request.Header.Peek("Service"), rq.ctx.Request.Header.Peek("Purpose")
	if (service == nil) != (purpose == nil) {
		return refuse(kindSyntax, "the fields Service and Purpose go together")
	}
	if service == nil {
		return nil
	}
	return rq.nameTerms(service, purpose)
}

func (rq *request) nameTerms(service, purpose []byte) error {
	rq.terms.service, rq.terms.purpose = string(service), string(purpose)
	if !zhenni.ValidName(rq.terms.service) || !zhenni.ValidName(rq.terms.purpose) {
		return refuse(kindSyntax, "service or purpose is not 1–64 of a–z 0–9 - _ .")
	}
	return nil
}

// parseTime reads a time in one of its two written forms, in UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000Z"} {
		if t, err := time.Parse(layout, s); err == nil && t.Format(layout) == s {
			return t, true
		}
	}
	return time.Time{}, false
}

// grant lets the party ask for the service it names, or without one where it was granted none.
func (s *Server) grant(rq *request) error {
	if rq.terms.service == "" {
		if len(rq.party.Services) > 0 {
			return refuse(kindService, "name one of the services that were granted")
		}
		return nil
	}
	granted, ruling := s.policy.Ask(rq.party, rq.terms.service, rq.terms.purpose, s.config.Profile.Model.Factor)
	rq.terms.granted = granted
	return refuseRuling(ruling)
}

// permit rules on a single verification. What the party did wrong is an error; what the credential lacks is kept from it:
// the comparison is made all the same, and screen makes its outcome a no.
func (s *Server) permit(rq *request, batch *zhenni.Batch) error {
	t := &rq.terms
	if err := s.grant(rq); err != nil || t.granted == nil {
		return err
	}
	now := s.config.Now()
	shown, byDevice, err := s.readEvidence(rq, batch, now)
	if err != nil {
		return err
	}
	if _, ruling := s.policy.Weigh(t.granted, shown, now); ruling != zhenni.Admitted {
		return refuseRuling(ruling)
	}
	facts, err := s.facts(batch.IDs[0])
	if err != nil {
		return err
	}
	ofDevice, err := s.ofDevice(batch.IDs[0], byDevice)
	if err != nil {
		return err
	}
	shown.NotDevice = !ofDevice
	t.admission, t.ruling = s.policy.Decide(t.granted, rq.party.Tenant, facts, shown, now)
	return nil
}

// permitAll rules on a request in bulk, before any item is looked at.
func (s *Server) permitAll(rq *request) error {
	t, compared := &rq.terms, s.config.Profile.Model.Factor
	if err := s.grant(rq); err != nil || t.granted == nil {
		return err
	}
	if t.granted.PerItem(compared) {
		return refuseRuling(zhenni.RulingPerItem)
	}
	_, ruling := s.policy.Weigh(t.granted, zhenni.Shown{Compared: compared}, s.config.Now())
	return refuseRuling(ruling)
}

// screen makes a yes a no where the policy does not admit the credential. It changes nothing else.
func (rq *request) screen(batch *zhenni.Batch) {
	if t := &rq.terms; t.granted != nil && t.ruling != zhenni.Admitted && batch.Outcomes[0] == zhenni.Match {
		batch.Outcomes[0] = zhenni.NoMatch
	}
}

// verifyScreened asks the node about the items of a request in bulk, and makes those a no of which the policy does not admit the
// credential. It looks at every credential that was compared, so that the time does not tell which matched.
func (s *Server) verifyScreened(rq *request, batch *zhenni.Batch, deadline time.Time) error {
	if err := s.verify(rq, batch, deadline); err != nil || rq.terms.granted == nil {
		return err
	}
	shown, now := zhenni.Shown{Compared: s.config.Profile.Model.Factor}, s.config.Now()
	for i, outcome := range batch.Outcomes {
		if outcome != zhenni.Match && outcome != zhenni.NoMatch {
			continue
		}
		facts, err := s.facts(batch.IDs[i])
		if err != nil {
			return err
		}
		if _, ruling := s.policy.Decide(rq.terms.granted, rq.party.Tenant, facts, shown, now); ruling != zhenni.Admitted {
			batch.Outcomes[i] = zhenni.NoMatch
		}
	}
	return nil
}

// facts are what the policy looks at in a credential; zero where there is none.
func (s *Server) facts(id zhenni.CredentialID) (zhenni.CredentialFacts, error) {
	c, err := s.node.Credential(id)
	if errors.Is(err, zhenni.ErrNotFound) {
		return zhenni.CredentialFacts{}, nil
	}
	return zhenni.CredentialFacts{Tenant: c.Tenant, Level: c.Level, Status: c.Status}, err
}

// readEvidence reads the tokens and holds them to the request. Those of terminals are verified; those of the credential's
// device are returned, for whose key it is is a fact of the credential.
func (s *Server) readEvidence(rq *request, batch *zhenni.Batch, now time.Time) (shown zhenni.Shown, byDevice []*evidence.Token, err error) {
	shown = zhenni.Shown{Compared: s.config.Profile.Model.Factor, CapturedAt: rq.terms.capturedAt}
	if len(rq.terms.tokens) == 0 {
		return shown, nil, nil
	}
	expected := evidence.Expected{
		Subject: batch.IDs[0], Capture: captureOf(batch), Transaction: rq.transaction, Party: rq.party.ID, Nonce: rq.nonce,
		MaxAge: rq.terms.granted.EvidenceMaxAge(),
	}
	for i, written := range rq.terms.tokens {
		token, err := evidence.Parse(written)
		if err == nil {
			err = token.Check(expected, now)
		}
		switch {
		case err != nil:
		case token.Claims().Terminal == "":
			byDevice = append(byDevice, token)
		default:
			err = token.Verify(s.terminalKey(rq.party.Tenant, token, now))
		}
		if err != nil {
			return shown, nil, refuse(kindEvidence, "evidence["+strconv.Itoa(i)+"]: "+evidenceFault(err))
		}
		show(&shown, token.Claims())
	}
	return shown, byDevice, nil
}

// captureOf is the digest of the probe of a batch of one.
func captureOf(batch *zhenni.Batch) [sha256.Size]byte {
	if batch.Int8 != nil {
		return sha256.Sum256(int8Bytes(batch.Int8))
	}
	return sha256.Sum256(float32Bytes(batch.Float32))
}

// show adds what a token says to what is shown. Of several on liveness the highest level counts, and of these the newest.
func show(shown *zhenni.Shown, c evidence.Claims) {
	at := time.Unix(c.IssuedAt, 0)
	switch c.Kind {
	case evidence.Liveness:
		if c.Level > shown.Liveness || c.Level == shown.Liveness && at.After(shown.LivenessAt) {
			shown.Liveness, shown.LivenessAt = c.Level, at
		}
	case evidence.Possession:
		shown.Others |= zhenni.NewMeansSet(zhenni.MeansPossession)
	case evidence.Card:
		shown.Others |= zhenni.NewMeansSet(zhenni.MeansCard)
	case evidence.Document:
		shown.Others |= zhenni.NewMeansSet(zhenni.MeansDocument)
	}
}

// terminalKey is the key that a token names, where it is one of a terminal of the tenant; else the zero key, which signs
// nothing.
func (s *Server) terminalKey(tenant zhenni.TenantID, token *evidence.Token, now time.Time) zhenni.PublicKey {
	c := token.Claims()
	terminal, known := s.node.RelyingParty(c.Terminal)
	if !known || terminal.Tenant != tenant || !terminal.Roles.Has(zhenni.RoleTerminal) {
		return zhenni.PublicKey{}
	}
	for _, k := range terminal.Keys {
		if k.Public.Thumbprint() == c.KeyID && (k.NotAfter.IsZero() || now.Before(k.NotAfter)) {
			return k.Public
		}
	}
	return zhenni.PublicKey{}
}

// ofDevice reports whether all tokens are signed by the credential's device. The work is that of the tokens, whatever the
// credential has: with no key, or one of another algorithm, they are verified by a decoy, and do not count.
func (s *Server) ofDevice(id zhenni.CredentialID, tokens []*evidence.Token) (bool, error) {
	if len(tokens) == 0 {
		return true, nil
	}
	var key zhenni.PublicKey
	if s.config.Devices != nil {
		var err error
		if key, err = s.config.Devices.DeviceKey(id); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
			return false, err
		}
	}
	all := true
	for _, token := range tokens {
		with, real := key, key.Algorithm() == token.Algorithm()
		if !real {
			with = decoyKeys[token.Algorithm()]
		}
		all = token.Verify(with) == nil && real && all
	}
	return all, nil
}

// decoyKeys are compared with where there is no key.
var decoyKeys = func() map[zhenni.KeyAlgorithm]zhenni.PublicKey {
	seed := sha256.Sum256([]byte("zhenni decoy key"))
	nist, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		panic(err) // the seed is a constant
	}
	point, err := nist.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	keys := make(map[zhenni.KeyAlgorithm]zhenni.PublicKey)
	for algorithm, public := range map[zhenni.KeyAlgorithm][]byte{
		zhenni.KeyEd25519: ed25519.NewKeyFromSeed(seed[:])[ed25519.SeedSize:], zhenni.KeyP256: point,
	} {
		if keys[algorithm], err = zhenni.NewPublicKey(algorithm, public); err != nil {
			panic(err)
		}
	}
	return keys
}()

// evidenceFault is what the party is told of a token: its class.
func evidenceFault(err error) string {
	for _, class := range []struct {
		err  error
		text string
	}{
		{evidence.ErrMalformed, "malformed"}, {evidence.ErrSubject, "of another credential"}, {evidence.ErrCapture, "of another capture"},
		{evidence.ErrTransaction, "of another transaction"}, {evidence.ErrParty, "for another relying party"},
		{evidence.ErrNonce, "of another request"}, {evidence.ErrStale, "too old"}, {evidence.ErrAhead, "of later than now"},
	} {
		if errors.Is(err, class.err) {
			return class.text
		}
	}
	return "not signed by a terminal of the tenant" // whether there is such a terminal is not said
}

// rulings are the ways in which the party is told of a ruling.
var rulings = map[zhenni.Ruling]refusal{
	zhenni.RulingService: {kind: kindService}, zhenni.RulingPurpose: {kind: kindPurpose}, zhenni.RulingModality: {kind: kindModality},
	zhenni.RulingRate:          {kind: kindRate},
	zhenni.RulingPerItem:       {kindEvidence, "the service asks for evidence on each item: verify one at a time"},
	zhenni.RulingFactor:        {kindEvidence, "a factor of the service is missing"},
	zhenni.RulingPossession:    {kindEvidence, "evidence of possession is missing"},
	zhenni.RulingLiveness:      {kindEvidence, "evidence of liveness is missing, or of a lower level"},
	zhenni.RulingLivenessStale: {kindEvidence, "evidence of liveness is too old"},
	zhenni.RulingCapture:       {kindEvidence, "captured_at is missing"},
	zhenni.RulingCaptureStale:  {kindEvidence, "the capture is too old"},
}

// refuseRuling is the error of a ruling that the party is told of, nil where it is admitted. What is not for the party does not come
// here.
func refuseRuling(r zhenni.Ruling) error {
	if r == zhenni.Admitted {
		return nil
	}
	if told, known := rulings[r]; known {
		return &told
	}
	return refuse(kindInternal, "")
}

// appendAdmission writes what a yes says beside the verdict. A no, and a yes without a service, say nothing.
func (rq *request) appendAdmission(dst []byte, outcome zhenni.Outcome) []byte {
	t := &rq.terms
	if t.granted == nil || t.ruling != zhenni.Admitted || outcome != zhenni.Match {
		return dst
	}
	a := &t.admission
	dst = strconv.AppendBool(append(dst, `,"assertions":{"identity_authentic":`...), a.Assertions.IdentityAuthentic)
	dst = strconv.AppendBool(append(dst, `,"document_valid":`...), a.Assertions.DocumentValid)
	dst = strconv.AppendBool(append(dst, `,"same_person":`...), a.Assertions.SamePerson)
	dst = append(append(append(dst, `},"level":"`...), a.Level.String()...), `","factors":`...)
	separator := byte('[')
	for m := range a.Means.All {
		dst = append(append(append(dst, separator, '"'), m.String()...), '"')
		separator = ','
	}
	dst = append(dst, `],"fmr":`...)
	return strconv.AppendFloat(dst, float64(a.FMR), 'g', -1, 64)
}
