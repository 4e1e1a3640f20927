package gateway

import (
	"crypto/sha256"

	"zhenni"
	"zhenni/evidence"
)

// servePairs makes what two models of different factors are answered with where one verification brings a probe of each: the
// rates of both are in its policy, and its profile is named by the ids of both, one after the other.
func (s *Server) servePairs() {
	for i := range s.served {
		first := &s.served[i]
		first.with = map[string]*served{}
		for j := range s.served {
			also := s.served[j].profile
			if also.Model.Factor == first.profile.Model.Factor {
				continue
			}
			pair := &served{profile: first.profile, also: &also, policy: first.policy}
			pair.profile.ID += also.ID
			pair.profile.Supported = first.profile.Supported && also.Supported
			pair.member = profileMember(pair.profile)
			pair.policy.Rates[zhenni.Means(also.Model.Factor)] = also.Rate()
			first.with[also.Model.ID] = pair
		}
	}
}

// ProfileIDs are those under which verifications are recorded: of each profile that is served, and of each two that one
// verification may be by.
func (c Config) ProfileIDs() (ids []string) {
	for _, first := range c.profilesOf() {
		ids = append(ids, first.ID)
		for _, also := range c.profilesOf() {
			if also.Model.Factor != first.Model.Factor {
				ids = append(ids, first.ID+also.ID)
			}
		}
	}
	return ids
}

// nameAlso takes the model of a second probe, where a document has one.
func (s *Server) nameAlso(rq *request, model, int8s, floats *field) error {
	if model.value == nil && int8s.value == nil && floats.value == nil {
		return nil
	}
	if rq.terms.service == "" {
		return refuse(kindItem, "a second probe is for a service, whose ways say what two are worth")
	}
	if model.value == nil || model.number {
		return refuse(kindModel, "also_model, of the second probe, is no string")
	}
	pair, served := s.by(rq).with[string(model.value)]
	if !served {
		return refuse(kindModel, "also_model is not served, or of the factor of the first probe")
	}
	rq.served = pair
	return nil
}

// decodeAlso reads the second probe, where its model was named.
func (s *Server) decodeAlso(rq *request, batch *zhenni.Batch, int8s, floats *field) error {
	model := s.by(rq).also
	if model == nil {
		return nil
	}
	also := &zhenni.Batch{Model: model.Model.ID, Dim: model.Model.Dim, Outcomes: asOutcomes(rq.lease.take(1))}
	also.Outcomes[0] = zhenni.Pending
	if rq.terms.unprobed || !s.decodeVector(also, rq, int8s, floats) {
		return refuse(kindProbe, "want also_probe_int8 or also_probe_float32, base64 of the dimension of also_model, beside a first probe")
	}
	if captureOf(also) == captureOf(batch) {
		return refuse(kindProbe, "the two probes are one capture")
	}
	batch.Also = also
	return nil
}

// checkAlso refuses a second probe that can not be compared.
func (s *Server) checkAlso(rq *request, int8s, floats *field) error {
	model := s.by(rq).also
	if model == nil {
		return nil
	}
	if !decodeReference(make([]int8, model.Model.Dim), make([]float32, model.Model.Dim), int8s, floats) {
		return refuse(kindProbe, "want also_probe_int8 or also_probe_float32, base64 of a vector of also_model")
	}
	return nil
}

// alsoOf is the second probe of a batch with the outcome of both, for whoever counts what was tried.
func alsoOf(b *zhenni.Batch) *zhenni.Batch {
	return &zhenni.Batch{IDs: b.IDs, Dim: b.Also.Dim, Int8: b.Also.Int8, Float32: b.Also.Float32, Outcomes: b.Outcomes}
}

// comparedAlso is the factor that a second probe is of, 0 without one.
func (s *Server) comparedAlso(rq *request) zhenni.Factor {
	if also := s.by(rq).also; also != nil {
		return also.Model.Factor
	}
	return 0
}

// isLocked reports whether the holder has locked what would have to match.
func (s *Server) isLocked(rq *request, c zhenni.Credential) bool {
	first, also := c.Locked.Has(s.by(rq).profile.Model.Factor), c.Locked.Has(s.comparedAlso(rq))
	if rq.terms.admission.AnyOne {
		return first && also
	}
	return first || also
}

// secondCapture is what evidence is bound to where there are two probes, and what it says of the second.
type secondCapture struct {
	// digest is that of the second probe; both is that of the two digests, one after the other.
	digest, both [sha256.Size]byte
	live         zhenni.Shown // its liveness, and nothing else
}

func newSecondCapture(batch *zhenni.Batch) *secondCapture {
	first, c := captureOf(batch), &secondCapture{digest: captureOf(batch.Also)}
	c.both = sha256.Sum256(append(first[:], c.digest[:]...))
	return c
}

// bound is what a token has to be bound to: on liveness the one probe that it names, and on anything else both, so that what a
// device or a terminal vouches for is not shown with another probe in the place of one. c is nil where there is one probe.
func (c *secondCapture) bound(claims evidence.Claims, first [sha256.Size]byte) [sha256.Size]byte {
	switch {
	case c == nil:
		return first
	case claims.Kind != evidence.Liveness:
		return c.both
	case claims.Capture == c.digest:
		return c.digest
	}
	return first
}

// show adds what a token says to what is shown by the first probe, or to what is known of the second.
func (c *secondCapture) show(shown *zhenni.Shown, claims evidence.Claims) {
	if c != nil && claims.Kind == evidence.Liveness && claims.Capture == c.digest {
		shown = &c.live
	}
	show(shown, claims)
}

// weaken leaves the liveness of the capture that has less of it: the lower level, or of the same level the older.
func (c *secondCapture) weaken(shown *zhenni.Shown) {
	if c == nil {
		return
	}
	other := &c.live
	if other.Liveness < shown.Liveness || other.Liveness == shown.Liveness && other.LivenessAt.Before(shown.LivenessAt) {
		shown.Liveness, shown.LivenessAt = other.Liveness, other.LivenessAt
	}
}
