package httpsig

import "time"

// The window of a signature.
const (
	// MaxAge is how long after its creation a signature is taken.
	MaxAge = 60 * time.Second
	// MaxAhead is how far ahead of the caller's clock a signature may have been created.
	MaxAhead = 5 * time.Second
)

const (
	maxComponents = 16
	maxKeyID      = 64
	minNonce      = 16
	maxNonce      = 64
)

// A Claim is what a request says of its signature: first read, by Parse, then proved, by Verify. Until it is proved it is a
// stranger's word, good for finding a key and for nothing else. The zero value is ready for use; one that is used again
// allocates nothing. It holds on to the request's memory until the next Parse. It is not safe for concurrent use.
type Claim struct {
	// KeyID and Nonce point into the request.
	KeyID, Nonce []byte
	// Created and Expires are Unix seconds; Expires is 0 where the signature does not say.
	Created, Expires int64

	said       parameter // the parameters that were there
	alg, tag   []byte
	names      [maxComponents][]byte
	covered    int    // how many names there are
	parameters []byte // the value of Signature-Input behind its label
	signature  octets
	length     int // of the signature
	digest     digest
	body       []byte
	sum256     *[32]byte
	base       []byte
	parsed     bool
	follows    bool // the body, which is then checked by VerifyBody
	proved     bool // by VerifyHead
	whole      bool // the body was checked as well
}

// Parse reads the signature of r and does every check that needs no key. It fails with [ErrSyntax], [ErrProfile],
// [ErrTime] or, for the algorithm of a digest, [ErrDigest]; the claim then verifies with no key.
func (c *Claim) Parse(r *Request, now time.Time) error {
	*c = Claim{base: c.base[:0]}
	label, err := c.readInput(r.SignatureInput)
	if err != nil {
		return err
	}
	if err := c.readSignature(r.Signature, label); err != nil {
		return err
	}
	if err := c.check(r, now); err != nil {
		return err
	}
	c.parsed = true
	return nil
}

// check does what follows the fields of the signature, and makes the base.
func (c *Claim) check(r *Request, now time.Time) error {
	if err := c.checkParameters(); err != nil {
		return err
	}
	if err := c.checkTime(now); err != nil {
		return err
	}
	if err := c.checkCoverage(r); err != nil {
		return err
	}
	if c.Covers(componentDigest) {
		if err := c.digest.read(r.ContentDigest); err != nil {
			return err
		}
	}
	var err error
	c.base, err = r.appendBase(c.base, c.names[:c.covered], c.parameters)
	c.body, c.sum256, c.follows = r.Body, r.BodySHA256, r.BodyFollows
	return err
}

// checkParameters checks the form of what the signature says of itself.
func (c *Claim) checkParameters() error {
	switch {
	case !c.said.has(sayKeyID):
		return refuse(ErrProfile, inputField, "keyid is missing")
	case !validKeyID(c.KeyID):
		return refuse(ErrProfile, inputField, "keyid is not 1–64 visible characters")
	case !c.said.has(sayCreated):
		return refuse(ErrProfile, inputField, "created is missing")
	case !c.said.has(sayNonce):
		return refuse(ErrProfile, inputField, "nonce is missing")
	case !validNonce(c.Nonce):
		return refuse(ErrProfile, inputField, "nonce is not 16–64 characters of the base64url alphabet")
	case c.said.has(sayTag) && string(c.tag) != "zhenni":
		return refuse(ErrProfile, inputField, "tag is of another application")
	}
	return nil
}

func validKeyID(id []byte) bool { return len(id) > 0 && len(id) <= maxKeyID && within(id, '!') }

func validNonce(nonce []byte) bool {
	for _, c := range nonce {
		if !nonceByte[c] {
			return false
		}
	}
	return len(nonce) >= minNonce && len(nonce) <= maxNonce
}

// checkTime compares as durations, which end at their bounds instead of wrapping: a year 30 million is in the future.
func (c *Claim) checkTime(now time.Time) error {
	switch age := now.Sub(time.Unix(c.Created, 0)); {
	case age > MaxAge:
		return refuse(ErrTime, inputField, "created is more than 60 s ago")
	case age < -MaxAhead:
		return refuse(ErrTime, inputField, "created is more than 5 s ahead")
	case !c.said.has(sayExpires):
		return nil
	case c.Expires <= c.Created:
		return refuse(ErrTime, inputField, "expires is not after created")
	case now.After(time.Unix(c.Expires, 0)):
		return refuse(ErrTime, inputField, "expires has passed")
	}
	return nil
}

// Until is the last moment at which the claim is in time. After it the nonce can be forgotten.
func (c *Claim) Until() time.Time {
	until := time.Unix(c.Created, 0).Add(MaxAge)
	if expires := time.Unix(c.Expires, 0); c.said.has(sayExpires) && expires.Before(until) {
		return expires
	}
	return until
}

// Covers reports whether the signature covers the field of that name, in lower case. What is not covered anybody on the
// way may have changed.
func (c *Claim) Covers(name string) bool {
	for _, covered := range c.names[:c.covered] {
		if string(covered) == name {
			return true
		}
	}
	return false
}

// checkCoverage refuses a signature that leaves open what it has to settle.
func (c *Claim) checkCoverage(r *Request) error {
	for _, name := range [...]string{componentMethod, componentAuthority, componentPath, componentQuery} {
		if !c.Covers(name) {
			return refuse(ErrProfile, inputField, "does not cover "+name)
		}
	}
	if (len(r.Body) > 0 || r.BodyFollows || len(r.ContentDigest) > 0) && !c.Covers(componentDigest) {
		return refuse(ErrProfile, inputField, "does not cover "+componentDigest)
	}
	return nil
}

// Verify checks the claim with the key that the caller found by its KeyID: [ErrKey] where it is another one, or nil;
// [ErrSignature] where the key did not sign this request; [ErrDigest] where the body is not the one that was signed. Of a
// request whose body follows it is VerifyHead and VerifyBody that check it.
func (c *Claim) Verify(k *Key) error {
	if c.follows {
		return refuse(ErrDigest, digestField, "the body is still to come")
	}
	if err := c.fits(k); err != nil {
		return err
	}
	switch {
	case !c.digest.agrees(c.sum256):
		return refuse(ErrDigest, digestField, "not of this body")
	case !k.verify(c.base, c.signature[:c.length]):
		return refuse(ErrSignature, signatureField, "not made by the key over this request")
	case !c.digest.matches(c.body, c.sum256):
		return refuse(ErrDigest, digestField, "not of this body")
	}
	return nil
}

// VerifyHead is the part of Verify that needs no body: after it the key has signed everything that the claim covers, the
// digest of the body among it. The request is not to be acted on before VerifyBody.
func (c *Claim) VerifyHead(k *Key) error {
	if err := c.fits(k); err != nil {
		return err
	}
	if c.proved = k.verify(c.base, c.signature[:c.length]); !c.proved {
		return refuse(ErrSignature, signatureField, "not made by the key over this request")
	}
	return nil
}

// VerifyBody checks the body against the digest that VerifyHead has proved: [ErrDigest]. A request without a body is of
// no bytes. The digest of the body is believed where the caller has it already.
func (c *Claim) VerifyBody(body []byte, sum256 *[32]byte) error {
	c.whole = false
	switch {
	case !c.proved:
		return refuse(ErrSignature, signatureField, "there is no proved claim")
	case len(body) > 0 && !c.Covers(componentDigest):
		return refuse(ErrProfile, inputField, "does not cover "+componentDigest)
	case !c.digest.matches(body, sum256):
		return refuse(ErrDigest, digestField, "not of this body")
	}
	c.whole = true
	return nil
}

// MaxBodyDigest bounds what [Claim.AppendBodyDigest] appends, in bytes.
const MaxBodyDigest = 80

// AppendBodyDigest appends the name of an algorithm and the digest of the body that VerifyBody found to be the one that was
// signed, by which that body is known again without another pass over it. Without one it appends nothing.
func (c *Claim) AppendBodyDigest(dst []byte) []byte {
	if !c.whole {
		return dst
	}
	return c.digest.appendOne(dst)
}

// fits reports what needs no operation with the key.
func (c *Claim) fits(k *Key) error {
	c.proved = false
	switch {
	case !c.parsed:
		return refuse(ErrSyntax, signatureField, "there is no claim")
	case k == nil || string(c.KeyID) != k.id:
		return refuse(ErrKey, inputField, "keyid is of another key")
	case c.said.has(sayAlg) && string(c.alg) != k.algorithm.String():
		return refuse(ErrKey, inputField, "alg is not the key's")
	case c.length != k.algorithm.signatureSize():
		return refuse(ErrSignature, signatureField, "not of the length that the key makes")
	}
	return nil
}
