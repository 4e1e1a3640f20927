package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"zhenni"

	"github.com/valyala/fasthttp"
)

// CIBA has relying parties ask as clients of OpenID Connect: Client-Initiated Backchannel Authentication Flow, Core 1.0, with
// tokens polled for and, where a party has an endpoint for it, pinged. A request is a [zhenni.SessionRemote].
type CIBA struct {
	// Issuer is the https URL of the service, without a slash behind it; the routes are below it, and it is in every ID token.
	Issuer string
	Tokens IDTokens
	// Ping says of a relying party where it is told that a request has ended. One that is not in it polls.
	Ping map[string]string
}

// IDTokens makes ID tokens. Its methods may be called from several goroutines.
type IDTokens interface {
	// IDToken returns the ID token of a signed result, for the authentication request of that id and the access token beside it,
	// made at a time. Of anything but a real person's yes is [zhenni.ErrBadResult].
	IDToken(result []byte, request, access string, at time.Time) ([]byte, error)
	// IDTokenAlgorithm is the name by which they are signed, EdDSA or ES256; empty where there can be none.
	IDTokenAlgorithm() string
}

// CIBAIssuer reports whether a name is one under which [CIBA] can be offered.
func CIBAIssuer(name string) bool {
	u, err := url.Parse(name)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery &&
		u.Fragment == "" && !strings.HasSuffix(name, "/") && !strings.HasSuffix(name, "#")
}

// check refuses a service that could not keep what it says: [zhenni.ErrBadValue].
func (c Config) checkCIBA() error {
	switch {
	case c.CIBA == nil:
		return nil
	case !CIBAIssuer(c.CIBA.Issuer):
		return fmt.Errorf("%w: CIBA: the issuer is no https URL without query, fragment and slash behind it", zhenni.ErrBadValue)
	case c.CIBA.Tokens == nil || c.CIBA.Tokens.IDTokenAlgorithm() == "":
		return fmt.Errorf("%w: CIBA takes a key of results that is of Ed25519 or P-256", zhenni.ErrBadValue)
	case c.Sessions == nil || c.Ledger == nil || c.Receipts == nil || c.Directory == nil || c.Nonces == nil:
		return fmt.Errorf("%w: CIBA takes sessions, a ledger, signed results, and the keys and nonces of relying parties", zhenni.ErrBadValue)
	}
	if len(c.CIBA.Ping) > MaxPingEndpoints {
		return fmt.Errorf("%w: CIBA: %d endpoints, want at most %d", zhenni.ErrBadValue, len(c.CIBA.Ping), MaxPingEndpoints)
	}
	for party, endpoint := range c.CIBA.Ping {
		if !zhenni.ValidName(party) || !CIBAIssuer(strings.TrimRight(endpoint, "/")) {
			return fmt.Errorf("%w: CIBA: the endpoint of party %q is no https URL", zhenni.ErrBadValue, party)
		}
	}
	return nil
}

// The routes below the issuer, and what a client is told of time. A session is over pickupTime before its request is, so that
// an answer in the last second is still collected.
const (
	pathAuthorize = "/bc-authorize"
	pathToken     = "/token"
	grantCIBA     = "urn:openid:params:grant-type:ciba"
	pollInterval  = 5 * time.Second
	pollSlack     = time.Second
	pickupTime    = 2 * pollInterval
)

// openIDRoutes are open to all: a client proves who it is in the form.
func openIDRoutes() []*route {
	return []*route{
		{method: "GET", path: "/.well-known/openid-configuration", handle: asOAuth((*Server).openID)},
		{method: "POST", path: pathAuthorize, handle: asOAuth((*Server).askRemotely)},
		{method: "POST", path: pathToken, handle: asOAuth((*Server).giveToken)},
	}
}

// oauthError is an error response (RFC 6749 §5.2, CIBA Core 1.0 §11 and §13). Its texts are public.
type oauthError struct {
	status int
	Code   string `json:"error"`
	Text   string `json:"error_description,omitempty"`
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Text }

func oauth(code, text string) error { return &oauthError{400, code, text} }

// asOAuth has a route answer its clients' mistakes in the form that they read; whatever else goes wrong stays a problem document.
func asOAuth(handle func(*Server, *request) error) func(*Server, *request) error {
	return func(s *Server, rq *request) error {
		if s.config.CIBA == nil {
			return refuse(kindNotFound, "this server is no OpenID provider")
		}
		err := handle(s, rq)
		var told *oauthError
		if !errors.As(err, &told) {
			return err
		}
		rq.writeSession(told.status, told)
		return nil
	}
}

// openIDMetadata is the document of OpenID Connect Discovery 1.0, with the members of CIBA Core 1.0 §4. There is no authorization
// endpoint: a client asks in the back channel alone.
type openIDMetadata struct {
	Issuer              string   `json:"issuer"`
	TokenEndpoint       string   `json:"token_endpoint"`
	Authorize           string   `json:"backchannel_authentication_endpoint"`
	JWKS                string   `json:"jwks_uri"`
	ResponseTypes       []string `json:"response_types_supported"`
	GrantTypes          []string `json:"grant_types_supported"`
	SubjectTypes        []string `json:"subject_types_supported"`
	IDTokenAlgorithms   []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	AssertionAlgorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	DeliveryModes       []string `json:"backchannel_token_delivery_modes_supported"`
	UserCode            bool     `json:"backchannel_user_code_parameter_supported"`
	Scopes              []string `json:"scopes_supported"`
	Claims              []string `json:"claims_supported"`
	Levels              []string `json:"acr_values_supported"`
	ClaimsParameter     bool     `json:"claims_parameter_supported"`
	RequestURI          bool     `json:"request_uri_parameter_supported"`
}

// openID is GET /.well-known/openid-configuration.
func (s *Server) openID(rq *request) error {
	c := s.config.CIBA
	methods := []string{"private_key_jwt"}
	if s.config.ClientCA != "" {
		methods = append(methods, "tls_client_auth")
	}
	document, err := json.Marshal(openIDMetadata{
		Issuer: c.Issuer, TokenEndpoint: c.Issuer + pathToken, Authorize: c.Issuer + pathAuthorize, JWKS: c.Issuer + "/.well-known/jwks.json",
		ResponseTypes: []string{"none"}, GrantTypes: []string{grantCIBA}, SubjectTypes: []string{"pairwise"},
		IDTokenAlgorithms: []string{c.Tokens.IDTokenAlgorithm()}, AuthMethods: methods, AssertionAlgorithms: []string{"EdDSA", "Ed25519", "ES256"},
		DeliveryModes: []string{"poll", "ping"}, Scopes: []string{scopeOpenID}, Levels: []string{"lite", "full"},
		Claims: []string{"iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "at_hash", "txn"},
	})
	if err != nil {
		panic(err) // texts
	}
	rq.writeJSON(200, document)
	rq.ctx.Response.Header.Set(fasthttp.HeaderCacheControl, keysFresh)
	return nil
}

// requestID is the auth_req_id of a session: which it is, and that whoever shows it was given it.
func requestID(s *zhenni.Session) string { return s.ID.String() + "." + s.RequestToken().String() }

// requestOver is when a request is over, whatever became of it.
func requestOver(s *zhenni.Session) time.Time { return s.CreatedAt.Add(requestLife(s)) }

// requestLife is the expires_in of a request.
func requestLife(s *zhenni.Session) time.Duration { return s.Deadline.Sub(s.CreatedAt) + pickupTime }

// polls remembers when requests were asked about, so that a client that polls faster than the interval is told to slow down. What
// it forgets, as in a restart, costs one early answer.
type polls struct {
	mu   sync.Mutex
	last map[zhenni.SessionID]time.Time // guarded by mu
}

const maxPolls = 1 << 16

// early notes that a request is asked about and reports whether it was a moment ago.
func (p *polls) early(id zhenni.SessionID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, asked := p.last[id]
	if p.last == nil || len(p.last) >= maxPolls {
		p.last = map[zhenni.SessionID]time.Time{}
	}
	p.last[id] = now
	return asked && now.Sub(last) < pollInterval-pollSlack
}

func (p *polls) forget(id zhenni.SessionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, id)
}
