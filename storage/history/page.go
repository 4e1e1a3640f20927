package history

import (
	"encoding/binary"
)

// The layout of a page, drawn in the package doc.
const (
	pageBytes = 4096
	pageBody  = pageBytes - tagSize
	pageHead  = 3
	entrySize = 24
	// pageEntries is the most entries of a page: those of one credential.
	pageEntries = (pageBody - pageHead - idSize) / (entrySize - idSize)
)

// pageFits reports whether n entries whose ids share so many bytes fit a page.
func pageFits(n, shared int) bool {
	return n <= pageEntries && pageHead+shared+n*(entrySize-shared) <= pageBody
}

// encodePage writes ascending entries, at least one, as the body of a page.
func encodePage(dst *[pageBody]byte, entries []entry) {
	shared := entries[0].shared(entries[len(entries)-1])
	binary.BigEndian.PutUint16(dst[:], uint16(len(entries)))
	dst[2] = byte(shared)
	b := dst[pageHead:]
	var whole [entrySize]byte
	for i, e := range entries {
		binary.BigEndian.PutUint64(whole[:], e.hi)
		binary.BigEndian.PutUint64(whole[8:], e.lo)
		binary.BigEndian.PutUint32(whole[16:], e.when)
		binary.BigEndian.PutUint32(whole[20:], e.what)
		from := shared
		if i == 0 {
			from = 0
		}
		b = b[copy(b, whole[from:]):]
	}
	clear(b)
}

// decodePage appends the entries of a page to dst. Their askers are below the number given.
func decodePage(dst []entry, body []byte, askers uint32) ([]entry, error) {
	n, shared := int(binary.BigEndian.Uint16(body)), int(body[2])
	if n == 0 || shared > idSize || !pageFits(n, shared) {
		return dst, corrupt("a page of %d entries that share %d bytes", n, shared)
	}
	var whole [entrySize]byte
	b, from := body[pageHead:], 0
	for range n {
		b = b[copy(whole[from:], b):]
		e := entry{
			binary.BigEndian.Uint64(whole[:]), binary.BigEndian.Uint64(whole[8:]),
			binary.BigEndian.Uint32(whole[16:]), binary.BigEndian.Uint32(whole[20:]),
		}
		if e.asker() >= askers {
			return dst, corrupt("an entry of asker %d of %d", e.asker(), askers)
		}
		dst = append(dst, e)
		from = shared
	}
	return dst, nil
}
