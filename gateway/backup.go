package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"zhenni"
)

// Keeper copies the state away while it serves.
type Keeper interface {
	// Backup adds to the backup in the folder, or begins one there, and returns once it is durable and verified. KeysCopy
	// is the file that the keys are copied to, "" for none.
	Backup(ctx context.Context, folder, keysCopy string) (zhenni.Backup, error)
}

// Keep adds the route POST /admin/backup. It is for before Serve.
func (a *Admin) Keep(keeper Keeper) {
	a.lasting("POST /admin/backup", func(ctx context.Context, r *http.Request) (any, error) { return backup(ctx, r, keeper) })
}

// lasting adds a route that takes as long as the disk does: the deadline for reading the request would end it. Its context ends with the
// caller's connection and with the server.
func (a *Admin) lasting(pattern string, do func(context.Context, *http.Request) (any, error)) {
	ending, end := context.WithCancel(context.Background())
	a.server.RegisterOnShutdown(end)
	answer := a.route(func(r *http.Request) (any, error) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(ending, cancel)()
		return do(ctx, r)
	})
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		answer.ServeHTTP(w, r)
	})
}

func backup(ctx context.Context, r *http.Request, keeper Keeper) (any, error) {
	var want struct {
		Folder   string `json:"folder"`
		KeysCopy string `json:"keys_copy"`
	}
	if err := readAdmin(r.Body, &want); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(want.Folder) {
		return nil, fmt.Errorf("%w: folder %q is not an absolute path", zhenni.ErrBadValue, want.Folder)
	}
	if want.KeysCopy != "" && !filepath.IsAbs(want.KeysCopy) {
		return nil, fmt.Errorf("%w: keys_copy %q is not an absolute path", zhenni.ErrBadValue, want.KeysCopy)
	}
	done, err := keeper.Backup(ctx, want.Folder, want.KeysCopy)
	if errors.Is(err, zhenni.ErrExists) || errors.Is(err, zhenni.ErrLocked) || errors.Is(err, zhenni.ErrCorrupt) {
		err = &refusal{kind: kindBackup, detail: err.Error()}
	}
	return done, err
}

// kindBackup is a backup that is not so, as it is there: another store's, in use, damaged.
var kindBackup = &kind{409, "backup_refused", "The folder can not be backed up into.", "Name another folder, or do what detail says.", false, false}
