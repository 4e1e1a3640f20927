package gateway

import (
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
// template too, where no other is brought. What the app asks for of a tenant whose references are held is proved always.
func (s *Server) readTemplates(rq *request, f *[issueFields]field, c *zhenni.Enrol) (probe []int8, err error) {
	_, held := s.config.References[c.Tenant]
	captured := f[issueProbeInt8].value != nil || f[issueProbeFloat32].value != nil
	byApp := c.Level == zhenni.LevelLite && c.Issue == zhenni.IssueOrdinary
	switch {
	case captured && !(held && byApp):
		return nil, refuse(kindItem, "a probe goes with an ordinary issue, lite, by a tenant whose references are held")
	case !captured && held && rq.party.Roles.Has(zhenni.RoleTerminal):
	case !captured && held && byApp:
		return nil, refuse(kindProbe, "want probe_int8 or probe_float32, the face to be proved")
	case !captured && held:
		return nil, refuse(kindRole, "where references are held, what is not proved is issued by a terminal")
	}
	if captured {
		if probe, err = s.readRow(&f[issueProbeInt8], &f[issueProbeFloat32]); err != nil {
			return nil, err
		}
		if f[issueInt8].value == nil && f[issueFloat32].value == nil {
			c.Row = probe
			return probe, nil
		}
	}
	c.Row, err = s.readRow(&f[issueInt8], &f[issueFloat32])
	return probe, err
}

// readRow reads the vector of the one of two fields that is set, quantised.
func (s *Server) readRow(int8s, floats *field) ([]int8, error) {
	row := make([]int8, s.config.Profile.Model.Dim)
	if !decodeReference(row, make([]float32, len(row)), int8s, floats) {
		return nil, refuse(kindProbe, "want "+int8s.name+" or "+floats.name+", base64 of a vector of the model")
	}
	return row, nil
}

// prove holds a live capture against the reference that the issuer has of a subject: nil once a match is recorded. A no is
// [kindNotProved], recorded too. A transaction sent again is not compared again, so that its issue is repeated by what was
// decided first; where nothing was decided, nothing is recorded and the error says so.
func (s *Server) prove(rq *request, probe []int8, subject zhenni.SubjectHandle) error {
	rq.references = s.config.References[rq.party.Tenant]
	stored, err := s.begin(rq, 1)
	if err != nil {
		return err
	}
	if stored != nil {
		rq.setLogIndex(stored.LogIndex)
		return refuseUnproved(stored.Outcomes)
	}
	defer s.drop(rq)
	deadline := time.Now().Add(s.config.VerifyTimeout)
	batch, err := s.compareReference(rq, probe, subject, deadline)
	if err != nil {
		return err
	}
	if err := s.stands(rq); err != nil {
		return err
	}
	err = s.settle(rq, deadline, zhenni.Decision{At: s.config.Now(), IDs: batch.IDs, Outcomes: batch.Outcomes})
	if err != nil {
		return err
	}
	return refuseUnproved(batch.Outcomes)
}

// compareReference asks the node about the subject's reference, and about a credential that is not there where the subject has
// none: that is answered by the same work. Without an error there is a verdict.
func (s *Server) compareReference(rq *request, probe []int8, subject zhenni.SubjectHandle, deadline time.Time) (*zhenni.Batch, error) {
	ids, err := s.drawIDs(1)
	if err != nil {
		return nil, err
	}
	batch := s.newBatch(rq, 1)
	batch.IDs[0], batch.Int8 = ids[0], probe
	reference, err := s.config.Subjects.Subject(batch.Tenant, subject)
	switch {
	case err == nil:
		batch.IDs[0] = reference.ID
	case !errors.Is(err, zhenni.ErrNotFound):
		return nil, err
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

// refuseUnproved is nil for the outcome of a match only.
func refuseUnproved(outcomes []zhenni.Outcome) error {
	if len(outcomes) == 1 && outcomes[0] == zhenni.Match {
		return nil
	}
	return refuse(kindNotProved, "")
}
