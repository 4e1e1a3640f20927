package capture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// The sides on which the first row and the first column of what is stored are seen (EXIF 2.32, tag Orientation).
type sides struct{ row, column byte }

var orientations = map[int]sides{
	1: {'t', 'l'}, 2: {'t', 'r'}, 3: {'b', 'r'}, 4: {'b', 'l'}, 5: {'l', 't'}, 6: {'r', 't'}, 7: {'r', 'b'}, 8: {'l', 'b'},
}

// stored is how a picture is stored that is to be seen upright by an orientation.
func (s sides) stored(seen *image.NRGBA) *image.NRGBA {
	w, h := seen.Rect.Dx(), seen.Rect.Dy()
	if s.row == 'l' || s.row == 'r' {
		w, h = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for row := range h {
		for column := range w {
			var x, y int
			for side, n := range map[byte]int{s.row: row, s.column: column} {
				switch side {
				case 't':
					y = n
				case 'b':
					y = seen.Rect.Dy() - 1 - n
				case 'l':
					x = n
				case 'r':
					x = seen.Rect.Dx() - 1 - n
				}
			}
			out.SetNRGBA(column, row, seen.NRGBAAt(x, y))
		}
	}
	return out
}

// tiff is a TIFF structure with an orientation, behind another tag.
func tiff(order binary.AppendByteOrder, orientation int) []byte {
	mark := "II\x2a\x00"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		mark = "MM\x00\x2a"
	}
	t := order.AppendUint32([]byte(mark), 8)
	t = order.AppendUint16(t, 2)
	for _, entry := range [][2]int{{0x0100, 64}, {tagOrientation, orientation}} {
		t = order.AppendUint16(order.AppendUint16(t, uint16(entry[0])), tiffShort)
		t = order.AppendUint32(t, 1)
		t = order.AppendUint16(order.AppendUint16(t, uint16(entry[1])), 0)
	}
	return order.AppendUint32(t, 0)
}

// few is a picture of six pixels, each of which has channels of 0 or 255, and no two of which are alike.
func few() *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range 6 {
		channel := func(bit int) uint8 { return uint8(i+1) >> bit & 1 * 255 }
		picture.SetNRGBA(i%3, i/3, color.NRGBA{channel(0), channel(1), channel(2), 255})
	}
	return picture
}

// blocks is a grey picture in flat squares of 8 pixels, which JPEG keeps nearly as they are.
func blocks() *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, 24, 16))
	for y := range 16 {
		for x := range 24 {
			grey := uint8(20 + 40*(y/8*3+x/8))
			picture.SetNRGBA(x, y, color.NRGBA{grey, grey, grey, 255})
		}
	}
	return picture
}

func encodePNG(t testing.TB, picture image.Image, exif []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	if exif == nil {
		return file.Bytes()
	}
	const head = len(pngMagic) + 25 // with IHDR
	return bytes.Join([][]byte{file.Bytes()[:head], pngChunk("eXIf", exif), file.Bytes()[head:]}, nil)
}

func pngChunk(name string, content []byte) []byte {
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), name...)
	chunk = append(chunk, content...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
}

func encodeJPEG(t testing.TB, picture image.Image, exif []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	if exif == nil {
		return file.Bytes()
	}
	segment := binary.BigEndian.AppendUint16([]byte("\xff\xe1"), uint16(2+len(exifMark)+len(exif)))
	segment = append(append(segment, exifMark...), exif...)
	return bytes.Join([][]byte{file.Bytes()[:2], segment, file.Bytes()[2:]}, nil)
}

// bits are written with the lowest first, as VP8L has them.
type bits struct {
	out  []byte
	free int // bits of the last byte that are not written
}

func (b *bits) write(value, n int) {
	for ; n > 0; n-- {
		if b.free == 0 {
			b.out, b.free = append(b.out, 0), 8
		}
		b.out[len(b.out)-1] |= byte(value&1) << (8 - b.free)
		value, b.free = value>>1, b.free-1
	}
}

// encodeWebP writes a picture whose channels are 0 or 255: lossless, without transforms, one bit a channel.
func encodeWebP(t testing.TB, picture *image.NRGBA, exif []byte) []byte {
	t.Helper()
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	b := &bits{}
	b.write(0x2f, 8)
	b.write(w-1, 14)
	b.write(h-1, 14)
	b.write(0, 4) // no alpha, version 0
	b.write(0, 3) // no transform, no cache of colours, one set of codes
	for range 3 { // green, red, blue: a simple code of two symbols, the first of one bit
		b.write(0b011, 3)
		b.write(0, 1)
		b.write(255, 8)
	}
	b.write(0b101, 3) // alpha: one symbol, of eight bits
	b.write(255, 8)
	b.write(0b001, 3) // distance: one symbol, of one bit
	b.write(0, 1)
	for y := range h {
		for x := range w {
			c := picture.NRGBAAt(x, y)
			for _, channel := range []uint8{c.G, c.R, c.B} {
				b.write(int(channel&1), 1)
			}
		}
	}
	var chunks []byte
	if exif != nil {
		extended := []byte{1 << 3, 0, 0, 0, byte(w - 1), 0, 0, byte(h - 1), 0, 0}
		chunks = riffChunk(chunks, "VP8X", extended)
	}
	chunks = riffChunk(chunks, "VP8L", b.out)
	if exif != nil {
		chunks = riffChunk(chunks, "EXIF", exif)
	}
	return riffChunk(nil, "RIFF", append([]byte("WEBP"), chunks...))
}

func riffChunk(dst []byte, name string, content []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, name...), uint32(len(content)))
	dst = append(dst, content...)
	return append(dst, make([]byte, len(content)%2)...)
}
