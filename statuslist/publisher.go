package statuslist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
)

// MaxLists bounds the number of lists: four thousand million credentials.
const MaxLists = 1 << 12

// Source has every credential that has a place.
type Source interface {
	// StatusIndices calls each for every one, erased ones too, in any order, and ends with the first error. Without an error
	// none was left out. It ends early with ctx.
	StatusIndices(ctx context.Context, each func(zhenni.StatusIndex, zhenni.Status) error) error
}

// Config is what a [Publisher] is made of.
type Config struct {
	// Dir is the folder of the files, which is the publisher's alone: "1.jwt", "2.jwt" and so on.
	Dir string
	// URI is what the numbers of the lists are put behind, with a slash: "https://example.org/status-lists".
	URI    string
	Signer Signer
	// Cover is of the entries that are given to nobody. Nil is no decoys.
	Cover *Cover
	// Every is the shortest time between two publications, at least a second. What happens in between is published together.
	Every time.Duration
	// TTL is for how long a list may be kept by who fetched it, in whole seconds: so long a revocation may go unseen.
	TTL time.Duration
	// Life is for how long a list is good, at least twice Every and twice TTL: so long a list may be put before somebody
	// in the place of a newer one. One that is half through is published again, changed or not.
	Life time.Duration
}

// Validate reports the first field that is out of its range, as [zhenni.ErrBadValue].
func (c Config) Validate() error {
	u, err := url.Parse(c.URI)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%w: URI of the status lists %q: want one with scheme and host, without query", zhenni.ErrBadValue, c.URI)
	case c.Dir == "" || c.Signer == nil:
		return fmt.Errorf("%w: status lists: want a folder and a signer", zhenni.ErrBadValue)
	case c.Every < time.Second || c.TTL < time.Second || c.TTL%time.Second != 0:
		return fmt.Errorf("%w: status lists every %v, kept for %v: want at least a second, and whole ones", zhenni.ErrBadValue, c.Every, c.TTL)
	case c.Life < 2*c.Every || c.Life < 2*c.TTL || c.Life%time.Second != 0:
		return fmt.Errorf("%w: status lists good for %v: want twice %v and %v, in whole seconds", zhenni.ErrBadValue, c.Life, c.Every, c.TTL)
	}
	return nil
}

// Publisher keeps the lists and publishes them: in files, replaced whole, that any server of static files can serve, and in
// memory. It holds 256 KiB and the last token of each list that somebody is in. It is safe for concurrent use.
type Publisher struct {
	config Config

	mu sync.Mutex
	// lists, by number, are owned by mu; nil for one that nobody is in.
	lists []*keptList
	// fresh are the places that Put was told of and Fill is not to touch; nil when there is nothing more to fill.
	fresh map[zhenni.StatusIndex]bool

	publishing sync.Mutex
	// last is owned by publishing: when Publish last ran.
	last time.Time
	// pages has what was published of each list. It is replaced whole, by who has publishing.
	pages atomic.Pointer[map[uint32]publication]

	published atomic.Pointer[time.Time]
	failures  atomic.Uint64
}

// keptList is a list as it is told, without what its decoys become.
type keptList struct {
	entries *List
	// version counts what changed entries.
	version uint64
}

type publication struct {
	// version is that of the entries.
	version uint64
	issued  time.Time
	expires time.Time
	// due is when it is published again, changed or not: at once for one that was found in the folder.
	due   time.Time
	token []byte
	etag  string
}

// NewPublisher returns a publisher of no lists yet, and makes its folder: [zhenni.ErrBadValue], [zhenni.ErrUnavailable].
func NewPublisher(c Config) (*Publisher, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("%w: status lists: %w", zhenni.ErrUnavailable, err)
	}
	p := &Publisher{config: c, fresh: map[zhenni.StatusIndex]bool{}}
	p.pages.Store(&map[uint32]publication{})
	return p, nil
}

// URI returns that of a list: what a credential in it and the list itself say, byte for byte.
func (p *Publisher) URI(list uint32) string { return uriOf(p.config.URI, list) }

func uriOf(base string, list uint32) string { return base + "/" + strconv.FormatUint(uint64(list), 10) }

// Fill puts every credential of the source, but those that Put was told of: what that said is newer, or as new. It ends with
// the source's error, after which it is to be called again. Nothing is published before it ended without one, for a list
// that lacks a credential says that it is valid.
func (p *Publisher) Fill(ctx context.Context, s Source) error {
	err := s.StatusIndices(ctx, func(at zhenni.StatusIndex, status zhenni.Status) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.fresh[at] {
			return nil
		}
		return p.put(at, status)
	})
	if err != nil {
		p.failures.Add(1)
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fresh = nil
	return nil
}

// Put says what a credential's status is, after that is durable, in the order of its changes: [zhenni.ErrBadValue] for a
// place that is none. It is seen in the next publication.
func (p *Publisher) Put(at zhenni.StatusIndex, status zhenni.Status) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fresh != nil {
		p.fresh[at] = true
	}
	err := p.put(at, status)
	if err != nil {
		p.failures.Add(1)
	}
	return err
}

// put is Put for who has mu.
func (p *Publisher) put(at zhenni.StatusIndex, status zhenni.Status) error {
	if at.List() < 1 || at.List() > MaxLists || at.Index() >= Entries {
		return fmt.Errorf("%w: status list %d has no entry %d", zhenni.ErrBadValue, at.List(), at.Index())
	}
	l := p.list(at.List())
	if was, _ := l.entries.Value(int(at.Index())); was != ValueOf(status) {
		l.entries.Set(int(at.Index()), ValueOf(status))
		l.version++
	}
	return nil
}

// list returns that of the number, in [1, MaxLists], and begins it where it is new. The caller has mu.
func (p *Publisher) list(n uint32) *keptList {
	for uint32(len(p.lists)) <= n {
		p.lists = append(p.lists, nil)
	}
	if p.lists[n] == nil {
		p.lists[n] = &keptList{entries: newPublished()}
	}
	return p.lists[n]
}

// publishedBits is the width in which all three values fit.
const publishedBits = 2

func newPublished() *List {
	return &List{bits: publishedBits, array: make([]byte, Entries*publishedBits/8)}
}

// Publish publishes the lists of which somebody's entry or a decoy changed since they last were, and those whose time is
// half over, unless it did so less than Config.Every ago; next is when it is due again. A list is durable in its file before
// it is served. What could not be published stays as it was and is tried again when due: [zhenni.ErrUnavailable], as before
// [Publisher.Fill] has ended. A clock that was set back does not stop it. The first call removes files that are left of lists
// that are no more.
func (p *Publisher) Publish(now time.Time) (next time.Time, err error) {
	p.publishing.Lock()
	defer p.publishing.Unlock()
	if due := p.last.Add(p.config.Every); !p.last.IsZero() && !now.Before(p.last) && now.Before(due) {
		return due, nil
	}
	numbers, filled := p.begun()
	if !filled {
		return now.Add(p.config.Every), fmt.Errorf("%w: status lists that were not filled", zhenni.ErrUnavailable)
	}
	if p.last.IsZero() {
		err = prune(p.config.Dir, func(list uint32) bool { return slices.Contains(numbers, list) })
	}
	p.last = now
	for _, list := range numbers {
		err = errors.Join(err, p.publish(list, now))
	}
	if err != nil {
		p.failures.Add(1)
		return now.Add(p.config.Every), fmt.Errorf("%w: status lists: %w", zhenni.ErrUnavailable, err)
	}
	p.published.Store(&now)
	return now.Add(p.config.Every), nil
}

// begun returns the numbers of the lists that somebody is in, and whether they are filled.
func (p *Publisher) begun() (numbers []uint32, filled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, l := range p.lists {
		if l != nil {
			numbers = append(numbers, uint32(n))
		}
	}
	return numbers, p.fresh == nil
}

// changed returns the entries of a list as they are now, and their version, unless they have the given one.
func (p *Publisher) changed(list uint32, version uint64, anyhow bool) (*List, uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lists[list]
	if l.version == version && !anyhow {
		return nil, version
	}
	return &List{bits: publishedBits, array: slices.Clone(l.entries.array)}, l.version
}

// publish publishes one list where there is need. The caller has p.publishing.
func (p *Publisher) publish(list uint32, now time.Time) error {
	old, ok := (*p.pages.Load())[list]
	entries, version := p.changed(list, old.version, !ok || now.Before(old.issued) || !now.Before(old.due))
	if entries == nil {
		return nil
	}
	made := publication{version: version, issued: now.Truncate(time.Second)}
	made.expires = made.issued.Add(p.config.Life)
	made.due = made.issued.Add(p.config.Life / 2)
	if turn := p.config.Cover.apply(entries, list, now); !turn.IsZero() && turn.Before(made.due) {
		made.due = turn
	}
	token := Token{URI: p.URI(list), IssuedAt: made.issued, Expires: made.expires, TTL: p.config.TTL, List: entries}
	var err error
	if made.token, err = token.Sign(p.config.Signer); err != nil {
		return err
	}
	if err := replace(pathOf(p.config.Dir, list), made.token); err != nil {
		return err
	}
	p.serve(list, made)
	return nil
}

// Resume serves the lists that the folder has from before, until they expire or the first [Publisher.Publish] replaces them.
// What does not read as one of these lists is passed over. It is called once, before Publish.
func (p *Publisher) Resume(now time.Time) error {
	entries, err := os.ReadDir(p.config.Dir)
	if err != nil {
		return fmt.Errorf("%w: status lists: %w", zhenni.ErrUnavailable, err)
	}
	p.publishing.Lock()
	defer p.publishing.Unlock()
	for _, entry := range entries {
		list, whole, ours := listOf(entry.Name())
		if !ours || !whole {
			continue
		}
		text, err := readToken(pathOf(p.config.Dir, list))
		if err != nil {
			continue
		}
		token, err := readUnsigned(text, p.URI(list), now)
		if err != nil || token.Expires.IsZero() {
			continue
		}
		p.serve(list, publication{issued: token.IssuedAt, expires: token.Expires, token: text})
	}
	return nil
}

// serve puts a list among those that are served. The caller has p.publishing.
func (p *Publisher) serve(list uint32, made publication) {
	sum := sha256.Sum256(made.token)
	made.etag = `"` + hex.EncodeToString(sum[:16]) + `"`
	pages := maps.Clone(*p.pages.Load())
	pages[list] = made
	p.pages.Store(&pages)
}

// Page returns a list as it was last published, for a server: its token, of [ContentType] and not to be changed, a strong
// validator with its quotes, and for how long it may be cached. ok is false for a list that was not. It waits for nobody and
// allocates nothing.
func (p *Publisher) Page(list uint32, now time.Time) (token []byte, etag string, maxAge time.Duration, ok bool) {
	made, ok := (*p.pages.Load())[list]
	if !ok {
		return nil, "", 0, false
	}
	return made.token, made.etag, max(0, min(p.config.TTL, made.expires.Sub(now).Truncate(time.Second))), true
}

// Stats returns what became of the lists since the start.
func (p *Publisher) Stats() zhenni.StatusListStats {
	stats := zhenni.StatusListStats{Lists: len(*p.pages.Load()), Failures: p.failures.Load()}
	if at := p.published.Load(); at != nil {
		stats.Published = *at
	}
	return stats
}
