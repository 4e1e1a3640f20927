package gateway

import (
	"context"
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
	registry *Registry
	usage    func() []PartyUsage // nil where nobody counts
	limiter  Limiter             // nil where nobody stops parties
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
	a := &Admin{operator: operator, now: now, log: log, mux: mux, registry: NewRegistry(operator, now)}
	mux.Handle("GET /admin/relying-parties", a.route(a.listParties))
	mux.Handle("PUT /admin/relying-parties/{id}", a.route(a.putParty))
	mux.Handle("DELETE /admin/relying-parties/{id}", a.route(a.removeParty))
	mux.Handle("POST /admin/relying-parties/{id}/keys", a.route(a.changeKeys))
	mux.Handle("POST /admin/relying-parties/{id}/suspend", a.route(a.suspendParty(true)))
	mux.Handle("POST /admin/relying-parties/{id}/resume", a.route(a.suspendParty(false)))
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

// Register has the admin routes change relying parties by a registry that others change them by too. It is for before Serve.
func (a *Admin) Register(registry *Registry) { a.registry = registry }

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

// kindExists is a relying party that another one is in the way of, or that was removed under its id.
var kindExists = &kind{409, "exists", "There is one already, or there was.", "Do what detail says.", false, false}

// adminRefusal tells the operator more than a relying party is told: the text of the error.
func adminRefusal(err error) *refusal {
	known := refusalOf(err)
	switch {
	case errors.Is(err, zhenni.ErrBadValue):
		known = &refusal{kind: kindSyntax}
	case errors.Is(err, zhenni.ErrNotFound):
		known = &refusal{kind: kindNotFound}
	case errors.Is(err, zhenni.ErrExists):
		known = &refusal{kind: kindExists}
	}
	if known.detail == "" {
		known.detail = err.Error()
	}
	return known
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

// Count has GET /admin/stats tell the usage of every relying party. It is for before Serve.
func (a *Admin) Count(server *Server) { a.usage = server.Usage }

// stats adds the outcomes, by verdict or reason, and the usage of the parties to what [zhenni.Stats] says of itself.
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
	var parties []PartyUsage
	if a.usage != nil {
		parties = a.usage()
	}
	return struct {
		zhenni.Stats
		Outcomes map[string]uint64 `json:"outcomes"`
		Parties  []PartyUsage      `json:"parties,omitempty"`
	}{stats, outcomes, parties}, nil
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
