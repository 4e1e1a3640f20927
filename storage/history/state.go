package history

import (
	"cmp"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"zhenni"
	"zhenni/storage/disk"
)

const (
	stateMagic = "zhenni history state 1\x00\x00"
	stateHead  = 24 + saltSize
	gapSize    = 9
	// maxGaps and maxErasures bound the state. Beyond the first the two oldest gaps become one.
	maxGaps     = 1024
	maxErasures = 1 << 16
	erasureSize = 36
)

// gap is a time, ends included, of which items may be missing.
type gap struct {
	from, to uint32
	cause    zhenni.GapCause
}

// erasure hides what was noted about a credential before a place: a block of a segment.
type erasure struct {
	number         uint64
	id             zhenni.CredentialID
	segment, block uint32
	second         uint32 // when it was asked for
}

// hides reports whether it hides what is in that block of a segment.
func (e *erasure) hides(segment, block uint32) bool {
	return segment < e.segment || segment == e.segment && block < e.block
}

// state is what a history knows beside its items.
type state struct {
	// since is the second from which on everything is kept, but for gaps.
	since uint32
	// first is the oldest segment that is kept; there is a file of each from there on.
	first uint32
	// last is the number of the newest erasure there ever was; erasures are those that are not finished, ascending.
	last     uint64
	erasures []erasure
	gaps     []gap // ascending
}

func (s *state) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, s.since)
	dst = binary.BigEndian.AppendUint32(dst, s.first)
	dst = binary.BigEndian.AppendUint64(dst, s.last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s.erasures)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s.gaps)))
	for _, e := range s.erasures {
		dst = binary.BigEndian.AppendUint64(dst, e.number)
		dst = append(dst, e.id[:]...)
		for _, n := range [...]uint32{e.segment, e.block, e.second} {
			dst = binary.BigEndian.AppendUint32(dst, n)
		}
	}
	for _, g := range s.gaps {
		dst = binary.BigEndian.AppendUint32(dst, g.from)
		dst = append(binary.BigEndian.AppendUint32(dst, g.to), byte(g.cause))
	}
	return dst
}

func decodeState(b []byte) (*state, error) {
	r := &reader{b: b}
	s := &state{since: r.u32(), first: r.u32(), last: r.u64()}
	erasures, gaps := r.u32(), r.u32()
	if uint64(erasures)*erasureSize+uint64(gaps)*gapSize != uint64(len(r.b)) {
		return nil, corrupt("a state of %d erasures and %d gaps in %d bytes", erasures, gaps, len(r.b))
	}
	for range erasures {
		s.erasures = append(s.erasures, erasure{number: r.u64(), id: r.id(), segment: r.u32(), block: r.u32(), second: r.u32()})
	}
	for range gaps {
		s.gaps = append(s.gaps, gap{r.u32(), r.u32(), zhenni.GapCause(r.u8())})
	}
	if !r.ended() {
		return nil, corrupt("the state is not of its form")
	}
	return s, nil
}

// addGap adds a gap, to one that it touches where there is one. It reports whether that changed anything.
func (s *state) addGap(g gap) bool {
	for i := range s.gaps {
		o := &s.gaps[i]
		if o.cause != g.cause || uint64(g.from) > uint64(o.to)+1 || uint64(o.from) > uint64(g.to)+1 {
			continue
		}
		if o.from <= g.from && g.to <= o.to {
			return false
		}
		g.from, g.to = min(g.from, o.from), max(g.to, o.to)
		s.gaps = slices.Delete(s.gaps, i, i+1)
		s.addGap(g)
		return true
	}
	s.gaps = append(s.gaps, g)
	slices.SortFunc(s.gaps, func(a, b gap) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	if len(s.gaps) > maxGaps {
		s.gaps[1] = gap{s.gaps[0].from, max(s.gaps[0].to, s.gaps[1].to), s.gaps[0].cause}
		s.gaps = s.gaps[1:]
	}
	return true
}

// stateKeeper has the state and its file. Its methods may be called from several goroutines.
type stateKeeper struct {
	dir     string
	secrets secrets

	saving sync.Mutex // held while the file is written

	// mu guards the rest.
	mu    sync.Mutex
	state state
	// dirty says that the file is behind, unsaved is the beginning of the first gap that it lacks, or 0.
	dirty   bool
	unsaved uint32
}

// readState reads the file of the state: [fs.ErrNotExist] where there is none.
func readState(dir string, s secrets) (*state, error) {
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	if len(b) < stateHead || string(b[:24]) != stateMagic {
		return nil, corrupt("%s in %s is not the state of a history", stateFile, dir)
	}
	aead, err := s.aead("state", b[:stateHead])
	if err != nil {
		return nil, err
	}
	nonce := nonceOf(0)
	plain, err := aead.Open(nil, nonce[:], b[stateHead:], nil)
	if err != nil {
		return nil, corrupt("%s in %s does not open", stateFile, dir)
	}
	return decodeState(plain)
}

// seal makes the file of the state, under a key that is used once.
func (s *state) seal(keys secrets) ([]byte, error) {
	salt, err := newSalt()
	if err != nil {
		return nil, err
	}
	head := append([]byte(stateMagic), salt[:]...)
	aead, err := keys.aead("state", head)
	if err != nil {
		return nil, err
	}
	nonce := nonceOf(0)
	return aead.Seal(head, nonce[:], s.append(nil), nil), nil
}

// save makes the state durable as it is now, if the file is behind.
func (k *stateKeeper) save() error {
	k.saving.Lock()
	defer k.saving.Unlock()
	k.mu.Lock()
	if !k.dirty {
		k.mu.Unlock()
		return nil
	}
	content, err := k.state.seal(k.secrets)
	unsaved := k.unsaved
	k.dirty, k.unsaved = false, 0
	k.mu.Unlock()
	if err == nil {
		if err = disk.Replace(filepath.Join(k.dir, stateFile), content); err == nil {
			return nil
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dirty, k.unsaved = true, earlier(unsaved, k.unsaved)
	return unavailable("the state could not be written: %w", err)
}

// earlier is the lesser of two seconds, of which 0 is none.
func earlier(a, b uint32) uint32 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// change changes the state in memory; save makes it durable.
func (k *stateKeeper) change(f func(*state)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(&k.state)
	k.dirty = true
}

// lose notes a gap.
func (k *stateKeeper) lose(from, to uint32, cause zhenni.GapCause) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state.addGap(gap{from, max(from, to), cause}) {
		k.dirty, k.unsaved = true, earlier(k.unsaved, max(1, from))
	}
}

// known limits a second to before the first gap that a crash would forget.
func (k *stateKeeper) known(second uint32) uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unsaved != 0 {
		return min(second, k.unsaved)
	}
	return second
}

// snapshot returns a copy of the state, of which slices are not changed.
func (k *stateKeeper) snapshot() state {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.state
	s.erasures, s.gaps = slices.Clone(s.erasures), slices.Clone(s.gaps)
	return s
}

// of returns the erasures of a credential.
func (k *stateKeeper) of(id zhenni.CredentialID) (erasures []erasure) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.state.erasures {
		if k.state.erasures[i].id == id {
			erasures = append(erasures, k.state.erasures[i])
		}
	}
	return erasures
}

// complete returns since when everything is kept, and but for which gaps.
func (k *stateKeeper) complete() (since uint32, gaps []gap) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.since, slices.Clone(k.state.gaps)
}

// forget adds erasures of credentials up to a place.
func (k *stateKeeper) forget(ids []zhenni.CredentialID, segment, block, second uint32) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.state.erasures)+len(ids) > maxErasures {
		return errTooMany
	}
	for _, id := range ids {
		asked := second
		k.state.erasures = slices.DeleteFunc(k.state.erasures, func(e erasure) bool { // the new one hides all that it hid
			if e.id == id {
				asked = min(asked, e.second)
			}
			return e.id == id
		})
		k.state.last++
		k.state.erasures = append(k.state.erasures, erasure{k.state.last, id, segment, block, asked})
	}
	k.dirty = true
	return nil
}
