package gateway

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// Devices knows by what keys the devices of credentials sign. Its methods may be called from several goroutines.
type Devices interface {
	// Credential returns the record of a credential, with the key of the one device that holds it, the zero key where it has
	// none: [zhenni.ErrNotFound].
	Credential(id zhenni.CredentialID) (zhenni.Credential, error)
	// Changes returns a number to ask Unchanged with, which reports whether a record that was read after it is still what
	// Credential would return. It may report false of one that is.
	Changes(id zhenni.CredentialID) uint64
	Unchanged(id zhenni.CredentialID, since uint64) bool
}

// A look is the record of a credential as it was found once; since is what [Devices] told of changes before.
type look struct {
	record zhenni.Credential
	since  uint64
	found  bool
}

// Bounds of the evidence of one request.
const (
	maxEvidence      = 8
	maxEvidenceBytes = 8 << 10
)

// readEvidence reads the tokens and holds them to the request. Those of terminals are verified; those of the credential's
// device are returned, for whose key it is is a fact of the credential.
func (s *Server) readEvidence(rq *request, batch *zhenni.Batch, now time.Time) (shown zhenni.Shown, byDevice []*evidence.Token, err error) {
	shown = zhenni.Shown{Compared: s.compared(rq), Also: s.comparedAlso(rq), CapturedAt: rq.terms.capturedAt}
	if rq.terms.sealedPIN != nil {
		shown.Others = zhenni.NewMeansSet(zhenni.MeansPIN)
	}
	if len(rq.terms.tokens) == 0 {
		return shown, nil, nil
	}
	expected := evidence.Expected{
		Subject: batch.IDs[0], Capture: rq.terms.capture(batch), Transaction: rq.transaction, Party: rq.party.ID, Nonce: rq.nonce,
		MaxAge: rq.terms.granted.EvidenceMaxAge(),
	}
	if rq.terms.subject != (zhenni.CredentialID{}) {
		if batch.Also != nil {
			return shown, nil, refuse(kindProbe, "where the device is not told the credential, it brings one probe")
		}
		expected.Subject, expected.Capture = rq.terms.subject, rq.terms.sent
	}
	var second *secondCapture
	if batch.Also != nil {
		second = newSecondCapture(batch)
	}
	byDevice, err = s.readTokens(rq, expected, second, now, &shown)
	second.weaken(&shown)
	return shown, byDevice, err
}

// readTokens holds the tokens to what is expected, of a second capture too where there is one, and adds what they say to what is
// shown.
func (s *Server) readTokens(rq *request, expected evidence.Expected, second *secondCapture, now time.Time, shown *zhenni.Shown) (byDevice []*evidence.Token, err error) {
	first := expected.Capture
	for i, written := range rq.terms.tokens {
		token, err := evidence.Parse(written)
		if err == nil {
			expected.Capture = second.bound(token.Claims(), first)
			err = token.Check(expected, now)
		}
		switch {
		case err != nil:
		case rq.terms.subject != zhenni.CredentialID{} && !toldNobody(token):
			return nil, refuse(kindEvidence, "evidence["+strconv.Itoa(i)+"]: a terminal that is not told the credential signs for liveness alone")
		case token.Claims().Terminal == "":
			byDevice = append(byDevice, token)
		default:
			err = s.verifyTerminal(rq.party.Tenant, token, now)
		}
		if err != nil {
			return nil, refuse(kindEvidence, "evidence["+strconv.Itoa(i)+"]: "+evidenceFault(err))
		}
		second.show(shown, token.Claims())
	}
	return byDevice, nil
}

// toldNobody reports whether a token can be of a terminal that is not told whose credential it is: what was captured was alive. A card
// or a document would be somebody's.
func toldNobody(token *evidence.Token) bool {
	c := token.Claims()
	return c.Kind == evidence.Liveness && c.Terminal != ""
}

// capture is the digest that evidence is bound to: of the probe, or in its place of the PIN as it was sealed, of no bytes where
// there is neither.
func (t *terms) capture(batch *zhenni.Batch) [sha256.Size]byte {
	if t.unprobed {
		return sha256.Sum256(t.sealedPIN)
	}
	return captureOf(batch)
}

// captureOf is the digest of the probe of a batch of one.
func captureOf(batch *zhenni.Batch) [sha256.Size]byte {
	if batch.Int8 != nil {
		return sha256.Sum256(int8Bytes(batch.Int8))
	}
	return sha256.Sum256(float32Bytes(batch.Float32))
}

// show adds what a token says to what is shown. Of several on liveness the highest level counts, and of these the newest.
func show(shown *zhenni.Shown, c evidence.Claims) {
	at := time.Unix(c.IssuedAt, 0)
	switch c.Kind {
	case evidence.Liveness:
		if c.Level > shown.Liveness || c.Level == shown.Liveness && at.After(shown.LivenessAt) {
			shown.Liveness, shown.LivenessAt = c.Level, at
		}
	case evidence.Possession:
		shown.Others |= zhenni.NewMeansSet(zhenni.MeansPossession)
	case evidence.Card:
		shown.Others |= zhenni.NewMeansSet(zhenni.MeansCard)
	case evidence.Document:
		shown.Others |= zhenni.NewMeansSet(zhenni.MeansDocument)
	}
}

// verifyTerminal verifies a token by the key of a terminal that it names.
func (s *Server) verifyTerminal(tenant zhenni.TenantID, token *evidence.Token, now time.Time) error {
	key := s.terminalKey(tenant, token, now)
	if key.IsZero() {
		return token.Verify(key)
	}
	ready, err := s.keys.of(key)
	if err != nil {
		return err
	}
	if err := token.VerifyBy(ready); err != nil {
		return err
	}
	return s.keys.used(ready)
}

// terminalKey is the key that a token names, where it is one of a terminal of the tenant; else the zero key, which signs
// nothing.
func (s *Server) terminalKey(tenant zhenni.TenantID, token *evidence.Token, now time.Time) zhenni.PublicKey {
	c := token.Claims()
	terminal, known := s.node.RelyingParty(c.Terminal)
	if !known || terminal.Tenant != tenant || !terminal.Roles.Has(zhenni.RoleTerminal) {
		return zhenni.PublicKey{}
	}
	for _, k := range terminal.Keys {
		if k.Public.Thumbprint() == c.KeyID && (k.NotAfter.IsZero() || now.Before(k.NotAfter)) {
			return k.Public
		}
	}
	return zhenni.PublicKey{}
}

// ofDevice reports whether all tokens are signed by the credential's device. The work is that of the tokens, whatever the
// credential has: with no key, or one of another algorithm, they are verified by a decoy, and do not count.
func (s *Server) ofDevice(id zhenni.CredentialID, tokens []*evidence.Token) (all bool, found look, err error) {
	if len(tokens) == 0 {
		return true, look{}, nil
	}
	if found, err = s.lookUp(id); err != nil {
		return false, look{}, err
	}
	key := found.record.Device
	all = true
	for _, token := range tokens {
		with, real := key, key.Algorithm() == token.Algorithm()
		if !real {
			with = decoyKeys[token.Algorithm()]
		}
		all = token.Verify(with) == nil && real && all
	}
	return all, found, nil
}

// lookUp finds the record that names the credential's device, none where there is no credential. It looks twice: to find takes
// longer than not to, so a look that finds nothing goes with one at the latest that was found, and any other with one at an id
// that nobody has.
func (s *Server) lookUp(id zhenni.CredentialID) (look, error) {
	devices := s.config.Devices
	if devices == nil {
		return look{}, nil
	}
	since := devices.Changes(id)
	record, err := devices.Credential(id)
	if err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return look{}, err
	}
	l, other := look{}, zhenni.CredentialID{}
	if err == nil {
		l = look{record, since, true}
		s.found.Store(&id)
	} else if found := s.found.Load(); found != nil {
		other = *found
	}
	if _, err := devices.Credential(other); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return look{}, err
	}
	return l, nil
}

// decoyKeys are compared with where there is no key.
var decoyKeys = func() map[zhenni.KeyAlgorithm]zhenni.PublicKey {
	seed := sha256.Sum256([]byte("zhenni decoy key"))
	nist, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		panic(err) // the seed is a constant
	}
	point, err := nist.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	keys := make(map[zhenni.KeyAlgorithm]zhenni.PublicKey)
	for algorithm, public := range map[zhenni.KeyAlgorithm][]byte{
		zhenni.KeyEd25519: ed25519.NewKeyFromSeed(seed[:])[ed25519.SeedSize:], zhenni.KeyP256: point,
	} {
		if keys[algorithm], err = zhenni.NewPublicKey(algorithm, public); err != nil {
			panic(err)
		}
	}
	return keys
}()

// evidenceFault is what the party is told of a token: its class.
func evidenceFault(err error) string {
	for _, class := range []struct {
		err  error
		text string
	}{
		{evidence.ErrMalformed, "malformed"}, {evidence.ErrSubject, "of another credential"}, {evidence.ErrCapture, "of another capture"},
		{evidence.ErrTransaction, "of another transaction"}, {evidence.ErrParty, "for another relying party"},
		{evidence.ErrNonce, "of another request"}, {evidence.ErrStale, "too old"}, {evidence.ErrAhead, "of later than now"},
	} {
		if errors.Is(err, class.err) {
			return class.text
		}
	}
	return "not signed by a terminal of the tenant" // whether there is such a terminal is not said
}
