package storage

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"zhenni"
)

// verifyLogs refuses a view whose logs leave out a commit; tabled is the last one that its tables hold. Badger reads each
// log up to the first entry that is damaged and takes that for its end. In the newest log the mark tells of it; in an
// older one nothing would, because the high-water record is in the newer. But Badger numbers the commits without a gap
// and moves them into tables in order, so what an older log has lost shows. The oldest log may begin anywhere: what
// was before it may have been dropped, by an import that did not finish.
func verifyLogs(dir string, tabled uint64) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil || len(paths) < 2 {
		return err
	}
	slices.SortFunc(paths, func(a, b string) int { // numbers, with zeros in front of the short ones
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	last := tabled
	for i, path := range paths {
		log, err := readLog(path)
		if err != nil {
			return err
		}
		if i > 0 && log.first > last+1 {
			return fmt.Errorf("%w: a log of the view before %s has lost commits; restore the store",
				zhenni.ErrCorrupt, filepath.Base(path))
		}
		last = max(last, log.last)
	}
	return nil
}

// logSpan is the numbers of the first and of the last commit in a log, 0 where it has none.
type logSpan struct{ first, last uint64 }

// Badger's log: a head, and then entries of meta u8 | user meta u8 | key length | value length | expiry (varints) | key |
// value | CRC-32C big-endian. The entry that ends a commit has logCommitEnd in its meta and the commit's number as text.
const (
	logHead      = 20
	logCommitEnd = 1 << 7
	logMaxField  = 1 << 20
)

// readLog reads a log up to its end, or to the first entry that is damaged.
func readLog(path string) (span logSpan, err error) {
	f, err := os.Open(path)
	if err != nil {
		return span, fmt.Errorf("storage: %w", err)
	}
	defer f.Close()
	from := bufio.NewReaderSize(io.NewSectionReader(f, logHead, 1<<40), 1<<20)
	for {
		commit, err := readLogEntry(from)
		if errors.Is(err, errLogEnd) {
			return span, nil
		}
		if err != nil {
			return span, fmt.Errorf("storage: %s: %w", path, err)
		}
		if commit != 0 {
			span.first, span.last = cmp.Or(span.first, commit), commit
		}
	}
}

// errLogEnd is the end of a log: no more data, zeros, or damage.
var errLogEnd = errors.New("storage: end of the log")

// readLogEntry reads one entry and returns the number of the commit that it ends, 0 if it ends none.
func readLogEntry(from *bufio.Reader) (commit uint64, err error) {
	var entry bytes.Buffer
	read := &teeBytes{from: from, into: &entry}
	meta, _ := read.ReadByte()
	_, _ = read.ReadByte()
	keyLen, _ := binary.ReadUvarint(read)
	valueLen, _ := binary.ReadUvarint(read)
	_, _ = binary.ReadUvarint(read)
	if keyLen == 0 || keyLen > logMaxField || valueLen > logMaxField {
		return 0, read.end()
	}
	_, _ = io.CopyN(&entry, read.from, int64(keyLen+valueLen))
	sum := crc32.Checksum(entry.Bytes(), crc32.MakeTable(crc32.Castagnoli))
	var want [crc32.Size]byte
	if _, read.err = io.ReadFull(from, want[:]); read.err != nil || binary.BigEndian.Uint32(want[:]) != sum {
		return 0, read.end()
	}
	if meta&logCommitEnd == 0 {
		return 0, nil
	}
	value := entry.Bytes()[entry.Len()-int(valueLen):]
	if commit, err = strconv.ParseUint(string(value), 10, 64); err != nil {
		return 0, errLogEnd
	}
	return commit, nil
}

// teeBytes keeps the bytes that are read one by one.
type teeBytes struct {
	from *bufio.Reader
	into *bytes.Buffer
	err  error
}

func (t *teeBytes) ReadByte() (byte, error) {
	b, err := t.from.ReadByte()
	if err != nil {
		t.err = err
		return 0, err
	}
	return b, t.into.WriteByte(b)
}

// end is why an entry could not be read: the end of the log, unless the disk failed.
func (t *teeBytes) end() error {
	if t.err == nil || errors.Is(t.err, io.EOF) || errors.Is(t.err, io.ErrUnexpectedEOF) {
		return errLogEnd
	}
	return t.err
}
