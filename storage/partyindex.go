package storage

import (
	"fmt"
	"maps"

	"zhenni"
)

// A partyIndex finds the party that a key or a certificate belongs to. What belongs to one party belongs to no other, for a
// signature names its key and nothing else.
type partyIndex struct {
	keys         map[string]ownedKey // by key id
	certificates map[[32]byte]string // party by SHA-256
}

type ownedKey struct {
	owner  string
	public zhenni.PublicKey
}

func newPartyIndex(parties map[string]party) partyIndex {
	x := partyIndex{keys: map[string]ownedKey{}, certificates: map[[32]byte]string{}}
	for _, p := range parties {
		x.add(p)
	}
	return x
}

func (x partyIndex) clone() partyIndex {
	return partyIndex{keys: maps.Clone(x.keys), certificates: maps.Clone(x.certificates)}
}

func (x partyIndex) add(p party) {
	if p.removed {
		return
	}
	for _, k := range p.Keys {
		x.keys[k.Public.ID()] = ownedKey{p.ID, k.Public}
	}
	for _, c := range p.Certificates {
		x.certificates[c.Hash] = p.ID
	}
}

func (x partyIndex) remove(p party) {
	if p.removed {
		return
	}
	for _, k := range p.Keys {
		delete(x.keys, k.Public.ID())
	}
	for _, c := range p.Certificates {
		delete(x.certificates, c.Hash)
	}
}

// free reports what of p belongs to another party: [zhenni.ErrExists].
func (x partyIndex) free(p zhenni.RelyingParty) error {
	for i, k := range p.Keys {
		if known, taken := x.keys[k.Public.ID()]; taken && known.owner != p.ID {
			return fmt.Errorf("%w: key %d of relying party %s is one of %s", zhenni.ErrExists, i, p.ID, known.owner)
		}
	}
	for i, c := range p.Certificates {
		if owner, taken := x.certificates[c.Hash]; taken && owner != p.ID {
			return fmt.Errorf("%w: certificate %d of relying party %s is one of %s", zhenni.ErrExists, i, p.ID, owner)
		}
	}
	return nil
}

// PartyOfKey returns the party that has a key of that id, and the key, which may have ended. It reads the snapshot of
// [Store.RelyingParty].
func (s *Store) PartyOfKey(id []byte) (p zhenni.RelyingParty, key zhenni.PartyKey, ok bool) {
	known, ok := s.partyIndex.Load().keys[string(id)]
	if !ok {
		return p, key, false
	}
	if p, ok = s.RelyingParty(known.owner); !ok {
		return zhenni.RelyingParty{}, key, false
	}
	for _, k := range p.Keys {
		if k.Public == known.public {
			return p, k, true
		}
	}
	return zhenni.RelyingParty{}, key, false // taken from the party between the two looks
}

// PartyOfCertificate returns the party that has the certificate of that SHA-256, and the certificate, which may have
// ended. It reads the snapshot of [Store.RelyingParty].
func (s *Store) PartyOfCertificate(hash [32]byte) (p zhenni.RelyingParty, certificate zhenni.PartyCertificate, ok bool) {
	owner, ok := s.partyIndex.Load().certificates[hash]
	if !ok {
		return p, certificate, false
	}
	if p, ok = s.RelyingParty(owner); !ok {
		return zhenni.RelyingParty{}, certificate, false
	}
	for _, c := range p.Certificates {
		if c.Hash == hash {
			return p, c, true
		}
	}
	return zhenni.RelyingParty{}, certificate, false
}
