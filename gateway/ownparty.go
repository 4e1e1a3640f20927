package gateway

import (
	"zhenni"
)

// ownParty is GET /v1/party: what is kept of the party that asks.
func (s *Server) ownParty(rq *request) error {
	s.writeParty(rq, 200, rq.party)
	return nil
}

// addOwnKey is POST /v1/party/keys: a party has one more key, which it shows that it holds; the keys that it had before may be
// retired with it. Who has one of its keys can do this, as all else in its name: after a key was lost, the others retire it.
func (s *Server) addOwnKey(rq *request) error {
	fields := keyFields()
	if err := s.readPartyDocument(rq, fields[:]); err != nil {
		return err
	}
	change, err := readKeyChange(&fields)
	if err != nil {
		return err
	}
	if len(change.Add) != 1 {
		return refuse(kindItem, "keys is not a list of one key")
	}
	if err := checkPossession(&fields[keyPossession], rq.party.ID, change.Add[0]); err != nil {
		return err
	}
	return s.editOwn(rq, "given a key by itself", s.rotation(change))
}

// retireOwnKey is POST /v1/party/keys/{key}/retire. Without a document the key is taken no more from its answer on, which may be the
// one that signed this. A party without a key is given one by its operator.
func (s *Server) retireOwnKey(rq *request) error {
	change, err := s.readRetirement(rq)
	if err != nil {
		return err
	}
	return s.editOwn(rq, "relieved of a key by itself", s.rotation(change))
}

// editOwn changes the party that asks, where it still is the one that was admitted.
func (s *Server) editOwn(rq *request, done string, edit func(zhenni.RelyingParty) (zhenni.RelyingParty, error)) error {
	return s.editRegistered(rq, rq.party.ID, done, func(p zhenni.RelyingParty) (zhenni.RelyingParty, error) {
		if p.Tenant != rq.party.Tenant || p.Suspended || !rq.proven(s, p) {
			return p, refuse(kindKey, "")
		}
		return edit(p)
	})
}

// PossessionText is what a new key signs to show that the party holds it. It says nothing that ages: that the holder of the
// key is that party; and without a signature by another key of the party it is good for nothing.
func PossessionText(party string, key zhenni.PublicKey) []byte {
	return []byte("zhenni key possession 1\n" + party + "\n" + key.ID())
}

// checkPossession refuses a new key that did not sign: [kindPossession].
func checkPossession(f *field, party string, key zhenni.PublicKey) error {
	var signature [zhenni.SignatureSize]byte
	if f.value == nil || f.number || !decodeBase64(signature[:], f.value) {
		return refuse(kindPossession, "possession is not 64 bytes in base64")
	}
	if !key.Verify(PossessionText(party, key), signature[:]) {
		return refuse(kindPossession, "")
	}
	return nil
}
