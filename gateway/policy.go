package gateway

import (
	"slices"
	"strconv"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// terms are the service that a request is for, and what it shows for it. The zero value is a request without a service.
type terms struct {
	service, purpose string
	tokens           [][]byte // in the request's body
	capturedAt       time.Time

	// granted is the service, once the policy has let the party ask for it.
	granted *zhenni.Service
	// unprobed is of a verification without a probe, sealedPIN the PIN in its place or beside it: nil for none, else in the
	// request's body.
	unprobed bool
	// tries are the comparisons that came before, of an answer in a session: by the union bound the rate of a yes grows with them.
	tries int
	// bound is the session of such an answer; subject, unless zero, whom evidence is about in the place of the credential, where who
	// signs is not told that; sent the digest of the capture as it was sent, where another is compared.
	bound     zhenni.Binding
	subject   zhenni.CredentialID
	sent      [32]byte
	sealedPIN []byte
	// shown is what a single verification shows.
	shown zhenni.Shown
	// looked is the record by which the device was known, of a single verification that shows what is signed as by one; none otherwise.
	looked look
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

// noLevel is above every level: no credential is matched at it, by the work of a comparison.
const noLevel = ^zhenni.Level(0)

// level is the least level of a credential that is matched.
func (t *terms) level() zhenni.Level {
	switch {
	case t.granted == nil:
		return 0
	case t.ruling.Private() && t.ruling != zhenni.NoRuling:
		return noLevel // nor is it an attempt: whoever has not the device can not fail by the face
	}
	return t.granted.Level
}

// newPolicy is the policy of what is served by a model: the one factor that is compared has its profile's rate, PINs have theirs where
// they are kept, and nothing else has one.
func newPolicy(c Config, profile zhenni.Profile) zhenni.Policy {
	p := zhenni.Policy{Catalogue: c.Catalogue, Rates: zhenni.NewRates()}
	p.Rates[zhenni.Means(profile.Model.Factor)] = profile.Rate()
	if c.PINs != nil {
		p.Rates[zhenni.MeansPIN] = zhenni.PINRate()
	}
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
	if err := rq.takeEvidence(tokens, captured); err != nil {
		return err
	}
	return rq.nameTerms(service.value, purpose.value)
}

// takeEvidence takes the tokens of a document, and when the capture was made.
func (rq *request) takeEvidence(tokens, captured *field) error {
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
	return nil
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
	policy := &s.by(rq).policy
	granted, ruling := policy.Ask(rq.party, rq.terms.service, rq.terms.purpose, s.compared(rq))
	if also := s.comparedAlso(rq); ruling == zhenni.Admitted && also != 0 {
		granted, ruling = policy.Ask(rq.party, rq.terms.service, rq.terms.purpose, also)
	}
	rq.terms.granted = granted
	return refuseRuling(ruling)
}

// compared is the factor that is compared, 0 without a probe.
func (s *Server) compared(rq *request) zhenni.Factor {
	if rq.terms.unprobed {
		return 0
	}
	return s.by(rq).profile.Model.Factor
}

// permit rules on a single verification. What the party did wrong is an error; what the credential lacks is kept from it: the
// node does not match one below its level, and where the device is another's the comparison is made all the same, and screen
// makes its outcome a no.
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
	weighed, ruling := s.by(rq).policy.Weigh(t.granted, shown, now)
	if ruling != zhenni.Admitted {
		return refuseRuling(ruling)
	}
	if t.sealedPIN != nil && shown.Compared != 0 && weighed.Means&bothOf(shown.Compared) != bothOf(shown.Compared) {
		return refuse(kindEvidence, "the service asks for no PIN beside this probe")
	}
	batch.AnyOne = weighed.AnyOne
	ofDevice, found, err := s.ofDevice(batch.IDs[0], byDevice)
	if err != nil {
		return err
	}
	t.looked = found
	shown.NotDevice = !ofDevice
	t.shown = shown
	if ofDevice && slices.ContainsFunc(byDevice, isPossession) {
		batch.Lanes = byHolder
	}
	// What the node matches is an active credential of the tenant, within its time and of the level asked for: that costs the
	// same whether there is one, as a look at its record would not. Whether it has a subject is seen once it matched.
	matched := zhenni.CredentialFacts{Tenant: rq.party.Tenant, Level: t.granted.Level, Status: zhenni.StatusActive, Identified: true}
	t.admission, t.ruling = s.by(rq).policy.Decide(t.granted, rq.party.Tenant, matched, shown, now)
	t.admission.FMR = min(1, t.admission.FMR*zhenni.Rate(1+t.tries))
	return nil
}

// byHolder is the lane of one item that the holder's device vouches for. Nobody writes to it.
var byHolder = []zhenni.Lane{zhenni.LanePossession}

func isPossession(t *evidence.Token) bool { return t.Claims().Kind == evidence.Possession }

// permitAll rules on a request in bulk, before any item is looked at.
func (s *Server) permitAll(rq *request) error {
	t, compared := &rq.terms, s.compared(rq)
	if err := s.grant(rq); err != nil || t.granted == nil {
		return err
	}
	if t.granted.PerItem(compared) {
		return refuseRuling(zhenni.RulingPerItem)
	}
	_, ruling := s.by(rq).policy.Weigh(t.granted, zhenni.Shown{Compared: compared}, s.config.Now())
	return refuseRuling(ruling)
}

// screen makes a yes a no where the policy does not admit the credential. It changes nothing else.
func (rq *request) screen(batch *zhenni.Batch) {
	if t := &rq.terms; t.granted != nil && t.ruling != zhenni.Admitted && batch.Outcomes[0] == zhenni.Match {
		batch.Outcomes[0] = zhenni.NoMatch
	}
}

// The kinds of refusal by a policy.
var (
	kindService  = &kind{403, "service_refused", "The relying party may not ask for this service.", "Ask for a service that the operator has granted.", false, false}
	kindPurpose  = &kind{403, "purpose_refused", "The service has no such purpose, or it was not granted.", "Name a purpose of the service that the operator has granted.", false, false}
	kindModality = &kind{403, "modality_refused", "The service does not take what the model served compares.", "Use another factor of the service.", false, false}
	kindRate     = &kind{403, "service_unsupported", "The profile served does not carry the false match rate that the service needs.", "Ask the operator for a profile that does.", false, false}
	kindEvidence = &kind{422, "evidence_refused", "The evidence is not what the service asks for.", "Correct the part named in detail, or capture again.", false, false}
)

// rulings are the ways in which the party is told of a ruling.
var rulings = map[zhenni.Ruling]refusal{
	zhenni.RulingService: {kind: kindService}, zhenni.RulingPurpose: {kind: kindPurpose}, zhenni.RulingModality: {kind: kindModality},
	zhenni.RulingRate:          {kind: kindRate},
	zhenni.RulingPerItem:       {kindEvidence, "the service asks for evidence on each item: verify one at a time"},
	zhenni.RulingFactor:        {kindEvidence, "a factor of the service is missing"},
	zhenni.RulingSpare:         {kindEvidence, "the service does not take both probes together"},
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
