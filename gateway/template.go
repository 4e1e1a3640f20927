package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"zhenni"
	"zhenni/evidence"
)

const (
	templateInt8 = iota
	templateFloat32
	templateTransaction
	templateModel
	templateProbeModel
	templateProbeInt8
	templateProbeFloat32
	templateEvidence
	templateCapturedAt
	templateRotation
	templateFields
)

// furtherTemplate is a template of a further model in hand.
type furtherTemplate struct {
	command zhenni.PutTemplate
	// by is the model of the probe that proves the holder, nil where none was brought.
	by    *served
	probe []int8
	// capture and reference are the SHA-256 of the bytes that probe and template came as.
	capture, reference [sha256.Size]byte
}

// putTemplate is POST /v1/credentials/{id}/templates: a template of the model named, beside those that the credential has.
//
// It is proved by a probe of a model that the credential has a template of, in the same request: a match of that permits it, and so one
// capture, read by the old extractor and by the new, takes a holder from one model to the next. Vectors of the two models are never
// compared. Without a probe it goes by the word of who brings it: a terminal's that is held to no service, or an issuer's whose tenant
// has no references held, who enrols likewise. What an app can bring, through an issuer whose references are held, is proved always, and
// so is what a terminal brings that is held to a service; mayPut has the rest.
func (s *Server) putTemplate(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	s.digest(rq, mediaJSON, body)
	t, err := s.readTemplate(rq, body)
	if err != nil {
		return err
	}
	owner, err := s.owned(rq, t.command.ID)
	if err != nil {
		return err
	}
	if owner.RotatedBy(t.command.Rotation) != nil {
		return refuse(kindItem, "rotation_commitment is not the one of the credential: all its templates are rotated by one key, or none is")
	}
	if t.by != nil {
		if t.command.Proved, err = s.proveHolder(rq, t, owner); err != nil {
			return err
		}
	}
	result, err := s.applyOne(t.command)
	if errors.Is(err, zhenni.ErrExists) {
		return refuse(kindConflict, "the credential has a template of the model")
	}
	if err != nil {
		return err
	}
	s.writeCredential(rq, 200, result.Credential)
	return nil
}

func (s *Server) readTemplate(rq *request, body []byte) (*furtherTemplate, error) {
	f := [templateFields]field{
		{name: "reference_int8"}, {name: "reference_float32"}, {name: "transaction"}, {name: "model"},
		{name: "probe_model"}, {name: "probe_int8"}, {name: "probe_float32"}, {name: "evidence", list: true}, {name: "captured_at"},
		{name: "rotation_commitment"},
	}
	if err := parseDocument(body, f[:]); err != nil {
		return nil, err
	}
	if err := s.takeNames(rq, &f[templateTransaction], &f[templateModel]); err != nil {
		return nil, err
	}
	if rq.served == nil {
		return nil, refuse(kindModel, "name the model that made the reference")
	}
	id, err := rq.credentialID()
	if err != nil {
		return nil, err
	}
	t := &furtherTemplate{command: zhenni.PutTemplate{ID: id, Tenant: rq.party.Tenant, Model: s.by(rq).profile.Model.ID, At: s.config.Now()}}
	if t.command.Rotation, err = readCommitment(&f[templateRotation]); err != nil {
		return nil, err
	}
	if t.command.Row, t.reference, err = s.readRow(rq, &f[templateInt8], &f[templateFloat32]); err != nil {
		return nil, err
	}
	return t, s.readProof(rq, t, &f)
}

// readProof reads the probe that a template is to be proved by, where there is one: of another model served, of the same factor, for a
// match of a face says nothing of whose a voice is.
func (s *Server) readProof(rq *request, t *furtherTemplate, f *[templateFields]field) (err error) {
	model := &f[templateProbeModel]
	if f[templateProbeInt8].value == nil && f[templateProbeFloat32].value == nil {
		switch {
		case model.value != nil || f[templateEvidence].value != nil || f[templateCapturedAt].value != nil:
			return refuse(kindItem, "probe_model, evidence and captured_at go with a probe")
		case s.bringsProved(rq):
			return refuse(kindRole, "where references are held, and of a terminal that is held to a service, a template is proved by a probe")
		}
		return nil
	}
	if !rq.named {
		return refuse(kindSyntax, "a template with a probe wants a transaction id")
	}
	further := s.by(rq)
	at := slices.IndexFunc(s.served, func(v served) bool { return !model.number && v.profile.Model.ID == string(model.value) })
	if at < 0 || s.served[at].profile.Model.ID == t.command.Model || s.served[at].profile.Model.Factor != further.profile.Model.Factor {
		return refuse(kindModel, "probe_model, of the probe, is no other model that is served of the same factor")
	}
	t.by, rq.served = &s.served[at], &s.served[at]
	defer func() { rq.served = further }()
	if t.probe, t.capture, err = s.readRow(rq, &f[templateProbeInt8], &f[templateProbeFloat32]); err != nil {
		return err
	}
	if bytes.Equal(int8Bytes(t.probe), int8Bytes(t.command.Row)) {
		return refuse(kindProbe, "probe and reference are one vector: each is what its own model makes of the capture")
	}
	return rq.takeEvidence(&f[templateEvidence], &f[templateCapturedAt])
}

// bringsProved reports whether who asks may be an app, or is a terminal that is not believed: then nothing is taken that is not proved.
func (s *Server) bringsProved(rq *request) bool {
	if rq.party.Roles.Has(zhenni.RoleTerminal) {
		return s.heldTerminal(rq)
	}
	_, held := s.config.References[rq.party.Tenant]
	return held
}

// proveHolder compares the probe with the credential's template of its model, as a verification under the same limits, ledger and history:
// the generation that is proved, once a match of it is recorded. A no is [kindNotProved], whatever it is for. A transaction sent again is not
// compared again, and carries the template for [provedFor], of the generation that it proved: the device that signed for it may have
// been moved from since.
func (s *Server) proveHolder(rq *request, t *furtherTemplate, owner zhenni.Credential) (zhenni.Generation, error) {
	rq.served, rq.migrates = t.by, true
	stored, err := s.begin(rq, 1)
	if err != nil {
		return 0, err
	}
	if stored != nil {
		return s.provedBefore(rq, stored)
	}
	defer s.drop(rq)
	batch := s.newBatch(rq, 1)
	batch.IDs[0], batch.Int8 = t.command.ID, t.probe
	if batch.Lanes, err = s.mayPut(rq, t, owner); err != nil {
		return 0, err
	}
	deadline := time.Now().Add(s.config.VerifyTimeout)
	if err := s.verify(rq, batch, deadline); err != nil {
		return 0, err
	}
	switch batch.Outcomes[0] {
	case zhenni.Match, zhenni.NoMatch:
	case zhenni.RefusedProbe:
		return 0, refuse(kindProbe, "")
	default:
		return 0, refuse(kindUnavailable, "the probe could not be compared")
	}
	if err := s.stands(rq); err != nil {
		return 0, err
	}
	proved := binary.BigEndian.AppendUint64(nil, uint64(owner.Generation)) // which never begins with draftMark
	if err := s.settle(rq, deadline, zhenni.Decision{At: s.config.Now(), IDs: batch.IDs, Outcomes: batch.Outcomes, Answer: proved}); err != nil {
		return 0, err
	}
	return owner.Generation, refuseUnproved(batch.Outcomes)
}

func (s *Server) provedBefore(rq *request, stored *zhenni.Answered) (zhenni.Generation, error) {
	rq.setLogIndex(stored.LogIndex)
	if err := refuseUnproved(stored.Outcomes); err != nil {
		return 0, err
	}
	age := s.config.Now().Sub(stored.At)
	if age < -zhenni.MaxClockAhead || age >= provedFor || len(stored.Answer) != 8 {
		return 0, refuse(kindProofPast, "the holder was proved too long ago; the template is there where /v1/models/{model}/pending does not list the credential")
	}
	return zhenni.Generation(binary.BigEndian.Uint64(stored.Answer)), nil
}

// mayPut holds a proved template to what has to be shown besides, so that it is a way to nothing that the credential was not issued on.
// Of an app: the device of the credential, where it has one, signs for probe and template together; a full credential without a device,
// of which a card was the proof, is a terminal's; and where issues are held to a service, so is this, by evidence on both. Of a terminal
// that is held to a service: all of that, on both. It returns the lane of the attempt.
func (s *Server) mayPut(rq *request, t *furtherTemplate, owner zhenni.Credential) ([]zhenni.Lane, error) {
	service, err := s.heldService(rq)
	if err != nil {
		return nil, err
	}
	now, maxAge := s.config.Now(), time.Minute
	if service != nil {
		maxAge = service.EvidenceMaxAge()
	}
	shown := zhenni.Shown{Compared: t.by.profile.Model.Factor, CapturedAt: rq.terms.capturedAt}
	second := &secondCapture{digest: t.reference, both: sha256.Sum256(append(t.capture[:], t.reference[:]...))}
	byDevice, err := s.readTokens(rq, evidence.Expected{
		Subject: owner.ID, Capture: t.capture, Transaction: rq.transaction, Party: rq.party.ID, Nonce: rq.nonce, MaxAge: maxAge,
	}, second, now, &shown)
	if err != nil {
		return nil, err
	}
	second.weaken(&shown)
	if ofDevice, _, err := s.ofDevice(owner.ID, byDevice); err != nil {
		return nil, err
	} else if !ofDevice {
		return nil, refuse(kindEvidence, "evidence is not signed by the credential's device")
	}
	possessed, terminal := slices.ContainsFunc(byDevice, isPossession), s.heldTerminal(rq)
	switch {
	case !s.bringsProved(rq):
	case !terminal && !owner.Device.IsZero() && !possessed:
		return nil, refuse(kindEvidence, "possession is missing: the credential's device signs for probe and reference together")
	case !terminal && owner.Device.IsZero() && owner.Level == zhenni.LevelFull:
		return nil, refuse(kindRole, "a template of a full credential without a device is brought by a terminal")
	case service != nil:
		if err := weighTemplate(t.by.policy, service, shown, now); err != nil {
			return nil, err
		}
	}
	if possessed {
		return byHolder, nil
	}
	return nil, nil
}
