package sessions

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"zhenni"
	"zhenni/storage/commandlog"
)

// What the first byte of an entry says it is.
const (
	putSession = iota + 1
	forgetSessions
	putBlock
	endOfSnapshot
	putReports

	putNote = 16
)

const magic = "zhenni sessions 1\n"

// Pair is the digest of two persons, of whom one does not want to be asked by the other.
type Pair [32]byte

// held is how many sessions a party has.
type held struct{ live, all int }

// machine is the state. It is changed by the log's goroutine alone, under mu.
type machine struct {
	opener *opener
	// newSealer makes the sealer of a snapshot.
	newSealer func() (*sealer, error)

	mu       sync.RWMutex
	sessions map[zhenni.SessionID]zhenni.Session
	// of are the sessions that a credential asks in or is asked in.
	of map[zhenni.CredentialID][]zhenni.SessionID
	// arrivals are the live sessions of kind hotel of a party.
	arrivals map[string]map[zhenni.SessionID]struct{}
	blocked  map[Pair]struct{}
	notes    map[string][]byte
	reports  map[person]reports
	live     int
	parties  map[string]held
	// applied is the last entry, saved the last that a snapshot holds; bytes are those of the entries since.
	applied, saved uint64
	bytes          int
}

func newMachine(key []byte, entropy io.Reader) *machine {
	m := &machine{opener: &opener{key: key}, newSealer: func() (*sealer, error) { return newSealer(key, entropy) }}
	m.clear()
	return m
}

func (m *machine) clear() {
	m.sessions, m.of = map[zhenni.SessionID]zhenni.Session{}, map[zhenni.CredentialID][]zhenni.SessionID{}
	m.arrivals = map[string]map[zhenni.SessionID]struct{}{}
	m.blocked, m.reports, m.notes = map[Pair]struct{}{}, map[person]reports{}, map[string][]byte{}
	m.parties, m.live = map[string]held{}, 0
}

// Inspect implements [commandlog.Machine].
func (m *machine) Inspect(_ uint64, entry []byte) error { return m.Check(entry) }

// Check implements [commandlog.Machine].
func (m *machine) Check(entry []byte) error {
	plain, _, _, err := m.opener.open(entry, ofEntry)
	if err != nil {
		return err
	}
	_, err = decodeChange(plain)
	return err
}

// Apply implements [commandlog.Machine]. Its error says that the entry came too late, and changes nothing.
func (m *machine) Apply(index uint64, entry []byte) error {
	plain, _, _, err := m.opener.open(entry, ofEntry)
	if err != nil {
		return err
	}
	c, err := decodeChange(plain)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if index <= m.applied {
		return nil
	}
	m.applied = index
	m.bytes += len(entry)
	return c.apply(m)
}

// change is what an entry does, one of the four.
type change struct {
	session *zhenni.Session
	forget  []zhenni.SessionID
	block   *Pair
	note    *note
	reports *reports
}

func (c change) plain() []byte {
	switch {
	case c.session != nil:
		return appendSession([]byte{putSession}, c.session)
	case c.block != nil:
		return append([]byte{putBlock}, c.block[:]...)
	case c.note != nil:
		return c.note.append([]byte{putNote})
	case c.reports != nil:
		return appendReports([]byte{putReports}, c.reports)
	}
	b := []byte{forgetSessions}
	for _, id := range c.forget {
		b = append(b, id[:]...)
	}
	return b
}

func decodeChange(plain []byte) (c change, err error) {
	if len(plain) < 1 {
		return c, corrupt("an empty entry")
	}
	switch body := plain[1:]; plain[0] {
	case putSession:
		s, err := decodeSession(body)
		return change{session: &s}, err
	case putBlock:
		if len(body) == len(Pair{}) {
			pair := Pair(body)
			return change{block: &pair}, nil
		}
	case putNote:
		n, err := decodeNote(body)
		return change{note: &n}, err
	case putReports:
		c.reports, err = decodeReports(body)
		return c, err
	case forgetSessions:
		if len(body)%len(zhenni.SessionID{}) == 0 {
			for id := range slices.Chunk(body, len(zhenni.SessionID{})) {
				c.forget = append(c.forget, zhenni.SessionID(id))
			}
			return c, nil
		}
	}
	return c, corrupt("an entry of unknown kind %d", plain[0])
}

func (c change) apply(m *machine) error {
	switch {
	case c.session != nil:
		return m.put(*c.session)
	case c.block != nil:
		m.blocked[*c.block] = struct{}{}
		return nil
	case c.note != nil:
		m.take(*c.note)
		return nil
	case c.reports != nil:
		c.reports.keep(m)
		return nil
	}
	for _, id := range c.forget {
		m.forget(id)
	}
	return nil
}

// put takes a session that follows the one that is there.
func (m *machine) put(s zhenni.Session) error {
	if s.Version != m.sessions[s.ID].Version+1 {
		return ErrOvertaken
	}
	m.set(s)
	return nil
}

func (m *machine) set(s zhenni.Session) {
	before, there := m.sessions[s.ID]
	m.count(&before, there, -1)
	m.count(&s, true, 1)
	m.index(s.ID, members(&before), members(&s))
	m.arrive(&s, s.Kind == zhenni.SessionHotel && s.End == zhenni.SessionLive)
	m.sessions[s.ID] = s
}

// arrive puts a session with the arrivals of its party, or takes it from there.
func (m *machine) arrive(s *zhenni.Session, waits bool) {
	of := m.arrivals[s.Party]
	switch {
	case !waits:
		if delete(of, s.ID); len(of) == 0 {
			delete(m.arrivals, s.Party)
		}
	case of == nil:
		m.arrivals[s.Party] = map[zhenni.SessionID]struct{}{s.ID: {}}
	default:
		of[s.ID] = struct{}{}
	}
}

func (m *machine) count(s *zhenni.Session, there bool, by int) {
	if !there {
		return
	}
	of := m.parties[s.Party]
	if of.all += by; s.End == zhenni.SessionLive {
		of.live += by
		m.live += by
	}
	if m.parties[s.Party] = of; of.all == 0 {
		delete(m.parties, s.Party)
	}
}

func (m *machine) forget(id zhenni.SessionID) {
	s, there := m.sessions[id]
	m.count(&s, there, -1)
	m.index(id, members(&s), nil)
	m.arrive(&s, false)
	delete(m.sessions, id)
}

// members are the credentials of a session, each once.
func members(s *zhenni.Session) (ids []zhenni.CredentialID) {
	add := func(id zhenni.CredentialID) {
		if id != (zhenni.CredentialID{}) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	add(s.Asker)
	for i := range s.Seats {
		add(s.Seats[i].Credential)
	}
	return ids
}

// index moves a session from the credentials that it had to those that it has.
func (m *machine) index(id zhenni.SessionID, before, after []zhenni.CredentialID) {
	for _, c := range before {
		if slices.Contains(after, c) {
			continue
		}
		m.of[c] = slices.DeleteFunc(slices.Clone(m.of[c]), func(other zhenni.SessionID) bool { return other == id })
		if len(m.of[c]) == 0 {
			delete(m.of, c)
		}
	}
	for _, c := range after {
		if !slices.Contains(before, c) {
			m.of[c] = append(slices.Clip(m.of[c]), id)
		}
	}
}

// frozen is the state as of one entry.
type frozen struct {
	machine *machine
	index   uint64
	changes []change
}

// Snapshot implements [commandlog.Machine]. Sessions are values that nobody changes, so it copies the map only.
func (m *machine) Snapshot() (commandlog.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.applied == m.saved {
		return nil, commandlog.ErrNothingNew
	}
	f := &frozen{
		machine: m, index: m.applied,
		changes: make([]change, 0, len(m.sessions)+len(m.blocked)+len(m.reports)+len(m.notes)),
	}
	for s := range maps.Values(m.sessions) {
		f.changes = append(f.changes, change{session: &s})
	}
	for pair := range m.blocked {
		f.changes = append(f.changes, change{block: &pair})
	}
	for key, value := range m.notes {
		f.changes = append(f.changes, change{note: &note{key, value}})
	}
	for r := range maps.Values(m.reports) {
		f.changes = append(f.changes, change{reports: &r})
	}
	m.saved, m.bytes = m.applied, 0
	return f, nil
}

// Release implements [commandlog.Snapshot].
func (f *frozen) Release() {}

// Write implements [commandlog.Snapshot].
func (f *frozen) Write(to io.Writer) error {
	seal, err := f.machine.newSealer()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(to)
	_, _ = w.Write(binary.BigEndian.AppendUint64([]byte(magic), f.index)) // Flush tells what went wrong
	put := func(plain []byte) {
		sealed := seal.seal(plain, ofSnapshot)
		_, _ = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...))
	}
	for _, c := range f.changes {
		put(c.plain())
	}
	put(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{endOfSnapshot}, uint64(len(f.changes))), f.index))
	if err := w.Flush(); err != nil {
		return fmt.Errorf("sessions: snapshot: %w", err)
	}
	return nil
}

// VerifySnapshot implements [commandlog.Machine].
func (m *machine) VerifySnapshot(from io.Reader) error {
	_, err := m.readSnapshot(from, func(change) error { return nil })
	return err
}

// Restore implements [commandlog.Machine].
func (m *machine) Restore(from io.Reader) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	index, err := m.readSnapshot(from, func(c change) error {
		if c.session != nil {
			m.set(*c.session)
			return nil
		}
		return c.apply(m)
	})
	m.applied, m.saved, m.bytes = index, index, 0
	return err
}

// maxSealed bounds an entry of a snapshot; a session of 64 seats takes less than half of it.
const maxSealed = 16 << 10

// readSnapshot visits the changes of a snapshot, which is whole: [zhenni.ErrCorrupt].
func (m *machine) readSnapshot(from io.Reader, visit func(change) error) (index uint64, err error) {
	r := bufio.NewReader(from)
	head := make([]byte, len(magic)+8)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return 0, corrupt("not a snapshot of sessions")
	}
	index = binary.BigEndian.Uint64(head[len(magic):])
	var first [saltSize]byte
	for n := uint64(0); ; n++ {
		plain, salt, err := m.readSealed(r, n)
		if n == 0 {
			first = salt
		}
		if err == nil && salt != first {
			err = corrupt("a snapshot holds an entry of another")
		}
		if err != nil {
			return 0, err
		}
		if plain[0] == endOfSnapshot {
			return index, checkEnd(r, plain[1:], n, index)
		}
		c, err := decodeChange(plain)
		if err == nil {
			err = visit(c)
		}
		if err != nil {
			return 0, err
		}
	}
}

// readSealed reads the entry of a number.
func (m *machine) readSealed(r io.Reader, number uint64) (plain []byte, salt [saltSize]byte, err error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, salt, corrupt("a snapshot ends early")
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxSealed {
		return nil, salt, corrupt("a snapshot has an entry of %d bytes", n)
	}
	sealed := make([]byte, n)
	if _, err := io.ReadFull(r, sealed); err != nil {
		return nil, salt, corrupt("a snapshot ends early")
	}
	plain, salt, is, err := m.opener.open(sealed, ofSnapshot)
	if err == nil && (is != number || len(plain) == 0) {
		err = corrupt("a snapshot is out of order")
	}
	return plain, salt, err
}

// checkEnd holds the last entry of a snapshot against what was read.
func checkEnd(r io.Reader, body []byte, entries, index uint64) error {
	want := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, entries), index)
	if _, err := io.ReadFull(r, make([]byte, 1)); string(body) != string(want) || !errors.Is(err, io.EOF) {
		return corrupt("a snapshot does not end where it says")
	}
	return nil
}

// due are the sessions that ended before a time, those first that ended first: a proof of life is never kept longer than the one
// that followed it, which would be begun once more.
func (m *machine) due(before time.Time) (ids []zhenni.SessionID) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for id, s := range m.sessions {
		if s.End != zhenni.SessionLive && s.ChangedAt.Before(before) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b zhenni.SessionID) int { return m.sessions[a].ChangedAt.Compare(m.sessions[b].ChangedAt) })
	return ids
}
