package sessions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// Whatever is put, overtaken, forgotten and snapshotted, and however often the store is opened again, it holds what a map holds.
//
// FAULTS: C11 S1
func TestStoreHoldsWhatWasPut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := testOptions(t)
		o.Dir = filepath.Join(o.Dir, fmt.Sprint(rapid.Uint64().Draw(rt, "dir")))
		s, want := open(t, o), map[zhenni.SessionID]zhenni.Session{}
		for range rapid.IntRange(1, 16).Draw(rt, "steps") {
			session := counterSession(t, rapid.Uint64Range(1, 4).Draw(rt, "session"))
			if before, there := want[session.ID]; there {
				session = before
			}
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				if err := s.Put(context.Background(), session); (err == nil) != (want[session.ID].Version == 0) {
					rt.Fatalf("a session as it was: %v", err)
				}
				want[session.ID] = session
			case 1, 2, 6, 7, 8, 9:
				events := []zhenni.SessionEvent{openedBy(rapid.Uint64Range(1, 2).Draw(rt, "phone")), {Kind: zhenni.EventCode, Code: 0}, cancelled}
				after, err := session.Next(rapid.SampledFrom(events).Draw(rt, "event"), testNow)
				if err == nil && after.Version > session.Version && want[session.ID].Version > 0 {
					put(t, s, after)
					want[session.ID] = after
				}
			case 3:
				if err := s.Sweep(context.Background(), testNow.Add(o.withDefaults().Keep+time.Second)); err != nil {
					rt.Fatal(err)
				}
				for id, session := range want {
					if session.End != zhenni.SessionLive {
						delete(want, id)
					}
				}
			case 4:
				if err := s.log.Snapshot(); err != nil {
					rt.Fatal(err)
				}
			case 5:
				closeStore(t, s)
				s = open(t, o)
			}
			compare(rt, s, want)
		}
		closeStore(t, s)
	})
}

func compare(t *rapid.T, s *Store, want map[zhenni.SessionID]zhenni.Session) {
	live := 0
	for id, session := range want {
		if got, ok := s.Session(id); !ok || !reflect.DeepEqual(got, session) {
			t.Fatalf("%+v, want %+v", got, session)
		}
		if session.End == zhenni.SessionLive {
			live++
		}
	}
	if all, stats := s.All(), s.Stats(); len(all) != len(want) || stats.Live != live || stats.Ended != len(want)-live {
		t.Fatalf("%d sessions, %+v: want %d, %d live", len(all), stats, len(want), live)
	}
	for n := uint64(1); n <= 2; n++ {
		of := 0
		for _, session := range want {
			if session.Seats[0].Credential == credential(n) {
				of++
			}
		}
		if got := s.Of(credential(n)); len(got) != of {
			t.Fatalf("%d sessions of credential %d, want %d", len(got), n, of)
		}
	}
}

// Of many who answer one session at once, one is first.
//
// FAULTS: C11
func TestOneOfManyIsFirst(t *testing.T) {
	s := open(t, testOptions(t))
	defer closeStore(t, s)
	session := counterSession(t, 1)
	put(t, s, session)
	var wg sync.WaitGroup
	made := make(chan uint64, 32)
	for n := uint64(1); n <= 32; n++ {
		after := next(t, session, openedBy(n))
		wg.Go(func() {
			switch err := s.Put(context.Background(), after); {
			case err == nil:
				made <- n
			case !errors.Is(err, ErrOvertaken), !errors.Is(err, zhenni.ErrUnavailable): // to be tried again, and no fault of the server
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(made)
	first, more := <-made, len(made)
	if got, _ := s.Session(session.ID); more != 0 || got.Seats[0].Credential != credential(first) {
		t.Errorf("%d more than one; %+v is not of %d", more, got.Seats, first)
	}
}

// Pairs are remembered over a restart, and apart from another.
func TestBlocks(t *testing.T) {
	o := testOptions(t)
	s := open(t, o)
	for range 2 {
		if err := s.Block(context.Background(), Pair{1}); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	s = open(t, o)
	defer closeStore(t, s)
	if !s.Blocked(Pair{1}) || s.Blocked(Pair{2}) || s.Stats().Blocked != 1 {
		t.Errorf("%+v", s.Stats())
	}
}

// There is no session more than the bound, of all and of a party, and one that is forgotten makes room for another.
func TestSessionsAreBounded(t *testing.T) {
	o := testOptions(t)
	o.Live = 8
	s := open(t, o)
	defer closeStore(t, s)
	of := func(party string, n uint64) zhenni.Session {
		session := counterSession(t, n)
		session.Party = party
		return session
	}
	refused := func(what string, session zhenni.Session) {
		t.Helper()
		if err := s.Put(context.Background(), session); !errors.Is(err, zhenni.ErrOverloaded) {
			t.Errorf("beyond %s: %v", what, err)
		}
	}
	for n := range uint64(8) {
		put(t, s, of(fmt.Sprint("party-", n/2), n))
	}
	refused("the live ones of all", of("another", 100))
	for n := range uint64(8) {
		session, _ := s.Session(counterSession(t, n).ID)
		put(t, s, next(t, session, cancelled))
	}
	for n := uint64(10); n < 18; n++ {
		put(t, s, of("busy", n))
		refused("the live ones of a party", func() zhenni.Session { put(t, s, of("busy", n+100)); return of("busy", n+200) }())
		for _, id := range []uint64{n, n + 100} {
			session, _ := s.Session(counterSession(t, id).ID)
			put(t, s, next(t, session, cancelled))
		}
		if n == 14 {
			break
		}
	}
	refused("those of a party that are kept", of("busy", 300))
	if err := s.Sweep(context.Background(), testNow.Add(o.withDefaults().Keep+1)); err != nil {
		t.Fatal(err)
	}
	put(t, s, of("busy", 301))
}

// The id of a session follows from who begins it and by what transaction.
func TestIDFollowsFromTheTransaction(t *testing.T) {
	s := open(t, testOptions(t))
	defer closeStore(t, s)
	id := s.ID("office", "a")
	if s.ID("office", "a") != id || s.ID("office", "b") == id || s.ID("officea", "") == id {
		t.Error("not the same, or the same for another")
	}
}

// Nothing of a session is in its files as it is, and another key opens none of them.
//
// FAULTS: S14
func TestFilesAreSealed(t *testing.T) {
	o := testOptions(t)
	s := open(t, o)
	session := counterSession(t, 1)
	put(t, s, session)
	if err := s.log.Snapshot(); err != nil {
		t.Fatal(err)
	}
	put(t, s, next(t, session, openedBy(1)))
	closeStore(t, s)
	err := filepath.WalkDir(o.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if containsAny(b, []byte("office"), []byte("registration"), session.Secret[:16]) {
			t.Errorf("%s shows what the session says", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Key = make([]byte, 32)
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("with another key: %v", err)
	}
}
