package gateway

import (
	"context"
	"errors"
	"strconv"

	"zhenni"
)

// credential is GET /v1/credentials/{id}. A credential of another tenant is answered like one that is not there.
func (s *Server) credential(rq *request) error {
	id, err := rq.credentialID()
	if err != nil {
		return err
	}
	if err := s.rehearse(rq, id); err != nil {
		return err
	}
	record, err := s.owned(rq, id)
	if err != nil {
		return err
	}
	s.writeCredential(rq, 200, record)
	return nil
}

// owned returns the record of a credential of the party's tenant: [kindNoCredential]. To find a record takes longer than not to, so
// both that of another tenant and none at all cost a look that finds and one that does not; and neither goes further, to where
// a change is made. A record that does not open is unavailable to its tenant, and to another one it is as any of a third.
func (s *Server) owned(rq *request, id zhenni.CredentialID) (zhenni.Credential, error) {
	record, err := s.node.Credential(id)
	if errors.Is(err, zhenni.ErrCorrupt) {
		s.config.Logger.Error("the record of a credential does not open", "error", err)
		if record.Tenant == 0 || record.Tenant == rq.party.Tenant {
			return zhenni.Credential{}, refuse(kindUnavailable, "")
		}
		_, _ = s.node.Credential(zhenni.CredentialID{}) // as for any of another tenant
		return zhenni.Credential{}, refuse(kindNoCredential, "")
	}
	if err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return record, err
	}
	var other zhenni.CredentialID // that nobody has
	if err == nil {
		s.noteFound(id)
		if record.Tenant == rq.party.Tenant {
			return record, nil
		}
	} else if found := s.found.Load(); found != nil {
		other = *found
	}
	_, _ = s.node.Credential(other) // whatever it says, the answer is the same
	return zhenni.Credential{}, refuse(kindNoCredential, "")
}

// noteFound keeps the first credential that was found, to be looked at where one is not.
func (s *Server) noteFound(id zhenni.CredentialID) {
	if s.found.Load() == nil {
		s.found.Store(&id)
	}
}

// revoke is POST /v1/credentials/{id}/revoke. A second revocation is answered like the first.
func (s *Server) revoke(rq *request) error {
	return s.change(rq, func(id zhenni.CredentialID) zhenni.Command {
		return zhenni.ChangeStatus{ID: id, Tenant: rq.party.Tenant, To: zhenni.StatusRevoked, At: s.config.Now()}
	})
}

// reprove is POST /v1/credentials/{id}/re-prove: the issuer answers for the holder, and failed attempts are forgotten.
func (s *Server) reprove(rq *request) error {
	return s.change(rq, func(id zhenni.CredentialID) zhenni.Command {
		return zhenni.ResetAttempts{ID: id, Tenant: rq.party.Tenant, At: s.config.Now()}
	})
}

// change applies a command about the credential that the path names, and answers with what it has become.
func (s *Server) change(rq *request, command func(zhenni.CredentialID) zhenni.Command) error {
	if !rq.bodyRead {
		return refuse(kindSyntax, "this request takes no body")
	}
	id, err := rq.credentialID()
	if err != nil {
		return err
	}
	if _, err := s.owned(rq, id); err != nil {
		return err
	}
	result, err := s.applyOne(command(id))
	if err != nil {
		return err
	}
	s.writeCredential(rq, 200, result.Credential)
	return nil
}

// batchTime is the time all changes of one request have. fasthttp's own context is not passed on, because it is used
// again after the handler.
func (s *Server) batchTime() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), s.config.BatchTimeout)
}

func (s *Server) applyOne(command zhenni.Command) (zhenni.Result, error) {
	ctx, cancel := s.batchTime()
	defer cancel()
	results, err := s.node.Apply(ctx, []zhenni.Command{command})
	if err != nil {
		return zhenni.Result{}, err
	}
	return results[0], results[0].Err
}

// credentialID reads the id of the path. One that is not of its written form names nothing.
func (rq *request) credentialID() (zhenni.CredentialID, error) {
	written, _ := rq.ctx.UserValue("id").(string)
	id, err := zhenni.ParseCredentialID(written)
	if err != nil {
		return id, refuse(kindNoCredential, "")
	}
	return id, nil
}

func (s *Server) writeCredential(rq *request, status int, c zhenni.Credential) {
	rq.writeJSON(status, s.credentialDocument(rq, c))
}

func (s *Server) credentialDocument(rq *request, c zhenni.Credential) []byte {
	answer := append(make([]byte, 0, 320), `{"credential":"`...)
	answer = append(answer, c.ID.String()...)
	answer = append(answer, `","level":"`...)
	answer = append(answer, c.Level.String()...)
	answer = append(answer, `","status":"`...)
	answer = append(answer, c.Status.String()...)
	answer = append(answer, `","generation":`...)
	answer = strconv.AppendUint(answer, uint64(c.Generation), 10)
	answer = appendTime(answer, "enrolled_at", c.EnrolledAt)
	answer = appendTime(answer, "changed_at", c.ChangedAt)
	answer = appendLife(answer, c)
	answer = s.appendStatusIndex(answer, rq, c)
	return append(s.appendOrigin(answer, rq, false), '}')
}

// profiles is GET /v1/profiles: what is served, with the evidence for it.
func (s *Server) profiles(rq *request) error {
	rq.writeJSON(200, s.profileList)
	return nil
}

// live is GET /livez: the process answers.
func (s *Server) live(rq *request) error {
	rq.writeJSON(200, []byte(`{"status":"live"}`))
	return nil
}

// ready is GET /readyz: the node can verify.
func (s *Server) ready(rq *request) error {
	err := s.node.Ready()
	s.tellReady(err)
	if err != nil {
		return notReady(err)
	}
	rq.writeJSON(200, []byte(`{"status":"ready"}`))
	return nil
}

// tellReady tells the log where readiness has changed since it was last asked for, or what it waits for. Whoever asks may do so
// many times a second.
func (s *Server) tellReady(err error) {
	var now *kind
	if err != nil {
		now = notReady(err).kind
	}
	switch before := s.unready.Swap(now); {
	case now == before:
	case now == nil:
		s.config.Logger.Info("ready again")
	default:
		s.config.Logger.Warn("not ready", "error", err)
	}
}

// notReady says what a node waits for, as far as that is for everybody.
func notReady(err error) *refusal {
	switch {
	case errors.Is(err, zhenni.ErrNoRoom):
		return &refusal{kindNoRoom, "the node is not ready: a disk is nearly full; it is ready again within 5 seconds of there being room"}
	case errors.Is(err, zhenni.ErrHalted):
		return &refusal{kindHalted, "the node is not ready: a write to a disk failed, and nothing is written after it; restart it on a sound disk"}
	}
	return &refusal{kindUnavailable, "the node is not ready"}
}

// description is GET /openapi.json.
func (s *Server) description(rq *request) error {
	rq.writeJSON(200, openAPI)
	return nil
}
