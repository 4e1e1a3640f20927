package gateway

import (
	"errors"
	"slices"

	"zhenni"
)

// addParty is POST /v1/parties. A party has what the document says, is of the operator's tenant and of its kind, and has no
// API key. Repeated, it is answered with the party as it is, where that is as it was made.
func (s *Server) addParty(rq *request) error {
	fields := partyFields()
	if err := s.readPartyDocument(rq, fields[:]); err != nil {
		return err
	}
	party, err := readParty(&fields, rq.party)
	if err != nil {
		return err
	}
	party.CreatedAt = s.config.Now().UTC()
	ctx, cancel := s.batchTime()
	defer cancel()
	party, err = s.config.Registry.add(ctx, party)
	if err != nil {
		return refusalOfParty(err)
	}
	s.tellChange(rq, party, "added")
	s.writeParty(rq, 201, party)
	return nil
}

// changeParty is POST /v1/parties/{party}/change: what the document names is changed, where the party is of the version that it
// was made of.
func (s *Server) changeParty(rq *request) error {
	fields := changeFields()
	if err := s.readPartyDocument(rq, fields[:]); err != nil {
		return err
	}
	version, err := textOf(&fields[changeVersion])
	if err != nil {
		return err
	}
	return s.editParty(rq, "changed", func(p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
		if partyVersion(p) != version {
			return p, refuse(kindPartyChanged, "")
		}
		return readChange(&fields, p)
	})
}

// addPartyKeys is POST /v1/parties/{party}/keys. The document is a JSON Web Key Set.
func (s *Server) addPartyKeys(rq *request) error {
	fields := keyFields()
	if err := s.readPartyDocument(rq, fields[:2]); err != nil {
		return err
	}
	change, err := readKeyChange(&fields)
	if err != nil {
		return err
	}
	return s.editParty(rq, "given keys", s.rotation(change))
}

// retirePartyKey is POST /v1/parties/{party}/keys/{key}/retire: without a document at once.
func (s *Server) retirePartyKey(rq *request) error {
	change, err := s.readRetirement(rq)
	if err != nil {
		return err
	}
	return s.editParty(rq, "relieved of a key", s.rotation(change))
}

// rotation changes the keys of a party.
func (s *Server) rotation(change zhenni.KeyChange) func(zhenni.RelyingParty) (zhenni.RelyingParty, error) {
	return func(p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
		changed, err := p.WithKeys(change, s.config.Now().UTC())
		if errors.Is(err, zhenni.ErrNotFound) {
			return p, refuse(kindNotFound, "the party has no key of that id")
		}
		return changed, err
	}
}

// suspendParty is POST /v1/parties/{party}/suspend: from its answer on the party is refused, and so is what it has in hand.
func (s *Server) suspendParty(rq *request) error { return s.setSuspended(rq, "suspended", true) }

// resumeParty is POST /v1/parties/{party}/resume. It ends a stop for what the party asked, too.
func (s *Server) resumeParty(rq *request) error { return s.setSuspended(rq, "resumed", false) }

func (s *Server) setSuspended(rq *request, done string, suspended bool) error {
	if err := rq.takesNothing(); err != nil {
		return err
	}
	if !suspended {
		if err := s.liftNamed(rq); err != nil {
			return err
		}
	}
	return s.editParty(rq, done, func(p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
		p.Suspended = suspended
		return p, nil
	})
}

// liftNamed ends a stop of the party of the path, where it is stopped and the operator's to keep.
func (s *Server) liftNamed(rq *request) error {
	party, err := s.namedParty(rq)
	if err != nil {
		return err
	}
	if err := keptBy(rq.party, party); err != nil {
		return err
	}
	if err := s.Lift(party.ID); !errors.Is(err, zhenni.ErrNotFound) {
		return err
	}
	return nil
}

// removeParty is POST /v1/parties/{party}/remove.
func (s *Server) removeParty(rq *request) error {
	if err := rq.takesNothing(); err != nil {
		return err
	}
	party, err := s.namedParty(rq)
	if err != nil {
		return err
	}
	if s.config.Registry == nil {
		return refuse(kindNotFound, "")
	}
	ctx, cancel := s.batchTime()
	defer cancel()
	err = s.config.Registry.remove(ctx, party.ID, func(p zhenni.RelyingParty) error { return keptBy(rq.party, p) })
	if err != nil {
		return refusalOfParty(err)
	}
	s.tellChange(rq, party, "removed")
	answer := append(append(make([]byte, 0, 160), `{"removed":"`...), party.ID...)
	rq.writeJSON(200, append(s.appendOrigin(append(answer, '"'), rq, false), '}'))
	return nil
}

// editParty changes the party of the path, where it is the operator's to keep, and answers with what it has become.
func (s *Server) editParty(rq *request, done string, edit func(zhenni.RelyingParty) (zhenni.RelyingParty, error)) error {
	named, err := s.namedParty(rq)
	if err != nil {
		return err
	}
	return s.editRegistered(rq, named.ID, done, func(p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
		if err := keptBy(rq.party, p); err != nil {
			return p, err
		}
		return edit(p)
	})
}

// editRegistered changes a party and answers with what it has become.
func (s *Server) editRegistered(rq *request, id, done string, edit func(zhenni.RelyingParty) (zhenni.RelyingParty, error)) error {
	if s.config.Registry == nil {
		return refuse(kindNotFound, "")
	}
	ctx, cancel := s.batchTime()
	defer cancel()
	party, err := s.config.Registry.change(ctx, id, edit)
	if err != nil {
		return refusalOfParty(err)
	}
	s.tellChange(rq, party, done)
	s.writeParty(rq, 200, party)
	return nil
}

// tellChange logs who changed a party: the audit log has what changed and when.
func (s *Server) tellChange(rq *request, party zhenni.RelyingParty, done string) {
	s.config.Logger.Info("a relying party is "+done, "party", party.ID, "by", rq.party.ID)
}

// isStopped reports whether a party is stopped for what it asked.
func (s *Server) isStopped(p zhenni.RelyingParty) bool {
	return !p.Stopped.IsZero() || slices.Contains(s.LimitStats().Stopped, p.ID)
}

// takesNothing refuses a request with a body.
func (rq *request) takesNothing() error {
	if !rq.bodyRead {
		return refuse(kindSyntax, "this request takes no body")
	}
	return nil
}
