package gateway

import (
	"net"
	"strconv"

	"zhenni"
)

// operatorRoutes are the routes of the operator's listener, as /openapi.json has them beside the public ones. No public port
// shows them: there they are addresses like any other that is none. What all of them ask for is an operator that signs, or
// shows a certificate: its API key, or a session key, would be a secret that others can use.
//
// An operator keeps the parties of its own tenant, and none that is an operator: those, and other tenants, are kept on the
// operator's socket, so that who comes by a key of one operator can make no other.
func operatorRoutes() []*route {
	operator := func(method, path string, handle func(*Server, *request) error) *route {
		return &route{method: method, path: path, role: zhenni.RoleOperator, signed: true, handle: handle}
	}
	return []*route{
		operator("POST", "/v1/parties", (*Server).addParty),
		operator("GET", "/v1/parties", (*Server).parties),
		operator("GET", "/v1/parties/{party}/next", (*Server).partiesBehind),
		operator("GET", "/v1/parties/{party}", (*Server).oneParty),
		operator("GET", "/v1/parties/{party}/usage", (*Server).partyUsage),
		operator("POST", "/v1/parties/{party}/change", (*Server).changeParty),
		operator("POST", "/v1/parties/{party}/keys", (*Server).addPartyKeys),
		operator("POST", "/v1/parties/{party}/keys/{key}/retire", (*Server).retirePartyKey),
		operator("POST", "/v1/parties/{party}/suspend", (*Server).suspendParty),
		operator("POST", "/v1/parties/{party}/resume", (*Server).resumeParty),
		operator("POST", "/v1/parties/{party}/remove", (*Server).removeParty),
		operator("GET", "/v1/party", (*Server).ownParty),
		operator("POST", "/v1/party/keys", (*Server).addOwnKey),
		operator("POST", "/v1/party/keys/{key}/retire", (*Server).retireOwnKey),
	}
}

// ServeOperator answers the operator's routes, and no other, on the connections of ln, which it closes, until
// [Server.Shutdown]; then it returns nil. It keeps to the same bounds as [Server.Serve], TLS included.
func (s *Server) ServeOperator(ln net.Listener) error { return s.operators.Serve(newListener(ln, s)) }

// The kinds of refusal about relying parties.
var (
	kindNoParty      = &kind{404, "party_not_found", "There is no such relying party.", "Check the id of the party.", false, false}
	kindTaken        = &kind{409, "taken", "The id, a key or a certificate is not free.", "Choose another id, which no party has or had; make a key for each party.", false, false}
	kindPartyChanged = &kind{409, "party_changed", "The party is not of that version any more.", "Read the party, and send the change with the version it has now.", false, false}
	kindSuspended    = &kind{403, "party_suspended", "An operator has suspended the relying party.", "Ask the operator why, and to resume it.", false, false}
	kindSigned       = &kind{403, "signature_required", "This route takes a signature by a public key of the party, or a client certificate.", "Sign the request with a public key; neither an API key nor a session key will do.", false, false}
	kindOperator     = &kind{403, "operator_kept_apart", "A party that is an operator is kept on the operator's socket.", "Use zhenni rp on the machine that serves.", false, false}
	kindPossession   = &kind{422, "possession_not_proved", "The new key does not prove that the party holds it.", "Sign the text that /openapi.json names, with the new key.", false, false}
)

// partyPage is the most parties of a page.
const partyPage = 100

// keptBy refuses a party that is not the operator's to keep: [kindNoParty] for one of another tenant, as for none.
func keptBy(operator, party zhenni.RelyingParty) error {
	switch {
	case party.Tenant != operator.Tenant:
		return refuse(kindNoParty, "")
	case party.Roles.Has(zhenni.RoleOperator):
		return refuse(kindOperator, "")
	}
	return nil
}

// namedParty returns the party of the path, where it is of the tenant of who asks: [kindNoParty].
func (s *Server) namedParty(rq *request) (zhenni.RelyingParty, error) {
	id, _ := rq.ctx.UserValue("party").(string)
	party, known := s.node.RelyingParty(id)
	if !known || party.Tenant != rq.party.Tenant {
		return zhenni.RelyingParty{}, refuse(kindNoParty, "")
	}
	return party, nil
}

// parties is GET /v1/parties: the first page of the tenant's parties.
func (s *Server) parties(rq *request) error { return s.listParties(rq, "") }

// partiesBehind is GET /v1/parties/{party}/next: the page behind a party, which need not be there any more.
func (s *Server) partiesBehind(rq *request) error {
	id, _ := rq.ctx.UserValue("party").(string)
	if !zhenni.ValidName(id) {
		return refuse(kindNoParty, "")
	}
	return s.listParties(rq, id)
}

func (s *Server) listParties(rq *request, behind string) error {
	if s.config.Registry == nil {
		return refuse(kindNotFound, "")
	}
	all, err := s.config.Registry.parties.RelyingParties()
	if err != nil {
		return err
	}
	answer, listed := append(make([]byte, 0, 4<<10), `{"parties":[`...), 0
	last := ""
	for _, p := range all {
		if p.Tenant != rq.party.Tenant || p.ID <= behind {
			continue
		}
		if listed == partyPage {
			answer = append(append(append(answer, `],"next":"`...), last...), `"`...)
			rq.writeJSON(200, append(s.appendOrigin(answer, rq, false), '}'))
			return nil
		}
		if listed++; listed > 1 {
			answer = append(answer, ',')
		}
		answer, last = appendParty(answer, p), p.ID
	}
	rq.writeJSON(200, append(s.appendOrigin(append(answer, ']'), rq, false), '}'))
	return nil
}

// oneParty is GET /v1/parties/{party}.
func (s *Server) oneParty(rq *request) error {
	party, err := s.namedParty(rq)
	if err != nil {
		return err
	}
	s.writeParty(rq, 200, party)
	return nil
}

// partyUsage is GET /v1/parties/{party}/usage: what it asked for, and whether it is stopped for what came of that.
func (s *Server) partyUsage(rq *request) error {
	party, err := s.namedParty(rq)
	if err != nil {
		return err
	}
	u := s.quotas.of(party.ID).shown(party.ID, s.config.Now().Unix())
	answer := append(append(append(make([]byte, 0, 256), `{"party":"`...), party.ID...), '"')
	for _, member := range [...]struct {
		name  string
		value uint64
	}{{"items", u.Items}, {"refused", u.Refused}, {"minute", u.Minute}, {"day", u.Day}} {
		answer = append(append(append(answer, `,"`...), member.name...), `":`...)
		answer = strconv.AppendUint(answer, member.value, 10)
	}
	answer = strconv.AppendBool(append(answer, `,"stopped":`...), s.isStopped(party))
	rq.writeJSON(200, append(s.appendOrigin(answer, rq, false), '}'))
	return nil
}
