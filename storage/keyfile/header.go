package keyfile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"

	"zhenni"
)

const (
	magic      = "zhenni keys 1\n\x00\x00"
	headerPage = 4096
	sealedSize = len(magic) + len(ID{}) + 8 + 8
	headerSize = sealedSize + sha256.Size
	firstSlot  = 2 * headerPage
)

// ID names the store that a key file belongs to.
type ID [16]byte

// header is what the file says of itself.
type header struct {
	id              ID
	revision, epoch uint64
}

func (h header) seal(key []byte) []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = append(b, h.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.revision)
	b = binary.LittleEndian.AppendUint64(b, h.epoch)
	return append(b, seal(b, key)...)
}

func seal(b, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)
}

// openHeader reads one header; ok is false where it does not hold.
func openHeader(b, key []byte) (h header, ok bool) {
	if string(b[:len(magic)]) != magic || !hmac.Equal(seal(b[:sealedSize], key), b[sealedSize:headerSize]) {
		return h, false
	}
	b = b[len(magic):]
	copy(h.id[:], b)
	b = b[len(h.id):]
	return header{h.id, binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}, true
}

// readHeader returns the newer of the headers that hold: [zhenni.ErrCorrupt].
func readHeader(f *os.File, key []byte) (newest header, err error) {
	found := false
	for page := range int64(2) {
		var b [headerSize]byte
		if _, err := f.ReadAt(b[:], page*headerPage); err != nil {
			continue
		}
		h, ok := openHeader(b[:], key)
		if ok && (!found || h.revision > newest.revision) {
			newest, found = h, true
		}
	}
	if !found {
		return newest, fmt.Errorf("%w: no header of the key file holds", zhenni.ErrCorrupt)
	}
	return newest, nil
}

// write puts the header where the older one is.
func (h header) write(f *os.File, key []byte) error {
	_, err := f.WriteAt(h.seal(key), int64(h.revision%2)*headerPage)
	return err
}
