package ledger

import (
	"encoding/binary"
	"errors"
	"io/fs"
)

// The files beside the segments share one form: magic [24] | number u64 | count u64 | content | MAC [32].
const (
	indexMagic = "zhenni ledger index 1\x00\x00\x00"
	goneMagic  = "zhenni ledger gone 1\x00\x00\x00\x00"
	endMagic   = "zhenni ledger end 2\x00\x00\x00\x00\x00"
	// firstEnd is of a ledger without counts of attempts.
	firstEnd   = "zhenni ledger end 1\x00\x00\x00\x00\x00"
	sideHeader = 40
	placeSize  = 40
)

func newSide(magic string, number uint32, count int) []byte {
	b := append(make([]byte, 0, sideHeader+placeSize*count+64), magic...)
	b = binary.BigEndian.AppendUint64(b, uint64(number))
	return binary.BigEndian.AppendUint64(b, uint64(count))
}

// readSide returns the content of a file of that form, and false where it is not there or not as it was written.
func (l *Ledger) readSide(name, magic string, number uint32) (content []byte, count int, ok bool) {
	b, err := l.files.ReadFile(name)
	if err != nil {
		return nil, 0, false
	}
	b, ok = l.secrets.signed(b)
	if !ok || len(b) < sideHeader || string(b[:24]) != magic || binary.BigEndian.Uint64(b[24:]) != uint64(number) {
		return nil, 0, false
	}
	return b[sideHeader:], int(binary.BigEndian.Uint64(b[32:])), true
}

func (l *Ledger) writeIndex(number uint32, places []place) error {
	b := newSide(indexMagic, number, len(places))
	for _, p := range places {
		b = append(b, p.key[:]...)
		b = binary.BigEndian.AppendUint32(b, p.segment)
		b = binary.BigEndian.AppendUint32(b, p.offset)
		b = binary.BigEndian.AppendUint32(b, p.length)
		b = binary.BigEndian.AppendUint32(b, p.seconds)
		b = binary.BigEndian.AppendUint64(b, p.leaf)
	}
	return l.replace(numbered(indexDir, number), l.secrets.sign(b))
}

func (l *Ledger) readIndex(number uint32) ([]place, bool) {
	b, count, ok := l.readSide(numbered(indexDir, number), indexMagic, number)
	if !ok || len(b) != count*placeSize {
		return nil, false
	}
	places := make([]place, count)
	for i := range places {
		e := b[i*placeSize:]
		places[i] = place{
			key: key(e[:16]), segment: binary.BigEndian.Uint32(e[16:]), offset: binary.BigEndian.Uint32(e[20:]),
			length: binary.BigEndian.Uint32(e[24:]), seconds: binary.BigEndian.Uint32(e[28:]), leaf: binary.BigEndian.Uint64(e[32:]),
		}
	}
	return places, true
}

func (l *Ledger) writeGone(number uint32, newest uint32, all []uint64) error {
	b := newSide(goneMagic, number, len(all))
	b = binary.BigEndian.AppendUint64(b, uint64(newest))
	for _, f := range all {
		b = binary.BigEndian.AppendUint64(b, f)
	}
	return l.replace(numbered(goneDir, number), l.secrets.sign(b))
}

func (l *Ledger) readGone(number uint32) (newest uint32, all []uint64, ok bool) {
	b, count, ok := l.readSide(numbered(goneDir, number), goneMagic, number)
	if !ok || len(b) != 8*(count+1) {
		return 0, nil, false
	}
	newest = uint32(binary.BigEndian.Uint64(b))
	for b = b[8:]; len(b) > 0; b = b[8:] {
		all = append(all, binary.BigEndian.Uint64(b))
	}
	return newest, all, true
}

func (l *Ledger) writeEnd(number uint32, size int64) error {
	b := binary.BigEndian.AppendUint64(newSide(endMagic, number, 0), uint64(size))
	return l.replace(endFile, l.secrets.sign(b))
}

// readEnd returns what Close wrote, if it was the last to write, and notes whether there are counts of attempts.
func (l *Ledger) readEnd() (number uint32, size int64, ok bool, err error) {
	b, err := l.files.ReadFile(endFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	b, ok = l.secrets.signed(b)
	if !ok || len(b) != sideHeader+8 || string(b[:24]) != endMagic && string(b[:24]) != firstEnd {
		return 0, 0, false, corrupt("%s is damaged", endFile)
	}
	l.counted.expected = string(b[:24]) == endMagic
	return uint32(binary.BigEndian.Uint64(b[24:])), int64(binary.BigEndian.Uint64(b[sideHeader:])), true, nil
}
