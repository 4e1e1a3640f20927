package gateway

import (
	"fmt"
	"net/http"

	"zhenni"
)

// Limiter is what the admin routes need of whoever stops relying parties; [*Server] is one.
type Limiter interface {
	// Lift lets a stopped relying party verify again, and reports whether it was stopped.
	Lift(party string) bool
	LimitStats() LimitStats
}

// Limit adds the routes GET /admin/limits and POST /admin/relying-parties/{id}/lift. It is for before Serve.
func (a *Admin) Limit(limiter Limiter) {
	a.mux.Handle("GET /admin/limits", a.route(func(*http.Request) (any, error) { return limiter.LimitStats(), nil }))
	a.mux.Handle("POST /admin/relying-parties/{id}/lift", a.route(func(r *http.Request) (any, error) {
		if !limiter.Lift(r.PathValue("id")) {
			return nil, fmt.Errorf("%w: no such relying party is stopped", zhenni.ErrNotFound)
		}
		return limiter.LimitStats(), nil
	}))
}
