package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"

	"zhenni"
)

// slowKeeper backs up until it is told to stop.
type slowKeeper struct{ began chan struct{} }

func (k slowKeeper) Backup(ctx context.Context, _, _ string) (zhenni.Backup, error) {
	close(k.began)
	<-ctx.Done()
	return zhenni.Backup{}, zhenni.ErrDeadline
}

// A backup under way does not hold up the end of the server.
//
// FAULTS: R9
func TestShutdownEndsABackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	ln, err := ListenAdmin(path)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAdmin(&fakeOperator{fakeNode: newFakeNode()}, nil, slog.New(slog.DiscardHandler))
	keeper := slowKeeper{make(chan struct{})}
	a.Keep(keeper)
	served := make(chan error, 1)
	go func() { served <- a.Serve(ln) }()
	answered := make(chan int, 1)
	go func() {
		status, _ := adminCall(t, path, "POST", "/admin/backup", `{"folder":"/backup"}`)
		answered <- status
	}()
	<-keeper.began
	if err := a.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if status := <-answered; status < http.StatusInternalServerError {
		t.Errorf("status %d, want a refusal", status)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
