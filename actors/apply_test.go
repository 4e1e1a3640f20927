package actors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

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

// unansweredWorld makes every change at once, shows it, and acknowledges it when acknowledge is closed.
type unansweredWorld struct {
	*world
	made, acknowledge chan struct{}
}

func (w unansweredWorld) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	results, err := w.world.Apply(ctx, commands)
	close(w.made)
	<-w.acknowledge
	return results, err
}

func (w unansweredWorld) Credential(id zhenni.CredentialID) (zhenni.Credential, error) {
	ref, err := w.Reference(id, make([]int8, w.dim))
	return zhenni.Credential{ID: id, Status: ref.Status}, err
}

// Who has read that a credential is revoked sees no match of it, also while the revocation is not acknowledged: its leaf
// of the audit log may wait for a slow disk.
//
// FAULTS: C2
func TestStatusThatWasReadHolds(t *testing.T) {
	w := newWorld(46, testDim, 20)
	n := startNode(t, w, Config{Shards: 2})
	slow := unansweredWorld{w, make(chan struct{}), make(chan struct{})}
	n.state = slow
	command := zhenni.ChangeStatus{ID: w.ids[0], Tenant: testTenant, To: zhenni.StatusRevoked}
	acknowledged := make(chan error, 1)
	go func() {
		_, err := n.Apply(t.Context(), []zhenni.Command{command})
		acknowledged <- err
	}()
	<-slow.made
	if c, err := n.Credential(w.ids[0]); err != nil || c.Status != zhenni.StatusRevoked {
		t.Fatalf("the record before the acknowledgement: %v, %v", c.Status, err)
	}
	b := w.mated(w.ids[:2]...)
	verify(t, n, b)
	if b.Outcomes[0] != zhenni.NoMatch || b.Outcomes[1] != zhenni.Match {
		t.Errorf("outcomes %v", b.Outcomes)
	}
	close(slow.acknowledge)
	if err := <-acknowledged; err != nil {
		t.Fatal(err)
	}
	if n.changing.has(w.ids[0]) {
		t.Error("the change is still under way after its acknowledgement")
	}
}

// A credential revoked while its shard is failed does not match where the shard's segments are moved meanwhile.
//
// FAULTS: C2
func TestRevokeOnFailedShardThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(45, testDim, 3)
		n := startNode(t, w, Config{Shards: 1, PanicLimit: 1})
		w.panicOn(w.ids[:2]...)
		n.mark(w.ids[:2])
		for _, id := range w.ids[:2] {
			verify(t, n, w.mated(id))
		}
		wantDown(t, n, w.mated(w.ids[2]))
		change(t, n, w.ids[2], zhenni.StatusRevoked)
		w.onRead(nil)
		if err := n.SetShards(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		b := w.mated(w.ids[2])
		verify(t, n, b)
		wantAll(t, b, zhenni.NoMatch)
	})
}

// Every part of a batch is of items that its shard owns: no other may touch their segments.
func TestItemsGoToTheirShards(t *testing.T) {
	w := newWorld(46, testDim, 500)
	n := startNode(t, w, Config{Shards: 7})
	j := newJob(&n.jobs)
	j.batch = w.mated(w.ids...)
	if total := j.sort(n.place); total != len(w.ids) {
		t.Fatalf("%d items sorted", total)
	}
	j.split(1<<7-1, n.place.shards, 16)
	items := 0
	for _, p := range j.parts {
		for _, i := range p.items {
			items++
			if owner := n.place.shards[n.place.ownerOf(&w.ids[i])]; owner != p.shard {
				t.Fatalf("item %d, of shard %s, goes to %s", i, owner.name, p.shard.name)
			}
		}
	}
	if items != len(w.ids) {
		t.Errorf("%d items in parts", items)
	}
}
