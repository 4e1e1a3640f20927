package audit

import (
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni/simd"
)

// edge is the right edge of the tree: the unfinished tile of every level and the unfinished bundle. That is all it takes
// to grow the tree and to name its root. It belongs to one goroutine.
type edge struct {
	size   int64
	levels [][]byte             // the hashes of the unfinished tile of each level
	bundle []byte               // the entries of the unfinished bundle
	hashes [tileWidth]tlog.Hash // scratch of extend
}

// emit is handed every tile and bundle that becomes full. The data are the edge's again when it returns.
type emit func(t tlog.Tile, data []byte)

// room is how many entries the unfinished bundle lacks.
func (e *edge) room() int { return int(tileWidth - e.size%tileWidth) }

// extend appends count entries, each behind its length, of which there is room for all.
func (e *edge) extend(entries []byte, count int, full emit) {
	hashes := e.hashes[:count]
	hashEntries(hashes, entries)
	e.bundle = append(e.bundle, entries...)
	if count == e.room() {
		full(tlog.Tile{H: tileHeight, L: entriesLevel, N: e.size / tileWidth, W: tileWidth}, e.bundle)
		e.bundle = e.bundle[:0]
	}
	for _, h := range hashes {
		e.pushHash(h, full)
	}
}

// push appends one entry.
func (e *edge) push(entry []byte, full emit) {
	var framed [2 + maxEntry]byte
	e.extend(appendEntry(framed[:0], entry), 1, full)
}

// pushHash appends the hash of an entry, whatever the entry is.
func (e *edge) pushHash(h tlog.Hash, full emit) {
	n := e.size
	e.size++
	for level := 0; ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, make([]byte, 0, tileWidth*tlog.HashSize))
		}
		e.levels[level] = append(e.levels[level], h[:]...)
		if len(e.levels[level]) < tileWidth*tlog.HashSize {
			return
		}
		n /= tileWidth
		full(tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth}, e.levels[level])
		h = foldHashes(e.levels[level])
		e.levels[level] = e.levels[level][:0]
	}
}

// root returns the RFC 6962 root of the tree.
func (e *edge) root() tlog.Hash {
	h, err := tlog.TreeHash(e.size, tlog.HashReaderFunc(e.readHashes))
	if err != nil {
		panic("audit: the edge lacks a hash of its own tree: " + err.Error())
	}
	return h
}

// readHashes finds the roots of the subtrees that make up the tree, each of which lies in an unfinished tile.
func (e *edge) readHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		width := int64(1) << (level % tileHeight)
		at := n * width % tileWidth
		hashes[i] = foldHashes(e.levels[level/tileHeight][at*tlog.HashSize : (at+width)*tlog.HashSize])
	}
	return hashes, nil
}

// tree names the state of the tree.
func (e *edge) tree() tlog.Tree { return tlog.Tree{N: e.size, Hash: e.root()} }

// tileFile is a tile or bundle with its content.
type tileFile struct {
	tile tlog.Tile
	data []byte
}

// partials returns copies of the unfinished tiles and the unfinished bundle.
func (e *edge) partials() []tileFile {
	var files []tileFile
	for _, t := range partialTiles(e.size) {
		from := e.bundle
		if t.L != entriesLevel {
			from = e.levels[t.L]
		}
		files = append(files, tileFile{t, append([]byte(nil), from...)})
	}
	return files
}

// partialTiles names the unfinished tiles and the unfinished bundle of a tree of the given size.
func partialTiles(size int64) []tlog.Tile {
	var tiles []tlog.Tile
	if w := size % tileWidth; w > 0 {
		tiles = append(tiles, tlog.Tile{H: tileHeight, L: entriesLevel, N: size / tileWidth, W: int(w)})
	}
	for level, n := 0, size; n > 0; level, n = level+1, n/tileWidth {
		if w := n % tileWidth; w > 0 {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: n / tileWidth, W: int(w)})
		}
	}
	return tiles
}

// loadEdge reads the edge of a tree of the given size, a multiple of a bundle, from its tiles.
func loadEdge(files FS, size int64) (edge, error) {
	e := edge{size: size}
	for n := size; n > 0; n /= tileWidth {
		e.levels = append(e.levels, make([]byte, 0, tileWidth*tlog.HashSize))
	}
	for _, t := range partialTiles(size) {
		data, err := files.ReadFile(tilePath(t))
		if err != nil {
			return edge{}, corrupt("%s is missing: %s: %v", tilePath(t), repairHint, err)
		}
		if len(data) != t.W*tlog.HashSize {
			return edge{}, corrupt("%s has %d bytes, want %d: %s", tilePath(t), len(data), t.W*tlog.HashSize, repairHint)
		}
		e.levels[t.L] = append(e.levels[t.L], data...)
	}
	return e, nil
}

// foldHashes returns the root of the perfect subtree over the hashes in data, a power of two of at most 256.
func foldHashes(data []byte) tlog.Hash {
	var nodes [tileWidth]tlog.Hash
	n := len(data) / tlog.HashSize
	for i := range n {
		nodes[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	for ; n > 1; n /= 2 {
		simd.SumTuples(nodes[:n/2], 1, nodes[:n], 2)
	}
	return nodes[0]
}

// hashEntries sets hashes to tlog.RecordHash of as many entries, each behind its length; those of one length together.
func hashEntries(hashes []tlog.Hash, entries []byte) {
	for len(hashes) > 0 {
		size := int(binary.BigEndian.Uint16(entries))
		run, end := 1, 2+size
		for run < len(hashes) && int(binary.BigEndian.Uint16(entries[end:])) == size {
			run, end = run+1, end+2+size
		}
		simd.SumPrefixed(hashes[:run], 0, entries[2:end], size, 2+size)
		hashes, entries = hashes[run:], entries[end:]
	}
}
