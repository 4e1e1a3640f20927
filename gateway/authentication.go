package gateway

import (
	"bytes"

	"zhenni"
)

// anyRole is asked for by routes that want a key, of whatever role.
const anyRole = zhenni.Role(1 << 7)

// nobody is compared with where the party is unknown, so that the work, and with it the time, is the same.
var nobody = zhenni.RelyingParty{ID: "nobody"}

// admit finds the relying party of the request and checks its role: [kindKey], [kindRole]. Nothing of a key is kept.
func (s *Server) admit(rq *request, role zhenni.Role) error {
	written, found := bytes.CutPrefix(rq.ctx.Request.Header.Peek("Authorization"), []byte("Bearer "))
	if !found {
		return refuse(kindKey, "")
	}
	key, err := zhenni.ParseAPIKey(string(written))
	if err != nil {
		return refuse(kindKey, "")
	}
	party, known := s.node.RelyingParty(key.Party)
	if !known {
		party = nobody
		party.ID = key.Party
	}
	if admitted := party.Admits(key); !admitted || !known {
		return refuse(kindKey, "")
	}
	if role != anyRole && !party.Roles.Has(role) {
		return refuse(kindRole, "")
	}
	rq.party = party
	return nil
}
