package gateway

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"zhenni"
)

// Keeper copies the state away while it serves.
type Keeper interface {
	// Backup adds to the backup in the folder, or begins one there, and returns once it is durable and verified.
	Backup(ctx context.Context, folder string) (zhenni.Backup, error)
}

// Keep adds the route POST /admin/backup. It is for before Serve.
func (a *Admin) Keep(keeper Keeper) {
	ending, end := context.WithCancel(context.Background())
	a.server.RegisterOnShutdown(end)
	backup := a.route(func(r *http.Request) (any, error) { return a.backup(r, keeper, ending) })
	a.mux.HandleFunc("POST /admin/backup", func(w http.ResponseWriter, r *http.Request) {
		// It takes as long as the disk does; the deadline for reading the request would end it.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		backup.ServeHTTP(w, r)
	})
}

// backup ends early with the caller's connection and with the server.
func (a *Admin) backup(r *http.Request, keeper Keeper, ending context.Context) (any, error) {
	var want struct {
		Folder string `json:"folder"`
	}
	if err := readAdmin(r.Body, &want); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(want.Folder) {
		return nil, fmt.Errorf("%w: folder %q is not an absolute path", zhenni.ErrBadValue, want.Folder)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(ending, cancel)()
	return keeper.Backup(ctx, want.Folder)
}
