package history

import (
	"errors"
	"os"
	"slices"
	"sync"
)

// held counts who reads a file. It is guarded by the mutex of files.
type held struct {
	readers int
	gone    bool
}

// files are those that there are to read. The slices are replaced, never changed.
type files struct {
	// mu guards the rest, and the held of every file.
	mu      sync.Mutex
	columns []*segment // ascending; the last one may be written to
	indexes []*index   // ascending, without overlap
}

// view is the files as they were at a moment. They stay open until it is released.
type view struct {
	columns []*segment
	indexes []*index
}

func (f *files) view() view {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.columns {
		c.readers++
	}
	for _, x := range f.indexes {
		x.readers++
	}
	return view{f.columns, f.indexes}
}

// release lets go of the files of a view. What went meanwhile, and nobody else reads, is closed.
func (f *files) release(v view) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range v.columns {
		c.readers--
		_ = c.closeIf(c.file)
	}
	for _, x := range v.indexes {
		x.readers--
		_ = x.closeIf(x.file)
	}
}

// closeIf closes the file once it is gone and nobody reads it. A failure loses nothing: nothing waits to be written.
func (h *held) closeIf(file *os.File) error {
	if h.gone && h.readers == 0 {
		return file.Close()
	}
	return nil
}

// addColumns takes in a new segment.
func (f *files) addColumns(c *segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.columns = append(slices.Clone(f.columns), c)
}

// replace takes files out, and puts an index, where there is one, in their place.
func (f *files) replace(with *index, columns []*segment, indexes []*index) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.columns = slices.DeleteFunc(slices.Clone(f.columns), func(c *segment) bool { return slices.Contains(columns, c) })
	f.indexes = slices.DeleteFunc(slices.Clone(f.indexes), func(x *index) bool { return slices.Contains(indexes, x) })
	if with != nil {
		f.indexes = append(f.indexes, with)
		slices.SortFunc(f.indexes, func(a, b *index) int { return int(int64(a.first) - int64(b.first)) })
	}
	for _, c := range columns {
		c.gone = true
		_ = c.closeIf(c.file)
	}
	for _, x := range indexes {
		x.gone = true
		_ = x.closeIf(x.file)
	}
}

// close closes every file.
func (f *files) close() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.columns {
		c.gone = true
		err = errors.Join(err, c.closeIf(c.file))
	}
	for _, x := range f.indexes {
		x.gone = true
		err = errors.Join(err, x.closeIf(x.file))
	}
	f.columns, f.indexes = nil, nil
	return err
}
