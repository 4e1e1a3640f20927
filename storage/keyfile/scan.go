package keyfile

import (
	"errors"
	"fmt"
	"io"

	"zhenni"
)

const windowSlots = 64

// Window reads slots through a page of neighbours, for a walk whose places mostly ascend. It does not see what is
// written while it holds the page, so it is for one walk. The zero value is ready; it is used by one goroutine.
type Window struct {
	page  [windowSlots * SlotSize]byte
	first uint64
	valid bool
}

// Read is [File.Read] through the window.
func (w *Window) Read(f *File, place uint64, s *Slot) error {
	first := place &^ (windowSlots - 1)
	if !w.valid || w.first != first {
		if err := w.fill(f, first); err != nil {
			return err
		}
	}
	copy(s[:], w.page[(place-first)*SlotSize:])
	if state, err := s.state(); err != nil || state != Used {
		return errNoKey
	}
	return nil
}

func (w *Window) fill(f *File, first uint64) error {
	w.valid = false
	if first >= 1<<56 {
		return errNoKey
	}
	n, err := f.file.ReadAt(w.page[:], offset(first))
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: key file: %w", zhenni.ErrUnavailable, err)
	}
	clear(w.page[n:])
	w.first, w.valid = first, true
	return nil
}

const scanSlots = 4096

// Scan visits every place from first on that the file has room for and that is not unused. A slot of no known form is
// visited as Used.
func (f *File) Scan(first uint64, visit func(place uint64, state State) error) error {
	page := make([]byte, scanSlots*SlotSize)
	for end := f.Places(); first < end; {
		n := min(end-first, scanSlots)
		if _, err := f.file.ReadAt(page[:n*SlotSize], offset(first)); err != nil {
			return fmt.Errorf("%w: key file: %w", zhenni.ErrUnavailable, err)
		}
		for i := range n {
			state, err := (*Slot)(page[i*SlotSize:]).state()
			if err != nil {
				state = Used
			}
			if state == Unused {
				continue
			}
			if err := visit(first+i, state); err != nil {
				return err
			}
		}
		first += n
	}
	return nil
}
