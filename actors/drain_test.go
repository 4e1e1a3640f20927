package actors

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
	"zhenni/engine"
)

// A drain with full mailboxes: what was admitted is answered, what comes after is refused.
//
// FAULTS: R5
func TestDrainAnswersTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(30, testDim, 100)
		w.cold = true
		n := startNode(t, w, Config{Shards: 2, Stall: time.Hour})
		open := w.gate(w.ids[0])
		batches := []*zhenni.Batch{w.mated(w.ids[0])}
		for range 50 {
			batches = append(batches, w.mated(w.ids...))
		}
		wait := queue(t, n, soon(), batches...)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a drain that is held up: %v", err)
		}
		wantClosed(t, n, w)
		drained := make(chan error, 1)
		go func() { drained <- n.Drain(t.Context()) }()
		synctest.Wait()
		open()
		wait()
		for _, b := range batches {
			wantAll(t, b, zhenni.Match)
		}
		if err := <-drained; err != nil {
			t.Error("drain:", err)
		}
		wantClosed(t, n, w)
		drain(t, n)
	})
}

// A drain under load: a batch is answered whole or refused whole.
func TestDrainUnderLoad(t *testing.T) {
	w := newWorld(34, testDim, 500)
	n := startNode(t, w, Config{Shards: 3, MessageItems: 16})
	var clients sync.WaitGroup
	served := make(chan struct{}, 4)
	for range 4 {
		clients.Go(func() {
			for answered := 0; ; answered++ {
				b := w.mated(w.ids...)
				err := n.Verify(b, soon())
				if err != nil {
					if !errors.Is(err, zhenni.ErrUnavailable) {
						t.Error("verify:", err)
					}
					wantAll(t, b, zhenni.Pending)
					return
				}
				wantAll(t, b, zhenni.Match)
				if answered == 3 {
					served <- struct{}{}
				}
			}
		})
	}
	for range cap(served) {
		<-served
	}
	drain(t, n)
	clients.Wait()
}

// wantClosed wants the node to refuse everything that is asked of it.
func wantClosed(t *testing.T, n *Node, w *world) {
	t.Helper()
	b := w.mated(w.ids[0])
	_, applied := n.Apply(t.Context(), nil)
	for what, err := range map[string]error{"verify": n.Verify(b, soon()), "ready": n.Ready(), "apply": applied} {
		if !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantAll(t, b, zhenni.Pending)
}

// A drain during a change of shards waits for it.
func TestDrainWhileResharding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(31, testDim, 20)
		w.cold = true
		n := startNode(t, w, Config{Shards: 1, Stall: time.Hour})
		open := w.gate(w.ids[0])
		b := w.mated(w.ids...)
		wait := queue(t, n, soon(), w.mated(w.ids[0]))
		moved, drained := make(chan error, 1), make(chan error, 1)
		go func() { moved <- n.SetShards(t.Context(), 4) }()
		synctest.Wait()
		waitMoved := queue(t, n, soon(), b)
		go func() { drained <- n.Drain(t.Context()) }()
		synctest.Wait()
		open()
		wait()
		waitMoved()
		wantAll(t, b, zhenni.Match)
		if err := errors.Join(<-moved, <-drained); err != nil {
			t.Error(err)
		}
	})
}

// A node that is still warming is not ready, keeps its shards, and can be drained.
func TestDrainWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(32, testDim, 10)
		entered, open := make(chan struct{}, 64), make(chan struct{})
		w.walk = func() { entered <- struct{}{}; <-open }
		n := startCold(t, w, Config{})
		<-entered
		for what, err := range map[string]error{"ready": n.Ready(), "shards": n.SetShards(t.Context(), 3)} {
			if !errors.Is(err, zhenni.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", what, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain: %v", err)
		}
		close(open)
		drain(t, n)
		wantClosed(t, n, w)
	})
}

// What is asked while the arena is filled is answered behind the segments under way, from the state.
func TestAnswersWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(35, testDim, 50)
		step := make(chan struct{})
		w.walk = func() { <-step }
		n := startCold(t, w, Config{Shards: 1, Stall: time.Hour})
		synctest.Wait()
		b := w.mated(w.ids...)
		wait := queue(t, n, soon(), b)
		synctest.Wait()
		for range runtime.GOMAXPROCS(0) {
			step <- struct{}{}
		}
		wait()
		wantAll(t, b, zhenni.Match)
		if err := n.Ready(); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("ready: %v, want ErrUnavailable", err)
		}
		close(step)
		<-n.Warmed()
		if err := n.Ready(); err != nil {
			t.Error(err)
		}
		drain(t, n)
	})
}

// However many credentials a segment has, what is asked while it is filled waits for a part of it: an answer comes although the next part
// does not.
func TestAnswersWithinASegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(36, testDim, 0)
		for i := range 3 * (warmRows + 1) { // in the first three slots
			id := zhenni.CredentialID{1: byte(i % 3 * 4), 2: byte(i >> 8), 3: byte(i)}
			id[15] = 1
			w.ids = append(w.ids, id)
			w.enrol(id, zhenni.StatusActive)
		}
		walked, step := 0, make(chan struct{})
		w.slots = func(first zhenni.Slot) {
			if int(first) < zhenni.Slots/engine.Segments {
				walked++
				<-step
			}
		}
		arena, err := engine.NewArena(testDim, int64(engine.Segments*2*len(w.ids)*(testDim+128)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = arena.Close() })
		_, rule := newArena(t, w)
		cfg := Config{Shards: 1, Stall: time.Hour, Logger: slog.New(slog.DiscardHandler)}
		n, err := Start(cfg, zhenni.Model{ID: "test-model", Dim: testDim, Factor: zhenni.FactorFace}, rule, arena, w)
		if err != nil {
			t.Fatal(err)
		}
		for part := range 2 {
			synctest.Wait()
			b := w.mated(w.ids[:6]...)
			wait := queue(t, n, soon(), b)
			step <- struct{}{}
			wait()
			wantAll(t, b, zhenni.Match)
			if synctest.Wait(); walked != part+2 {
				t.Errorf("%d parts begun behind %d answers", walked, part+1)
			}
		}
		if err := n.Ready(); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("ready: %v, want ErrUnavailable", err)
		}
		close(step)
		<-n.Warmed()
		if rows := n.Stats().Arena.Rows; rows != int64(len(w.ids)) {
			t.Errorf("%d rows of %d", rows, len(w.ids))
		}
		drain(t, n)
	})
}

// Segments whose walk fails or panics are served by reading the store.
func TestWarmFails(t *testing.T) {
	for name, walk := range map[string]func(){
		"panic": func() { panic("poison") },
		"error": nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(33, testDim, 200)
			w.cold, w.walk = true, walk
			n := startNode(t, w, Config{})
			b := w.mated(w.ids...)
			verify(t, n, b)
			wantAll(t, b, zhenni.Match)
			if err := n.Ready(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A drain waits for the command that is on its way to the state: once it has returned, the state may be closed.
func TestDrainWaitsForCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWorld{world: newWorld(36, testDim, 20), begun: make(chan struct{}), release: make(chan struct{})}
		n := startNode(t, w.world, Config{Shards: 2})
		n.state = w
		applied := make(chan error, 1)
		go func() {
			_, err := n.Apply(t.Context(), []zhenni.Command{zhenni.ChangeStatus{ID: w.ids[0], To: zhenni.StatusRevoked}})
			applied <- err
		}()
		<-w.begun
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a drain while a command is applied: %v", err)
		}
		close(w.release)
		if err := <-applied; err != nil {
			t.Error("apply:", err)
		}
		drain(t, n)
	})
}

// slowWorld says when a command has arrived and holds it until it is released.
type slowWorld struct {
	*world
	begun, release chan struct{}
}

func (w *slowWorld) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	close(w.begun)
	<-w.release
	return w.world.Apply(ctx, commands)
}
