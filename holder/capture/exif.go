package capture

import (
	"bytes"
	"encoding/binary"
)

const (
	pngMagic = "\x89PNG\r\n\x1a\n"
	webpHead = 12
	exifMark = "Exif\x00\x00"
)

// exifOfJPEG returns the TIFF structure of the first APP1 segment that is one of EXIF, before the first scan.
func exifOfJPEG(file []byte) []byte {
	for rest := file[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		marker := rest[1]
		if marker == 0xff { // fill
			rest = rest[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(rest[2:]))
		if marker == 0xda || marker == 0xd9 || size < 2 || len(rest) < 2+size {
			return nil
		}
		if tiff, found := bytes.CutPrefix(rest[4:2+size], []byte(exifMark)); found && marker == 0xe1 {
			return tiff
		}
		rest = rest[2+size:]
	}
	return nil
}

// exifOfPNG returns the content of the chunk eXIf.
func exifOfPNG(file []byte) []byte {
	for rest := file[len(pngMagic):]; len(rest) >= 12; {
		size := uint64(binary.BigEndian.Uint32(rest))
		if size+12 > uint64(len(rest)) {
			return nil
		}
		if string(rest[4:8]) == "eXIf" {
			return rest[8 : 8+size]
		}
		rest = rest[12+size:]
	}
	return nil
}

// exifOfWebP returns the content of the chunk EXIF, without the mark that some writers put before it.
func exifOfWebP(file []byte) []byte {
	for rest := file[webpHead:]; len(rest) >= 8; {
		size := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if size+8 > uint64(len(rest)) {
			return nil
		}
		if string(rest[:4]) == "EXIF" {
			return bytes.TrimPrefix(rest[8:8+size], []byte(exifMark))
		}
		rest = rest[min(8+size+size%2, uint64(len(rest))):]
	}
	return nil
}

const (
	tagOrientation = 0x0112
	tiffShort      = 3
)

// orientation returns that of a TIFF structure, from 1 to 8. Where there is none, or what is there is none, it is 1.
func orientation(tiff []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(tiff, []byte("MM\x00\x2a")):
		order = binary.BigEndian
	case !bytes.HasPrefix(tiff, []byte("II\x2a\x00")):
		return 1
	}
	if len(tiff) < 8 {
		return 1
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for n := order.Uint16(tiff[at:]); n > 0 && len(entries) >= 12; n-- {
		if order.Uint16(entries) == tagOrientation {
			value := order.Uint16(entries[8:])
			if order.Uint16(entries[2:]) != tiffShort || order.Uint32(entries[4:]) != 1 || value < 1 || value > 8 {
				return 1
			}
			return int(value)
		}
		entries = entries[12:]
	}
	return 1
}
