package sessions

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"zhenni"
	"zhenni/storage/commandlog"
	"zhenni/storage/wrappedkey"
)

// Key is the key of the sessions in a folder, for [Options], wrapped by the key of a store.
var Key = wrappedkey.Kind{
	Of: "sessions", Context: "zhenni sessions 1 key", Beside: logDir, Without: "the sessions that were live are gone",
}

const logDir = "log"

// ErrOvertaken: the session was changed meanwhile; look at it again. It is a [zhenni.ErrUnavailable] of which it is known that nothing was made.
var ErrOvertaken = fmt.Errorf("%w: sessions: overtaken by another change", zhenni.ErrUnavailable)

// Bounds and defaults of a [Store].
const (
	// DefaultLive bounds the live sessions, at about a kilobyte each.
	DefaultLive = 100_000
	// MaxBlocks bounds the pairs of which one does not want to be asked.
	MaxBlocks = 1 << 20

	// forgetAtOnce bounds what one entry forgets, snapshotBytes the entries between two snapshots.
	forgetAtOnce  = 1024
	snapshotBytes = 16 << 20
)

// Options say where the sessions are.
type Options struct {
	Dir string
	// Key is the secret of the sessions, of [Key].
	Key []byte
	// Live bounds the live sessions, 0 is [DefaultLive]; those that ended and are kept are at most four times as many. No
	// relying party has more than a quarter of either.
	Live int
	// Keep is how long a session that has ended is kept, 0 is [zhenni.SessionKept].
	Keep time.Duration
	// Bar is by how many persons somebody is reported who may ask no more, 1–[MaxBar]; 0 is [DefaultBar].
	Bar int
	// Entropy is crypto/rand where it is nil.
	Entropy io.Reader
	Logger  *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Live == 0 {
		o.Live = DefaultLive
	}
	if o.Keep == 0 {
		o.Keep = zhenni.SessionKept
	}
	if o.Bar == 0 {
		o.Bar = DefaultBar
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Store keeps sessions. Its methods may be called from several goroutines.
type Store struct {
	opts    Options
	log     *commandlog.Log
	machine *machine

	mu     sync.Mutex // of sealer
	sealer *sealer

	reporting sync.Mutex // held while reports change, one after another
}

// Open opens or makes the sessions in a folder, which nobody else has open: [zhenni.ErrCorrupt], [zhenni.ErrBadValue].
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	if len(o.Key) != wrappedkey.Size || o.Live < 1 || o.Keep < 0 || o.Bar < 1 || o.Bar > MaxBar {
		return nil, fmt.Errorf("%w: sessions: want a key of %d bytes, a bound of 1 or more, and a time to keep them", zhenni.ErrBadValue, wrappedkey.Size)
	}
	sealer, err := newSealer(o.Key, o.Entropy)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: o, machine: newMachine(o.Key, o.Entropy), sealer: sealer}
	if s.log, err = commandlog.Open(filepath.Join(o.Dir, logDir), s.machine, o.Logger); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	if err := s.log.Start(0); err != nil {
		return nil, errors.Join(fmt.Errorf("sessions: %w", err), s.log.Close())
	}
	return s, nil
}

// Close ends the store; no call may be under way.
func (s *Store) Close() error { return s.log.Close() }

// Err returns why the store takes no change any more, nil while it does.
func (s *Store) Err() error { return s.log.Err() }

// Put makes a new session, of version 1, or one that follows the one that is there by its version, and returns once it is
// durable. [ErrOvertaken] says that it does not follow it, and nothing changed; [zhenni.ErrOverloaded] that there are too many
// already. On [zhenni.ErrDeadline] and [zhenni.ErrUnavailable] it may have been made all the same. The seats of the session
// are the store's from then on: nobody changes them.
func (s *Store) Put(ctx context.Context, session zhenni.Session) error {
	if session.Version == 1 {
		if err := s.room(session.Party); err != nil {
			return err
		}
	}
	return s.propose(ctx, change{session: &session})
}

// room reports that there are too many sessions for another one of a party. Many that come at once may pass the bound by as
// many as are in hand.
func (s *Store) room(party string) error {
	m := s.machine
	m.mu.RLock()
	defer m.mu.RUnlock()
	of := m.parties[party]
	share := max(1, s.opts.Live/4)
	if m.live >= s.opts.Live || len(m.sessions) >= 5*s.opts.Live || of.live >= share || of.all >= 5*share {
		return fmt.Errorf("%w: %d sessions are live and %d are kept, of this party %d and %d",
			zhenni.ErrOverloaded, m.live, len(m.sessions), of.live, of.all)
	}
	return nil
}

// ID returns the id of the session that a party begins by a transaction: the same for the same arguments, and not to be foretold
// without the key.
func (s *Store) ID(party, transaction string) zhenni.SessionID {
	mac := hmac.New(sha256.New, s.opts.Key)
	mac.Write([]byte("zhenni session id 1"))
	mac.Write([]byte{byte(len(party))})
	mac.Write([]byte(party))
	mac.Write([]byte(transaction))
	return zhenni.SessionID(mac.Sum(nil)[:len(zhenni.SessionID{})])
}

func (s *Store) propose(ctx context.Context, c change) error {
	s.mu.Lock()
	sealed := s.sealer.seal(c.plain(), ofEntry)
	s.mu.Unlock()
	_, err := s.log.Propose(ctx, sealed)
	return err
}

// Session returns a session as it is. Its seats are the store's: nobody changes them.
func (s *Store) Session(id zhenni.SessionID) (zhenni.Session, bool) {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	session, ok := s.machine.sessions[id]
	return session, ok
}

// Of returns the sessions that a credential asks in or is asked in, in no order, ended ones as long as they are kept.
func (s *Store) Of(credential zhenni.CredentialID) (all []zhenni.Session) {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	for _, id := range s.machine.of[credential] {
		all = append(all, s.machine.sessions[id])
	}
	return all
}

// Arrivals returns the live sessions of kind hotel of a party, in no order.
func (s *Store) Arrivals(party string) (all []zhenni.Session) {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	for id := range s.machine.arrivals[party] {
		all = append(all, s.machine.sessions[id])
	}
	return all
}

// All returns every session, in no order, for whoever starts to look after them.
func (s *Store) All() []zhenni.Session {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	all := make([]zhenni.Session, 0, len(s.machine.sessions))
	for _, session := range s.machine.sessions {
		all = append(all, session)
	}
	return all
}

// Block remembers a pair of persons: [zhenni.ErrOverloaded] beyond [MaxBlocks]. Repeating it changes nothing.
func (s *Store) Block(ctx context.Context, pair Pair) error {
	s.machine.mu.RLock()
	_, there := s.machine.blocked[pair]
	full := len(s.machine.blocked) >= MaxBlocks
	s.machine.mu.RUnlock()
	switch {
	case there:
		return nil
	case full:
		return fmt.Errorf("%w: %d pairs of persons are kept apart", zhenni.ErrOverloaded, MaxBlocks)
	}
	return s.propose(ctx, change{block: &pair})
}

// Blocked reports whether a pair is kept apart.
func (s *Store) Blocked(pair Pair) bool {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	_, blocked := s.machine.blocked[pair]
	return blocked
}

// Sweep forgets the sessions that ended longer ago than they are kept, and cuts the log when it has grown. It is to be called
// every few minutes.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	for ids := range slices.Chunk(s.machine.due(now.Add(-s.opts.Keep)), forgetAtOnce) {
		if err := s.propose(ctx, change{forget: ids}); err != nil {
			return err
		}
	}
	if err := s.forgetReports(ctx, now); err != nil {
		return err
	}
	s.machine.mu.RLock()
	grown := s.machine.bytes >= snapshotBytes
	s.machine.mu.RUnlock()
	if !grown {
		return nil
	}
	return s.log.Snapshot()
}

// Stats are the levels of a store.
type Stats struct {
	Live    int `json:"live"`
	Ended   int `json:"ended"`
	Blocked int `json:"blocked"`
	// Reported are the persons of whom reports are kept.
	Reported int `json:"reported"`
}

// Stats returns the levels now.
func (s *Store) Stats() Stats {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	return Stats{Live: s.machine.live, Ended: len(s.machine.sessions) - s.machine.live, Blocked: len(s.machine.blocked), Reported: len(s.machine.reports)}
}
