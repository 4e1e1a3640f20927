package gateway

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"io"
	"slices"
	"sync"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

const (
	// sessionKeyLifetime is how long a session key is taken at most.
	sessionKeyLifetime = time.Hour
	// maxPartySessionKeys bounds the session keys of a party, of which the oldest then ends; maxSessionKeys those of all.
	maxPartySessionKeys = 16
	maxSessionKeys      = 1 << 16
	// sessionKeyPrefix tells the id of a session key from that of a public key, which has no dot.
	sessionKeyPrefix = "s."
)

// A sessionKey is what a party and this process share. It lasts no longer than the process, and than what the party
// proved itself with when it asked for it.
type sessionKey struct {
	party   string
	root    root
	key     *httpsig.Key
	expires time.Time
}

// A root is what a party proved itself with: a public key or a certificate; an API key is neither.
type root struct {
	public      zhenni.PublicKey
	certificate [32]byte
}

// open reports whether the party still has it at a time.
func (r root) open(p zhenni.RelyingParty, at time.Time) bool {
	return slices.ContainsFunc(p.Keys, func(k zhenni.PartyKey) bool { return k.Public == r.public && k.Open(at) }) ||
		slices.ContainsFunc(p.Certificates, func(c zhenni.PartyCertificate) bool { return c.Hash == r.certificate && c.Open(at) })
}

// sessionKeys are all of this process.
type sessionKeys struct {
	mu      sync.RWMutex
	byID    map[string]*sessionKey // guarded by mu
	byParty map[string][]string    // ids from the oldest; guarded by mu
}

func (t *sessionKeys) find(id []byte) *sessionKey {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[string(id)]
}

// add keeps a key, in the place of the party's oldest where it has too many: [zhenni.ErrOverloaded].
func (t *sessionKeys) add(s *sessionKey, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID, t.byParty = map[string]*sessionKey{}, map[string][]string{}
	}
	if len(t.byID) >= maxSessionKeys {
		t.dropEnded(now)
	}
	if len(t.byID) >= maxSessionKeys {
		return zhenni.ErrOverloaded
	}
	own := t.byParty[s.party]
	if len(own) >= maxPartySessionKeys {
		delete(t.byID, own[0])
		own = slices.Delete(own, 0, 1)
	}
	t.byID[s.key.ID()] = s
	t.byParty[s.party] = append(own, s.key.ID())
	return nil
}

func (t *sessionKeys) dropEnded(now time.Time) {
	for party, ids := range t.byParty {
		ids = slices.DeleteFunc(ids, func(id string) bool {
			ended := now.After(t.byID[id].expires)
			if ended {
				delete(t.byID, id)
			}
			return ended
		})
		if t.byParty[party] = ids; len(ids) == 0 {
			delete(t.byParty, party)
		}
	}
}

// isSessionKey reports whether a key id is one of a session key.
func isSessionKey(id []byte) bool { return bytes.HasPrefix(id, []byte(sessionKeyPrefix)) }

// findSessionKey finds who has the session key and checks that it signed the head. One that is unknown, has ended or signed
// something else is one answer.
func (p *proof) findSessionKey(now time.Time) error {
	s := p.server
	found := s.sessionKeys.find(p.claim.KeyID)
	if found == nil || now.After(found.expires) {
		return refuse(kindSessionKey, "")
	}
	party, known := s.node.RelyingParty(found.party)
	if !known || !found.root.open(party, now) || p.claim.VerifyHead(found.key) != nil {
		return refuse(kindSessionKey, "")
	}
	p.party, p.rests = party, found.root
	return nil
}

// openSessionKey is POST /v1/session-keys. Both sides derive the secret, which is in no message: whoever reads both learns
// nothing of it, and whoever changes the request breaks its signature.
func (s *Server) openSessionKey(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	if rq.root == (root{}) {
		return refuse(kindSessionKeyRoot, "")
	}
	fields := [1]field{{name: "public_key"}}
	if err := parseDocument(body, fields[:]); err != nil {
		return err
	}
	var client [32]byte
	if f := &fields[0]; f.value == nil || f.number || !decodeBase64(client[:], f.value) {
		return refuse(kindItem, "public_key is not 32 bytes in base64")
	}
	made, server, err := s.newSessionKey(rq, client[:])
	if err != nil {
		return err
	}
	answer := append(make([]byte, 0, 256), `{"key_id":"`...)
	answer = append(answer, made.key.ID()...)
	answer = append(answer, `","public_key":"`...)
	answer = append(base64.StdEncoding.AppendEncode(answer, server), '"')
	answer = appendTime(answer, "expires", made.expires)
	rq.writeJSON(201, append(s.appendOrigin(answer, rq, false), '}'))
	return nil
}

// newSessionKey draws an id and a private key, which it forgets, and keeps the session key. It returns the public key.
func (s *Server) newSessionKey(rq *request, client []byte) (*sessionKey, []byte, error) {
	var random [16 + 32]byte
	if _, err := io.ReadFull(s.config.Entropy, random[:]); err != nil {
		return nil, nil, refuse(kindUnavailable, "no session key could be made")
	}
	defer clear(random[:])
	id := sessionKeyPrefix + base64.RawURLEncoding.EncodeToString(random[:16])
	private, err := ecdh.X25519().NewPrivateKey(random[16:])
	if err != nil {
		return nil, nil, err
	}
	server := private.PublicKey().Bytes()
	secret, err := httpsig.SessionSecret(private, client, server, id)
	if err != nil {
		return nil, nil, refuse(kindItem, "public_key is no public key of X25519")
	}
	defer clear(secret)
	key, err := httpsig.NewHMAC(id, secret)
	if err != nil {
		return nil, nil, err
	}
	now := s.config.Now()
	made := &sessionKey{party: rq.party.ID, root: rq.root, key: key, expires: now.Add(sessionKeyLifetime).Truncate(time.Second)}
	return made, server, s.sessionKeys.add(made, now)
}
