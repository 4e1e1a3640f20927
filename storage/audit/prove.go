package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// ProveInclusion proves that the entry of the given index is in the tree of the given size, which must not be above
// that of the newest checkpoint: [zhenni.ErrBadValue]. Check it with [tlog.CheckRecord]. A tile that does not fit the
// checkpoint is [zhenni.ErrCorrupt].
func (l *Log) ProveInclusion(index, size int64) (tlog.RecordProof, error) {
	if now := l.Tree().N; index < 0 || index >= size || size > now {
		return nil, badValue("no proof of entry %d in %d: the newest checkpoint is of size %d", index, size, now)
	}
	proof, err := tlog.ProveRecord(size, index, l.hashes())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", zhenni.ErrCorrupt, err)
	}
	return proof, nil
}

// ProveConsistency proves that the tree of size old is the beginning of the tree of size now, at least 1 and at
// most the size of the newest checkpoint: [zhenni.ErrBadValue]. Check it with [tlog.CheckTree]. A tile that does not
// fit the checkpoint is [zhenni.ErrCorrupt].
func (l *Log) ProveConsistency(old, now int64) (tlog.TreeProof, error) {
	if newest := l.Tree().N; old < 1 || now < old || now > newest {
		return nil, badValue("no proof of %d in %d: the newest checkpoint is of size %d", old, now, newest)
	}
	proof, err := tlog.ProveTree(now, old, l.hashes())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", zhenni.ErrCorrupt, err)
	}
	return proof, nil
}

// Tile returns a tile or a bundle of entries by its path ("tile/0/x001/067.p/8", "tile/entries/000"), at any width that
// a checkpoint had. An unknown path is [zhenni.ErrBadValue]; what is not there yet, or was pruned, [zhenni.ErrNotFound].
func (l *Log) Tile(path string) ([]byte, error) {
	t, err := parseTilePath(path)
	if err != nil {
		return nil, err
	}
	return l.published.Load().read(l.opts.Files, t)
}

// Entry returns the entry of an index below the newest checkpoint: [zhenni.ErrNotFound] where it was pruned or never
// was, [zhenni.ErrCorrupt] where its bundle does not parse. Hold it against a proof before relying on it.
func (l *Log) Entry(index int64) ([]byte, error) {
	s := l.published.Load()
	if index < 0 || index >= s.tree.N {
		return nil, fmt.Errorf("%w: audit: entry %d of %d", zhenni.ErrNotFound, index, s.tree.N)
	}
	width := int(min(s.tree.N-index/tileWidth*tileWidth, tileWidth))
	b, err := s.read(l.opts.Files, tlog.Tile{H: tileHeight, L: entriesLevel, N: index / tileWidth, W: width})
	if err != nil {
		return nil, err
	}
	entries, err := splitEntries(b, width)
	if err != nil {
		return nil, err
	}
	return entries[index%tileWidth], nil
}

// hashes reads hashes of the newest checkpoint's tree and checks each against its root.
func (l *Log) hashes() tlog.HashReader {
	s := l.published.Load()
	return tlog.TileHashReader(s.tree, publishedTiles{s, l.opts.Files})
}

// read returns a tile of the checkpoint's tree: unfinished ones from memory, full ones from their files.
func (s *snapshot) read(files FS, t tlog.Tile) ([]byte, error) {
	for _, p := range s.partials {
		if p.tile.L == t.L && p.tile.N == t.N {
			return narrow(p, t.W)
		}
	}
	if full := s.tree.N >> (tileHeight * (max(t.L, 0) + 1)); t.N >= full {
		return nil, notThere(t)
	}
	return readFull(files, t)
}

func readFull(files FS, t tlog.Tile) ([]byte, error) {
	full := t
	full.W = tileWidth
	data, err := files.ReadFile(tilePath(full))
	if notExist(err) {
		return nil, notThere(t)
	}
	if err != nil {
		return nil, ioError(err)
	}
	return narrow(tileFile{full, data}, t.W)
}

func notThere(t tlog.Tile) error {
	return fmt.Errorf("%w: audit: %s", zhenni.ErrNotFound, tilePath(t))
}

// narrow cuts a tile or bundle down to its first w hashes or entries.
func narrow(f tileFile, w int) ([]byte, error) {
	if w > f.tile.W {
		return nil, notThere(tlog.Tile{H: f.tile.H, L: f.tile.L, N: f.tile.N, W: w})
	}
	if f.tile.L != entriesLevel {
		if len(f.data) != f.tile.W*tlog.HashSize {
			return nil, corrupt("%s has %d bytes", tilePath(f.tile), len(f.data))
		}
		return f.data[:w*tlog.HashSize], nil
	}
	rest := f.data
	for range w {
		var ok bool
		if _, rest, ok = cutEntry(rest); !ok {
			return nil, corrupt("%s is cut", tilePath(f.tile))
		}
	}
	return f.data[:len(f.data)-len(rest)], nil
}

// publishedTiles is the tlog.TileReader of a snapshot.
type publishedTiles struct {
	snapshot *snapshot
	files    FS
}

func (publishedTiles) Height() int { return tileHeight }

func (p publishedTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	return readTiles(tiles, func(t tlog.Tile) ([]byte, error) { return p.snapshot.read(p.files, t) })
}

func (publishedTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// diskTiles is the tlog.TileReader of a folder, before there is a snapshot.
type diskTiles struct{ files FS }

func (diskTiles) Height() int { return tileHeight }

func (d diskTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	return readTiles(tiles, d.read)
}

func (d diskTiles) read(t tlog.Tile) ([]byte, error) {
	if data, err := d.files.ReadFile(tilePath(t)); err == nil {
		return data, nil
	}
	return readFull(d.files, t)
}

func (diskTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func readTiles(tiles []tlog.Tile, read func(tlog.Tile) ([]byte, error)) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, err := read(t)
		if err != nil {
			return nil, err
		}
		all[i] = data
	}
	return all, nil
}
