package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"

	"zhenni"
)

// The slots file holds the tallies at two positions of the view, the newer first: the one that the last sync reached,
// and the one before, which the view still names as durable until the next entry is applied.

// generation is the tallies at one position. sealed is its form in the file.
type generation struct {
	at     position
	held   []placed
	sealed []byte
}

func sealGeneration(at position, held *tallies, key []byte) generation {
	all := held.list()
	b := appendPlaced(at.append(make([]byte, 0, positionSize+4+len(all)*placedSize+sha256.Size)), all)
	return generation{at, all, append(b, entryMAC(b, key)...)}
}

// openGeneration reads one generation and returns what follows it.
func openGeneration(b, key []byte) (g generation, rest []byte, err error) {
	if len(b) < positionSize {
		return g, nil, fmt.Errorf("%w: %s is cut short", zhenni.ErrCorrupt, slotsFile)
	}
	g.at = decodePosition(b)
	if g.held, rest, err = decodePlaced(b[positionSize:]); err != nil {
		return g, nil, err
	}
	body := b[:len(b)-len(rest)]
	if len(rest) < sha256.Size || !hmac.Equal(entryMAC(body, key), rest[:sha256.Size]) {
		return g, nil, fmt.Errorf("%w: %s fails its seal", zhenni.ErrCorrupt, slotsFile)
	}
	g.sealed = b[:len(body)+sha256.Size]
	return g, rest[sha256.Size:], nil
}

// readGenerations reads a slots file, none where there is no file.
func readGenerations(path string, key []byte) (all []generation, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	for len(b) > 0 {
		var g generation
		if g, b, err = openGeneration(b, key); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// saveTallies writes the tallies as of the last entry applied. The view is synced up to there.
func (m *machine) saveTallies() error {
	a := &m.store.agreement
	if m.store.opts.VerifyOnly || !a.known || m.saved.sealed != nil && m.saved.at == m.applied {
		return nil
	}
	next := sealGeneration(m.applied, &a.held, m.store.keys.slots)
	both := append(next.sealed[:len(next.sealed):len(next.sealed)], m.saved.sealed...)
	if err := writeFile(m.store.path(slotsFile), both); err != nil {
		return err
	}
	m.saved = next
	return nil
}

// loadGenerations reads the slots file and refuses a log that ends before what it says: [zhenni.ErrCorrupt]. A file that
// does not read is as good as none; the view is then made again.
func (s *Store) loadGenerations() error {
	all, err := readGenerations(s.path(slotsFile), s.keys.slots)
	if err != nil {
		s.opts.Logger.Error("the tallies of the slots do not read", "cause", err)
	}
	for _, g := range all {
		if g.at.index > s.log.Last() {
			return fmt.Errorf("%w: it ends at entry %d, %s has %d", errLogShort, s.log.Last(), slotsFile, g.at.index)
		}
	}
	s.machine.generations = all
	return nil
}

// chooseTallies takes up the tallies at the position from which the log is applied again, where a view that was never
// synced has none. Tallies of another position are not those of this view: [zhenni.ErrCorrupt].
func (s *Store) chooseTallies() error {
	a, m := &s.agreement, s.machine
	a.held, a.known, m.saved = tallies{}, false, generation{}
	if (s.label.Format < slotsFormat || s.label.Upgraded) && len(m.generations) == 0 {
		return nil // to be upgraded; with tallies an older header was put back, or the upgrade was all but done
	}
	a.known = m.durable == position{}
	if i := slices.IndexFunc(m.generations, func(g generation) bool { return g.at == m.durable }); i >= 0 {
		m.saved = m.generations[i]
		a.held.add(m.saved.held)
		a.known = true
	}
	if !a.known {
		return fmt.Errorf("%w: %s does not say what the view held at entry %d", zhenni.ErrCorrupt, slotsFile, m.durable.index)
	}
	return nil
}

// readTallies takes up the tallies of a read-only store, where it was closed in order.
func (s *Store) readTallies() error {
	held, _, err := s.readProgress()
	if err != nil || s.label.Format < slotsFormat {
		return err
	}
	all, err := readGenerations(s.path(slotsFile), s.keys.slots)
	if err != nil {
		s.opts.Logger.Error("the tallies of the slots do not read", "cause", err)
	}
	s.agreement.known = held.applied == position{}
	if i := slices.IndexFunc(all, func(g generation) bool { return g.at == held.applied }); i >= 0 {
		s.agreement.held.add(all[i].held)
		s.agreement.known = true
	}
	return nil
}
