package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// powerDisk is the size of the disk: the server refuses changes below a reserve of 1 GiB of free space.
const powerDisk = 2 << 30

// PowerReport is a [Report] of power losses.
type PowerReport struct {
	*Report
	// Flushes counts those the disk was asked for, Volatile the writes that were in its cache when the power went.
	Flushes, Volatile int
}

// String adds what the disk saw.
func (p *PowerReport) String() string {
	return fmt.Sprintf("%s\n%d flushes, %d writes not flushed when the power went", p.Report, p.Flushes, p.Volatile)
}

// Power cuts the power of the disk under a server at a random moment while clients change and ask, mounts what
// survived, serves it and asks about everything, rounds times over. It needs [CanMount]. A disk that lies, as in
// [NewDisk], keeps nothing younger than lies when the power goes, flushed or not; 0 is an honest one.
func (r *Rig) Power(ctx context.Context, rounds int, lies time.Duration) (_ *PowerReport, err error) {
	s, err := r.scratch("power")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	disk := NewDisk(powerDisk)
	disk.slow = 4 * time.Millisecond
	at, err := attach(s, disk, true)
	if err != nil {
		return nil, err
	}
	s.later(func() error { return at.detach() })
	d, err := r.newDrill(ctx, s, filepath.Join(at.at, "store"))
	if err != nil {
		return nil, err
	}
	d.pause = 2 * time.Millisecond
	report := &PowerReport{Report: &d.report}
	disk.lie(lies)
	for d.report.Rounds < rounds && ctx.Err() == nil && err == nil {
		loss := Loss(d.report.Rounds) % losses
		stirred := stir(d.store, d.random.Uint64())
		err = d.load(ctx, 20*time.Millisecond, 600*time.Millisecond, func() {
			disk.await(d.random.IntN(8))
			report.Volatile += disk.Cut(loss, d.random)
			d.server.kill()
		})
		stirred()
		report.Flushes += disk.flushes
		d.report.Rounds++
		if err = errors.Join(err, at.detach()); err != nil {
			break
		}
		disk = disk.Plug()
		if at, err = attach(s, disk, false); err == nil {
			d.store = filepath.Join(at.at, "store")
			err = d.again(ctx, 100)
		}
		disk.lie(lies)
		if d.report.Rounds%10 == 0 {
			r.Logf("power: %d of %d, %d credentials", d.report.Rounds, rounds, d.register.Len())
		}
	}
	_, err = d.finish(errors.Join(err, context.Cause(ctx)))
	return report, err
}

// stir has the kernel write back files of dir at random, which it may do at any time and which makes nothing durable:
// without it most of what is not synced would never reach the disk, and could be lost in one way only. The function it
// returns ends it.
func stir(dir string, seed uint64) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		random := rand.New(rand.NewPCG(seed, 3))
		for wait(ctx, time.Duration(random.Int64N(int64(6*time.Millisecond)))) {
			var files []string
			_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.Type().IsRegular() {
					files = append(files, path)
				}
				return nil // what is gone is gone
			})
			if len(files) > 0 {
				writeBack(files[random.IntN(len(files))])
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// writeBack starts to write the dirty pages of a file and does not flush the disk.
func writeBack(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE) // on a disk without power
}
