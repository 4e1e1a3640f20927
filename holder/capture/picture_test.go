package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"math"
	"runtime"
	"slices"
	"testing"
)

func decoded(t *testing.T, file []byte) *Picture {
	t.Helper()
	p, err := DecodePicture(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// near reports whether a picture is the one seen, each channel to within off.
func near(p *Picture, seen *image.NRGBA, off float64) bool {
	if p.Width != seen.Rect.Dx() || p.Height != seen.Rect.Dy() {
		return false
	}
	for i, v := range p.pix {
		if i%4 != 3 && math.Abs(float64(v)-float64(seen.Pix[i])) > off {
			return false
		}
	}
	return true
}

// A picture is the same however the phone was held: in each form, of either order of bytes.
func TestEveryOrientationIsUpright(t *testing.T) {
	for o, sides := range orientations {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			exif := tiff(order, o)
			if p := decoded(t, encodePNG(t, sides.stored(few()), exif)); !near(p, few(), 0) {
				t.Errorf("PNG, orientation %d: %v", o, p)
			}
			if p := decoded(t, encodeWebP(t, sides.stored(few()), exif)); !near(p, few(), 0) {
				t.Errorf("WebP, orientation %d: %v", o, p)
			}
			if p := decoded(t, encodeWebP(t, sides.stored(few()), append([]byte(exifMark), exif...))); !near(p, few(), 0) {
				t.Errorf("WebP with a mark before EXIF, orientation %d: %v", o, p)
			}
			if p := decoded(t, encodeJPEG(t, sides.stored(blocks()), exif)); !near(p, blocks(), 2) {
				t.Errorf("JPEG, orientation %d: %v", o, p)
			}
		}
	}
}

func TestPicturesWithoutOrientation(t *testing.T) {
	if !near(decoded(t, encodePNG(t, few(), nil)), few(), 0) || !near(decoded(t, encodeWebP(t, few(), nil)), few(), 0) ||
		!near(decoded(t, encodeJPEG(t, blocks(), nil)), blocks(), 2) {
		t.Error("a picture without EXIF is another")
	}
	good := tiff(binary.LittleEndian, 6)
	for name, exif := range map[string][]byte{
		"nothing": {}, "no TIFF": []byte("JJ\x2a\x00abcdefgh"), "cut head": good[:6], "cut entry": good[:25],
		"0": tiff(binary.LittleEndian, 0), "9": tiff(binary.LittleEndian, 9),
		"directory beyond the end": binary.LittleEndian.AppendUint32([]byte("II\x2a\x00"), math.MaxUint32),
		"two values":               slices.Replace(slices.Clone(good), 26, 27, 2),
	} {
		if got := orientation(exif); got != 1 {
			t.Errorf("%s: orientation %d", name, got)
		}
	}
}

// Colours of other depths and kinds come to eight bits; what is transparent is black.
func TestColours(t *testing.T) {
	grey := image.NewGray16(image.Rect(0, 0, 2, 1))
	grey.Pix = []byte{0x80, 0x12, 0xff, 0xff}
	if p := decoded(t, encodePNG(t, grey, nil)); !bytes.Equal(p.pix, []byte{128, 128, 128, 255, 255, 255, 255, 255}) {
		t.Errorf("16 bits: %v", p.pix)
	}
	glass := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	copy(glass.Pix, []byte{255, 255, 255, 0, 200, 100, 50, 255})
	if p := decoded(t, encodePNG(t, glass, nil)); !bytes.Equal(p.pix[:3], []byte{0, 0, 0}) || !bytes.Equal(p.pix[4:7], []byte{200, 100, 50}) {
		t.Errorf("transparent: %v", p.pix)
	}
}

// A file that is cut is refused, at whatever byte; but for what lies behind the pixels, without which it is the same picture.
//
// FAULTS: L12
func TestCutPicturesAreRefused(t *testing.T) {
	exif := tiff(binary.BigEndian, 1)
	for name, c := range map[string]struct {
		file   []byte
		behind int // bytes at the end that are not of the picture
	}{
		"PNG":  {encodePNG(t, few(), exif), 0},
		"JPEG": {encodeJPEG(t, blocks(), exif), 0},
		"WebP": {encodeWebP(t, few(), exif), 8 + len(exif) + len(exif)%2 + 1},
	} {
		whole := decoded(t, c.file)
		for n := range c.file {
			p, err := DecodePicture(c.file[:n])
			switch {
			case err == nil && (n < len(c.file)-c.behind || !bytes.Equal(p.pix, whole.pix)):
				t.Errorf("%s of %d bytes cut to %d is read", name, len(c.file), n)
			case err != nil && !errors.Is(err, ErrUnreadable):
				t.Errorf("%s cut to %d: %v", name, n, err)
			}
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A few bytes that stand for gigabytes of pixels are refused by what they declare, before anything of that size is allocated.
//
// FAULTS: L1
func TestBombsAreRefusedUnopened(t *testing.T) {
	pngOf := func(w, h uint32) []byte {
		head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
		file := append([]byte(pngMagic), pngChunk("IHDR", append(head, 8, 6, 0, 0, 0))...)
		return append(append(file, pngChunk("IDAT", []byte("\x78\x9c\x03\x00\x00\x00\x00\x01"))...), pngChunk("IEND", nil)...)
	}
	jpegOf := encodeJPEG(t, blocks(), nil)
	frame := bytes.Index(jpegOf, []byte("\xff\xc0"))
	copy(jpegOf[frame+5:], []byte{0xff, 0xff, 0xff, 0xff})
	webpOf := encodeWebP(t, few(), nil)
	copy(webpOf[21:], []byte{0xff, 0xff, 0xff, 0x0f})
	extended := encodeWebP(t, few(), tiff(binary.BigEndian, 1))
	copy(extended[24:], []byte{0xff, 0x3f, 0, 0xff, 0x3f, 0})
	scans := append(encodeJPEG(t, blocks(), nil), bytes.Repeat([]byte("\xff\xda"), MaxScans)...)
	for name, file := range map[string][]byte{
		"PNG of 30,000 × 30,000": pngOf(30000, 30000),
		"PNG one pixel too wide": pngOf(MaxSide+1, 1),
		"PNG one row too many":   pngOf(4096, MaxPixels/4096+1),
		"PNG of 2³¹ − 1 a side":  pngOf(math.MaxInt32, math.MaxInt32),
		"JPEG of 65,535 a side":  jpegOf,
		"WebP of 16,384 a side":  webpOf,
		"extended WebP":          extended,
		"JPEG of many scans":     scans,
		"17 MiB":                 make([]byte, MaxFile+1),
	} {
		size := allocated(func() {
			if p, err := DecodePicture(file); p != nil || !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrUnreadable) {
				t.Errorf("%s: %v", name, err)
			}
		})
		if size > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, size)
		}
	}
	if _, err := DecodePicture(pngOf(30000, 30000)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("not for its size: %v", err)
	}
}

func TestWhatIsNoPicture(t *testing.T) {
	for _, file := range []string{"", "\xff\xd8", "GIF89a\x01\x00\x01\x00", "BM", "<svg/>", "RIFF\x04\x00\x00\x00WEBP", pngMagic} {
		if p, err := DecodePicture([]byte(file)); p != nil || !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// Whatever lies around a picture, looking for its orientation ends, inside of it.
//
// FAULTS: L12
func FuzzOrientation(f *testing.F) {
	exif := tiff(binary.LittleEndian, 6)
	f.Add(exif)
	f.Add(tiff(binary.BigEndian, 3))
	f.Add(encodePNG(f, few(), exif)[len(pngMagic):])
	f.Add(encodeJPEG(f, blocks(), exif)[2:])
	f.Add(encodeWebP(f, few(), exif)[webpHead:])
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, found := range [][]byte{
			text, exifOfJPEG(append([]byte("\xff\xd8"), text...)), exifOfPNG(append([]byte(pngMagic), text...)),
			exifOfWebP(append([]byte("RIFF\x00\x00\x00\x00WEBP"), text...)),
		} {
			if o := orientation(found); o < 1 || o > 8 {
				t.Fatalf("orientation %d", o)
			}
		}
	})
}

// Whatever a file is, reading it ends, in a picture of its size or an error of this package.
//
// FAULTS: L12
func FuzzPicture(f *testing.F) {
	exif := tiff(binary.LittleEndian, 6)
	f.Add(encodePNG(f, few(), exif))
	f.Add(encodeJPEG(f, blocks(), exif))
	f.Add(encodeWebP(f, few(), exif))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := DecodePicture(file)
		switch {
		case err != nil && !errors.Is(err, ErrUnreadable) && !errors.Is(err, ErrTooLarge):
			t.Fatal(err)
		case err == nil && (p.Width*p.Height > MaxPixels || len(p.pix) != 4*p.Width*p.Height):
			t.Fatalf("%d × %d pixels in %d bytes", p.Width, p.Height, len(p.pix))
		}
	})
}

func BenchmarkDecodePicture(b *testing.B) {
	file := encodeJPEG(b, image.NewNRGBA(image.Rect(0, 0, 1920, 1080)), tiff(binary.LittleEndian, 6))
	for b.Loop() {
		if _, err := DecodePicture(file); err != nil {
			b.Fatal(err)
		}
	}
}
