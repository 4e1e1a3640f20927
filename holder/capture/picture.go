package capture

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// Bounds of a picture.
const (
	// MaxFile bounds the bytes of a picture or clip.
	MaxFile = 16 << 20
	// MaxSide bounds width and height, MaxPixels their product.
	MaxSide   = 8192
	MaxPixels = 16 << 20
	// MaxScans bounds the scans of a JPEG: a few bytes each may cost a walk over every pixel.
	MaxScans = 32
)

// Picture is an upright picture. It does not change.
type Picture struct {
	// Width and Height are in pixels, 1 or more.
	Width, Height int
	// pix holds four bytes a pixel, red, green, blue and one of no meaning, row by row.
	pix []byte
}

// format is a way to write pictures.
type format struct {
	is     func(file []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	exif   func(file []byte) []byte
}

var formats = []format{
	{isJPEG, jpeg.DecodeConfig, jpeg.Decode, exifOfJPEG},
	{isPNG, png.DecodeConfig, png.Decode, exifOfPNG},
	{isWebP, webp.DecodeConfig, webp.Decode, exifOfWebP},
}

func isJPEG(file []byte) bool { return bytes.HasPrefix(file, []byte("\xff\xd8\xff")) }
func isPNG(file []byte) bool  { return bytes.HasPrefix(file, []byte(pngMagic)) }
func isWebP(file []byte) bool {
	return len(file) >= webpHead && string(file[:4]) == "RIFF" && string(file[8:webpHead]) == "WEBP"
}

// DecodePicture reads a JPEG, PNG or WebP file and turns it upright: [ErrUnreadable], [ErrTooLarge]. It keeps nothing of
// the file. While it works it needs up to 28 bytes of memory a pixel, for a progressive JPEG of four channels,
// and 4 for what it returns.
func DecodePicture(file []byte) (*Picture, error) {
	if len(file) > MaxFile {
		return nil, tooLarge("%d bytes, at most %d are taken", len(file), MaxFile)
	}
	for _, f := range formats {
		if f.is(file) {
			return f.read(file)
		}
	}
	return nil, unreadable("not a JPEG, PNG or WebP file")
}

func (f format) read(file []byte) (*Picture, error) {
	config, err := f.config(bytes.NewReader(file))
	if err != nil {
		return nil, unreadable("its head is damaged")
	}
	w, h := config.Width, config.Height
	if w < 1 || h < 1 {
		return nil, unreadable("it has no pixels")
	}
	if w > MaxSide || h > MaxSide || w*h > MaxPixels {
		return nil, tooLarge("%d × %d pixels, at most %d and %d a side are taken", w, h, MaxPixels, MaxSide)
	}
	if isJPEG(file) && bytes.Count(file, []byte("\xff\xda")) > MaxScans {
		return nil, tooLarge("more than %d scans", MaxScans)
	}
	decoded, err := f.decode(bytes.NewReader(file))
	if err != nil {
		return nil, unreadable("it is damaged")
	}
	if size := decoded.Bounds().Size(); size.X != w || size.Y != h {
		return nil, unreadable("its head says another size")
	}
	return upright(flatten(decoded), orientation(f.exif(file))), nil
}

// flatten brings any colours into those of a Picture.
func flatten(decoded image.Image) *Picture {
	size := decoded.Bounds().Size()
	flat := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(flat, flat.Rect, decoded, decoded.Bounds().Min, draw.Src)
	return &Picture{Width: size.X, Height: size.Y, pix: flat.Pix}
}

// upright turns a picture as it was stored into the one that is looked at, by its EXIF orientation from 1 to 8.
func upright(stored *Picture, orientation int) *Picture {
	if orientation == 1 {
		return stored
	}
	w, h := stored.Width, stored.Height
	turned := &Picture{Width: w, Height: h, pix: make([]byte, len(stored.pix))}
	if orientation >= 5 {
		turned.Width, turned.Height = h, w
	}
	// From the pixel at from, the next to the right is right pixels on, the next below is down.
	var from, right, down int
	switch orientation {
	case 2: // mirrored
		from, right, down = w-1, -1, w
	case 3: // upside down
		from, right, down = w*h-1, -1, -w
	case 4: // mirrored and upside down
		from, right, down = w*(h-1), 1, -w
	case 5: // transposed
		from, right, down = 0, w, 1
	case 6: // to be turned clockwise
		from, right, down = w*(h-1), -w, 1
	case 7: // transposed along the other diagonal
		from, right, down = w*h-1, -w, -1
	case 8: // to be turned the other way
		from, right, down = w-1, w, -1
	}
	to := turned.pix
	for y := range turned.Height {
		at := from + y*down
		for range turned.Width {
			copy(to[:4], stored.pix[4*at:])
			to, at = to[4:], at+right
		}
	}
	return turned
}
