package gateway

import (
	"crypto/sha256"
	"errors"
	"time"

	"zhenni"
)

// kindNotProved is the one answer to whoever is not issued a credential for his face. Whether there is no such person, no
// reference, no match or a pause after failed attempts is not to be told from it.
var kindNotProved = &kind{403, "not_proved", "The person was not proved to be the one that the identity names.", "Capture again, or issue at a terminal.", false, false}

// evaluation reports whether what is asked is about nobody. What is asked of the references that an issuer holds is not: they
// are of people, whoever asks.
func (rq *request) evaluation() bool { return rq.party.Evaluation && rq.references == 0 }

// askedTenant is the tenant whose credentials the request asks about.
func (rq *request) askedTenant() zhenni.TenantID {
	if rq.references != 0 {
		return rq.references
	}
	return rq.party.Tenant
}

// holdsReferences reports whether a tenant is one of references, which are asked about by issues alone.
func (s *Server) holdsReferences(tenant zhenni.TenantID) bool {
	for _, references := range s.config.References {
		if references == tenant {
			return true
		}
	}
	return false
}

// readTemplates reads the template of an issue, and the live capture that is to be proved where there is one. It is the
// template too, where no other is brought. What the app asks for of a tenant whose references are held is proved always, what a
// terminal brings where it says so.
func (s *Server) readTemplates(rq *request, f *[issueFields]field, i *issuance) (err error) {
	c := &i.command
	_, held := s.config.References[c.Tenant]
	captured := f[issueProbeInt8].value != nil || f[issueProbeFloat32].value != nil
	byApp, terminal := i.byApp(), rq.party.Roles.Has(zhenni.RoleTerminal)
	switch {
	case captured && !(held && (byApp || terminal)):
		return refuse(kindItem, "probe_int8, probe_float32: a probe goes with an ordinary issue, lite, or a terminal's, by a tenant whose references are held")
	case !captured && held && terminal:
	case !captured && held && byApp:
		return refuse(kindProbe, "want probe_int8 or probe_float32, the face to be proved")
	case !captured && held:
		return refuse(kindRole, "where references are held, what is not proved is issued by a terminal")
	}
	if err := s.takeIssueEvidence(rq, f, captured); err != nil {
		return err
	}
	if captured {
		if i.probe, i.capture, err = s.readRow(rq, &f[issueProbeInt8], &f[issueProbeFloat32]); err != nil {
			return err
		}
		if f[issueInt8].value == nil && f[issueFloat32].value == nil {
			if !c.Rotation.IsZero() {
				return refuse(kindItem, "rotation_commitment goes with a reference: a probe that is held against a photograph is not rotated")
			}
			c.Row = i.probe
			return nil
		}
	}
	row, sent, err := s.readRow(rq, &f[issueInt8], &f[issueFloat32])
	if c.Row = row; !captured {
		i.capture = sent
	}
	return err
}

// byApp reports whether it is the issue that an app asks for.
func (i *issuance) byApp() bool {
	return i.command.Level == zhenni.LevelLite && i.command.Issue == zhenni.IssueOrdinary
}

// takeIssueEvidence takes the evidence of an issue, which goes with a probe, or without one with what a terminal brings where
// that is held to a service: elsewhere nobody would look at it.
func (s *Server) takeIssueEvidence(rq *request, f *[issueFields]field, captured bool) error {
	tokens, at := &f[issueEvidence], &f[issueCapturedAt]
	looked := captured || s.heldTerminal(rq)
	if !looked && (tokens.value != nil || at.value != nil) {
		return refuse(kindItem, "evidence and captured_at go with a probe, or with a terminal's issue that is held to a service")
	}
	return rq.takeEvidence(tokens, at)
}

// readRow reads the vector of the one of two fields that is set, quantised, and the digest of the bytes that it came as.
func (s *Server) readRow(rq *request, int8s, floats *field) (row []int8, sent [sha256.Size]byte, err error) {
	row = make([]int8, s.dim(rq))
	raw := make([]float32, len(row))
	if !decodeReference(row, raw, int8s, floats) {
		return nil, sent, refuse(kindProbe, "want "+int8s.name+" or "+floats.name+", base64 of a vector of the model")
	}
	if int8s.value != nil {
		return row, sha256.Sum256(int8Bytes(row)), nil
	}
	return row, sha256.Sum256(float32Bytes(raw)), nil
}

// provedFor is how long a proof that was recorded carries an issue that did not come to be: a minute is enough to send the request
// again, and no more, for the reference is not looked at again.
const provedFor = time.Minute

// kindProofPast is told to whoever comes back to a proof later than that: what was true of the face and the reference then need
// not be now.
var kindProofPast = &kind{410, "proof_expired", "The face was proved too long ago, and nothing was issued on it.", "Begin a new transaction, with a new capture.", false, false}

// prove holds a live capture against the reference that the issuer has of a subject: nil once a match is recorded. A no is
// [kindNotProved], recorded too. A transaction sent again is not compared again: its issue is repeated by what was decided first,
// for as long as mayContinue says; where nothing was decided, nothing is recorded and the error says so.
//
// What is recorded is a decision about the credential that is to be issued, whose id follows from the transaction: a proof of it
// in the log shows the party nothing of the reference, nor whether there is one. The history is that of the reference.
func (s *Server) prove(rq *request, i *issuance) error {
	rq.references = s.config.References[rq.party.Tenant]
	stored, err := s.begin(rq, 1)
	if err != nil {
		return err
	}
	if stored != nil {
		return s.proveAgain(rq, i, stored)
	}
	defer s.drop(rq)
	if err := s.permitIssue(rq, i); err != nil {
		return err
	}
	if err := s.claimCapture(rq, i); err != nil {
		return err
	}
	deadline := time.Now().Add(s.config.VerifyTimeout)
	batch, err := s.compareReference(rq, i, deadline)
	if err != nil {
		return err
	}
	if err := s.stands(rq); err != nil {
		return err
	}
	rq.noted = batch.IDs
	err = s.settle(rq, deadline, zhenni.Decision{At: s.config.Now(), IDs: []zhenni.CredentialID{i.command.ID}, Outcomes: batch.Outcomes})
	if err != nil {
		return err
	}
	return refuseUnproved(batch.Outcomes)
}

// proveAgain goes by the decision that the transaction has.
func (s *Server) proveAgain(rq *request, i *issuance, stored *zhenni.Answered) error {
	rq.setLogIndex(stored.LogIndex)
	if err := refuseUnproved(stored.Outcomes); err != nil {
		return err
	}
	return s.mayContinue(rq, i, stored.At)
}

// mayContinue lets an issue go on by a proof of a time before, while that is new or where the credential is there already: then
// nothing is issued any more, and it is answered as it was. A proof of later than now is of a clock that was set back.
func (s *Server) mayContinue(rq *request, i *issuance, proved time.Time) error {
	if age := s.config.Now().Sub(proved); age >= -zhenni.MaxClockAhead && age < provedFor {
		return nil
	}
	made, err := s.made(rq, i)
	if err == nil && !made {
		return refuse(kindProofPast, "")
	}
	return err
}

// made reports whether the credential of an issue is there already: the request is sent again.
func (s *Server) made(rq *request, i *issuance) (bool, error) {
	record, err := s.node.Credential(i.command.ID)
	if errors.Is(err, zhenni.ErrNotFound) {
		return false, nil
	}
	return err == nil && record.Tenant == rq.party.Tenant, err
}

// compareReference asks the node about the subject's reference, and about a credential that is not there where the subject has
// none: that is answered by the same work. It is always the same one for the same subject, so that a face tried on one person
// again is no face tried on several. Without an error there is a verdict.
func (s *Server) compareReference(rq *request, i *issuance, deadline time.Time) (*zhenni.Batch, error) {
	batch := s.newBatch(rq, 1)
	batch.IDs[0], batch.Int8 = i.absent, i.probe
	reference, held, err := s.liveOf(batch.Tenant, i.command.Subject)
	if err != nil {
		return nil, err
	}
	if held {
		batch.IDs[0] = reference.ID
	}
	if err := s.verify(rq, batch, deadline); err != nil {
		return nil, err
	}
	switch batch.Outcomes[0] {
	case zhenni.Match, zhenni.NoMatch:
		return batch, nil
	case zhenni.RefusedProbe:
		return nil, refuse(kindProbe, "")
	}
	return nil, refuse(kindUnavailable, "the face could not be compared")
}

// tenantSubject is a subject with a tenant.
type tenantSubject struct {
	tenant  zhenni.TenantID
	subject zhenni.SubjectHandle
}

// liveOf returns the live credential of a subject with a tenant, where there is one. It looks twice, as deviceKey does: a look
// that finds nothing goes with one at the latest that was found, and any other with one at a subject that nobody is.
func (s *Server) liveOf(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (live zhenni.Credential, held bool, err error) {
	live, err = s.config.Subjects.Subject(tenant, subject)
	if err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return zhenni.Credential{}, false, err
	}
	held = err == nil
	other := tenantSubject{tenant, zhenni.SubjectHandle{1}} // which no digest is
	if held {
		s.foundSubject.Store(&tenantSubject{tenant, subject})
	} else if found := s.foundSubject.Load(); found != nil {
		other = *found
	}
	if _, err := s.config.Subjects.Subject(other.tenant, other.subject); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return zhenni.Credential{}, false, err
	}
	return live, held, nil
}

// refuseUnproved is nil for the outcome of a match only.
func refuseUnproved(outcomes []zhenni.Outcome) error {
	if len(outcomes) == 1 && outcomes[0] == zhenni.Match {
		return nil
	}
	return refuse(kindNotProved, "")
}
