package actors

import (
	"context"
	"errors"
	"testing"

	"zhenni"
)

// muteWorld makes every change and answers none.
type muteWorld struct{ *world }

var errMute = errors.New("no answer")

func (w muteWorld) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	_, _ = w.world.Apply(ctx, commands)
	return nil, errMute
}

// A revocation whose answer is an error may have been made all the same: rows in memory follow what the store has.
//
// FAULTS: C2
func TestRevocationWithoutAnAnswer(t *testing.T) {
	w := newWorld(44, testDim, 20)
	n := startNode(t, w, Config{Shards: 2})
	n.state = muteWorld{w}
	command := zhenni.ChangeStatus{ID: w.ids[0], Tenant: testTenant, To: zhenni.StatusRevoked}
	if _, err := n.Apply(t.Context(), []zhenni.Command{command}); !errors.Is(err, errMute) {
		t.Fatal(err)
	}
	b := w.mated(w.ids[0])
	verify(t, n, b)
	wantAll(t, b, zhenni.NoMatch)
}
