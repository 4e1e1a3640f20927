package zhenni_test

import (
	"maps"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

func numbered(n int) zhenni.CredentialID { return zhenni.CredentialID{2: byte(n >> 8), 3: byte(n)} }

func held(c *zhenni.AttemptCounts) map[zhenni.AttemptCount]bool {
	all := map[zhenni.AttemptCount]bool{}
	for count := range c.All {
		all[count] = true
	}
	return all
}

// In whatever order the states of credentials are read back, and however often, the newest of each are held.
func TestMergeIsOrderless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) zhenni.AttemptCount {
			n := rapid.Uint16Range(1, 60).Draw(t, "total")
			return zhenni.AttemptCount{
				Credential: numbered(rapid.IntRange(0, 5).Draw(t, "id")), Lane: zhenni.Lane(rapid.IntRange(0, 1).Draw(t, "lane")),
				Attempts: zhenni.Attempts{Total: n, Version: uint64(n)},
			}
		}), 0, 40).Draw(t, "states")
		forth, back := zhenni.NewAttemptCounts(zhenni.AttemptRules{}, 100), zhenni.NewAttemptCounts(zhenni.AttemptRules{}, 100)
		newest := map[zhenni.AttemptCount]zhenni.Attempts{}
		for i, s := range states {
			forth.Merge(s, 0)
			back.Merge(states[len(states)-1-i], 0)
			key := zhenni.AttemptCount{Credential: s.Credential, Lane: s.Lane}
			if s.Version > newest[key].Version {
				newest[key] = s.Attempts
			}
		}
		if !maps.Equal(held(forth), held(back)) || forth.Len() != len(newest) {
			t.Fatalf("%v and %v of %v", held(forth), held(back), states)
		}
		for key, want := range newest {
			if got := forth.Find(&key.Credential, key.Lane); got != want {
				t.Fatalf("%+v, want %+v", got, want)
			}
		}
	})
}

// A full table forgets what bars nothing, the weakest first, and takes nothing more where all of it bars.
func TestFullCountsKeepWhatBars(t *testing.T) {
	const room = 8
	c := zhenni.NewAttemptCounts(zhenni.AttemptRules{}, room)
	put := func(n int, total uint16) bool {
		id := numbered(n)
		return c.Set(&id, zhenni.LaneOpen, zhenni.Attempts{Total: total, At: int64(n), Version: 1}, 0)
	}
	for n := range room {
		put(n, uint16(10+n%2))
	}
	if !put(100, 50) || c.Len() != room || c.Displaced() != 1 {
		t.Fatalf("%d held, %d displaced", c.Len(), c.Displaced())
	}
	if id := numbered(0); !c.Find(&id, zhenni.LaneOpen).Clear() {
		t.Error("another went than the oldest of the lowest total")
	}
	for n := range 2 * room {
		if put(200+n, 50) != (n < room-1) {
			t.Fatalf("%d disabled ones in a table of %d", n+2, room)
		}
	}
	disabled := 0
	for count := range c.All {
		if count.Total == 50 {
			disabled++
		}
	}
	if disabled != room {
		t.Errorf("%d of %d disabled ones are held", disabled, room)
	}
}

func TestResetForgetsWhatIsOlder(t *testing.T) {
	c := zhenni.NewAttemptCounts(zhenni.AttemptRules{}, 8)
	id, other := numbered(1), numbered(2)
	for version, lane := range []zhenni.Lane{zhenni.LaneOpen, zhenni.LanePossession} {
		c.Set(&id, lane, zhenni.Attempts{Total: 50, Version: uint64(10 + 10*version)}, 0)
	}
	c.Set(&other, zhenni.LaneOpen, zhenni.Attempts{Total: 1, Version: 1}, 0)
	c.Reset(id, 15)
	if !c.Find(&id, zhenni.LaneOpen).Clear() || c.Find(&id, zhenni.LanePossession).Clear() || c.Find(&other, zhenni.LaneOpen).Clear() {
		t.Errorf("%v", held(c))
	}
}

// The table against a plain map: what it says of a credential is what was last set, filter and all.
func TestCountsAreAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	c, plain := zhenni.NewAttemptCounts(zhenni.AttemptRules{}, 1<<20), map[zhenni.CredentialID]zhenni.Attempts{}
	for range 20_000 {
		id := numbered(rng.IntN(3000))
		a := zhenni.Attempts{Total: uint16(rng.IntN(3)), Version: rng.Uint64()}
		c.Set(&id, zhenni.LaneOpen, a, 0)
		if plain[id] = a; a.Clear() {
			delete(plain, id)
		}
		if id = numbered(rng.IntN(3000)); c.Find(&id, zhenni.LaneOpen) != plain[id] {
			t.Fatalf("%+v, want %+v", c.Find(&id, zhenni.LaneOpen), plain[id])
		}
	}
	if c.Len() != len(plain) {
		t.Errorf("%d held, want %d", c.Len(), len(plain))
	}
}
