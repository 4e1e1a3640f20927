package history

import (
	"bufio"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zhenni"
	"zhenni/storage/disk"
)

// builder writes an index file from ascending entries. It is used by one goroutine.
type builder struct {
	span
	path  string
	file  *os.File
	out   *bufio.Writer
	aead  cipher.AEAD
	page  []entry
	foot  foot
	body  [pageBytes]byte
	bytes int64
}

// newBuilder begins the file of a span under a temporary name. Either finish or drop ends it.
func newBuilder(dir string, s span, keys secrets, f foot) (*builder, error) {
	salt, err := newSalt()
	if err != nil {
		return nil, err
	}
	head := indexHeader(s, salt)
	b := &builder{span: s, path: filepath.Join(dir, s.name()), foot: f, page: make([]entry, 0, pageEntries+1)}
	if b.aead, err = keys.aead("index", head); err != nil {
		return nil, err
	}
	if b.file, err = os.OpenFile(b.path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	b.out = bufio.NewWriterSize(b.file, 64*pageBytes)
	return b, b.write(head[:pageBytes])
}

func (b *builder) write(p []byte) error {
	b.bytes += int64(len(p))
	if _, err := b.out.Write(p); err != nil {
		return unavailable("%w", err)
	}
	return nil
}

// add appends an entry, which is not before the last one.
func (b *builder) add(e entry) error {
	if n := len(b.page); n > 0 && !pageFits(n+1, b.page[0].shared(e)) {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.page = append(b.page, e)
	if b.foot.entries == 0 {
		b.foot.oldest = e.when
	}
	b.foot.entries++
	b.foot.oldest, b.foot.newest = min(b.foot.oldest, e.when), max(b.foot.newest, e.when)
	return nil
}

func (b *builder) flush() error {
	if len(b.page) == 0 {
		return nil
	}
	encodePage((*[pageBody]byte)(b.body[:]), b.page)
	nonce := nonceOf(uint64(len(b.foot.fences)))
	b.foot.fences = append(b.foot.fences, b.page[0].hi)
	b.page = b.page[:0]
	return b.write(b.aead.Seal(b.body[:0], nonce[:], b.body[:pageBody], nil))
}

// finish makes the file durable under its name, and opens it.
func (b *builder) finish(keys secrets) (*index, error) {
	if err := b.seal(); err != nil {
		return nil, errors.Join(err, b.drop())
	}
	if err := b.file.Close(); err != nil {
		return nil, unavailable("%w", err)
	}
	if err := errors.Join(os.Rename(b.path+temporary, b.path), disk.SyncDir(filepath.Dir(b.path))); err != nil {
		return nil, unavailable("%w", err)
	}
	x, err := openIndex(b.path, b.span, keys)
	if err != nil {
		return nil, unavailable("a file does not read as it was written: %v", err)
	}
	return x, nil
}

// seal writes the foot and syncs.
func (b *builder) seal() error {
	if err := b.flush(); err != nil {
		return err
	}
	nonce := nonceOf(footNonce)
	sealed := b.aead.Seal(nil, nonce[:], b.foot.append(nil), nil)
	tail := binary.BigEndian.AppendUint32(nil, uint32(len(sealed)))
	tail = binary.BigEndian.AppendUint32(tail, tailMagic)
	if err := errors.Join(b.write(sealed), b.write(tail)); err != nil {
		return err
	}
	if err := errors.Join(b.out.Flush(), b.file.Sync()); err != nil {
		return unavailable("%w", err)
	}
	return nil
}

// drop gives the file up.
func (b *builder) drop() error { return errors.Join(b.file.Close(), os.Remove(b.path+temporary)) }

// mergeAskers makes one dictionary of several, each in order, and says what becomes of the numbers of each.
func mergeAskers(of [][]zhenni.Asker) (all []zhenni.Asker, numbers [][]uint32) {
	at := make([]int, len(of))
	numbers = make([][]uint32, len(of))
	for i := range of {
		numbers[i] = make([]uint32, len(of[i]))
	}
	for {
		var least *zhenni.Asker
		for i, askers := range of {
			if at[i] < len(askers) && (least == nil || compareAskers(askers[at[i]], *least) < 0) {
				least = &askers[at[i]]
			}
		}
		if least == nil {
			return all, numbers
		}
		who := *least
		for i, askers := range of {
			for at[i] < len(askers) && askers[at[i]] == who {
				numbers[i][at[i]] = uint32(len(all))
				at[i]++
			}
		}
		all = append(all, who)
	}
}
