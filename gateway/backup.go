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
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(ending, cancel)()
	done, err := keeper.Backup(ctx, want.Folder, want.KeysCopy)
	if errors.Is(err, zhenni.ErrExists) || errors.Is(err, zhenni.ErrLocked) || errors.Is(err, zhenni.ErrCorrupt) {
		err = &refusal{kind: kindBackup, detail: err.Error()}
	}
	return done, err
}

// kindBackup is a backup that is not so, as it is there: another store's, in use, damaged.
var kindBackup = &kind{409, "backup_refused", "The folder can not be backed up into.", "Name another folder, or do what detail says.", false, false}
