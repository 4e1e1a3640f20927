package zhenni_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"zhenni"
)

var policyNow = time.Unix(1_700_000_000, 0)

// testCatalogue reads services of which only what a test is about is spelled out.
func testCatalogue(t testing.TB, services ...string) *zhenni.Catalogue {
	t.Helper()
	c, err := zhenni.ReadCatalogue(strings.NewReader(`{"version":"test","services":[` + strings.Join(services, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const strictService = `{
  "id": "strict", "zh": "严", "en": "Strict", "category": "test", "purposes": ["open", "close"],
  "level": "full", "factors": [["face"]], "without_face": [["card"], ["pin", "document"]],
  "liveness": "active", "liveness_max_age_s": 60, "capture_max_age_s": 30, "possession": true, "fmr": 1e-6
}`

const openService = `{
  "id": "open", "zh": "宽", "en": "Open", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face", "voice"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-3
}`

func testPolicy(t testing.TB) zhenni.Policy {
	p := zhenni.Policy{Catalogue: testCatalogue(t, strictService, openService), Rates: zhenni.NewRates()}
	p.Rates[zhenni.MeansFace], p.Rates[zhenni.MeansVoice] = 1e-6, 1e-4
	return p
}

// FAULTS: Z8
func TestAsk(t *testing.T) {
	p := testPolicy(t)
	granted := zhenni.RelyingParty{Services: []string{"strict", "gone"}}
	narrowed := zhenni.RelyingParty{Services: []string{"strict:close", "open:leave"}}
	for name, c := range map[string]struct {
		party            zhenni.RelyingParty
		service, purpose string
		factor           zhenni.Factor
		want             zhenni.Ruling
	}{
		"granted":              {granted, "strict", "open", zhenni.FactorFace, zhenni.Admitted},
		"second purpose":       {granted, "strict", "close", zhenni.FactorFace, zhenni.Admitted},
		"nothing compared":     {granted, "strict", "open", 0, zhenni.Admitted},
		"not granted":          {granted, "open", "enter", zhenni.FactorFace, zhenni.RulingService},
		"not in the catalogue": {granted, "gone", "open", zhenni.FactorFace, zhenni.RulingService},
		"no such service":      {granted, "none", "open", zhenni.FactorFace, zhenni.RulingService},
		"no name":              {granted, "", "", zhenni.FactorFace, zhenni.RulingService},
		"party without any":    {zhenni.RelyingParty{}, "strict", "open", zhenni.FactorFace, zhenni.RulingService},
		"its one purpose":      {narrowed, "strict", "close", zhenni.FactorFace, zhenni.Admitted},
		"not its purpose":      {narrowed, "strict", "open", zhenni.FactorFace, zhenni.RulingPurpose},
		"a purpose of nothing": {narrowed, "open", "leave", zhenni.FactorFace, zhenni.RulingPurpose},
		"a grant as a service": {narrowed, "strict:close", "close", zhenni.FactorFace, zhenni.RulingService},
		"half a grant":         {zhenni.RelyingParty{Services: []string{"stric", "strict.x"}}, "strict", "open", zhenni.FactorFace, zhenni.RulingService},
		"widened":              {zhenni.RelyingParty{Services: []string{"strict:close", "strict"}}, "strict", "open", zhenni.FactorFace, zhenni.Admitted},
		"other purpose":        {granted, "strict", "enter", zhenni.FactorFace, zhenni.RulingPurpose},
		"no purpose":           {granted, "strict", "", zhenni.FactorFace, zhenni.RulingPurpose},
		"purpose in capitals":  {granted, "strict", "Open", zhenni.FactorFace, zhenni.RulingPurpose},
		"other modality":       {granted, "strict", "open", zhenni.FactorVoice, zhenni.RulingModality},
		"unknown modality":     {granted, "strict", "open", 77, zhenni.RulingModality},
	} {
		service, got := p.Ask(c.party, c.service, c.purpose, c.factor)
		if got != c.want || (service != nil) != (got == zhenni.Admitted) || got.Private() {
			t.Errorf("%s: %v and %v, want %v", name, got, service, c.want)
		}
	}
	if _, got := (zhenni.Policy{}).Ask(granted, "strict", "open", zhenni.FactorFace); got != zhenni.RulingService {
		t.Errorf("without a catalogue: %v", got)
	}
}

// evidenceCase is one point of the space that decisions are made in.
type evidenceCase struct {
	shown zhenni.Shown
	facts zhenni.CredentialFacts
}

func goodCase() evidenceCase {
	return evidenceCase{
		zhenni.Shown{
			Compared: zhenni.FactorFace, Others: zhenni.NewMeansSet(zhenni.MeansPossession), Liveness: zhenni.LivenessActive,
			LivenessAt: policyNow.Add(-60 * time.Second), CapturedAt: policyNow.Add(-30 * time.Second),
		},
		zhenni.CredentialFacts{Tenant: 1, Level: zhenni.LevelFull, Status: zhenni.StatusActive, NotBefore: policyNow, NotAfter: policyNow.Add(1), Identified: true},
	}
}

// One change of what would be admitted, for every ruling.
//
// FAULTS: B10 B11
func TestDecideOneChange(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*evidenceCase)
		want   zhenni.Ruling
	}{
		"none":                      {func(*evidenceCase) {}, zhenni.Admitted},
		"clocks 5 s ahead":          {func(c *evidenceCase) { c.shown.LivenessAt = policyNow.Add(5 * time.Second) }, zhenni.Admitted},
		"more than is asked":        {func(c *evidenceCase) { c.shown.Others |= zhenni.NewMeansSet(zhenni.MeansCard) }, zhenni.Admitted},
		"without the face":          {withoutFace, zhenni.Admitted},
		"half of the other way":     {func(c *evidenceCase) { withoutFace(c); c.shown.Others &^= zhenni.NewMeansSet(zhenni.MeansPIN) }, zhenni.RulingFactor},
		"nothing shown":             {func(c *evidenceCase) { c.shown = zhenni.Shown{} }, zhenni.RulingFactor},
		"voice instead of the face": {func(c *evidenceCase) { c.shown.Compared = zhenni.FactorVoice }, zhenni.RulingFactor},
		"face that is only claimed": {func(c *evidenceCase) { c.shown.Compared, c.shown.Others = 0, 0xff }, zhenni.Admitted}, // by card and PIN
		"a face beside, claimed": {func(c *evidenceCase) {
			c.shown.Compared, c.shown.Others = 0, 1<<zhenni.MeansFace|1<<zhenni.MeansPossession
		}, zhenni.RulingFactor},
		"no possession":      {func(c *evidenceCase) { c.shown.Others = 0 }, zhenni.RulingPossession},
		"no liveness":        {func(c *evidenceCase) { c.shown.Liveness = zhenni.LivenessNone }, zhenni.RulingLiveness},
		"passive liveness":   {func(c *evidenceCase) { c.shown.Liveness = zhenni.LivenessPassive }, zhenni.RulingLiveness},
		"liveness too old":   {func(c *evidenceCase) { c.shown.LivenessAt = policyNow.Add(-60*time.Second - 1) }, zhenni.RulingLivenessStale},
		"liveness of later":  {func(c *evidenceCase) { c.shown.LivenessAt = policyNow.Add(5*time.Second + 1) }, zhenni.RulingLivenessStale},
		"liveness of never":  {func(c *evidenceCase) { c.shown.LivenessAt = time.Time{} }, zhenni.RulingLivenessStale},
		"capture not said":   {func(c *evidenceCase) { c.shown.CapturedAt = time.Time{} }, zhenni.RulingCapture},
		"capture too old":    {func(c *evidenceCase) { c.shown.CapturedAt = policyNow.Add(-30*time.Second - 1) }, zhenni.RulingCaptureStale},
		"capture of later":   {func(c *evidenceCase) { c.shown.CapturedAt = policyNow.Add(5*time.Second + 1) }, zhenni.RulingCaptureStale},
		"no credential":      {func(c *evidenceCase) { c.facts = zhenni.CredentialFacts{} }, zhenni.RulingUnknown},
		"another tenant's":   {func(c *evidenceCase) { c.facts.Tenant = 2 }, zhenni.RulingUnknown},
		"suspended":          {func(c *evidenceCase) { c.facts.Status = zhenni.StatusSuspended }, zhenni.RulingStatus},
		"erased":             {func(c *evidenceCase) { c.facts.Status = zhenni.StatusErased }, zhenni.RulingStatus},
		"not yet valid":      {func(c *evidenceCase) { c.facts.NotBefore = policyNow.Add(1) }, zhenni.RulingValidity},
		"not valid any more": {func(c *evidenceCase) { c.facts.NotAfter = policyNow }, zhenni.RulingValidity},
		"lite":               {func(c *evidenceCase) { c.facts.Level = zhenni.LevelLite }, zhenni.RulingLevel},
		"no level":           {func(c *evidenceCase) { c.facts.Level = 0 }, zhenni.RulingLevel},
		"face locked":        {func(c *evidenceCase) { c.facts.Locked = zhenni.NewMeansSet(zhenni.MeansFace) }, zhenni.RulingLocked},
		"device locked":      {func(c *evidenceCase) { c.facts.Locked = zhenni.NewMeansSet(zhenni.MeansPossession) }, zhenni.RulingLocked},
		"voice locked":       {func(c *evidenceCase) { c.facts.Locked = zhenni.NewMeansSet(zhenni.MeansVoice) }, zhenni.Admitted},
		"another device":     {func(c *evidenceCase) { c.shown.NotDevice = true }, zhenni.RulingDevice},
	} {
		p := testPolicy(t)
		service, _ := p.Catalogue.Service("strict")
		e := goodCase()
		c.change(&e)
		admission, got := p.Decide(service, 1, e.facts, e.shown, policyNow)
		if got != c.want || (admission == zhenni.Admission{}) == (got == zhenni.Admitted) {
			t.Errorf("%s: %v with %+v, want %v", name, got, admission, c.want)
		}
	}
}

func withoutFace(c *evidenceCase) {
	c.shown = zhenni.Shown{Others: zhenni.NewMeansSet(zhenni.MeansCard, zhenni.MeansPIN, zhenni.MeansPossession)}
}

// Every combination of what can be shown and of what a credential can be, against the rule written out once more. What is told
// to the relying party never depends on the credential.
//
// FAULTS: B10 Z8
func TestDecideEverything(t *testing.T) {
	p := testPolicy(t)
	cases := 0
	for _, id := range []string{"strict", "open"} {
		service, _ := p.Catalogue.Service(id)
		for shown := range everyShown {
			var told zhenni.Ruling
			for i, facts := range everyFacts() {
				admission, got := p.Decide(service, 1, facts, shown, policyNow)
				cases++
				if want := admits(service, facts, shown); (got == zhenni.Admitted) != want {
					t.Fatalf("%s: %+v, %+v: %v, want admitted %v", id, shown, facts, got, want)
				}
				if got == zhenni.NoRuling || got != zhenni.Admitted && admission != (zhenni.Admission{}) {
					t.Fatalf("%v with %+v", got, admission)
				}
				public := got
				if got.Private() || got == zhenni.Admitted {
					public = zhenni.Admitted
				}
				if i > 0 && public != told {
					t.Fatalf("%s: %+v: told %v of %+v, %v of another", id, shown, public, facts, told)
				}
				told = public
			}
		}
	}
	t.Logf("%d cases", cases)
}

// everyShown yields what can be shown, each part of it missing, good, at and beyond its bound.
func everyShown(yield func(zhenni.Shown) bool) {
	times := []time.Time{{}, policyNow, policyNow.Add(-30 * time.Second), policyNow.Add(-time.Hour), policyNow.Add(time.Minute)}
	for _, factor := range []zhenni.Factor{0, zhenni.FactorFace, zhenni.FactorVoice, zhenni.FactorFingerprint} {
		for others := range 16 {
			for live := zhenni.LivenessNone; live <= zhenni.LivenessActive; live++ {
				for _, liveAt := range times {
					for _, capturedAt := range times {
						shown := zhenni.Shown{
							Compared: factor, Others: zhenni.MeansSet(others << zhenni.MeansPIN), Liveness: live, LivenessAt: liveAt,
							CapturedAt: capturedAt, NotDevice: others%5 == 3,
						}
						if !yield(shown) {
							return
						}
					}
				}
			}
		}
	}
}

func everyFacts() (all []zhenni.CredentialFacts) {
	for _, tenant := range []zhenni.TenantID{0, 1, 2} {
		for level := range zhenni.LevelFull + 1 {
			for _, status := range []zhenni.Status{0, zhenni.StatusActive, zhenni.StatusSuspended, zhenni.StatusErased} {
				for _, locked := range []zhenni.MeansSet{0, zhenni.NewMeansSet(zhenni.MeansFace)} {
					for _, ends := range []time.Time{{}, policyNow, policyNow.Add(1)} {
						all = append(all, zhenni.CredentialFacts{Tenant: tenant, Level: level, Status: status, Locked: locked, NotAfter: ends})
					}
				}
			}
		}
	}
	return all
}

// admits is the rule of the two services of these tests, written out.
func admits(s *zhenni.Service, facts zhenni.CredentialFacts, shown zhenni.Shown) bool {
	within := func(at time.Time, age time.Duration) bool {
		return !at.IsZero() && !at.Before(policyNow.Add(-age)) && !at.After(policyNow.Add(5*time.Second))
	}
	credential := facts.Tenant == 1 && facts.Status == zhenni.StatusActive && facts.Level >= s.Level && !shown.NotDevice &&
		(facts.NotAfter.IsZero() || facts.NotAfter.After(policyNow))
	faceFree := facts.Locked == 0 || shown.Compared != zhenni.FactorFace
	has := shown.Others.Has
	if s.ID == "open" {
		byCompared := shown.Compared == zhenni.FactorFace && faceFree || shown.Compared == zhenni.FactorVoice
		return credential && (byCompared || has(zhenni.MeansCard) && shown.Compared != zhenni.FactorFace)
	}
	if shown.Compared == zhenni.FactorFace {
		return credential && faceFree && has(zhenni.MeansPossession) && shown.Liveness == zhenni.LivenessActive &&
			within(shown.LivenessAt, time.Minute) && within(shown.CapturedAt, 30*time.Second)
	}
	return credential && has(zhenni.MeansPossession) && has(zhenni.MeansCard) && (has(zhenni.MeansPIN) || has(zhenni.MeansDocument))
}

// A yes says no more than the evidence carried.
func TestAdmissions(t *testing.T) {
	p := testPolicy(t)
	facts := goodCase().facts
	open, _ := p.Catalogue.Service("open")
	plain, ruling := p.Decide(open, 1, facts, zhenni.Shown{Compared: zhenni.FactorFace}, policyNow)
	want := zhenni.Admission{
		Level: zhenni.LevelLite, Means: zhenni.NewMeansSet(zhenni.MeansFace), FMR: 1e-6,
		Assertions: zhenni.Assertions{IdentityAuthentic: true, DocumentValid: true},
	}
	if ruling != zhenni.Admitted || plain != want {
		t.Errorf("without liveness: %+v (%v), want %+v", plain, ruling, want)
	}
	nobodys := facts
	nobodys.Identified = false
	if enrolled, _ := p.Decide(open, 1, nobodys, zhenni.Shown{Compared: zhenni.FactorFace}, policyNow); enrolled.Assertions != (zhenni.Assertions{DocumentValid: true}) {
		t.Errorf("without a subject: %+v", enrolled)
	}
	live, _ := p.Decide(open, 1, facts, zhenni.Shown{Compared: zhenni.FactorFace, Liveness: zhenni.LivenessPassive, LivenessAt: policyNow}, policyNow)
	if !live.Assertions.SamePerson {
		t.Error("with evidence of liveness that is not asked for: not the same person")
	}
	old, _ := p.Decide(open, 1, facts, zhenni.Shown{Compared: zhenni.FactorFace, Liveness: zhenni.LivenessActive, LivenessAt: policyNow.Add(-time.Hour)}, policyNow)
	if old.Assertions.SamePerson {
		t.Error("with evidence of liveness of an hour ago: the same person")
	}
	dead, _ := p.Decide(open, 1, facts, zhenni.Shown{Compared: zhenni.FactorFace, LivenessAt: policyNow}, policyNow)
	if dead.Assertions.SamePerson {
		t.Error("with evidence of no liveness: the same person")
	}
	e := goodCase()
	strict, _ := p.Catalogue.Service("strict")
	full, _ := p.Decide(strict, 1, e.facts, e.shown, policyNow)
	if full.Level != zhenni.LevelFull || full.Means != zhenni.NewMeansSet(zhenni.MeansFace, zhenni.MeansPossession) || !full.Assertions.SamePerson {
		t.Errorf("%+v", full)
	}
}

// A service is refused where the calibration does not carry its rate.
func TestDecideByRate(t *testing.T) {
	service, _ := testPolicy(t).Catalogue.Service("strict")
	e := goodCase()
	for rate, want := range map[zhenni.Rate]zhenni.Ruling{
		1e-6: zhenni.Admitted, 1.0000001e-6: zhenni.RulingRate, 1: zhenni.RulingRate, zhenni.Rate(math.NaN()): zhenni.RulingRate, -1: zhenni.RulingRate,
	} {
		p := testPolicy(t)
		p.Rates[zhenni.MeansFace] = rate
		if _, got := p.Decide(service, 1, e.facts, e.shown, policyNow); got != want {
			t.Errorf("rate %v: %v, want %v", rate, got, want)
		}
	}
}

// Ruling on a request allocates nothing.
func TestDecideAllocatesNothing(t *testing.T) {
	p, e := testPolicy(t), goodCase()
	party := zhenni.RelyingParty{Services: []string{"open", "strict"}}
	if got := testing.AllocsPerRun(100, func() {
		service, _ := p.Ask(party, "strict", "open", zhenni.FactorFace)
		if _, ruling := p.Decide(service, 1, e.facts, e.shown, policyNow); ruling != zhenni.Admitted {
			t.Error(ruling)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	p, e := testPolicy(b), goodCase()
	service, _ := p.Catalogue.Service("strict")
	for b.Loop() {
		if _, ruling := p.Decide(service, 1, e.facts, e.shown, policyNow); ruling != zhenni.Admitted {
			b.Fatal(ruling)
		}
	}
}

func TestRulings(t *testing.T) {
	if !zhenni.NoRuling.Private() || zhenni.Admitted.Private() || zhenni.RulingRate.Private() || !zhenni.RulingUnknown.Private() || !zhenni.Ruling(255).Private() {
		t.Error("what is not known to be for the relying party is not for it")
	}
	for r := zhenni.Admitted; r <= zhenni.RulingDevice; r++ {
		if strings.Contains(r.String(), "(") {
			t.Errorf("ruling %d has no word", r)
		}
	}
}
