package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"zhenni"
)

const (
	mediaForm = "application/x-www-form-urlencoded"
	// maxForm and maxParameters bound a form, maxAssertion an assertion in it, maxJTI the name of that.
	maxForm       = 8 << 10
	maxParameters = 32
	maxAssertion  = 4 << 10
	maxJTI        = 128
	maxKeyID      = 64
	lastSecond    = 1 << 40
	// An assertion is taken for assertionTaken from when it was made, however long it says that it is good, which is at most
	// assertionLife: so long is remembered that it came. Clocks may differ by assertionAhead.
	assertionTaken = time.Minute
	assertionLife  = 5 * time.Minute
	assertionAhead = 5 * time.Second
	assertionType  = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// parameters are those of a request, by name. One without a value is as good as none (RFC 6749 §3.1).
type parameters map[string]string

// parseForm reads a form. A parameter that occurs twice, or is no text, is refused: [oauthError].
func parseForm(body []byte) (parameters, error) {
	f := parameters{}
	if len(body) == 0 {
		return f, nil
	}
	if bytes.Count(body, []byte("&")) >= maxParameters {
		return nil, oauth("invalid_request", "there are too many parameters")
	}
	for pair := range bytes.SplitSeq(body, []byte("&")) {
		rawName, rawValue, _ := bytes.Cut(pair, []byte("="))
		name, err := url.QueryUnescape(string(rawName))
		value, err2 := url.QueryUnescape(string(rawValue))
		if err != nil || err2 != nil || !formText(name) || !formText(value) || bytes.ContainsRune(pair, ';') {
			return nil, oauth("invalid_request", "the form is malformed")
		}
		if _, twice := f[name]; twice {
			return nil, oauth("invalid_request", "a parameter occurs twice")
		}
		f[name] = value
	}
	for name, value := range f {
		if value == "" {
			delete(f, name)
		}
	}
	return f, nil
}

// formText reports whether s is text without control characters.
func formText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// readForm reads the form of a request, of a client that has proved who it is: the request is its party's from then on.
func (s *Server) readForm(rq *request) (parameters, error) {
	media, _, _ := strings.Cut(string(rq.ctx.Request.Header.ContentType()), ";")
	if !strings.EqualFold(strings.TrimSpace(media), mediaForm) {
		return nil, refuse(kindMedia, "")
	}
	body, err := rq.readBody(maxForm, documentWeight)
	if err != nil {
		return nil, err
	}
	f, err := parseForm(body)
	if err != nil {
		return nil, err
	}
	return f, s.admitClient(rq, f)
}

// noClient is the one answer to whoever does not prove to be a client, but for what is theirs alone to correct.
func noClient(text string) error { return &oauthError{401, "invalid_client", text} }

// admitClient finds the relying party that asks: by an assertion that one of its keys signed (RFC 7523), or by the client
// certificate of the connection (RFC 8705).
func (s *Server) admitClient(rq *request, f parameters) error {
	if rq.ctx.Request.Header.Peek("Authorization") != nil || isSigned(rq) {
		return noClient("clients are known by private_key_jwt, or by tls_client_auth")
	}
	party, isShown, err := s.shownParty(rq)
	if err != nil {
		return noClient("")
	}
	switch {
	case f["client_assertion"] != "" || f["client_assertion_type"] != "":
		shown := party.ID
		if party, err = s.assertedParty(rq, f); err == nil && isShown && shown != party.ID {
			err = noClient("")
		}
	case !isShown || f["client_id"] != party.ID:
		err = noClient("")
	}
	if err != nil {
		return err
	}
	return s.takeClient(rq, party)
}

// takeClient refuses a party that may not ask here.
func (s *Server) takeClient(rq *request, party zhenni.RelyingParty) error {
	switch {
	case !party.Roles.Has(zhenni.RoleVerifier) || s.holdsReferences(party.Tenant):
		return oauth("unauthorized_client", "the client is no verifier")
	case party.Suspended:
		return oauth("unauthorized_client", "the client is suspended")
	case party.Evaluation:
		return oauth("unauthorized_client", "of a trial there are no ID tokens")
	}
	rq.party, rq.role = party, zhenni.RoleVerifier
	return nil
}

// assertedParty finds who signed the assertion, and remembers that it came: each is taken once, also after a restart.
func (s *Server) assertedParty(rq *request, f parameters) (zhenni.RelyingParty, error) {
	nobody := zhenni.RelyingParty{}
	if f["client_assertion_type"] != assertionType {
		return nobody, noClient("client_assertion_type is not " + assertionType)
	}
	a, err := parseAssertion(f["client_assertion"])
	if err != nil {
		return nobody, err
	}
	now := s.config.Now()
	if err := a.check(s.config.CIBA.Issuer, f["client_id"], now); err != nil {
		return nobody, err
	}
	party, key, known := s.config.Directory.PartyOfKey([]byte(a.head.Key))
	if !known || !key.Open(now) || party.ID != a.claims.Issuer || !slices.Contains(assertionAlgorithms[key.Public.Algorithm()], a.head.Algorithm) ||
		!key.Public.Verify(a.message, a.signature) {
		return nobody, noClient("")
	}
	sum := sha256.Sum256([]byte("zhenni client assertion\n" + party.ID + "\n" + a.claims.Name))
	created := time.Unix(*a.claims.IssuedAt, 0)
	err = s.config.Nonces.Remember([16]byte(sum[:]), created, a.until(), now)
	if errors.Is(err, zhenni.ErrReplayed) {
		return nobody, noClient("the assertion came before: its jti was used")
	}
	rq.rests = root{public: key.Public}
	rq.root = rq.rests
	return party, err
}

// assertionAlgorithms are the names by which a key signs: EdDSA (RFC 8037) is Ed25519 by its later name (RFC 9864).
var assertionAlgorithms = map[zhenni.KeyAlgorithm][]string{
	zhenni.KeyEd25519: {"EdDSA", "Ed25519"}, zhenni.KeyP256: {"ES256"},
}

// assertion is a JSON Web Token by which a client says who it is. Of its members those are read that are looked at.
type assertion struct {
	head struct {
		Algorithm string          `json:"alg"`
		Key       string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"`
	}
	claims struct {
		Issuer    string          `json:"iss"`
		Subject   string          `json:"sub"`
		Audience  json.RawMessage `json:"aud"`
		Name      string          `json:"jti"`
		Expires   *int64          `json:"exp"`
		IssuedAt  *int64          `json:"iat"`
		NotBefore *int64          `json:"nbf"`
	}
	message, signature []byte
}

// parseAssertion reads the compact form of RFC 7515 and checks nothing of what it says.
func parseAssertion(text string) (*assertion, error) {
	malformed := noClient("client_assertion is no signed JSON Web Token with alg, kid, iss, sub, aud, exp, iat and jti")
	parts := strings.Split(text, ".")
	if len(text) > maxAssertion || len(parts) != 3 {
		return nil, malformed
	}
	a := &assertion{message: []byte(parts[0] + "." + parts[1])}
	for i, into := range []any{&a.head, &a.claims} {
		part, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil || json.Unmarshal(part, into) != nil {
			return nil, malformed
		}
	}
	var err error
	if a.signature, err = base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil || a.head.Critical != nil || a.claims.Expires == nil ||
		a.claims.IssuedAt == nil || a.claims.Name == "" || len(a.claims.Name) > maxJTI || len(a.head.Key) > maxKeyID {
		return nil, malformed
	}
	for _, at := range []*int64{a.claims.Expires, a.claims.IssuedAt, a.claims.NotBefore} {
		if at != nil && (*at < 0 || *at > lastSecond) {
			return nil, malformed
		}
	}
	return a, nil
}

// check looks at whom an assertion is of, to whom and when it is made.
func (a *assertion) check(issuer, client string, now time.Time) error {
	c := &a.claims
	made, ends := time.Unix(*c.IssuedAt, 0), time.Unix(*c.Expires, 0)
	switch {
	case !zhenni.ValidName(c.Issuer) || c.Subject != c.Issuer || client != "" && client != c.Issuer:
		return noClient("iss and sub of the assertion, and client_id where it is there, are not one id of a relying party")
	case !a.isTo(issuer, issuer+pathToken, issuer+pathAuthorize):
		return noClient("aud of the assertion is not the issuer")
	case made.After(now.Add(assertionAhead)), !now.Before(a.until()), c.NotBefore != nil && time.Unix(*c.NotBefore, 0).After(now.Add(assertionAhead)):
		return noClient("the assertion is not of this minute")
	case ends.Sub(made) > assertionLife || !ends.After(made):
		return noClient("the assertion is good for longer than five minutes")
	}
	return nil
}

// until is when the assertion is not taken any more.
func (a *assertion) until() time.Time {
	ends, over := time.Unix(*a.claims.Expires, 0), time.Unix(*a.claims.IssuedAt, 0).Add(assertionTaken)
	if ends.Before(over) {
		return ends
	}
	return over
}

// isTo reports whether the audience is one of those and nobody else.
func (a *assertion) isTo(any ...string) bool {
	var many []string
	if err := json.Unmarshal(a.claims.Audience, &many); err != nil {
		many = make([]string, 1)
		if err := json.Unmarshal(a.claims.Audience, &many[0]); err != nil {
			return false
		}
	}
	return len(many) > 0 && !slices.ContainsFunc(many, func(to string) bool { return !slices.Contains(any, to) })
}
