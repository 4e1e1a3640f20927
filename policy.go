package zhenni

import (
	"slices"
	"time"
)

// Policy decides who may ask for what on which evidence. It does not change, and is safe for concurrent use.
type Policy struct {
	// Catalogue has the services there are.
	Catalogue *Catalogue
	// Rates are those of what is compared: [NewRates], with [Profile.Rate] where a profile is served.
	Rates Rates
	// Joint are calibrations of several means at once.
	Joint []Joint
}

// Ruling is what a policy says of a request. Its zero value is none, so that a ruling that was never made admits nobody.
type Ruling uint8

// The rulings. All but Admitted refuse. Those of the first group are about what the relying party asks and shows; it is told.
// Those of the second are about the credential; to the relying party they look like any other no.
const (
	NoRuling Ruling = iota
	Admitted

	// RulingService: there is no such service, or it is not one of the relying party's.
	RulingService
	// RulingPurpose: the purpose is not one of the service's, or not one that the relying party was granted.
	RulingPurpose
	// RulingModality: what is compared is not a factor of the service.
	RulingModality
	// RulingPerItem: the service asks for evidence on each item, which a request in bulk does not have.
	RulingPerItem
	// RulingFactor: what is shown meets no way of the service.
	RulingFactor
	// RulingSpare: one of two factors that are compared is of no use to the service.
	RulingSpare
	// RulingPossession: the signature of the device is missing.
	RulingPossession
	// RulingLiveness: there is no evidence of liveness, or of a lower level. RulingLivenessStale: it is too old.
	RulingLiveness
	RulingLivenessStale
	// RulingCapture: it is not said when the capture was made. RulingCaptureStale: it is too old.
	RulingCapture
	RulingCaptureStale
	// RulingRate: the calibration that is served does not carry the false match rate that the service needs.
	RulingRate

	// RulingUnknown: there is no such credential for the relying party.
	RulingUnknown
	// RulingStatus: the credential is not active. RulingValidity: it is outside its time.
	RulingStatus
	RulingValidity
	// RulingLevel: the credential was issued at a lower level.
	RulingLevel
	// RulingLocked: the holder has locked a factor that is used.
	RulingLocked
	// RulingDevice: what is signed as by the credential's device is not.
	RulingDevice
)

var rulingNames = names[Ruling]{
	Admitted: "admitted", RulingService: "service", RulingPurpose: "purpose", RulingModality: "modality", RulingPerItem: "per_item",
	RulingFactor: "factor", RulingSpare: "spare", RulingPossession: "possession", RulingLiveness: "liveness", RulingLivenessStale: "liveness_stale",
	RulingCapture: "capture", RulingCaptureStale: "capture_stale", RulingRate: "rate", RulingUnknown: "unknown",
	RulingStatus: "status", RulingValidity: "validity", RulingLevel: "level", RulingLocked: "locked", RulingDevice: "device",
}

// String returns the word for r.
func (r Ruling) String() string { return rulingNames.name(r, "ruling") }

// Private reports whether r refuses by a fact of the credential, which is nobody's business but its issuer's and holder's. The
// comparison is then made all the same, and its outcome is [NoMatch].
func (r Ruling) Private() bool { return r >= RulingUnknown || r == NoRuling }

// MaxClockAhead is how far the clock of whoever made evidence may be ahead.
const MaxClockAhead = 5 * time.Second

// Ask rules on what can be said before anything is looked at: whether party may ask for the service under that purpose, by
// comparing that factor. The service is nil unless it is Admitted.
func (p Policy) Ask(party RelyingParty, service, purpose string, compared Factor) (*Service, Ruling) {
	granted, under := party.MayAsk(service, purpose)
	if p.Catalogue == nil || !granted {
		return nil, RulingService
	}
	s, known := p.Catalogue.Service(service)
	switch {
	case !known:
		return nil, RulingService
	case !under || !slices.Contains(s.Purposes, purpose):
		return nil, RulingPurpose
	case compared != 0 && !(s.Factors.Means() | s.WithoutFace.Means()).Has(Means(compared)):
		return nil, RulingModality
	}
	return s, Admitted
}

// CredentialFacts are what a policy looks at in a credential. The zero value is no credential.
type CredentialFacts struct {
	Tenant TenantID
	Level  Level
	Status Status
	// NotBefore and NotAfter bound its validity; zero is open. It is valid at NotBefore and not any more at NotAfter.
	NotBefore, NotAfter time.Time
	// Locked are the means that the holder has locked.
	Locked MeansSet
	// Identified says that it was issued to a subject, whose identity was proved then; else it was enrolled, or imported.
	Identified bool
}

// Shown is what a request shows beside the probe. All of it was checked: it is bound to the request, and signed by who may sign.
type Shown struct {
	// Compared is the biometric factor that is compared; 0 where none is. Also is a second one, compared by a probe of its own
	// beside it. Both have to be of the way: by the same group either is enough, by two it takes both.
	Compared, Also Factor
	// Others are the means shown that are not compared. A PIN counts beside something held, and beside a probe only where the
	// way takes both; it is looked at last, once all else is admitted.
	Others MeansSet
	// NotDevice says that something is signed as by the credential's device, and is not.
	NotDevice bool
	// Liveness is the highest level there is evidence of, made at LivenessAt; of two captures that of the one which has less.
	Liveness   Liveness
	LivenessAt time.Time
	// CapturedAt is when the capture was made, as the relying party says; zero where it does not.
	CapturedAt time.Time
}

// Admission is what a match is worth. It is of no use before there is one.
type Admission struct {
	// Level is the least level the credential has: the one that the service asks for.
	Level Level
	// Means are those by which the way was met.
	Means MeansSet
	// FMR is the false match rate of the transaction, as an upper bound: of an impostor who shows what was shown here, and has
	// stolen what is held. It is 1 where nothing is compared or guessed.
	FMR        Rate
	Assertions Assertions
	// AnyOne says that of two factors compared either is enough.
	AnyOne bool
}

// Assertions are the three things that a yes may say. Each is true only where the evidence carried it.
type Assertions struct {
	// IdentityAuthentic: there is an identity behind the credential, and it was proved at its issue, to the level that the service
	// asks for. A level alone proves none: who enrols a template may write any.
	IdentityAuthentic bool
	// DocumentValid: the credential is active and within its validity at the time of the decision.
	DocumentValid bool
	// SamePerson: a biometric factor matched, in a capture of which there is evidence that it was of a living, present person.
	SamePerson bool
}

// Decide rules on the evidence for a service that [Policy.Ask] admitted, at the time now. The admission is zero unless it is
// Admitted. What the relying party did not show is ruled on first, without a look at the credential.
func (p Policy) Decide(s *Service, tenant TenantID, facts CredentialFacts, shown Shown, now time.Time) (Admission, Ruling) {
	admission, ruling := p.Weigh(s, shown, now)
	if ruling != Admitted {
		return Admission{}, ruling
	}
	if ruling := s.fits(tenant, facts, admission.Means, now); ruling != Admitted {
		return Admission{}, ruling
	}
	if shown.NotDevice {
		return Admission{}, RulingDevice
	}
	admission.Assertions.IdentityAuthentic = facts.Identified && facts.Level >= s.Level
	admission.Assertions.DocumentValid = facts.Status == StatusActive
	return admission, Admitted
}

// Weigh rules on what the relying party shows, without a look at the credential. The admission lacks what only the
// credential can assert.
func (p Policy) Weigh(s *Service, shown Shown, now time.Time) (Admission, Ruling) {
	probes := shown.compared()
	set := shown.Others&^biometric | probes
	if set&held == 0 {
		// Its attempts are few, and whoever holds nothing of a person's must not use them up.
		set &^= NewMeansSet(MeansPIN)
	}
	if probes != 0 && set.Has(MeansPIN) {
		set = s.withoutSparePIN(set, probes)
	}
	way, used, ruling := s.way(set, probes)
	if ruling != Admitted {
		return Admission{}, ruling
	}
	if s.Possession {
		used |= NewMeansSet(MeansPossession)
	}
	compared := used&biometric != 0
	if ruling := s.fresh(shown, set, compared, now); ruling != Admitted {
		return Admission{}, ruling
	}
	rate := way.rate(used, &p.Rates, p.Joint)
	if compared && !(rate <= s.FMR) {
		return Admission{}, RulingRate
	}
	admission := Admission{Level: s.Level, Means: used, FMR: rate, AnyOne: way.anyOf(probes)}
	admission.Assertions.SamePerson = compared && shown.Liveness >= LivenessPassive && validAtAge(shown.LivenessAt, s.livenessAge(), now)
	return admission, Admitted
}

// withoutSparePIN leaves a PIN that is shown beside a probe out where no way needs it: its attempts are few.
func (s *Service) withoutSparePIN(shown, probes MeansSet) MeansSet {
	without := shown &^ NewMeansSet(MeansPIN)
	if _, _, ruling := s.way(without, probes); ruling == Admitted {
		return without
	}
	return shown
}

// way returns the first way that what is shown meets; where two factors are compared, one that takes both.
func (s *Service) way(shown, probes MeansSet) (Way, MeansSet, Ruling) {
	ruling := RulingFactor
	for _, way := range [...]Way{s.Factors, s.WithoutFace} {
		used, met := way.Met(shown)
		if met && (probes.Len() < 2 || probes&^used == 0) {
			return way, used, Admitted
		}
		if met {
			ruling = RulingSpare
		}
	}
	return nil, 0, ruling
}

// livenessAge is how old evidence of liveness may be for it to say anything: what the service asks, or a minute.
func (s *Service) livenessAge() time.Duration {
	if s.LivenessMaxAge == 0 {
		return time.Minute
	}
	return s.LivenessMaxAge
}

// fresh rules on possession, liveness and the time of the capture. Where nothing is compared there is no capture.
func (s *Service) fresh(shown Shown, set MeansSet, compared bool, now time.Time) Ruling {
	switch {
	case s.Possession && !set.Has(MeansPossession):
		return RulingPossession
	case !compared:
		return Admitted
	}
	return s.Live(shown, now)
}

// Live rules on the liveness and the time of a capture, whatever becomes of it.
func (s *Service) Live(shown Shown, now time.Time) Ruling {
	switch {
	case shown.Liveness < s.Liveness:
		return RulingLiveness
	case s.Liveness != LivenessNone && !validAtAge(shown.LivenessAt, s.LivenessMaxAge, now):
		return RulingLivenessStale
	case s.CaptureMaxAge == 0:
		return Admitted
	case shown.CapturedAt.IsZero():
		return RulingCapture
	case !validAtAge(shown.CapturedAt, s.CaptureMaxAge, now):
		return RulingCaptureStale
	}
	return Admitted
}

// validAtAge reports whether t is at most age before now, and no further ahead than clocks may be.
func validAtAge(t time.Time, age time.Duration, now time.Time) bool {
	since := now.Sub(t)
	return !t.IsZero() && since <= age && since >= -MaxClockAhead
}

// fits rules on the facts of the credential.
func (s *Service) fits(tenant TenantID, facts CredentialFacts, used MeansSet, now time.Time) Ruling {
	switch {
	case facts.Tenant == 0 || facts.Tenant != tenant:
		return RulingUnknown
	case facts.Status != StatusActive:
		return RulingStatus
	case now.Before(facts.NotBefore) || !facts.NotAfter.IsZero() && !now.Before(facts.NotAfter):
		return RulingValidity
	case facts.Level < s.Level:
		return RulingLevel
	case facts.Locked&used != 0:
		return RulingLocked
	}
	return Admitted
}
