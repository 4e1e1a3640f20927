package gateway

import (
	"bytes"

	"zhenni"
)

// A route asks for one of its roles. anyRole is every role that has any business on the public port, which is not the
// operator's; issuerOrTerminal are those by whom credentials change.
const (
	issuerOrTerminal = zhenni.RoleIssuer | zhenni.RoleTerminal
	anyRole          = issuerOrTerminal | zhenni.RoleVerifier | zhenni.RoleAuditor
)

// nobody is compared with where the party is unknown, so that the work, and with it the time, is the same.
var nobody = zhenni.RelyingParty{ID: "nobody"}

// Directory finds relying parties by what they prove themselves with. Its methods may be called from several goroutines;
// each sees every change acknowledged before the call. Neither says whether what it found has ended.
type Directory interface {
	// PartyOfKey returns the party that has a public key of that id ([zhenni.PublicKey.ID]), and the key.
	PartyOfKey(id []byte) (zhenni.RelyingParty, zhenni.PartyKey, bool)
	// PartyOfCertificate returns the party that has the TLS client certificate of that SHA-256, and the certificate.
	PartyOfCertificate(hash [32]byte) (zhenni.RelyingParty, zhenni.PartyCertificate, bool)
}

// admit finds who asks and checks that it has one of the roles: [kindKey], [kindRole], [kindSuspended], the kinds of
// [refusalOfSignature]. Nothing of a key is kept. A signed request is the party's once its body, where it has one, was read and found to be the one that was signed:
// until then rq.party is nobody's.
func (s *Server) admit(rq *request, role zhenni.Role) error {
	party, err := s.authenticate(rq)
	if err != nil {
		return err
	}
	if party.Roles&role == 0 || role == zhenni.RoleVerifier && s.holdsReferences(party.Tenant) {
		return refuse(kindRole, "")
	}
	if party.Suspended {
		return refuse(kindSuspended, "")
	}
	rq.role = role
	if rq.proof == nil {
		rq.party = party
	} else if rq.bodyRead {
		return rq.completeProof(nil)
	}
	return nil
}

// checkSigned refuses a request that was admitted for less than a signature by a public key or a certificate: [kindSigned].
func (rq *request) checkSigned() error {
	if rq.root == (root{}) && (rq.proof == nil || rq.proof.root == (root{})) {
		return refuse(kindSigned, "")
	}
	return nil
}

// authenticate finds the party by the one of signature, API key and client certificate that is there. Of a signed request it
// leaves the proof in rq. A certificate may come beside another of its party's.
func (s *Server) authenticate(rq *request) (party zhenni.RelyingParty, err error) {
	shown, isShown, err := s.shownParty(rq)
	if err != nil {
		return party, err
	}
	header := &rq.ctx.Request.Header
	authorization, signed := header.Peek("Authorization"), isSigned(rq)
	switch {
	case signed && authorization != nil:
		return party, refuse(kindKey, "the request has both an API key and a signature")
	case signed:
		party, err = s.readSignature(rq)
	case authorization != nil:
		party, err = s.readKey(authorization)
	case isShown:
		rq.root = root{certificate: rq.ctx.Conn().(*conn).peer.hash}
		rq.rests = rq.root
		return shown, nil
	default:
		return party, refuse(kindKey, "")
	}
	if err == nil && isShown && shown.ID != party.ID {
		return party, refuse(kindKey, "")
	}
	return party, err
}

// readKey finds the party of an API key.
func (s *Server) readKey(authorization []byte) (party zhenni.RelyingParty, err error) {
	written, found := bytes.CutPrefix(authorization, []byte("Bearer "))
	if !found {
		return party, refuse(kindKey, "")
	}
	key, err := zhenni.ParseAPIKey(string(written))
	if err != nil {
		return party, refuse(kindKey, "")
	}
	party, known := s.node.RelyingParty(key.Party)
	if !known {
		party = nobody
		party.ID = key.Party
	}
	if admitted := party.Admits(key); !admitted || !known {
		return party, refuse(kindKey, "")
	}
	return party, nil
}

// shownParty finds the party of the client certificate of the connection; ok is false where there is none, or it is
// nobody's. That is looked up with every request, so that a certificate that was taken from its party is good for no more of
// them, whatever connection or resumed session they come by.
func (s *Server) shownParty(rq *request) (party zhenni.RelyingParty, ok bool, err error) {
	c, isConn := rq.ctx.Conn().(*conn)
	if !isConn || c.peer == nil || s.config.Directory == nil {
		return party, false, nil
	}
	now := s.config.Now()
	party, certificate, known := s.config.Directory.PartyOfCertificate(c.peer.hash)
	if !known {
		return party, false, nil
	}
	if !certificate.Open(now) || now.Before(c.peer.notBefore) || now.After(c.peer.notAfter) {
		return party, false, refuse(kindKey, "")
	}
	return party, true, nil
}
