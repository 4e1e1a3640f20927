package meter

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"

	"zhenni"
	"zhenni/storage/disk"
)

// The layout, drawn in the package doc.
const (
	kind       = "zhenni meter "
	magic      = kind + "1\n"
	placeSize  = 512
	nameAt     = 8
	maxName    = 80
	numbersAt  = nameAt + maxName
	maxNumbers = 50
	sumAt      = placeSize - 4
	// growth is how many places the file grows by.
	growth = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p *place) encode(name string) {
	b := &p.image
	clear(b[:])
	b[0], b[1] = byte(len(name)), byte(len(p.numbers))
	copy(b[nameAt:], name)
	for i, n := range p.numbers {
		binary.LittleEndian.PutUint64(b[numbersAt+8*i:], uint64(n))
	}
	binary.LittleEndian.PutUint32(b[sumAt:], crc32.Checksum(b[:sumAt], castagnoli))
}

// decode reads what encode made; ok is false where it did not make it.
func decode(b *[placeSize]byte) (name string, numbers []int64, ok bool) {
	n, count := int(b[0]), int(b[1])
	if n == 0 || n > maxName || count > maxNumbers {
		return "", nil, false
	}
	name, numbers = string(b[nameAt:nameAt+n]), make([]int64, count)
	for i := range numbers {
		numbers[i] = int64(binary.LittleEndian.Uint64(b[numbersAt+8*i:]))
	}
	again := place{numbers: numbers}
	again.encode(name)
	return name, numbers, again.image == *b
}

// load reads the file, or begins it. A tail that is not a whole place is left of growing and was never used.
func (s *Store) load() error {
	content, err := io.ReadAll(s.file)
	if err != nil {
		return err
	}
	if len(content) < placeSize {
		return s.begin(content)
	}
	if err := checkHead(content); err != nil {
		return fmt.Errorf("%w; put back a copy of %s, or move it away: what relying parties have used is then counted anew", err, s.file.Name())
	}
	s.end = int64(len(content) / placeSize * placeSize)
	for at := int64(placeSize); at < s.end; at += placeSize {
		image := (*[placeSize]byte)(content[at:])
		name, numbers, ok := decode(image)
		if ok && s.places[name] == nil {
			s.places[name] = &place{at: at, numbers: numbers}
			continue
		}
		if *image != [placeSize]byte{} {
			s.log.Error("what a relying party has used is not known any more: its place is damaged", "file", s.file.Name(), "offset", at)
		}
		s.free = append(s.free, at)
	}
	return nil
}

// checkHead says what is wrong with the head of a file.
func checkHead(content []byte) error {
	switch {
	case string(content[:len(magic)]) == magic:
		return nil
	case string(content[:len(kind)]) == kind:
		return fmt.Errorf("%w: meter: another version than 1", zhenni.ErrFormat)
	}
	return fmt.Errorf("%w: meter: the head is damaged", zhenni.ErrCorrupt)
}

// begin writes the head of a new file.
func (s *Store) begin(content []byte) error {
	if len(content) > 0 {
		s.log.Error("what relying parties have used is not known any more: its file is cut short", "file", s.file.Name())
	}
	head := make([]byte, placeSize)
	copy(head, magic)
	if _, err := s.file.WriteAt(head, 0); err != nil {
		return err
	}
	s.end = placeSize
	if err := s.file.Sync(); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(s.file.Name()))
}

// grow adds free places to the end of the file. The caller holds mu.
func (s *Store) grow() error {
	if _, err := s.file.WriteAt(make([]byte, growth*placeSize), s.end); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	for range growth {
		s.free = append(s.free, s.end)
		s.end += placeSize
	}
	return nil
}
