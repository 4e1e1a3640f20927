package fault

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// mountFaulty mounts a file system at dir/mounted that keeps its files in dir/files and fails as rules say. The kernel
// caches pages, so that files can be mapped and shared: a failed write-back is what msync and fsync are told.
func mountFaulty(s *scratch, rules *Rules) (at string, err error) {
	files, at := filepath.Join(s.dir, "files"), filepath.Join(s.dir, "mounted")
	for _, dir := range []string{files, at} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", err
		}
	}
	root, err := fs.NewLoopbackRoot(files)
	if err != nil {
		return "", err
	}
	server, err := mountUser(at, &faulty{root.(*fs.LoopbackNode), rules})
	if err != nil {
		return "", err
	}
	s.later(func() error { return unmount(server, at) })
	return at, nil
}

// faulty is a file or folder of a faulty file system.
type faulty struct {
	*fs.LoopbackNode
	rules *Rules
}

// WrapChild makes children faulty too.
func (f *faulty) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &faulty{child.(*fs.LoopbackNode), f.rules}
}

// strike stalls and returns what the rules say of an act on a file of the name.
func (f *faulty) strike(act Act, name string) (torn bool, errno syscall.Errno) {
	torn, errno, stall := f.rules.strike(act, name)
	time.Sleep(stall)
	return torn, errno
}

func (f *faulty) name() string { return f.Path(f.Root()) }

// watched is an open file whose writes all pass through here: it has no descriptor for the kernel to write to directly.
type watched struct{ *fs.LoopbackFile }

func (watched) PassthroughFd() (int, bool) { return 0, false }

func hide(h fs.FileHandle) fs.FileHandle {
	if file, ok := h.(*fs.LoopbackFile); ok {
		return watched{file}
	}
	return h
}

func (f *faulty) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, fuseFlags, errno := f.LoopbackNode.Open(ctx, flags)
	return hide(h), fuseFlags, errno
}

func (f *faulty) Write(ctx context.Context, h fs.FileHandle, data []byte, at int64) (uint32, syscall.Errno) {
	to, ok := h.(fs.FileWriter)
	if !ok {
		return 0, syscall.EBADF
	}
	torn, errno := f.strike(ActWrite, f.name())
	if torn {
		_, _ = to.Write(ctx, data[:len(data)/2], at)
	}
	if errno != 0 {
		return 0, errno
	}
	return to.Write(ctx, data, at)
}

// Fsync is of files and of folders; a folder has no handle here, and the files below it lie on an honest disk.
func (f *faulty) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	_, errno := f.strike(ActSync, f.name())
	return errno
}

func (f *faulty) Allocate(ctx context.Context, h fs.FileHandle, at, size uint64, mode uint32) syscall.Errno {
	if _, errno := f.strike(ActAllocate, f.name()); errno != 0 {
		return errno
	}
	to, ok := h.(fs.FileAllocater)
	if !ok {
		return syscall.EBADF
	}
	return to.Allocate(ctx, at, size, mode)
}

func (f *faulty) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if _, errno := f.strike(ActCreate, name); errno != 0 {
		return nil, nil, 0, errno
	}
	node, h, fuseFlags, errno := f.LoopbackNode.Create(ctx, name, flags, mode, out)
	return node, hide(h), fuseFlags, errno
}

func (f *faulty) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if _, errno := f.strike(ActCreate, name); errno != 0 {
		return nil, errno
	}
	return f.LoopbackNode.Mkdir(ctx, name, mode, out)
}

func (f *faulty) Rename(ctx context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if _, errno := f.strike(ActRename, newName); errno != 0 {
		return errno
	}
	return f.LoopbackNode.Rename(ctx, name, to, newName, flags)
}

func (f *faulty) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	errno := f.LoopbackNode.Statfs(ctx, out)
	if f.rules.full() {
		out.Bfree, out.Bavail = 0, 0
	}
	return errno
}
