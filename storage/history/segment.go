package history

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"zhenni"
)

// segment is what was noted, in the order in which it was. One goroutine writes it, several read it.
type segment struct {
	held
	number uint32
	file   *os.File
	aead   cipher.AEAD
	// size is the end of the last block, blocks and items how many are before it; until is what the last block says.
	// They grow together: a reader takes size, and reads up to there.
	size   atomic.Int64
	items  atomic.Int64
	blocks uint32
	until  uint32
	// written is the number of the next block; it also counts those that were overwritten.
	written uint64
	// oldest and newest are the seconds of its items, as far as they are known: 0 in an empty one.
	oldest, newest atomic.Uint32
	// closed says that nothing is written to it any more. It is guarded by the mutex of files.
	closed bool
	// broken says that what follows size did not open.
	broken bool
	// damaged says that a block did not open, which was told.
	damaged atomic.Bool
}

// columnsHeader is the first bytes of a segment.
func columnsHeader(number uint32, salt [saltSize]byte) []byte {
	b := append(make([]byte, 0, columnsHead), columnsMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(number))
	return append(binary.BigEndian.AppendUint64(b, 0), salt[:]...)
}

// createSegment makes the file of a segment. It is durable when file and folder are synced.
func createSegment(path string, number uint32, s secrets) (*segment, error) {
	salt, err := newSalt()
	if err != nil {
		return nil, err
	}
	head := columnsHeader(number, salt)
	aead, err := s.aead("columns", head)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	c := &segment{number: number, file: f, aead: aead}
	c.size.Store(columnsHead)
	return c, nil
}

// openSegment opens the file of a segment, to write to where flag is [os.O_RDWR], and finds the end of what is whole in it.
func openSegment(path string, number uint32, s secrets, flag int) (*segment, error) {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	c := &segment{number: number, file: f}
	if err := c.recover(s); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

func (c *segment) recover(s secrets) error {
	var head [columnsHead]byte
	if err := readAt(c.file, head[:], 0); err != nil {
		return err
	}
	if !bytes.Equal(head[:], columnsHeader(c.number, [saltSize]byte(head[saltAt:]))) {
		return corrupt("not the segment of its name")
	}
	var err error
	if c.aead, err = s.aead("columns", head[:]); err != nil {
		return err
	}
	info, err := c.file.Stat()
	if err != nil {
		return unavailable("%w", err)
	}
	c.size.Store(info.Size())
	end, err := c.walk(func(_ uint32, b *block) error {
		c.add(b.until, b.runs, b.len())
		return nil
	})
	c.size.Store(end)
	if c.broken = errors.Is(err, zhenni.ErrCorrupt); c.broken {
		return nil
	}
	return err
}

// cut leaves what is whole, durably.
func (c *segment) cut() error {
	if err := errors.Join(c.file.Truncate(c.size.Load()), c.file.Sync()); err != nil {
		return unavailable("%w", err)
	}
	c.broken = false
	return nil
}

// add takes note of a block that was written or found.
func (c *segment) add(until uint32, runs []run, items int) {
	c.blocks++
	c.until = until
	c.items.Add(int64(items))
	for _, r := range runs {
		c.newest.Store(max(c.newest.Load(), r.second))
		if old := c.oldest.Load(); old == 0 || r.second < old {
			c.oldest.Store(max(1, r.second))
		}
	}
}

// walk calls visit with every block and its number, and returns the end of the last one that is whole. A block that does
// not open ends it with [zhenni.ErrCorrupt]. The memory of a block is used again for the next.
func (c *segment) walk(visit func(number uint32, b *block) error) (end int64, err error) {
	end = columnsHead
	size, buf := c.size.Load(), []byte(nil)
	for number := uint32(0); end < size; number++ {
		var b *block
		if b, buf, err = c.read(buf, end, size); err == nil {
			err = visit(number, b)
		}
		if err != nil {
			return end, err
		}
		end += int64(len(buf))
	}
	return end, nil
}

// read reads the block at an offset into buf, which it returns as long as the block is on the disk.
func (c *segment) read(buf []byte, at, size int64) (*block, []byte, error) {
	var head [blockHead]byte
	if at+blockHead > size {
		return nil, buf, corrupt("a segment was cut")
	}
	if err := readAt(c.file, head[:], at); err != nil {
		return nil, buf, err
	}
	n, ok := blockLength(head[:])
	if !ok || at+blockHead+int64(n) > size {
		return nil, buf, corrupt("a segment has no block where one begins")
	}
	if cap(buf) < blockHead+n {
		buf = make([]byte, blockHead+n)
	}
	buf = buf[:blockHead+n]
	if err := readAt(c.file, buf, at); err != nil {
		return nil, buf, err
	}
	b, err := openBlock(c.aead, buf, at)
	return b, buf, err
}
