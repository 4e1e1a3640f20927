package audit

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right edge of the tree: the unfinished tile of every level and the unfinished bundle. That is all it takes
// to grow the tree and to name its root. It belongs to one goroutine.
type edge struct {
	size   int64
	levels [][]byte // the hashes of the unfinished tile of each level
	bundle []byte   // the entries of the unfinished bundle
}

// emit is handed every tile and bundle that becomes full. The data are the edge's again when it returns.
type emit func(t tlog.Tile, data []byte)

// push appends one entry.
func (e *edge) push(entry []byte, full emit) {
	e.bundle = appendEntry(e.bundle, entry)
	h := recordHash(entry)
	if (e.size+1)%tileWidth == 0 {
		full(tlog.Tile{H: tileHeight, L: entriesLevel, N: e.size / tileWidth, W: tileWidth}, e.bundle)
		e.bundle = e.bundle[:0]
	}
	e.pushHash(h, full)
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
		for i := range n / 2 {
			nodes[i] = tlog.NodeHash(nodes[2*i], nodes[2*i+1])
		}
	}
	return nodes[0]
}

// recordHash is tlog.RecordHash for an entry, without its allocation.
func recordHash(entry []byte) tlog.Hash {
	var buf [1 + maxEntry]byte
	return sha256.Sum256(buf[:1+copy(buf[1:], entry)])
}
