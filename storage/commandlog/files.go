package commandlog

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"

	"zhenni"
)

// faulty is the files of a log whose writes may be made to fail.
type faulty struct {
	types.VFS
	fault func(operation string) error
}

// check is fault, which may be nil.
func (f faulty) check(operation string) error {
	if f.fault == nil {
		return nil
	}
	return f.fault(operation)
}

func (f faulty) Create(dir, name string, size uint64) (types.WritableFile, error) {
	if err := f.check("create"); err != nil {
		return nil, err
	}
	file, err := f.VFS.Create(dir, name, size)
	return faultyFile{file, f}, err
}

func (f faulty) OpenWriter(dir, name string) (types.WritableFile, error) {
	file, err := f.VFS.OpenWriter(dir, name)
	return faultyFile{file, f}, err
}

type faultyFile struct {
	types.WritableFile
	files faulty
}

func (f faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.files.check("write"); err != nil {
		return 0, err
	}
	return f.WritableFile.WriteAt(b, at)
}

func (f faultyFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.files.check("read"); err != nil {
		return 0, err
	}
	return f.WritableFile.ReadAt(b, at)
}

func (f faultyFile) Sync() error {
	if err := f.files.check("sync"); err != nil {
		return err
	}
	return f.WritableFile.Sync()
}

// untouched is the files of a log that is only looked at: what opening it would write stays in memory.
type untouched struct{ *fs.FS }

func (untouched) Create(string, string, uint64) (types.WritableFile, error) { return new(memory), nil }

func (untouched) Delete(string, string) error { return nil }

func (untouched) OpenWriter(dir, name string) (types.WritableFile, error) {
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	return &memory{content}, nil
}

// memory is one segment in memory, at most its size limit of 64 MiB and an entry.
type memory struct{ content []byte }

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	if at < 0 || at > 1<<30 {
		return 0, fmt.Errorf("%w: write at %d of a segment", zhenni.ErrCorrupt, at)
	}
	if end := int(at) + len(b); end > len(m.content) {
		m.content = append(m.content, make([]byte, end-len(m.content))...)
	}
	return copy(m.content[at:], b), nil
}

func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(m.content)) {
		return 0, io.EOF
	}
	n := copy(b, m.content[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) Sync() error  { return nil }
func (m *memory) Close() error { return nil }
