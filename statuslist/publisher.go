package statuslist

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
)

// Source has every credential that has a place.
type Source interface {
	// Visit calls each for every one, erased ones too, in any order, and ends with the first error.
	Visit(each func(Place, zhenni.Status) error) error
}

// Config is what a [Publisher] is made of.
type Config struct {
	// Dir is the folder of the files, which is the publisher's alone: "0.jwt", "1.jwt" and so on.
	Dir string
	// URI is what the numbers of the lists are put behind, with a slash: "https://example.org/status-lists".
	URI    string
	Signer Signer
	// Cover is that of the [Book] that gives out the places. Nil is no decoys, for places that something else gives out.
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
// memory. It holds 384 KiB and the last token of each list. It is safe for concurrent use.
type Publisher struct {
	config Config

	mu sync.Mutex
	// lists are owned by mu; nil for one that nobody is in.
	lists []*keptList

	publishing sync.Mutex
	// last is owned by publishing: when Publish last ran.
	last time.Time
	// pages has what was published of each list. It is replaced whole, by who has publishing.
	pages atomic.Pointer[map[uint32]publication]
}

// keptList is a list as it is told, without what its decoys become.
type keptList struct {
	entries *List
	// decoys are the entries that are nobody's.
	decoys indexSet
}

type publication struct {
	// sum is of the entries, by which a change is known.
	sum     [sha256.Size]byte
	issued  time.Time
	expires time.Time
	token   []byte
	etag    string
}

// NewPublisher returns a publisher of no lists yet, and makes its folder: [zhenni.ErrBadValue], [zhenni.ErrUnavailable].
func NewPublisher(c Config) (*Publisher, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("%w: status lists: %w", zhenni.ErrUnavailable, err)
	}
	p := &Publisher{config: c}
	p.pages.Store(&map[uint32]publication{})
	return p, nil
}

// Fill puts every credential of the source. It is called once, before the first Put and Publish.
func (p *Publisher) Fill(s Source) error { return s.Visit(p.Put) }

// Put says what a credential's status is, after that is durable: [zhenni.ErrBadValue] for a place that no [Book] gives out,
// a decoy among them. It is seen in the next publication.
func (p *Publisher) Put(at Place, status zhenni.Status) error {
	if at.List >= MaxLists || at.Index >= Entries {
		return fmt.Errorf("%w: status list %d has no entry %d", zhenni.ErrBadValue, at.List, at.Index)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.list(at.List)
	if l.decoys.has(at.Index) {
		return fmt.Errorf("%w: an entry of status list %d that is a decoy", zhenni.ErrBadValue, at.List)
	}
	l.entries.Set(int(at.Index), ValueOf(status))
	return nil
}

// list returns that of the number, in [0, MaxLists), and begins it where it is new. The caller has mu.
func (p *Publisher) list(n uint32) *keptList {
	for uint32(len(p.lists)) <= n {
		p.lists = append(p.lists, nil)
	}
	if p.lists[n] == nil {
		p.lists[n] = &keptList{entries: newPublished()}
		if p.config.Cover != nil {
			for d := range p.config.Cover.decoys(n) {
				p.lists[n].decoys.add(d.index)
			}
		}
	}
	return p.lists[n]
}

// publishedBits is the width in which all three values fit.
const publishedBits = 2

func newPublished() *List {
	return &List{bits: publishedBits, array: make([]byte, Entries*publishedBits/8)}
}

// Publish publishes the lists that changed since they last were, and those whose time is half over, unless it did so less
// than Config.Every ago; next is when it is due again. A list is durable in its file before it is served. What could not be
// published stays as it was and is tried again when due: [zhenni.ErrUnavailable]. A clock that was set back does not stop
// it. The first call removes files that are left of lists that are no more.
func (p *Publisher) Publish(now time.Time) (next time.Time, err error) {
	p.publishing.Lock()
	defer p.publishing.Unlock()
	if due := p.last.Add(p.config.Every); !p.last.IsZero() && !now.Before(p.last) && now.Before(due) {
		return due, nil
	}
	if p.last.IsZero() {
		err = prune(p.config.Dir, func(list uint32) bool { return p.snapshot(list) != nil })
	}
	p.last = now
	for list := range p.begun() {
		if entries := p.snapshot(list); entries != nil {
			err = errors.Join(err, p.publish(list, entries, now))
		}
	}
	if err != nil {
		err = fmt.Errorf("%w: status lists: %w", zhenni.ErrUnavailable, err)
	}
	return now.Add(p.config.Every), err
}

// begun returns how many lists there are.
func (p *Publisher) begun() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint32(len(p.lists))
}

// snapshot returns the entries of a list as they are now, or nil where nobody is in it.
func (p *Publisher) snapshot(list uint32) *List {
	p.mu.Lock()
	defer p.mu.Unlock()
	if list >= uint32(len(p.lists)) || p.lists[list] == nil {
		return nil
	}
	return &List{bits: publishedBits, array: slices.Clone(p.lists[list].entries.array)}
}

// publish publishes one list where there is need. The caller has p.publishing.
func (p *Publisher) publish(list uint32, entries *List, now time.Time) error {
	if p.config.Cover != nil {
		p.config.Cover.apply(entries, list, now)
	}
	made := publication{sum: sha256.Sum256(entries.array), issued: now.Truncate(time.Second)}
	made.expires = made.issued.Add(p.config.Life)
	if old, ok := (*p.pages.Load())[list]; ok && old.sum == made.sum && !now.Before(old.issued) && now.Sub(old.issued) < p.config.Life/2 {
		return nil
	}
	token := Token{URI: uriOf(p.config.URI, list), IssuedAt: made.issued, Expires: made.expires, TTL: p.config.TTL, List: entries}
	var err error
	if made.token, err = token.Sign(p.config.Signer); err != nil {
		return err
	}
	if err := replace(pathOf(p.config.Dir, list), made.token); err != nil {
		return err
	}
	sum := sha256.Sum256(made.token)
	made.etag = `"` + hex.EncodeToString(sum[:16]) + `"`
	p.serve(list, made)
	return nil
}

// serve puts a list among those that are served. The caller has p.publishing.
func (p *Publisher) serve(list uint32, made publication) {
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
