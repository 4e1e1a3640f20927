package audit

import (
	"errors"
	"sort"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// Prune deletes the entries below an index, rounded down to whole bundles and to the newest checkpoint, and returns
// how far entries are deleted now. Their hashes stay, so every proof, of what is left and of what is gone, still
// verifies for who kept the leaf. What will be deleted is signed first; a crash on the way is made good by the next Prune.
func (l *Log) Prune(below int64) (int64, error) {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	before := l.pruned.Load()
	below = min(below, l.Tree().N) / tileWidth * tileWidth
	if below > before {
		signed, err := signNote(prunedText(l.opts.Origin, below), l.opts.Signer)
		if err != nil {
			return before, err
		}
		if err := l.opts.Files.Write(Content{prunedFile, signed}); err != nil {
			return before, ioError(err)
		}
		l.pruned.Store(below)
	}
	return l.pruned.Load(), l.removeBundles()
}

// removeBundles removes the bundles below the pruned index, their partial forms before them, oldest first. So what a crash
// left lies side by side, and the first removal finds where it begins by going down to a bundle that is gone.
func (l *Log) removeBundles() error {
	end := l.pruned.Load() / tileWidth
	if !l.swept {
		for l.removed = end; l.removed > 0; l.removed-- {
			_, err := l.opts.Files.ReadFile(bundlePath(l.removed - 1))
			if notExist(err) {
				break
			}
			if err != nil {
				return ioError(err)
			}
		}
		l.swept = true
	}
	below := func(t tlog.Tile) bool { return t.L == entriesLevel && t.N < end }
	if err := l.publisher.removeStale(below); err != nil {
		return ioError(err)
	}
	for ; l.removed < end; l.removed++ {
		if err := l.opts.Files.Remove(bundlePath(l.removed)); err != nil {
			return ioError(err)
		}
	}
	return nil
}

func bundlePath(n int64) string {
	return tilePath(tlog.Tile{H: tileHeight, L: entriesLevel, N: n, W: tileWidth})
}

// Before returns the index of the first entry that is there and not from before t: what Prune takes to keep what is
// newer. Entries are taken to be in the order of their times, which are the caller's, so it may be off by as much as
// those are. [zhenni.ErrCorrupt] where an entry on the way does not parse.
func (l *Log) Before(t time.Time) (int64, error) {
	from, to := l.pruned.Load(), l.Tree().N
	var failed error
	at := sort.Search(int(to-from), func(i int) bool {
		entry, err := l.Entry(from + int64(i))
		var leaf Leaf
		if err == nil {
			leaf, err = ParseLeaf(entry)
		}
		if err != nil && !errors.Is(err, zhenni.ErrFormat) {
			failed = errors.Join(failed, err)
		}
		return err != nil || !leaf.At.Before(t)
	})
	return from + int64(at), failed
}
