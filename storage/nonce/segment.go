package nonce

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"zhenni"
)

// noSegment is the number of a place that has none yet.
const noSegment = -1

// A segment holds the digests of ten seconds. Number and file change while it is in no place, under the store's making lock.
type segment struct {
	number int64
	file   *os.File     // nil for none
	count  atomic.Int64 // places given out, in file and memory
	shards [shards]shard
}

// A shard is the part of a segment whose digests begin alike.
type shard struct {
	mu    sync.Mutex
	set   map[[16]byte]struct{}
	entry entryBuffer // what is being written
}

// isMade reports whether the segment has a file, where there is to be one.
func (g *segment) isMade(files *folder) bool { return files == nil || g.file != nil }

// close closes the file, if there is one.
func (g *segment) close() error {
	file := g.file
	if g.file = nil; file == nil {
		return nil
	}
	return file.Close()
}

// reset empties the segment, whose memory the next one uses.
func (g *segment) reset(number int64, file *os.File) {
	g.number, g.file = number, file
	g.count.Store(0)
	for i := range g.shards {
		clear(g.shards[i].set)
	}
}

// keep notes a digest in memory and then in the file: [zhenni.ErrReplayed], [zhenni.ErrOverloaded], [zhenni.ErrUnavailable].
func (g *segment) keep(digest [16]byte, capacity int64) error {
	sh := &g.shards[digest[0]%shards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	place, err := g.add(sh, digest, capacity)
	if err != nil || g.file == nil {
		return err
	}
	if _, err := g.file.WriteAt(sh.entry.entry(digest, g.number), headerSize+place*entrySize); err != nil {
		return fmt.Errorf("%w: nonces: %w", zhenni.ErrUnavailable, err)
	}
	return nil
}

// add notes a digest in its shard, which is locked, and gives it a place.
func (g *segment) add(sh *shard, digest [16]byte, capacity int64) (place int64, err error) {
	if _, known := sh.set[digest]; known {
		return 0, zhenni.ErrReplayed
	}
	if place = g.count.Add(1) - 1; place >= capacity {
		g.count.Add(-1)
		return 0, fmt.Errorf("%w: %d requests signed for the same ten seconds", zhenni.ErrOverloaded, capacity)
	}
	if sh.set == nil {
		sh.set = make(map[[16]byte]struct{})
	}
	sh.set[digest] = struct{}{}
	return place, nil
}
