package commandlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal"

	"zhenni"
)

// Entry is one entry as the log keeps it, Raft's own among them, for a copy of the log.
type Entry struct {
	Index, Term uint64
	// Kind is Raft's; [Entry.Command] tells those of the machine from Raft's own.
	Kind uint8
	Data []byte
}

// Command reports whether the entry is one for the machine.
func (e Entry) Command() bool { return raft.LogType(e.Kind) == raft.LogCommand }

// KnownKind reports whether Raft knows entries of that kind: it ends the process over another.
func KnownKind(kind uint8) bool { return raft.LogType(kind) <= raft.LogConfiguration }

// Extent returns the first entry that the log holds and the last one committed, 0 and the last for a log that holds none
// behind its snapshot. What Raft says was applied may lag behind what was answered.
func (l *Log) Extent() (first, last uint64, err error) {
	if first, err = l.wal.FirstIndex(); err != nil {
		return 0, 0, fmt.Errorf("%w: the command log: %w", zhenni.ErrUnavailable, err)
	}
	if l.raft == nil {
		return first, l.Last(), nil
	}
	return first, l.raft.CommitIndex(), nil
}

// Entries visits the entries first … last in order, while the log is written. An entry is the visitor's to keep.
// [zhenni.ErrNotFound]: the log does not hold one of them any more; [zhenni.ErrCorrupt]: one does not read.
func (l *Log) Entries(first, last uint64, visit func(Entry) error) error {
	for index := first; index <= last; index++ {
		var entry raft.Log
		switch err := l.wal.GetLog(index, &entry); {
		case errors.Is(err, raft.ErrLogNotFound):
			return fmt.Errorf("%w: entry %d of the command log", zhenni.ErrNotFound, index)
		case err != nil:
			return fmt.Errorf("%w: entry %d of the command log: %w", zhenni.ErrCorrupt, index, err)
		}
		if err := visit(Entry{index, entry.Term, uint8(entry.Type), entry.Data}); err != nil {
			return err
		}
	}
	return nil
}

// SnapshotFile is a snapshot to be read.
type SnapshotFile struct {
	*os.File
	Index, Term uint64
}

// OpenSnapshot opens the newest snapshot for reading, nil where there is none. Whether it is whole, its reader tells.
// The caller sees to it that no snapshot is taken meanwhile.
func (l *Log) OpenSnapshot() (*SnapshotFile, error) {
	return newestSnapshot(filepath.Join(l.dir, "snapshots"))
}

func newestSnapshot(dir string) (*SnapshotFile, error) {
	folders, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("commandlog: snapshots: %w", err)
	}
	var newest raft.SnapshotMeta
	for _, folder := range folders {
		if !folder.IsDir() || strings.HasSuffix(folder.Name(), ".tmp") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, folder.Name(), "meta.json"))
		var meta raft.SnapshotMeta
		if err == nil {
			err = json.Unmarshal(text, &meta)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: snapshot %s: %w", zhenni.ErrCorrupt, folder.Name(), err)
		}
		if meta.ID = folder.Name(); meta.Index >= newest.Index {
			newest = meta
		}
	}
	if newest.ID == "" {
		return nil, nil
	}
	state, err := os.Open(filepath.Join(dir, newest.ID, "state.bin"))
	if err != nil {
		return nil, fmt.Errorf("%w: snapshot %s: %w", zhenni.ErrCorrupt, newest.ID, err)
	}
	return &SnapshotFile{state, newest.Index, newest.Term}, nil
}

// OpenReadOnly opens the log in dir to be looked at by [Log.Entries] and [Log.OpenSnapshot]; nothing of it changes, and
// it is never started. Whether its entries read, Entries tells.
func OpenReadOnly(dir string, logger *slog.Logger) (*Log, error) {
	if _, err := os.Stat(filepath.Join(dir, catalogFile)); err != nil {
		return nil, fmt.Errorf("%w: no command log in %s: %w", zhenni.ErrNotFound, dir, err)
	}
	l := &Log{dir: dir, logger: newLogger(logger)}
	if err := l.openSegments(untouched{}, &catalog{frozen: true}); err != nil {
		return nil, err
	}
	snapshot, err := l.OpenSnapshot()
	if err == nil && snapshot != nil {
		l.snapshot = snapshot.Index
		err = snapshot.Close()
	}
	if err == nil {
		err = l.ends()
	}
	if err != nil {
		return nil, errors.Join(err, l.wal.Close())
	}
	return l, nil
}

// Seed makes a log of a snapshot and entries, for [Open] to open. Its methods are called by one goroutine, Snapshot
// first. Nothing is durable before Close returns nil.
type Seed struct {
	dir    string
	logger raftLogger
	wal    *wal.WAL
	batch  []*raft.Log
	size   int
	term   uint64
}

const seedBatch = 4 << 20

// NewSeed begins a log in dir, which holds none.
func NewSeed(dir string, logger *slog.Logger) (*Seed, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("commandlog: %w", err)
	}
	s := &Seed{dir: dir, logger: newLogger(logger)}
	var err error
	if s.wal, err = wal.Open(dir, wal.WithLogger(s.logger), wal.WithMetaStore(new(catalog))); err != nil {
		return nil, fmt.Errorf("commandlog: %w", err)
	}
	return s, nil
}

// Snapshot copies a snapshot in, which reaches the entry of that index and term.
func (s *Seed) Snapshot(index, term uint64, from io.Reader) error {
	files, err := raft.NewFileSnapshotStoreWithLogger(s.dir, keptSnapshots, s.logger)
	if err != nil {
		return fmt.Errorf("commandlog: snapshots: %w", err)
	}
	address, transport := raft.NewInmemTransport(self)
	group := raft.Configuration{Servers: []raft.Server{{ID: self, Address: address}}}
	sink, err := files.Create(1, index, term, group, 1, transport)
	if err != nil {
		return fmt.Errorf("commandlog: snapshot: %w", err)
	}
	if _, err := io.Copy(sink, from); err != nil {
		return errors.Join(fmt.Errorf("commandlog: snapshot: %w", err), sink.Cancel())
	}
	if err := sink.Close(); err != nil {
		return fmt.Errorf("commandlog: snapshot: %w", err)
	}
	s.term = term
	return nil
}

// Append adds the next entry, whose memory is the seed's from then on.
func (s *Seed) Append(e Entry) error {
	s.batch = append(s.batch, &raft.Log{Index: e.Index, Term: e.Term, Type: raft.LogType(e.Kind), Data: e.Data})
	s.term = e.Term
	if s.size += len(e.Data); s.size < seedBatch && len(s.batch) < 1024 {
		return nil
	}
	return s.flush()
}

func (s *Seed) flush() error {
	if len(s.batch) == 0 {
		return nil
	}
	if err := s.wal.StoreLogs(s.batch); err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	s.batch, s.size = nil, 0
	return nil
}

// Close makes the log complete.
func (s *Seed) Close() error {
	err := s.flush()
	if err == nil {
		err = s.wal.SetUint64([]byte("CurrentTerm"), s.term)
	}
	if err := errors.Join(err, s.wal.Close()); err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	return nil
}
