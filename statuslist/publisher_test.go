package statuslist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"zhenni"
)

func testConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		Dir: filepath.Join(t.TempDir(), "lists"), URI: testURI, Signer: newSigner(t, 1), Cover: testCover(1),
		Every: time.Minute, TTL: 10 * time.Minute, Life: 2 * time.Hour,
	}
}

func newTestPublisher(t testing.TB, c Config) *Publisher {
	t.Helper()
	p, err := NewPublisher(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustPut(t testing.TB, p *Publisher, at zhenni.StatusIndex, s zhenni.Status) {
	t.Helper()
	if err := p.Put(at, s); err != nil {
		t.Fatal(err)
	}
}

func mustPublish(t testing.TB, p *Publisher, now time.Time) time.Time {
	t.Helper()
	next, err := p.Publish(now)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// published reads a list as a relying party does, from its file and from memory, which are one.
func published(t testing.TB, p *Publisher, list uint32, now time.Time) Token {
	t.Helper()
	served, _, _, ok := p.Page(list, now)
	file, err := os.ReadFile(pathOf(p.config.Dir, list))
	if !ok || err != nil || !bytes.Equal(served, file) {
		t.Fatalf("list %d: served %t, in a file: %v, or they differ", list, ok, err)
	}
	token, err := Read(file, p.URI(list), now, newSigner(t, 1).keys())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// at is a place in a list.
func at(list, index uint32) zhenni.StatusIndex { return zhenni.NewStatusIndex(list, index) }

// newFilled is a publisher to which there is nothing to fill.
func newFilled(t testing.TB, c Config) *Publisher {
	t.Helper()
	p := newTestPublisher(t, c)
	if err := p.Fill(t.Context(), source{}); err != nil {
		t.Fatal(err)
	}
	return p
}

// source is of credentials by place.
type source map[zhenni.StatusIndex]zhenni.Status

func (s source) StatusIndices(_ context.Context, each func(zhenni.StatusIndex, zhenni.Status) error) error {
	for at, status := range s {
		if err := each(at, status); err != nil {
			return err
		}
	}
	return nil
}

// What the source has is published, with decoys and nothing else, and not before it is all there.
func TestListsAreWhatTheSourceHas(t *testing.T) {
	c := testConfig(t)
	p := newTestPublisher(t, c)
	all := source{}
	spare := map[uint32]bool{}
	for index := range c.Cover.spare(1) {
		spare[index] = true
	}
	statuses := []zhenni.Status{
		zhenni.StatusActive, zhenni.StatusSuspended, zhenni.StatusSuperseded, zhenni.StatusRevoked, zhenni.StatusExpired, zhenni.StatusErased,
	}
	for i := range uint32(600) {
		if !spare[i*1000] {
			all[at(1, i*1000)] = statuses[i%6]
		}
	}
	if _, err := p.Publish(testTime); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("lists that were not filled are published: %v", err)
	}
	if err := p.Fill(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	now := testTime.AddDate(1, 0, 0)
	mustPublish(t, p, now)
	want := newPublished()
	c.Cover.apply(want, 1, now)
	for place, status := range all {
		want.Set(int(place.Index()), ValueOf(status))
	}
	token := published(t, p, 1, now)
	if !bytes.Equal(token.List.array, want.array) || token.TTL != c.TTL || !token.Expires.Equal(now.Add(c.Life)) {
		t.Errorf("list 1 is another; %+v", token)
	}
	if token, etag, age, ok := p.Page(2, now); ok || token != nil || etag != "" || age != 0 {
		t.Error("list 2 is there")
	}
}

func TestPlacesThatAreNoneAreRefused(t *testing.T) {
	p := newTestPublisher(t, testConfig(t))
	for _, place := range []zhenni.StatusIndex{0, at(0, 7), at(MaxLists+1, 0), at(1, Entries)} {
		if err := p.Put(place, zhenni.StatusActive); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%x: %v", uint64(place), err)
		}
	}
}

// hurried is a source during whose visit something changes.
type hurried struct {
	source
	meanwhile func()
}

func (s hurried) StatusIndices(ctx context.Context, each func(zhenni.StatusIndex, zhenni.Status) error) error {
	s.meanwhile()
	return s.source.StatusIndices(ctx, each)
}

// What changes while the lists are filled is not undone by what the source was before, and a source that does not come to
// its end is not published.
//
// FAULTS: C2 C14
func TestFillingDoesNotUndoChanges(t *testing.T) {
	p := newTestPublisher(t, testConfig(t))
	broken := errors.New("damaged")
	before := hurried{source{at(1, 5): zhenni.StatusActive, at(1, 6): zhenni.StatusRevoked, at(1, 7): zhenni.StatusSuspended}, func() {
		mustPut(t, p, at(1, 5), zhenni.StatusRevoked)
		mustPut(t, p, at(1, 7), zhenni.StatusActive)
	}}
	if err := p.Fill(t.Context(), failing{before, broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := p.Publish(testTime); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Error(err)
	}
	if stats := p.Stats(); stats.Failures != 1 || stats.Lists != 0 || !stats.Published.IsZero() {
		t.Errorf("%+v", stats)
	}
	before.meanwhile = func() {}
	if err := p.Fill(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, p, testTime)
	list := published(t, p, 1, testTime).List
	for index, want := range map[int]Value{5: Invalid, 6: Invalid, 7: Valid} {
		if v, _ := list.Value(index); v != want {
			t.Errorf("entry %d is %d, want %d", index, v, want)
		}
	}
	if stats := p.Stats(); stats.Failures != 1 || stats.Lists != 1 || !stats.Published.Equal(testTime) {
		t.Errorf("%+v", stats)
	}
}

// failing is a source that ends with an error.
type failing struct {
	Source
	err error
}

func (s failing) StatusIndices(ctx context.Context, each func(zhenni.StatusIndex, zhenni.Status) error) error {
	return errors.Join(s.Source.StatusIndices(ctx, each), s.err)
}

// Until the lists are filled after a start, those of before are served, while they are good and where they are of here.
//
// FAULTS: R3
func TestListsOfBeforeAreServed(t *testing.T) {
	c := testConfig(t)
	p := newFilled(t, c)
	mustPut(t, p, at(1, 5), zhenni.StatusRevoked)
	mustPut(t, p, at(2, 5), zhenni.StatusActive)
	mustPublish(t, p, testTime)
	_, etag, _, _ := p.Page(1, testTime)
	if err := os.WriteFile(pathOf(c.Dir, 2), []byte("e30.e30.AA"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pathOf(c.Dir, 1), pathOf(c.Dir, 3)); err != nil {
		t.Fatal(err)
	}
	content, _, _, _ := p.Page(1, testTime)
	if err := os.WriteFile(pathOf(c.Dir, 1), content, 0o644); err != nil {
		t.Fatal(err)
	}
	for i, after := range []time.Duration{c.Life, time.Hour} {
		want := i == 1
		again, now := newTestPublisher(t, c), testTime.Add(after)
		if err := again.Resume(now); err != nil {
			t.Fatal(err)
		}
		_, tag, _, ok := again.Page(1, now)
		if ok != want || ok && tag != etag {
			t.Errorf("after %v list 1 is served: %t", after, ok)
		}
		for _, list := range []uint32{2, 3} {
			if _, _, _, ok := again.Page(list, now); ok {
				t.Errorf("list %d is served", list)
			}
		}
	}
	again, now := newTestPublisher(t, c), testTime.Add(time.Second)
	if err := errors.Join(again.Resume(now), again.Fill(t.Context(), source{at(1, 5): zhenni.StatusRevoked})); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, again, now)
	if got := published(t, again, 1, now).IssuedAt; !got.Equal(now) {
		t.Errorf("list 1 is of %v", got)
	}
}

// Without a cover every entry may be somebody's, and a list is what was put.
func TestListsWithoutDecoys(t *testing.T) {
	c := testConfig(t)
	c.Cover = nil
	p := newFilled(t, c)
	want := newPublished()
	for i := range uint32(Entries / 1000) {
		mustPut(t, p, at(1, i*1000), zhenni.StatusRevoked)
		want.Set(int(i)*1000, Invalid)
	}
	now := testTime.AddDate(10, 0, 0)
	mustPublish(t, p, now)
	if !bytes.Equal(published(t, p, 1, now).List.array, want.array) {
		t.Error("the list is another")
	}
}

// Only what changed is published, no more often than every minute, and all of it before half its life is over.
func TestPublicationsAreFewAndInTime(t *testing.T) {
	c := testConfig(t)
	c.Cover = nil // whose decoys change within the hour
	p, now := newFilled(t, c), testTime
	mustPut(t, p, at(1, 5), zhenni.StatusActive)
	mustPut(t, p, at(2, 5), zhenni.StatusActive)
	if next := mustPublish(t, p, now); !next.Equal(now.Add(time.Minute)) {
		t.Errorf("next is %v", next)
	}
	issued := func(list uint32) time.Duration { return published(t, p, list, now).IssuedAt.Sub(testTime) }
	for _, step := range []struct {
		at     time.Duration
		put    zhenni.Status
		issued [2]time.Duration
	}{
		{30 * time.Second, zhenni.StatusSuspended, [2]time.Duration{0, 0}}, // too early
		{time.Minute, 0, [2]time.Duration{time.Minute, 0}},
		{2 * time.Minute, 0, [2]time.Duration{time.Minute, 0}}, // nothing new
		{3 * time.Minute, zhenni.StatusActive, [2]time.Duration{3 * time.Minute, 0}},
		{4 * time.Minute, zhenni.StatusActive, [2]time.Duration{3 * time.Minute, 0}}, // the same again
		{time.Hour, 0, [2]time.Duration{3 * time.Minute, time.Hour}},                 // half through
		{63 * time.Minute, 0, [2]time.Duration{63 * time.Minute, time.Hour}},
		{-time.Hour, zhenni.StatusRevoked, [2]time.Duration{-time.Hour, -time.Hour}}, // the clock was set back
	} {
		now = testTime.Add(step.at)
		if step.put != 0 {
			mustPut(t, p, at(1, 5), step.put)
		}
		mustPublish(t, p, now)
		if step.at == 30*time.Second {
			now = testTime
		}
		if got := [2]time.Duration{issued(1), issued(2)}; got != step.issued {
			t.Errorf("at %v: issued %v, want %v", step.at, got, step.issued)
		}
	}
	if v, _ := published(t, p, 1, now).List.Value(5); v != Invalid {
		t.Errorf("a revoked credential is %d", v)
	}
}

func TestPageIsCachedAsLongAsItIsGood(t *testing.T) {
	p := newFilled(t, testConfig(t))
	mustPut(t, p, at(1, 5), zhenni.StatusActive)
	mustPublish(t, p, testTime)
	_, first, _, _ := p.Page(1, testTime)
	for after, want := range map[time.Duration]time.Duration{
		0: 10 * time.Minute, time.Hour: 10 * time.Minute, 115 * time.Minute: 5 * time.Minute, 2 * time.Hour: 0, 3 * time.Hour: 0,
	} {
		if _, etag, age, ok := p.Page(1, testTime.Add(after)); !ok || age != want || etag != first {
			t.Errorf("after %v: %v", after, age)
		}
	}
	mustPut(t, p, at(1, 5), zhenni.StatusRevoked)
	mustPublish(t, p, testTime.Add(time.Minute))
	if _, etag, _, _ := p.Page(1, testTime); etag == first || len(etag) != 34 || etag[0] != '"' || etag[33] != '"' {
		t.Errorf("the changed list has the tag %s, before %s", etag, first)
	}
	if n := testing.AllocsPerRun(100, func() { p.Page(1, testTime) }); n != 0 {
		t.Errorf("a page takes %v allocations", n)
	}
}

// After a start the folder has the lists there are, and what is not the publisher's.
//
// FAULTS: S1
func TestFolderIsTidied(t *testing.T) {
	c := testConfig(t)
	p := newFilled(t, c)
	for _, name := range []string{"1.jwt", "1.jwt.new", "7.jwt", "9.jwt.new", "07.jwt", "x.jwt", "7.jwt.bak", "robots.txt"} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte("left"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mustPut(t, p, at(1, 5), zhenni.StatusActive)
	mustPublish(t, p, testTime)
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := []string{"07.jwt", "1.jwt", "7.jwt.bak", "robots.txt", "x.jwt"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	published(t, p, 1, testTime)
}

// What can not be signed or written is served as it was, and published when it can.
//
// FAULTS: S9 S10
func TestFailedPublicationIsTriedAgain(t *testing.T) {
	c := testConfig(t)
	p := newFilled(t, c)
	mustPut(t, p, at(1, 5), zhenni.StatusActive)
	mustPublish(t, p, testTime)
	_, before, _, _ := p.Page(1, testTime)
	mustPut(t, p, at(1, 5), zhenni.StatusRevoked)

	p.config.Signer = brokenSigner{newSigner(t, 1)}
	next, err := p.Publish(testTime.Add(time.Minute))
	if !errors.Is(err, zhenni.ErrUnavailable) || !errors.Is(err, errBroken) || !next.Equal(testTime.Add(2*time.Minute)) {
		t.Errorf("without a signer: %v, %v", next, err)
	}
	p.config.Signer = c.Signer
	if err := os.Mkdir(pathOf(c.Dir, 1)+unfinished, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(next); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("without a place to write: %v", err)
	}
	if _, etag, _, _ := p.Page(1, testTime); etag != before {
		t.Error("what is not durable is served")
	}
	if err := os.Remove(pathOf(c.Dir, 1) + unfinished); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, p, testTime.Add(3*time.Minute))
	if v, _ := published(t, p, 1, testTime.Add(3*time.Minute)).List.Value(5); v != Invalid {
		t.Errorf("the revoked credential is %d", v)
	}
}

// Changes, publications and readers at once: what was put before a publication is in it.
func TestPublisherIsSafeForConcurrentUse(t *testing.T) {
	c := testConfig(t)
	c.Cover = nil
	p := newFilled(t, c)
	mustPut(t, p, at(1, 0), zhenni.StatusActive)
	mustPublish(t, p, testTime)
	var all sync.WaitGroup
	for worker := range uint32(4) {
		all.Go(func() {
			for i := range uint32(50) {
				if err := p.Put(at(worker%2+1, worker*100+i), zhenni.StatusRevoked); err != nil {
					t.Error(err)
				}
				if token, _, _, ok := p.Page(1, testTime); !ok || len(token) == 0 {
					t.Error("list 1 is not served")
				}
			}
		})
	}
	all.Go(func() {
		for i := range 5 {
			if _, err := p.Publish(testTime.Add(time.Duration(i) * time.Minute)); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	now := testTime.Add(10 * time.Minute)
	mustPublish(t, p, now)
	for worker := range uint32(4) {
		for i := range 50 {
			if v, _ := published(t, p, worker%2+1, now).List.Value(int(worker)*100 + i); v != Invalid {
				t.Fatalf("worker %d, entry %d is %d", worker, i, v)
			}
		}
	}
}

func TestConfigHasToFit(t *testing.T) {
	good := testConfig(t)
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(*Config){
		"no folder":         func(c *Config) { c.Dir = "" },
		"no signer":         func(c *Config) { c.Signer = nil },
		"no URI":            func(c *Config) { c.URI = "" },
		"a path":            func(c *Config) { c.URI = "/status-lists" },
		"a query":           func(c *Config) { c.URI += "?a" },
		"too often":         func(c *Config) { c.Every = time.Millisecond },
		"not kept":          func(c *Config) { c.TTL = 0 },
		"half a second":     func(c *Config) { c.TTL += time.Second / 2 },
		"short of life":     func(c *Config) { c.Life = 2*c.TTL - time.Second },
		"shorter than rate": func(c *Config) { c.Every = c.Life },
	}
	for _, what := range slices.Sorted(maps.Keys(changes)) {
		c := good
		changes[what](&c)
		if p, err := NewPublisher(c); p != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", what, err)
		}
	}
	blocked := good
	blocked.Dir = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked.Dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if p, err := NewPublisher(blocked); p != nil || !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("a file for a folder: %v", err)
	}
}

// BenchmarkBuildAndSign is a list of 2²⁰ entries, from entries to token, without the file: with decoys alone, and with
// one and ten of a hundred revoked.
func BenchmarkBuildAndSign(b *testing.B) {
	c := testConfig(b)
	random := rand.New(rand.NewPCG(1, 2))
	for _, percent := range []int{0, 1, 10} {
		entries := newPublished()
		for range Entries * percent / 100 {
			entries.Set(random.IntN(Entries), Invalid)
		}
		b.Run(fmt.Sprintf("revoked=%d%%", percent), func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				list := &List{bits: publishedBits, array: bytes.Clone(entries.array)}
				c.Cover.apply(list, 1, testTime.AddDate(5, 0, 0))
				token, err := Token{URI: testURI, IssuedAt: testTime, Expires: testTime.Add(c.Life), TTL: c.TTL, List: list}.Sign(c.Signer)
				if err != nil {
					b.Fatal(err)
				}
				size = len(token)
			}
			b.ReportMetric(float64(size), "token-bytes")
		})
	}
}

// BenchmarkUnchanged is what a list costs that need not be published.
func BenchmarkUnchanged(b *testing.B) {
	p := newFilled(b, testConfig(b))
	mustPut(b, p, at(1, 5), zhenni.StatusActive)
	mustPublish(b, p, testTime)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.publish(1, testTime); err != nil {
			b.Fatal(err)
		}
	}
}
