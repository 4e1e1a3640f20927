package audit

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

var errCrash = errors.New("the machine is off")

// memory is an FS that can lose power. A name's content in durable is what survives without the cache; writes that no
// Sync followed and removals are in cached only.
type memory struct {
	mu      sync.Mutex
	cached  map[string][]byte
	durable map[string][]byte
	// unsynced are the writes since the last Sync, in order.
	unsynced []write
	// changes counts writes, syncs, replacements and removals; the one numbered crashAt fails, and all after it.
	changes, crashAt int
	renamed          int
	// together is the most removals with no replacement between them, removals those since the last.
	together, removals int
	// beforeSync, if set, runs before each Sync and may fail or hold it. It is set before the log is opened.
	beforeSync func() error
}

type write struct {
	name string
	at   int64
	data []byte
}

func newMemory() *memory {
	return &memory{cached: map[string][]byte{}, durable: map[string][]byte{}}
}

// copyOf is a disk with the given content.
func copyOf(files map[string][]byte) *memory {
	m := newMemory()
	for name, data := range files {
		m.cached[name], m.durable[name] = bytes.Clone(data), bytes.Clone(data)
	}
	return m
}

// change counts a change and reports whether the machine is still on. The caller holds mu.
func (m *memory) change() error {
	m.changes++
	if m.crashAt > 0 && m.changes >= m.crashAt {
		return errCrash
	}
	return nil
}

// dying reports whether the change that just failed is the first: it may have reached the disk in part.
func (m *memory) dying() bool { return m.changes == m.crashAt }

func (m *memory) ReadFile(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.cached[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(data), nil
}

func (m *memory) Write(files ...Content) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removals = 0
	for _, f := range files {
		if err := m.change(); err != nil {
			if m.dying() {
				m.cached[f.Name] = bytes.Clone(f.Data)
			}
			return err
		}
		m.cached[f.Name], m.durable[f.Name] = bytes.Clone(f.Data), bytes.Clone(f.Data)
	}
	return nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removals++
	m.together = max(m.together, m.removals)
	err := m.change()
	if err == nil || m.dying() {
		delete(m.cached, name)
	}
	return err
}

func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.change()
	if err != nil && !m.dying() {
		return err
	}
	if _, ok := m.cached[from]; !ok {
		return fs.ErrNotExist
	}
	rename(m.cached, from, to)
	if err != nil {
		return err
	}
	rename(m.durable, from, to)
	for i := range m.unsynced {
		if m.unsynced[i].name == from {
			m.unsynced[i].name = to
		}
	}
	m.renamed++
	return nil
}

func rename(files map[string][]byte, from, to string) {
	files[to] = files[from]
	delete(files, from)
}

func (m *memory) List(folder string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.cached {
		if strings.HasPrefix(name, folder) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *memory) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.cached[name]; !ok {
		return nil, fs.ErrNotExist
	}
	return &memoryFile{m, name}, nil
}

type memoryFile struct {
	disk *memory
	name string
}

func (f *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	m := f.disk
	m.mu.Lock()
	defer m.mu.Unlock()
	if at+int64(len(p)) > int64(len(m.cached[f.name])) {
		return 0, errors.New("a write past the end of a file that keeps its size")
	}
	err := m.change()
	if err == nil || m.dying() {
		copy(m.cached[f.name][at:], p)
		m.unsynced = append(m.unsynced, write{f.name, at, bytes.Clone(p)})
	}
	return len(p), err
}

func (f *memoryFile) Through(b []byte, at int64) error {
	return writeAndSync(f, b, at)
}

// writeAndSync is Through for a file that has no way around its cache.
func writeAndSync(f File, b []byte, at int64) error {
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	return f.Sync()
}

func (f *memoryFile) Sync() error {
	m := f.disk
	if m.beforeSync != nil {
		if err := m.beforeSync(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.change(); err != nil {
		return err
	}
	m.durable[f.name] = bytes.Clone(m.cached[f.name])
	m.unsynced = slices.DeleteFunc(m.unsynced, func(w write) bool { return w.name == f.name })
	return nil
}

func (f *memoryFile) Close() error { return nil }

// The ways in which a disk may look after a crash.
var aftermaths = map[string]func(*memory) *memory{
	"all written":      func(m *memory) *memory { return copyOf(m.cached) },
	"only the synced":  func(m *memory) *memory { return copyOf(m.durable) },
	"first half torn":  func(m *memory) *memory { return m.torn(func(n int) (from, to int) { return 0, n / 2 }) },
	"second half torn": func(m *memory) *memory { return m.torn(func(n int) (from, to int) { return n / 2, n }) },
}

// torn is the disk with a part of each unsynced write.
func (m *memory) torn(part func(n int) (from, to int)) *memory {
	files := maps.Clone(m.durable)
	for _, w := range m.unsynced {
		if len(w.data) <= markSize { // within a sector: whole or not at all
			continue
		}
		from, to := part(len(w.data))
		files[w.name] = bytes.Clone(files[w.name])
		copy(files[w.name][w.at+int64(from):], w.data[from:to])
	}
	return copyOf(files)
}
