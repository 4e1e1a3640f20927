package history

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"zhenni"

	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		noteForEver(dir)
	}
	if err := flag.Set("rapid.checks", rapidChecks); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// story is a history beside what it should know.
type story struct {
	options Options
	clock   *clock
	history *History
	asked   map[zhenni.CredentialID][]told // in the order in which they were noted
}

type told struct {
	tenant zhenni.TenantID
	zhenni.Asked
}

const storyIDs = 12

// FAULTS: S1
func TestSameAsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "zhenni-history-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := &story{clock: newClock(), asked: map[zhenni.CredentialID][]told{}}
		s.options = small(dir, s.clock)
		s.options.Purge = time.Hour
		s.open(t)
		defer func() { _ = s.history.Close() }()
		s.clock.advance(time.Minute) // nothing is noted of the time before it was made
		t.Repeat(map[string]func(*rapid.T){
			"note":   s.note,
			"more":   s.note,
			"forget": s.forget,
			"settle": func(t *rapid.T) { s.history.settle(t) },
			"tick": func(t *rapid.T) {
				s.clock.advance(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
			},
			"purge": func(t *rapid.T) { s.clock.advance(2 * time.Hour); s.history.settle(t) },
			"reopen": func(t *rapid.T) {
				if err := s.history.Close(); err != nil {
					t.Fatal(err)
				}
				s.open(t)
			},
			"crash": func(t *rapid.T) {
				if err := s.history.Sync(context.Background()); err != nil {
					t.Fatal(err)
				}
				kill(s.history)
				s.open(t)
			},
			"": s.check,
		})
		for i := range storyIDs {
			s.compare(t, testID(i))
		}
	})
}

func (s *story) open(t *rapid.T) {
	h, err := Open(s.options)
	if err != nil {
		t.Fatal(err)
	}
	s.history = h
}

func (s *story) note(t *rapid.T) {
	who := zhenni.Asker{
		Tenant: zhenni.TenantID(rapid.IntRange(1, 2).Draw(t, "tenant")), Party: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "party"),
		Service: rapid.SampledFrom([]string{"", "x"}).Draw(t, "service"),
	}
	at := s.clock.Now().Add(-time.Duration(rapid.IntRange(0, 2).Draw(t, "late")) * time.Second)
	n := rapid.IntRange(1, 30).Draw(t, "items")
	ids, outcomes := make([]zhenni.CredentialID, n), make([]zhenni.Outcome, n)
	for i := range ids {
		ids[i] = testID(rapid.IntRange(0, storyIDs-1).Draw(t, "id"))
		outcomes[i] = zhenni.Outcome(rapid.IntRange(1, zhenni.OutcomeCount-1).Draw(t, "outcome"))
		s.asked[ids[i]] = append(s.asked[ids[i]], told{who.Tenant, zhenni.Asked{
			At: at, Party: who.Party, Service: who.Service, Verdict: outcomes[i].Verdict(),
		}})
	}
	s.history.Note(who, at, ids, outcomes)
}

func (s *story) forget(t *rapid.T) {
	id := testID(rapid.IntRange(0, storyIDs-1).Draw(t, "id"))
	if err := s.history.Forget(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	delete(s.asked, id)
}

func (s *story) check(t *rapid.T) { s.compare(t, testID(rapid.IntRange(0, storyIDs-1).Draw(t, "id"))) }

// compare holds what is told of a credential, on pages of any length, against what it should be.
func (s *story) compare(t *rapid.T, id zhenni.CredentialID) {
	for tenant := zhenni.TenantID(1); tenant <= 2; tenant++ {
		var want []zhenni.Asked
		for _, a := range s.asked[id] {
			if a.tenant == tenant {
				want = append(want, a.Asked)
			}
		}
		got, _ := all(t, s.history, tenant, id, rapid.IntRange(1, 9).Draw(t, "limit"))
		for i := 1; i < len(got); i++ {
			if got[i].At.After(got[i-1].At) {
				t.Fatalf("not the newest first: %v", got)
			}
		}
		order := func(a, b zhenni.Asked) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
		}
		slices.SortFunc(want, order)
		slices.SortFunc(got, order)
		if !slices.Equal(got, want) {
			t.Fatalf("%v of tenant %d: got\n%v\nwant\n%v", id, tenant, got, want)
		}
	}
}
