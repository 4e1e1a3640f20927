package gateway

import (
	"errors"
	"time"

	"zhenni"
)

const (
	fieldCredential = iota
	fieldInt8
	fieldFloat32
	fieldBodyTransaction
	fieldBodyModel
	fieldBodyService
	fieldBodyPurpose
	fieldEvidence
	fieldCapturedAt
	fieldPIN
	fieldAlsoModel
	fieldAlsoInt8
	fieldAlsoFloat32
	verificationFields
)

// verifyOne is POST /v1/verifications: one credential, one probe or what goes without, one outcome.
func (s *Server) verifyOne(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	s.digest(rq, mediaJSON, body)
	batch, err := s.decodeVerification(rq, body)
	if err != nil {
		return err
	}
	if err := s.rehearse(rq, batch.IDs...); err != nil {
		return err
	}
	stored, err := s.begin(rq, 1)
	if err != nil {
		return err
	}
	if stored != nil {
		return rq.replayOne(stored)
	}
	defer s.drop(rq)
	if rq.terms.unprobed {
		return s.decideUnprobed(rq, batch)
	}
	return s.decideOne(rq, batch)
}

// decideOne asks the node, and answers once the outcome is recorded.
func (s *Server) decideOne(rq *request, batch *zhenni.Batch) error {
	begun := time.Now()
	deadline := begun.Add(s.config.VerifyTimeout)
	if err := s.permit(rq, batch); err != nil {
		return err
	}
	if rq.terms.sealedPIN != nil {
		return s.decideBoth(rq, batch, begun, deadline)
	}
	if err := s.verify(rq, batch, deadline); err != nil {
		return err
	}
	if err := s.mayBeTold(rq); err != nil {
		return err
	}
	rq.screen(batch)
	return s.answerOne(rq, batch, begun, deadline)
}

// answerOne answers the outcome of a single verification once it is recorded.
func (s *Server) answerOne(rq *request, batch *zhenni.Batch, begun, deadline time.Time) error {
	outcome, at := batch.Outcomes[0], s.config.Now()
	record, err := s.matched(rq, batch)
	if err != nil {
		return err
	}
	status, answer := 200, []byte(nil)
	refused := refusedAlone[outcome]
	if refused != nil {
		status, answer = refused.status, (&refusal{kind: refused}).appendProblem(nil, rq.transaction)
	} else {
		answer = append(make([]byte, 0, 320), '{')
		answer = rq.appendAdmission(append(answer, verdictMembers[outcome]...), outcome)
		answer = s.appendOrigin(answer, rq, true)
		answer = append(appendTime(answer, "time", at), '}')
	}
	if err := s.draftOne(rq, outcome, record, at); err != nil {
		return err
	}
	d := zhenni.Decision{At: at, IDs: batch.IDs, Outcomes: batch.Outcomes}
	if rq.inHand {
		d.Answer = storedSingle(status, answer)
	}
	if err := s.settle(rq, deadline, d); err != nil {
		return err
	}
	if end := time.Now(); !rq.terms.unprobed && rq.terms.sealedPIN == nil {
		s.passage.answered(end, end.Sub(begun))
	}
	if refused != nil {
		return refuse(refused, "")
	}
	rq.writeJSON(200, rq.withResult(answer))
	return nil
}

// refusedAlone are the outcomes that are no answer to a request of one item, but a problem with it.
var refusedAlone = [256]*kind{
	zhenni.RefusedProbe: kindProbe, zhenni.RefusedCredentialID: kindID, zhenni.RefusedItem: kindItem,
}

// decodeVerification reads the document of one verification into a batch of one.
func (s *Server) decodeVerification(rq *request, body []byte) (*zhenni.Batch, error) {
	fields := [verificationFields]field{
		{name: "credential"}, {name: "probe_int8"}, {name: "probe_float32"}, {name: "transaction"}, {name: "model"},
		{name: "service"}, {name: "purpose"}, {name: "evidence", list: true}, {name: "captured_at"}, {name: "pin"},
		{name: "also_model"}, {name: "also_probe_int8"}, {name: "also_probe_float32"},
	}
	if err := parseDocument(body, fields[:]); err != nil {
		return nil, err
	}
	if err := s.takeNames(rq, &fields[fieldBodyTransaction], &fields[fieldBodyModel]); err != nil {
		return nil, err
	}
	if err := rq.takeTerms(fields[:]); err != nil {
		return nil, err
	}
	if err := s.nameAlso(rq, &fields[fieldAlsoModel], &fields[fieldAlsoInt8], &fields[fieldAlsoFloat32]); err != nil {
		return nil, err
	}
	batch := s.newBatch(rq, 1)
	if f := &fields[fieldCredential]; f.number || batch.IDs[0].UnmarshalText(f.value) != nil {
		return nil, refuse(kindID, "credential is not 32 lower-case hexadecimal digits")
	}
	if err := rq.takePIN(&fields[fieldPIN]); err != nil {
		return nil, err
	}
	if rq.terms.service != "" && fields[fieldInt8].value == nil && fields[fieldFloat32].value == nil {
		rq.terms.unprobed, batch.Dim = true, 0
	} else if !s.decodeVector(batch, rq, &fields[fieldInt8], &fields[fieldFloat32]) {
		return nil, refuse(kindProbe, "want probe_int8 or probe_float32, base64 of the model's dimension")
	}
	return batch, s.decodeAlso(rq, batch, &fields[fieldAlsoInt8], &fields[fieldAlsoFloat32])
}

// takeNames takes the transaction id and the model that a document may name.
func (s *Server) takeNames(rq *request, transaction, model *field) error {
	if transaction.value != nil {
		if transaction.number || rq.named && rq.transaction != string(transaction.value) {
			return refuse(kindSyntax, "transaction is not the one that a header field names")
		}
		if err := rq.nameTransaction(transaction.value); err != nil {
			return err
		}
	}
	if model.value == nil {
		return nil
	}
	if model.number {
		return refuse(kindModel, "model is not a string")
	}
	return s.nameModel(rq, model.value)
}

// newBatch makes a batch of n items in the lease, ids and probes unset, outcomes pending.
func (s *Server) newBatch(rq *request, n int) *zhenni.Batch {
	memory := rq.lease.take(17 * n)
	clear(memory[16*n:])
	return &zhenni.Batch{
		Tenant:     rq.askedTenant(),
		Evaluation: rq.evaluation(),
		Model:      s.by(rq).profile.Model.ID,
		Dim:        s.dim(rq),
		IDs:        asIDs(memory[:16*n]),
		Outcomes:   asOutcomes(memory[16*n : 17*n]),
	}
}

// decodeVector reads the one of the two fields that is set into the batch of one.
func (s *Server) decodeVector(batch *zhenni.Batch, rq *request, int8s, floats *field) bool {
	if (int8s.value == nil) == (floats.value == nil) || int8s.number || floats.number {
		return false
	}
	if int8s.value != nil {
		memory := rq.lease.take(batch.Dim)
		batch.Int8 = asInt8(memory)
		return decodeBase64(memory, int8s.value)
	}
	memory := rq.lease.take(4 * batch.Dim)
	batch.Float32 = asFloat32(memory)
	return decodeBase64(memory, floats.value)
}

// verify lends the batch to the node and takes it back where the node says so. A party that is stopped is refused.
func (s *Server) verify(rq *request, batch *zhenni.Batch, deadline time.Time) error {
	now := s.config.Now().UnixMilli()
	if err := s.askNode(rq, batch, now, deadline); err != nil {
		return err
	}
	return s.reckon(rq, batch, now)
}

// askNode is verify of what is still to be reckoned.
func (s *Server) askNode(rq *request, batch *zhenni.Batch, now int64, deadline time.Time) error {
	if err := s.limits.admit(rq, now); err != nil {
		return err
	}
	s.lendCounts(rq, batch)
	rq.lease.lent = true
	batch.Level = rq.terms.level()
	err := s.node.Verify(batch, deadline)
	if err == nil || errors.Is(err, zhenni.ErrOverloaded) || errors.Is(err, zhenni.ErrUnavailable) || errors.Is(err, zhenni.ErrBadBatch) {
		rq.lease.lent = false
	}
	if err != nil {
		return err
	}
	rq.takeCounts(batch)
	return nil
}
