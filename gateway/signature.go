package gateway

import (
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// Nonces remembers which signed requests came, also when the process has ended in between. Its method may be called from
// several goroutines.
type Nonces interface {
	// Remember takes a request, of which digest is made, once: [zhenni.ErrReplayed]. It fails with [zhenni.ErrOverloaded] where it
	// has no room, and with [zhenni.ErrUnavailable] where it can not know. Created and until are when the signature was
	// made and ends.
	Remember(digest [16]byte, created, until, now time.Time) error
}

// coverable are the fields that a signature may cover beside those of its own. It must cover some of them where the request
// has them: whoever changed one on the way would change what is asked, or for whom it is kept. So it must a model that is not
// the one of requests which name none.
var coverable = [...]struct {
	field, name string
	must        bool
}{
	{"Content-Type", "content-type", false},
	{"Model", "model", false},
	{"Transaction-Id", "transaction-id", true},
	{"Idempotency-Key", "idempotency-key", true},
	{"Service", "service", true},
	{"Purpose", "purpose", true},
}

// A proof is a signed request on its way to being believed. It belongs to one request and is used again.
type proof struct {
	claim   httpsig.Claim
	request httpsig.Request
	fields  [len(coverable)]httpsig.Field
	party   zhenni.RelyingParty
	rests   root // what the key is, or was asked for with
	root    root // rests, but zero where a session key signed
	server  *Server
}

var proofs = sync.Pool{New: func() any { return new(proof) }}

// isSigned reports whether the request says that it is signed.
func isSigned(rq *request) bool {
	header := &rq.ctx.Request.Header
	return header.Peek("Signature-Input") != nil || header.Peek("Signature") != nil
}

// readSignature finds the party that signed the head of the request, and leaves in rq what is still to be proved of it. The
// checks go from cheap to dear: of a stranger's request no more is done than one operation with a key that he has to name.
// An unknown key costs him less time than a known one, which tells him what the key's holder publishes.
func (s *Server) readSignature(rq *request) (party zhenni.RelyingParty, err error) {
	if s.config.Directory == nil || s.config.Nonces == nil {
		return party, refuse(kindKey, "")
	}
	if !s.isOwnHost(rq.ctx.Request.Header.Host()) {
		return party, refuse(kindSignatureForm, "the host is not one of this server's certificate")
	}
	p := proofs.Get().(*proof)
	p.take(s, rq)
	now := s.config.Now()
	if err = p.claim.Parse(&p.request, now); err == nil {
		err = p.checkCoverage()
	}
	if err == nil {
		err = p.findParty(now)
	}
	if err != nil {
		proofs.Put(p)
		return party, refusalOfSignature(err)
	}
	rq.proof = p
	return p.party, nil
}

// isOwnHost reports whether a request for a host is for this server, and not one that was signed for another and is passed on
// by whoever runs that. Plain HTTP does not tell: there whatever is in front has to.
func (s *Server) isOwnHost(host []byte) bool {
	return s.leaf == nil || s.leaf.VerifyHostname(hostname(string(host))) == nil
}

// take points at the parts of the request as they came: the guard lets no path, host or field through that fasthttp would
// show otherwise.
func (p *proof) take(s *Server, rq *request) {
	header := &rq.ctx.Request.Header
	p.server, p.rests, p.root = s, root{}, root{}
	for i, f := range coverable {
		p.fields[i] = httpsig.Field{Name: f.name, Value: header.Peek(f.field)}
	}
	p.request = httpsig.Request{
		Method: header.Method(), Authority: header.Host(), TLS: s.tls != nil, Path: header.RequestURI(),
		Fields: p.fields[:], BodyFollows: !rq.bodyRead,
		ContentDigest:  header.Peek("Content-Digest"),
		SignatureInput: header.Peek("Signature-Input"),
		Signature:      header.Peek("Signature"),
	}
}

// checkCoverage refuses a signature that leaves open a field it has to cover.
func (p *proof) checkCoverage() error {
	for i, f := range coverable {
		must := f.must || f.field == "Model" && !p.server.isFirst(p.fields[i].Value)
		if must && len(p.fields[i].Value) > 0 && !p.claim.Covers(f.name) {
			return refuse(kindSignatureForm, "the signature does not cover "+f.name)
		}
	}
	return nil
}

// findParty finds who has the key and checks that it signed the head. A key that has ended is as unknown as any other.
func (p *proof) findParty(now time.Time) error {
	if isSessionKey(p.claim.KeyID) {
		return p.findSessionKey(now)
	}
	s := p.server
	party, held, known := s.config.Directory.PartyOfKey(p.claim.KeyID)
	if !known || !held.Open(now) {
		return httpsig.ErrKey
	}
	key, err := s.keys.of(held.Public)
	if err != nil {
		return err
	}
	p.party, p.root = party, root{public: held.Public}
	p.rests = p.root
	if err := p.claim.VerifyHead(key.verifies); err != nil {
		return err
	}
	return s.keys.used(key)
}

// completeProof checks the body that the signature is of, and that the request is the first with its nonce. With it the
// request becomes its party's.
func (rq *request) completeProof(body []byte) error {
	p := rq.proof
	if p == nil {
		return nil
	}
	rq.proof = nil
	defer proofs.Put(p)
	if err := p.claim.VerifyBody(body, nil); err != nil {
		return refusalOfSignature(err)
	}
	c := &p.claim
	digest := nonceDigest(p.party.ID, c.KeyID, c.Nonce)
	err := p.server.config.Nonces.Remember(digest, time.Unix(c.Created, 0), c.Until(), p.server.config.Now())
	if errors.Is(err, zhenni.ErrReplayed) {
		return refuse(kindReplay, "")
	}
	if err != nil {
		return err
	}
	rq.party, rq.rests, rq.root, rq.nonce = p.party, p.rests, p.root, string(c.Nonce)
	if rq.bulkNamed() {
		rq.signedBody = c.AppendBodyDigest(make([]byte, 0, httpsig.MaxBodyDigest))
	}
	return nil
}

// nonceDigest is what a signed request is remembered by. No two of party, key id and nonce run into each other: each is
// at most 64 bytes, and preceded by its length.
func nonceDigest(party string, keyID, nonce []byte) [16]byte {
	var b [3 * 65]byte
	n := 0
	b[n] = byte(len(party))
	n += 1 + copy(b[n+1:], party)
	b[n] = byte(len(keyID))
	n += 1 + copy(b[n+1:], keyID)
	b[n] = byte(len(nonce))
	n += 1 + copy(b[n+1:], nonce)
	sum := sha256.Sum256(b[:n])
	return [16]byte(sum[:])
}

// refusalOfSignature tells the mistakes that are the client's own to correct. An unknown key, another's key and a wrong
// signature are one answer.
func refusalOfSignature(err error) error {
	var known *refusal
	text := strings.TrimPrefix(err.Error(), "httpsig: ") // it names fields, and no value
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, httpsig.ErrSyntax), errors.Is(err, httpsig.ErrProfile):
		return refuse(kindSignatureForm, text)
	case errors.Is(err, httpsig.ErrTime):
		return refuse(kindSignatureTime, text)
	case errors.Is(err, httpsig.ErrDigest):
		return refuse(kindDigest, "")
	case errors.Is(err, httpsig.ErrKey), errors.Is(err, httpsig.ErrSignature):
		return refuse(kindKey, "")
	}
	return err
}
