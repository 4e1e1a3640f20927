package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/gateway/pages"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"
)

// openAPI is the description of the public routes, to which the tests hold the handlers.
//
//go:embed openapi.json
var openAPI []byte

// A Server answers HTTP requests by asking a [Node].
type Server struct {
	config      Config
	node        Node
	http        fasthttp.Server
	tls         *tls.Config       // nil for plain HTTP
	leaf        *x509.Certificate // of tls
	metrics     *httpMetrics
	depot       depot
	passage     *passage
	keys        keyring
	quotas      quotas
	sessionKeys sessionKeys
	persons     personDesk
	remoteBegun stripes // of the credentials that clients of CIBA ask for
	// desks are those at which guests arrive, rotations the keys that they bring.
	desks     desks
	rotations rotations
	polls     polls
	// served are the models, that of requests which name none first, and profileList is the body of GET /v1/profiles.
	served      []served
	profileList []byte
	migrations  migrationCounts
	pins        pinCounts
	stopped     atomic.Bool   // by Shutdown
	draining    chan struct{} // closed by it
	// unready is what the node waited for when that was last asked, nil where it was ready.
	unready atomic.Pointer[kind]

	operators fasthttp.Server // of the operator's routes

	found atomic.Pointer[zhenni.CredentialID] // a credential that is there
	// foundSubject is a subject that has a live credential with a tenant.
	foundSubject atomic.Pointer[tenantSubject]
	limits       limits
	// captures are those that issues were asked for by, with their subjects; sealings those of their identities, with the texts.
	captures *sightings[zhenni.TenantID]
	sealings *sightings[string]
	// pinsShut says that there is a PIN that does not open; see refusePINs.
	pinsShut atomic.Bool
	// renewing has a place for the one PIN that is made anew; see renewPIN.
	renewing chan struct{}
	// spareCounts are *[]zhenni.AttemptCount of requests that were answered.
	spareCounts sync.Pool
}

// New makes a server for node, which it neither starts nor stops. A config that is not valid is [zhenni.ErrBadValue]
// or [zhenni.ErrBadProfile].
func New(config Config, node Node) (*Server, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if !littleEndian {
		return nil, errors.New("gateway: this machine is big-endian; vectors are read where they lie in little-endian")
	}
	s := &Server{config: config, node: node, metrics: newMetrics(node, config), passage: newPassage(), draining: make(chan struct{})}
	s.renewing = make(chan struct{}, 1)
	s.depot.limit = config.MaxHeldBytes
	s.limits.start(config.Limits, config.Meters)
	s.quotas.meters = config.Meters
	s.captures, s.sealings = newSightings[zhenni.TenantID](), newSightings[string]()
	s.metrics.registry.MustRegister(personCollector{&s.persons}, limitCollector{s}, migrationCollector{&s.migrations}, pinCollector{&s.pins})
	if err := errors.Join(s.loadTLS(), s.serveModels()); err != nil {
		return nil, err
	}
	s.setHTTP(&s.http, slices.Concat(publicRoutes(), pageRoutes(pages.For(config.HolderApp)), s.sandboxRoutes()))
	s.setHTTP(&s.operators, operatorRoutes())
	return s, nil
}

// setHTTP makes a server of some routes.
func (s *Server) setHTTP(server *fasthttp.Server, routes []*route) {
	*server = fasthttp.Server{
		Handler:                      s.handler(routes),
		ErrorHandler:                 s.brokenBody,
		Concurrency:                  2 * s.config.MaxConns, // never reached: the listener admits MaxConns
		MaxIdleWorkerDuration:        2 * time.Second,       // so long does a server that was shut down hold on to its node
		ReadBufferSize:               2 * maxHeadBytes,
		WriteBufferSize:              4 << 10,
		MaxRequestBodySize:           s.config.MaxBatchBytes,
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		Logger:                       quietLog{s.config.Logger},
	}
}

func (s *Server) loadTLS() error {
	if s.config.TLSCert == "" {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(s.config.TLSCert, s.config.TLSKey)
	if err != nil {
		return fmt.Errorf("%w: TLS certificate: %w", zhenni.ErrBadValue, err)
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{"http/1.1"},
	}
	s.leaf = certificate.Leaf
	return s.askForCertificates()
}

// askForCertificates has the handshake ask for a client certificate, and refuse one that is not of the authorities, not of
// this time or not for clients. A client without one may be known by something else.
func (s *Server) askForCertificates() error {
	if s.config.ClientCA == "" {
		return nil
	}
	authorities, err := os.ReadFile(s.config.ClientCA)
	if err != nil {
		return fmt.Errorf("%w: authorities of client certificates: %w", zhenni.ErrBadValue, err)
	}
	s.tls.ClientCAs, s.tls.ClientAuth, s.tls.Time = x509.NewCertPool(), tls.VerifyClientCertIfGiven, s.config.Now
	if !s.tls.ClientCAs.AppendCertsFromPEM(authorities) {
		return fmt.Errorf("%w: authorities of client certificates: no certificate in PEM", zhenni.ErrBadValue)
	}
	return nil
}

// ListenAndServe listens on Config.Addr and serves until [Server.Shutdown].
func (s *Server) ListenAndServe() error {
	ln, err := net.Listen("tcp", s.config.Addr)
	if err != nil {
		return err
	}
	return s.Serve(ln)
}

// Serve answers the connections of ln, which it closes, until [Server.Shutdown]; then it returns nil. TLS, where
// configured, is spoken over ln.
func (s *Server) Serve(ln net.Listener) error {
	return s.http.Serve(newListener(ln, s))
}

// Shutdown stops listening, lets the requests in hand finish and closes idle connections. It returns when that is done
// or ctx is. A Serve that begins later returns at once.
func (s *Server) Shutdown(ctx context.Context) error {
	if !s.stopped.Swap(true) {
		close(s.draining)
	}
	defer s.rotations.wipe()
	return errors.Join(s.operators.ShutdownWithContext(ctx), s.http.ShutdownWithContext(ctx), s.awaitRenewal(ctx))
}

// A route is one address with what it takes to use it.
type route struct {
	method, path string
	pattern      string      // what the router matches, where it is not path
	role         zhenni.Role // one of these; 0: open to all
	signed       bool        // by a public key, or with a certificate; no secret that the server could use will do
	tokened      bool        // a token of a session does in place of the role
	tried        bool        // it may name the transaction of a try in a session, as what is tokened may
	handle       func(*Server, *request) error
	meter        routeMeter
}

// publicRoutes are the routes of the public listener, as /openapi.json has them.
func publicRoutes() []*route {
	return append(append(personRoutes(), openIDRoutes()...), []*route{
		{method: "POST", path: "/v1/enrolments", role: zhenni.RoleIssuer, handle: (*Server).enrol},
		{method: "POST", path: "/v1/session-keys", role: anyRole, handle: (*Server).openSessionKey},
		{method: "POST", path: "/v1/verifications", role: zhenni.RoleVerifier, handle: (*Server).verifyOne},
		{method: "POST", path: "/v1/verification-batches", role: zhenni.RoleVerifier, handle: (*Server).verifyMany},
		{method: "GET", path: "/v1/credentials/{id}", role: zhenni.RoleIssuer, handle: (*Server).credential},
		{method: "POST", path: "/v1/credentials/{id}/revoke", role: zhenni.RoleIssuer, handle: (*Server).revoke},
		{method: "POST", path: "/v1/credentials/{id}/erase", role: zhenni.RoleIssuer, handle: (*Server).erase},
		{method: "POST", path: "/v1/credentials", role: issuerOrTerminal, handle: (*Server).issue},
		{method: "POST", path: "/v1/credentials/{id}/suspend", role: zhenni.RoleIssuer, handle: (*Server).suspend},
		{method: "POST", path: "/v1/credentials/{id}/resume", role: zhenni.RoleIssuer, handle: (*Server).resume},
		{method: "POST", path: "/v1/credentials/{id}/renew", role: zhenni.RoleIssuer, handle: (*Server).renew},
		{method: "POST", path: "/v1/credentials/{id}/report-loss", role: issuerOrTerminal, handle: (*Server).reportLoss},
		{method: "POST", path: "/v1/credentials/{id}/move-device", role: issuerOrTerminal, handle: (*Server).moveDevice},
		{method: "POST", path: "/v1/credentials/{id}/lock", role: issuerOrTerminal, handle: (*Server).lock},
		{method: "POST", path: "/v1/credentials/{id}/unlock", role: issuerOrTerminal, handle: (*Server).unlock},
		{method: "POST", path: "/v1/credentials/{id}/pin", role: issuerOrTerminal, handle: (*Server).setPIN},
		{method: "POST", path: "/v1/credentials/{id}/templates", role: issuerOrTerminal, handle: (*Server).putTemplate},
		{method: "GET", path: "/v1/models/{model}/migration", role: zhenni.RoleIssuer, handle: (*Server).migration},
		{method: "GET", path: "/v1/models/{model}/pending", role: zhenni.RoleIssuer, handle: (*Server).pending},
		{method: "GET", path: "/v1/models/{model}/pending/{cursor}", role: zhenni.RoleIssuer, handle: (*Server).morePending},
		{method: "GET", path: "/v1/credentials/{id}/history", role: zhenni.RoleIssuer, handle: (*Server).history},
		{method: "GET", path: "/v1/credentials/{id}/history/{cursor}", role: zhenni.RoleIssuer, handle: (*Server).olderHistory},
		{method: "POST", path: "/v1/credentials/{id}/history/forget", role: zhenni.RoleIssuer, handle: (*Server).forgetHistory},
		{method: "POST", path: "/v1/credentials/{id}/re-prove", role: zhenni.RoleIssuer, handle: (*Server).reprove},
		{method: "GET", path: "/v1/verifications/{id}/proof", role: zhenni.RoleVerifier, handle: (*Server).proof},
		{method: "GET", path: "/v1/verifications/{id}/proof/{item}", role: zhenni.RoleVerifier, handle: (*Server).itemProof},
		{method: "GET", path: "/v1/parties/{party}/transactions/{id}/proof", role: zhenni.RoleAuditor, handle: (*Server).proof},
		{method: "GET", path: "/v1/parties/{party}/transactions/{id}/proof/{item}", role: zhenni.RoleAuditor, handle: (*Server).itemProof},
		{method: "GET", path: "/v1/party", role: anyRole, handle: (*Server).ownParty},
		{method: "POST", path: "/v1/party/keys", role: anyRole, signed: true, handle: (*Server).addOwnKey},
		{method: "POST", path: "/v1/party/keys/{key}/retire", role: anyRole, signed: true, handle: (*Server).retireOwnKey},
		{method: "GET", path: "/v1/party/webhook", role: anyRole, handle: (*Server).ownWebhook},
		{method: "POST", path: "/v1/party/webhook", role: anyRole, signed: true, handle: (*Server).moveWebhook},
		{method: "GET", path: "/v1/party/webhook/dead-letters", role: anyRole, handle: (*Server).ownLetters},
		{method: "POST", path: "/v1/party/webhook/dead-letters/{message}/redeliver", role: anyRole, handle: (*Server).redeliverOwn},
		{method: "POST", path: "/v1/sessions", role: zhenni.RoleVerifier, handle: (*Server).beginSession},
		{method: "GET", path: "/v1/sessions/{id}", role: zhenni.RoleVerifier, tokened: true, handle: (*Server).seeSession},
		{method: "GET", path: "/v1/sessions/{id}/events", role: zhenni.RoleVerifier, tokened: true, handle: (*Server).followSession},
		{method: "POST", path: "/v1/sessions/{id}/cancel", role: zhenni.RoleVerifier, tokened: true, handle: (*Server).cancelSession},
		{method: "POST", path: "/v1/sessions/{id}/code", role: zhenni.RoleVerifier, tokened: true, handle: (*Server).typeCode},
		{method: "POST", path: "/v1/sessions/{id}/capture", role: zhenni.RoleVerifier, tried: true, handle: (*Server).capture},
		{method: "GET", path: "/v1/sessions/{id}/results", role: zhenni.RoleVerifier, handle: (*Server).sessionResults},
		{method: "GET", path: "/v1/sessions/{id}/seats/{seat}", tokened: true, handle: (*Server).seeSeat},
		{method: "GET", path: "/v1/sessions/{id}/seats/{seat}/events", tokened: true, handle: (*Server).followSeat},
		{method: "POST", path: "/v1/sessions/{id}/seats/{seat}/open", tokened: true, handle: (*Server).openSeat},
		{method: "POST", path: "/v1/sessions/{id}/seats/{seat}/code", tokened: true, handle: (*Server).enterCode},
		{method: "POST", path: "/v1/sessions/{id}/seats/{seat}/answer", tokened: true, handle: (*Server).answerAsked},
		{method: "POST", path: "/v1/sessions/{id}/seats/{seat}/decline", tokened: true, handle: (*Server).decline},
		{method: "POST", path: "/v1/arrivals", handle: (*Server).arrive},
		{method: "GET", path: "/v1/arrivals", role: zhenni.RoleVerifier, handle: (*Server).seeArrivals},
		{method: "POST", path: "/v1/arrivals/claim", role: zhenni.RoleVerifier, handle: (*Server).claimArrival},
		{method: "GET", path: "/log/checkpoint", handle: (*Server).checkpoint},
		{method: "GET", path: "/log/tile/{path}", pattern: "/log/tile/{path:*}", handle: (*Server).tile},
		{method: "POST", path: "/log/witness", handle: (*Server).witness},
		{method: "GET", path: "/status-lists/{list}", handle: (*Server).statusList},
		{method: "GET", path: "/.well-known/jwks.json", handle: (*Server).resultKeys},
		{method: "GET", path: "/.well-known/identity-keys.json", handle: (*Server).sealingKeys},
		{method: "GET", path: "/v1/profiles", role: anyRole, handle: (*Server).profiles},
		{method: "GET", path: "/livez", handle: (*Server).live},
		{method: "GET", path: "/readyz", handle: (*Server).ready},
		{method: "GET", path: "/openapi.json", handle: (*Server).description},
	}...)
}

// personRoutes are those of persons who ask each other, and of holders who ask for themselves. None is of an account.
func personRoutes() []*route {
	return []*route{
		{method: "POST", path: "/v1/person-sessions", handle: (*Server).beginPerson},
		{method: "GET", path: "/v1/sessions/{id}/shared", tokened: true, handle: (*Server).showShared},
		{method: "POST", path: "/v1/sessions/{id}/seats/{seat}/ask-back", tokened: true, handle: (*Server).askBack},
		{method: "POST", path: "/v1/holder/sessions", handle: (*Server).inbox},
		{method: "POST", path: "/v1/holder/history", handle: (*Server).ownHistory},
	}
}

// handler finds the route of a request.
func (s *Server) handler(routes []*route) fasthttp.RequestHandler {
	r := router.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath, r.HandleOPTIONS = false, false, false
	for _, rt := range routes {
		r.Handle(rt.method, cmp.Or(rt.pattern, rt.path), s.serve(rt))
	}
	r.NotFound = s.serve(&route{path: "none", handle: func(*Server, *request) error { return refuse(kindNotFound, "") }})
	r.MethodNotAllowed = s.serve(&route{path: "none", handle: func(*Server, *request) error { return refuse(kindMethod, "") }})
	return func(ctx *fasthttp.RequestCtx) {
		if !plainPath(ctx.Request.Header.RequestURI(), ctx.Path()) {
			r.NotFound(ctx)
			return
		}
		r.Handler(ctx)
	}
}

// plainPath reports whether a path is spelled the one way routes are: what normalising would change is no route.
func plainPath(raw, normalised []byte) bool {
	for _, c := range raw {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || c == '/' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return string(raw) == string(normalised)
}

// A request is what the gateway knows about the request in hand. It ends with the handler.
type request struct {
	ctx         *fasthttp.RequestCtx
	transaction string
	named       bool     // whether the client chose transaction
	seated      bool     // whether it is of a session, and may name a transaction of it
	idempotent  bool     // whether it did so in the Idempotency-Key field
	random      [16]byte // what transaction was made of, if it was
	asked       [16]byte // the digest of the request, where it can be sent again
	signedBody  []byte   // the digest of the body that was proved, nil where it is not signed
	inHand      bool     // begun in the ledger and not ended
	draft       []byte   // of the result, where there is to be one
	leaf        [32]byte // the hash of the leaf of a request with a draft
	result      []byte   // what was signed
	party       zhenni.RelyingParty
	server      *Server
	role        zhenni.Role // one of which the party has; 0 where nobody asked who it is
	rests       root        // what the party proved itself with, or asked for its session key with; zero with an API key
	root        root        // rests, where a session key may be given for it
	proof       *proof      // what is still to be proved of a signed request, for which party is nobody yet
	lease       lease
	counts      *[]zhenni.AttemptCount // what came back of failed attempts, nil where nothing was asked
	bodyRead    bool
	bulk, turn  bool // what leave ends, and yield

	// references is the tenant whose credentials are asked about, where that is not the party's own.
	references zhenni.TenantID
	migrates   bool // proves the holder, for a template of a further model
	// noted are the credentials whose holders are told that they were asked about, where others are recorded.
	noted []zhenni.CredentialID

	served *served // by which model, where the request has named one

	// consent is what an answer between persons lets the other one see, nil of any other request.
	consent *consent

	terms terms
	nonce string // of the request's signature, empty where it is not signed
}

// unrecordedField is in every answer of a server that records nothing.
const unrecordedField = "Unrecorded"

// serve wraps the handler of a route: whatever it returns, or panics with, becomes an answer here.
func (s *Server) serve(rt *route) fasthttp.RequestHandler {
	rt.meter = s.metrics.route(rt.path)
	return func(ctx *fasthttp.RequestCtx) {
		start := time.Now()
		rq := &request{ctx: ctx, server: s, lease: lease{depot: &s.depot}, bodyRead: ctx.Request.Header.ContentLength() <= 0}
		defer rq.lease.end()
		defer s.endCounts(rq)
		if err := s.attempt(rt, rq); err != nil {
			s.writeProblem(rq, rt, refusalOf(err))
		}
		if rq.transaction != "" {
			ctx.Response.Header.Set("Transaction-Id", rq.transaction)
		}
		s.mark(ctx)
		if ctx.Response.Header.Peek(fasthttp.HeaderCacheControl) == nil {
			ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
		}
		if !rq.bodyRead {
			ctx.SetConnectionClose()
		}
		rt.meter.observe(ctx.Response.StatusCode(), time.Since(start))
	}
}

// attempt runs the handler after everything that can refuse the request before its body is read.
func (s *Server) attempt(rt *route, rq *request) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.metrics.panics.Inc()
			s.config.Logger.Error("a handler panicked", "route", rt.path, "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
			err = refuse(kindInternal, "")
		}
	}()
	rq.seated = rt.tokened || rt.tried
	if err := s.setTransaction(rq); err != nil {
		return err
	}
	if rt.role != 0 && !(rt.tokened && rq.tokened()) {
		if err := s.admit(rq, rt.role); err != nil {
			return err
		}
	}
	if rt.signed {
		if err := rq.checkSigned(); err != nil {
			return err
		}
	}
	if model := rq.ctx.Request.Header.Peek("Model"); model != nil {
		if err := s.nameModel(rq, model); err != nil {
			return err
		}
	}
	if err := rt.handle(s, rq); err != nil {
		return err
	}
	if rq.proof != nil {
		s.config.Logger.Error("a handler answered a signed request without reading its body", "route", rt.path)
		return refuse(kindInternal, "")
	}
	return nil
}

// setTransaction takes the transaction id of the Transaction-Id or the Idempotency-Key field, or makes one.
func (s *Server) setTransaction(rq *request) error {
	given, key := rq.ctx.Request.Header.Peek("Transaction-Id"), rq.ctx.Request.Header.Peek("Idempotency-Key")
	if key != nil {
		if key = unquoted(key); given != nil && string(given) != string(key) {
			return refuse(kindSyntax, "Transaction-Id and Idempotency-Key differ")
		}
		rq.idempotent, given = true, key
	}
	if given != nil {
		return rq.nameTransaction(given)
	}
	if _, err := io.ReadFull(s.config.Entropy, rq.random[:]); err != nil {
		return refuse(kindUnavailable, "no transaction id could be made")
	}
	rq.transaction = hex.EncodeToString(rq.random[:])
	return nil
}

// unquoted takes the quotes off the value of an Idempotency-Key, a string of RFC 9651, which many send without.
func unquoted(key []byte) []byte {
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		return key[1 : n-1]
	}
	return key
}

// nameTransaction takes the transaction id a client gives.
func (rq *request) nameTransaction(given []byte) error {
	name := string(given)
	if !zhenni.ValidName(name) {
		return refuse(kindSyntax, "the transaction id is not 1–64 of a–z 0–9 - _ .")
	}
	if strings.HasPrefix(name, zhenni.SessionTransactions) && !rq.seated {
		return refuse(kindSyntax, "transaction ids that begin with "+zhenni.SessionTransactions+" are those of sessions")
	}
	rq.transaction, rq.named = name, true
	return nil
}

func (s *Server) writeProblem(rq *request, rt *route, r *refusal) {
	response := &rq.ctx.Response
	response.ResetBody()
	response.SetStatusCode(r.kind.status)
	response.Header.SetContentType(mediaProblem)
	switch r.kind.status {
	case fasthttp.StatusServiceUnavailable, fasthttp.StatusConflict, fasthttp.StatusTooManyRequests:
		if !r.kind.retryable || response.Header.Peek("Retry-After") != nil { // who refused may know better
			break
		}
		response.Header.Set("Retry-After", retrySeconds(s.config.RetryAfter))
	case fasthttp.StatusUnauthorized:
		response.Header.Set("WWW-Authenticate", challenge(rq))
	case fasthttp.StatusMethodNotAllowed:
		response.Header.Set("Allow", "POST") // a route has one method, and the guard lets two through
		if !rq.ctx.IsGet() {
			response.Header.Set("Allow", "GET")
		}
	}
	if r.kind.close {
		rq.ctx.SetConnectionClose()
	}
	response.SetBodyRaw(r.appendProblem(nil, rq.transaction))
	if r.kind == kindInternal {
		s.config.Logger.Error("a request failed", "route", rt.path)
	}
}

// challenge names the scheme by which to try again: the one that was tried.
func challenge(rq *request) string {
	if isSigned(rq) {
		return "Signature"
	}
	return "Bearer"
}

// brokenBody answers a body that fasthttp could not begin to read.
func (s *Server) brokenBody(ctx *fasthttp.RequestCtx, err error) {
	r := refusalOf(refusalOfRead(err))
	s.metrics.guarded(r.kind)
	ctx.Response.SetStatusCode(r.kind.status)
	ctx.Response.Header.SetContentType(mediaProblem)
	ctx.Response.SetBodyRaw(r.appendProblem(nil, ""))
	s.mark(ctx)
	ctx.SetConnectionClose()
}

// quietLog keeps what fasthttp has to say for debugging, without its arguments, which may quote a request.
type quietLog struct{ log *slog.Logger }

func (l quietLog) Printf(format string, _ ...any) { l.log.Debug("fasthttp", "event", format) }
