package gateway

import (
	"slices"

	"zhenni"
)

// erasure is what is erased beside the credential that a request names: the others of its subject with the tenant, and the
// reference that the issuer holds of the subject.
type erasure struct{ credentials, reference bool }

// erase is POST /v1/credentials/{id}/erase. It is answered once the key of every template that is to go is destroyed, and a second
// erasure is answered like the first. Who asked about a credential is forgotten with it; where that fails, a second erasure makes up
// for it. What goes beside the credential goes before it: where that fails, the credential still says whose the others are.
func (s *Server) erase(rq *request) error {
	also, err := s.readErasure(rq)
	if err != nil {
		return err
	}
	id, err := rq.credentialID()
	if err != nil {
		return err
	}
	record, err := s.owned(rq, id)
	if err != nil {
		return err
	}
	if err := s.eraseAlso(rq, record, also); err != nil {
		return err
	}
	result, err := s.applyOne(zhenni.Erase{ID: id, Tenant: rq.party.Tenant, At: s.config.Now()})
	if err != nil {
		return err
	}
	if err := s.forget(id); err != nil {
		return err
	}
	s.writeCredential(rq, 200, result.Credential)
	return nil
}

// readErasure reads what else is to go, of a request with a body.
func (s *Server) readErasure(rq *request) (also erasure, err error) {
	if rq.bodyRead {
		return also, nil
	}
	also.credentials, also.reference, err = s.readAlso(rq, "credentials", "reference")
	return also, err
}

// eraseAlso erases what else is to go of the subject of a credential. One that was issued to nobody has nothing else, nor does one
// that is erased: it says no more whose it was.
func (s *Server) eraseAlso(rq *request, c zhenni.Credential, also erasure) error {
	references, err := s.ownReferences(rq, also)
	switch {
	case err != nil || also == erasure{} || c.Status == zhenni.StatusErased:
		return err
	case c.Subject.IsZero() && c.StatusIndex != 0:
		return refuse(kindUnavailable, "whose credential it is can not be read")
	case c.Subject.IsZero():
		return nil
	case s.config.Subjects == nil:
		return refuse(kindNotFound, "this server knows no subjects")
	}
	if also.reference {
		if err := s.eraseOf(references, c.Subject, c.ID); err != nil {
			return err
		}
	}
	if also.credentials {
		return s.eraseOf(rq.party.Tenant, c.Subject, c.ID)
	}
	return nil
}

// ownReferences is the tenant of the references that are held for the party's tenant, and for no other.
func (s *Server) ownReferences(rq *request, also erasure) (references zhenni.TenantID, err error) {
	if !also.reference {
		return 0, nil
	}
	references, held := s.config.References[rq.party.Tenant]
	if !held {
		return 0, refuse(kindItem, "also: reference: no references are held for the tenant")
	}
	for tenant, of := range s.config.References {
		if of == references && tenant != rq.party.Tenant {
			return 0, refuse(kindItem, "also: reference: the references are held for another tenant too")
		}
	}
	return references, nil
}

// eraseOf erases the credentials of a subject with a tenant but for one, in one commit, and who asked about them is forgotten.
func (s *Server) eraseOf(tenant zhenni.TenantID, subject zhenni.SubjectHandle, but zhenni.CredentialID) error {
	ctx, cancel := s.batchTime()
	defer cancel()
	ids, err := s.config.Subjects.SubjectCredentials(ctx, tenant, subject)
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id zhenni.CredentialID) bool { return id == but })
	if len(ids) == 0 {
		return nil
	}
	var commands []zhenni.Command
	for _, id := range ids {
		commands = append(commands, zhenni.Erase{ID: id, Tenant: tenant, At: s.config.Now()})
	}
	results, err := s.node.Apply(ctx, commands)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	if s.config.History == nil {
		return nil
	}
	return s.config.History.Forget(ctx, ids...)
}
