package nonce

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	magic      = "zhenni nonces 1\n"
	headerSize = 64
	entrySize  = 16 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A header is what a file says of its segment.
type header struct{ number, floor, after int64 }

func (h header) append(dst []byte, boot [16]byte) []byte {
	start := len(dst)
	dst = append(append(dst, magic...), boot[:]...)
	for _, n := range []int64{h.number, h.floor, h.after} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	return append(dst, 0, 0, 0, 0)
}

// readHeader reads the header of a file; ok is false where it is not one that was written.
func readHeader(b []byte) (h header, boot [16]byte, ok bool) {
	if len(b) < headerSize {
		return h, boot, false
	}
	h = header{
		number: int64(binary.LittleEndian.Uint64(b[32:])),
		floor:  int64(binary.LittleEndian.Uint64(b[40:])),
		after:  int64(binary.LittleEndian.Uint64(b[48:])),
	}
	boot = [16]byte(b[16:])
	return h, boot, string(h.append(nil, boot)) == string(b[:headerSize])
}

// An entryBuffer has room for an entry and for what its checksum is made of.
type entryBuffer [16 + 8]byte

// entry makes an entry, which is valid until the next one.
func (b *entryBuffer) entry(digest [16]byte, number int64) []byte {
	copy(b[:], digest[:])
	binary.LittleEndian.PutUint64(b[16:], uint64(number))
	binary.LittleEndian.PutUint32(b[16:], crc32.Checksum(b[:], castagnoli))
	return b[:entrySize]
}

// A folder is where the files of the segments are.
type folder struct {
	dir  string
	boot [16]byte
	// believed says that the machine's run is known, so that files of the same run are whole.
	believed bool
}

func openFolder(o Options) (*folder, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(o.Boot))
	return &folder{dir: o.Dir, boot: [16]byte(sum[:]), believed: o.Boot != ""}, nil
}

func (f *folder) path(slot int) string { return filepath.Join(f.dir, strconv.Itoa(slot)) }

// next is the name of the file that is to be that of a place.
func (f *folder) next(slot int) string { return f.path(slot) + ".new" }

// create makes a file without entries for a place.
func (f *folder) create(slot int, h header) (*os.File, error) {
	file, err := os.OpenFile(f.next(slot), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = file.Write(h.append(nil, f.boot)); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// settle puts the file that was created for a place there: whenever the process is killed, one of the two is there.
func (f *folder) settle(slot int) error { return os.Rename(f.next(slot), f.path(slot)) }

// load reads the files into the segments. It returns why they do not have everything that was remembered, or nothing;
// what their headers say counts in any case.
func (s *Store) load() (lost string, err error) {
	damage := func(slot int, what string) {
		if lost == "" {
			lost = fmt.Sprintf("file %d %s", slot, what)
		}
	}
	for slot := range s.segments {
		content, err := os.ReadFile(s.files.path(slot))
		if os.IsNotExist(err) {
			damage(slot, "is missing")
			continue
		}
		if err != nil {
			return "", err
		}
		h, boot, ok := readHeader(content)
		if !ok || h.number != noSegment && (h.number < 0 || h.number%held != int64(slot)) {
			damage(slot, "is damaged")
			continue
		}
		s.newest, s.floor, s.after = max(s.newest, h.number), max(s.floor, h.floor), max(s.after, h.after)
		switch {
		case !s.files.believed:
			damage(slot, "may be of another run of the machine, which can not be told here")
		case boot != s.files.boot:
			damage(slot, "is of an earlier run of the machine")
		case !s.segments[slot].load(h.number, content[headerSize:]):
			damage(slot, "is damaged")
		}
		if s.segments[slot].file, err = os.OpenFile(s.files.path(slot), os.O_RDWR, 0o600); err != nil {
			return "", err
		}
	}
	return lost, nil
}

// load reads the entries of a file, and reports whether they are as written.
func (g *segment) load(number int64, entries []byte) bool {
	g.reset(number, g.file)
	whole := len(entries)%entrySize == 0
	var buffer entryBuffer
	for ; len(entries) >= entrySize; entries = entries[entrySize:] {
		digest := [16]byte(entries)
		switch {
		case [entrySize]byte(entries) == [entrySize]byte{}: // given out, and not written when the process was killed
			g.count.Add(1)
		case !bytes.Equal(entries[:entrySize], buffer.entry(digest, number)):
			return false
		default:
			if _, err := g.add(&g.shards[digest[0]%shards], digest, math.MaxInt64); err != nil {
				return false
			}
		}
	}
	return whole
}

// BootID names this run of the machine, or is empty where the system does not tell.
func BootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
