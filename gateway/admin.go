package gateway

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"zhenni"
)

// maxAdminBytes bounds the body of an admin request.
const maxAdminBytes = 64 << 10

// An Admin serves the operator's routes on a unix socket: relying parties, shards, statistics and profiles of the
// running process. Whoever can open the socket may use it, so it is readable and writable by its owner alone. It speaks
// plain net/http: it is no hot path, and its clients are this project's own commands.
type Admin struct {
	operator Operator
	now      func() time.Time
	log      *slog.Logger
	server   http.Server
	mux      *http.ServeMux
}

// NewAdmin makes the admin routes for operator. A nil now is time.Now, a nil log slog.Default().
func NewAdmin(operator Operator, now func() time.Time, log *slog.Logger) *Admin {
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.Default()
	}
	mux := http.NewServeMux()
	a := &Admin{operator: operator, now: now, log: log, mux: mux}
	mux.Handle("GET /admin/relying-parties", a.route(a.listParties))
	mux.Handle("PUT /admin/relying-parties/{id}", a.route(a.putParty))
	mux.Handle("DELETE /admin/relying-parties/{id}", a.route(a.removeParty))
	mux.Handle("POST /admin/shards", a.route(a.setShards))
	mux.Handle("GET /admin/stats", a.route(a.stats))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	a.server = http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeadBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return a
}

// ListenAdmin opens the unix socket at path, 0600, replacing one that nobody listens on any more. One that answers is
// [zhenni.ErrLocked].
func ListenAdmin(path string) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("%w: admin socket %s", zhenni.ErrLocked, path)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("%w: %s is not a socket", zhenni.ErrBadValue, path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, err
	}
	return ln, nil
}

// Serve answers the connections of ln until [Admin.Shutdown]; then it returns nil.
func (a *Admin) Serve(ln net.Listener) error {
	if err := a.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown stops listening and lets the requests in hand finish, until ctx is done.
func (a *Admin) Shutdown(ctx context.Context) error { return a.server.Shutdown(ctx) }

// route turns what a handler returns into an answer.
func (a *Admin) route(handle func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxAdminBytes)
		value, err := handle(r)
		if err != nil {
			problem := adminRefusal(err)
			a.log.Warn("an admin request failed", "code", problem.kind.code)
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(problem.kind.status)
			_, _ = w.Write(problem.appendProblem(nil, ""))
			return
		}
		w.Header().Set("Content-Type", mediaJSON)
		_ = json.NewEncoder(w).Encode(value)
	})
}

// adminRefusal tells the operator more than a relying party is told: the text of the error.
func adminRefusal(err error) *refusal {
	known := refusalOf(err)
	switch {
	case errors.Is(err, zhenni.ErrBadValue):
		known = &refusal{kind: kindSyntax}
	case errors.Is(err, zhenni.ErrNotFound):
		known = &refusal{kind: kindNotFound}
	}
	if known.detail == "" {
		known.detail = err.Error()
	}
	return known
}

// PartyRecord is the JSON form of a relying party on the admin routes. The hash of its key goes in and never out.
type PartyRecord struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Tenant     zhenni.TenantID `json:"tenant"`
	Roles      []string        `json:"roles"`
	Evaluation bool            `json:"evaluation"`
	CreatedAt  time.Time       `json:"created_at,omitzero"`
	// KeySHA256 is the SHA-256 of the secret of the API key in hexadecimal: the secret itself never leaves the command
	// that made it.
	KeySHA256 string `json:"key_sha256,omitempty"`
}

const (
	roleVerifier = "verifier"
	roleIssuer   = "issuer"
)

func recordOf(p zhenni.RelyingParty) PartyRecord {
	r := PartyRecord{ID: p.ID, Name: p.Name, Tenant: p.Tenant, Evaluation: p.Evaluation, CreatedAt: p.CreatedAt, Roles: []string{}}
	if p.Roles.Has(zhenni.RoleVerifier) {
		r.Roles = append(r.Roles, roleVerifier)
	}
	if p.Roles.Has(zhenni.RoleIssuer) {
		r.Roles = append(r.Roles, roleIssuer)
	}
	return r
}

// party checks r and returns the relying party it describes: [zhenni.ErrBadValue].
func (r PartyRecord) party(now time.Time) (zhenni.RelyingParty, error) {
	p := zhenni.RelyingParty{ID: r.ID, Name: r.Name, Tenant: r.Tenant, Evaluation: r.Evaluation, CreatedAt: now}
	for _, role := range r.Roles {
		switch role {
		case roleVerifier:
			p.Roles |= zhenni.RoleVerifier
		case roleIssuer:
			p.Roles |= zhenni.RoleIssuer
		default:
			return p, fmt.Errorf("%w: role %q is neither verifier nor issuer", zhenni.ErrBadValue, role)
		}
	}
	hash, err := hex.DecodeString(r.KeySHA256)
	if err != nil || len(hash) != len(p.KeyHash) {
		return p, fmt.Errorf("%w: key_sha256 is not 64 hexadecimal digits", zhenni.ErrBadValue)
	}
	copy(p.KeyHash[:], hash)
	return p, p.Validate()
}

func (a *Admin) listParties(*http.Request) (any, error) {
	parties, err := a.operator.RelyingParties()
	if err != nil {
		return nil, err
	}
	records := make([]PartyRecord, len(parties))
	for i, p := range parties {
		records[i] = recordOf(p)
	}
	return map[string]any{"relying_parties": records}, nil
}

func (a *Admin) putParty(r *http.Request) (any, error) {
	var record PartyRecord
	if err := readAdmin(r.Body, &record); err != nil {
		return nil, err
	}
	if record.ID != r.PathValue("id") {
		return nil, fmt.Errorf("%w: id is not the one of the address", zhenni.ErrBadValue)
	}
	party, err := record.party(a.now())
	if err != nil {
		return nil, err
	}
	return recordOf(party), a.apply(r, zhenni.PutRelyingParty{Party: party})
}

func (a *Admin) removeParty(r *http.Request) (any, error) {
	return struct{}{}, a.apply(r, zhenni.RemoveRelyingParty{ID: r.PathValue("id")})
}

func (a *Admin) apply(r *http.Request, command zhenni.Command) error {
	results, err := a.operator.Apply(r.Context(), []zhenni.Command{command})
	if err != nil {
		return err
	}
	return results[0].Err
}

func (a *Admin) setShards(r *http.Request) (any, error) {
	var want struct {
		Shards int `json:"shards"`
	}
	if err := readAdmin(r.Body, &want); err != nil {
		return nil, err
	}
	if err := a.operator.SetShards(r.Context(), want.Shards); err != nil {
		return nil, err
	}
	return a.stats(r)
}

// stats adds the outcomes, by verdict or reason, to what [zhenni.Stats] says of itself.
func (a *Admin) stats(*http.Request) (any, error) {
	stats := a.operator.Stats()
	outcomes := map[string]uint64{}
	for o := zhenni.Match; int(o) < zhenni.OutcomeCount; o++ {
		word := o.Verdict()
		if reason := o.Reason(); reason != "" {
			word += ":" + reason
		}
		outcomes[word] = stats.Outcomes[o]
	}
	return struct {
		zhenni.Stats
		Outcomes map[string]uint64 `json:"outcomes"`
	}{stats, outcomes}, nil
}

// readAdmin reads one JSON document of known fields and nothing after it.
func readAdmin(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrBadValue, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is data after the document", zhenni.ErrBadValue)
	}
	return nil
}
