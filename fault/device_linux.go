package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// CanMount reports why mounts, loop devices and file systems in user space are not to be had here; nil: they are.
func CanMount() error {
	if os.Geteuid() != 0 {
		return errors.New("fault: mounts need root")
	}
	for _, path := range []string{"/dev/fuse", "/dev/loop-control"} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
	return nil
}

// mountUser serves root as a file system at dir.
func mountUser(dir string, root fs.InodeEmbedder) (*fuse.Server, error) {
	none := time.Duration(0)
	server, err := fs.Mount(dir, root, &fs.Options{
		EntryTimeout: &none, AttrTimeout: &none, NullPermissions: true,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "zhenni-fault", Name: "zhenni", MaxWrite: 512 << 10, DisableXAttrs: true, DisableSplice: true},
	})
	if err != nil {
		return nil, fmt.Errorf("fault: mount %s: %w", dir, err)
	}
	return server, nil
}

// unmount ends a file system in user space, by force where somebody still holds it.
func unmount(server *fuse.Server, dir string) error {
	if again(server.Unmount) == nil {
		return nil
	}
	if err := syscall.Unmount(dir, syscall.MNT_FORCE|syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("fault: unmount %s: %w", dir, err)
	}
	return nil
}

// again tries for two seconds: a device is busy for a moment after the last who used it has gone.
func again(do func() error) (err error) {
	for range 100 {
		if err = do(); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// device is a [Disk] plugged into the kernel, with an ext4 file system mounted from it.
type device struct {
	at string // the mount point
	// undo lists what detach does, the last first.
	undo []func() error
}

// attach mounts the file system of disk; format makes one first.
func attach(s *scratch, disk *Disk, format bool) (_ *device, err error) {
	dir, err := os.MkdirTemp(s.dir, "disk-")
	if err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	d := &device{at: filepath.Join(dir, "mounted")}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.detach())
		}
	}()
	below := filepath.Join(dir, "device")
	if err := errors.Join(os.Mkdir(d.at, 0o700), os.Mkdir(below, 0o700)); err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	server, err := mountUser(below, &diskFolder{disk: disk})
	if err != nil {
		return nil, err
	}
	d.undo = append(d.undo, func() error { return unmount(server, below) })
	loop, err := command("losetup", "--find", "--show", filepath.Join(below, "disk"))
	if err != nil {
		return nil, err
	}
	d.undo = append(d.undo, func() error {
		return again(func() error { _, err := command("losetup", "--detach", loop); return err })
	})
	if format {
		if _, err := command("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=8", "-E", "nodiscard", loop); err != nil {
			return nil, err
		}
	}
	if _, err := command("mount", "-t", "ext4", loop, d.at); err != nil {
		return nil, err
	}
	d.undo = append(d.undo, func() error { return again(func() error { return syscall.Unmount(d.at, 0) }) })
	return d, nil
}

// detach takes the device away; the disk keeps what it has. A second call does nothing, nor one on nil.
func (d *device) detach() error {
	if d == nil {
		return nil
	}
	var errs []error
	for i := len(d.undo) - 1; i >= 0; i-- {
		errs = append(errs, d.undo[i]())
	}
	d.undo = nil
	return errors.Join(errs...)
}

// diskFolder is a file system of one file, the disk.
type diskFolder struct {
	fs.Inode
	disk *Disk
}

func (f *diskFolder) OnAdd(ctx context.Context) {
	f.AddChild("disk", f.NewPersistentInode(ctx, &diskFile{disk: f.disk}, fs.StableAttr{Mode: syscall.S_IFREG}), false)
}

// diskFile passes the reads, writes and flushes of the loop device to the disk. It is opened for direct I/O, so that
// the kernel keeps nothing of it: what the disk lost is lost.
type diskFile struct {
	fs.Inode
	disk *Disk
}

func (f *diskFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Blocks = 0o600, uint64(f.disk.size), uint64(f.disk.size/sectorBytes)
	return fs.OK
}

func (f *diskFile) Setattr(ctx context.Context, h fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return f.Getattr(ctx, h, out)
}

func (f *diskFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, fs.OK
}

func (f *diskFile) Read(_ context.Context, _ fs.FileHandle, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	n, err := f.disk.ReadAt(dest, at)
	if err != nil {
		return nil, syscall.EIO
	}
	return fuse.ReadResultData(dest[:n]), fs.OK
}

func (f *diskFile) Write(_ context.Context, _ fs.FileHandle, data []byte, at int64) (uint32, syscall.Errno) {
	n, err := f.disk.WriteAt(data, at)
	if err != nil {
		return 0, syscall.EIO
	}
	return uint32(n), fs.OK
}

func (f *diskFile) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if f.disk.Flush() != nil {
		return syscall.EIO
	}
	return fs.OK
}

// Allocate refuses: a disk without discard.
func (f *diskFile) Allocate(context.Context, fs.FileHandle, uint64, uint64, uint32) syscall.Errno {
	return syscall.EOPNOTSUPP
}
