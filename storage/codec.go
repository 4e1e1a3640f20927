package storage

import (
	"encoding/binary"
	"fmt"
	"time"

	"zhenni"
)

// The plaintext bodies of records, drawn in the package documentation. Integers are little-endian: keys sort, bodies
// do not.

const (
	timeSize         = 8 + 4
	statusSize       = 1 + 1 + 4 + 2*timeSize
	templateHeadSize = 2 + 4
	waterSize        = 8 + 8
)

func appendTime(dst []byte, t time.Time) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Unix()))
	return binary.LittleEndian.AppendUint32(dst, uint32(t.Nanosecond()))
}

func decodeTime(b []byte) (time.Time, error) {
	nanos := binary.LittleEndian.Uint32(b[8:])
	if nanos >= 1e9 {
		return time.Time{}, fmt.Errorf("%w: time with %d nanoseconds", zhenni.ErrCorrupt, nanos)
	}
	return time.Unix(int64(binary.LittleEndian.Uint64(b)), int64(nanos)).UTC(), nil
}

// status is the body of a status record with what its header says.
type status struct {
	zhenni.Credential
	// template is the generation of the template that belongs to this status.
	template zhenni.Generation
	// form is the version of the record, where it is not the first.
	form byte
	// place is that of the template's key in the key file, sealed what is known of the person under a key made of it.
	place  uint64
	sealed sealedPerson
	// device is the encoded form of Device in a record of version 2. Reading it costs more than all else of a record, so
	// that Device is set by [Store.person] alone.
	device [zhenni.PublicKeySize]byte
}

func (s status) appendBody(dst []byte) []byte {
	dst = append(dst, byte(s.Status), byte(s.Level))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s.template))
	return s.appendLife(appendTime(appendTime(dst, s.EnrolledAt), s.ChangedAt))
}

func decodeStatus(id zhenni.CredentialID, h header, body []byte) (status, error) {
	if len(body) < statusSize {
		return status{}, fmt.Errorf("%w: status of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	s := status{
		Credential: zhenni.Credential{
			ID: id, Tenant: h.tenant, Generation: h.generation,
			Status: zhenni.Status(body[0]), Level: zhenni.Level(body[1]),
		},
		template: zhenni.Generation(binary.LittleEndian.Uint32(body[2:])),
	}
	if !knownStatus(s.Status) || !knownLevel(s.Level) || s.template < 1 || s.template > s.Generation {
		return status{}, fmt.Errorf("%w: status out of range", zhenni.ErrCorrupt)
	}
	var err error
	if s.EnrolledAt, err = decodeTime(body[6:]); err != nil {
		return status{}, err
	}
	if s.ChangedAt, err = decodeTime(body[6+timeSize:]); err != nil {
		return status{}, err
	}
	return s, s.decodeLife(body[statusSize:])
}

func knownStatus(s zhenni.Status) bool {
	return s >= zhenni.StatusActive && s <= zhenni.StatusErased
}

func knownLevel(l zhenni.Level) bool { return l == zhenni.LevelLite || l == zhenni.LevelFull }

func appendTemplate(dst []byte, row []int8, norm int32) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(row)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(norm))
	for _, x := range row {
		dst = append(dst, byte(x))
	}
	return dst
}

// decodeTemplate writes the row to row, whose length the body must have, and returns its norm. That the norm is the
// row's is left to the seal here and recomputed by [Store.Check].
func decodeTemplate(row []int8, body []byte) (norm int32, err error) {
	if len(body) != templateHeadSize+len(row) || int(binary.LittleEndian.Uint16(body)) != len(row) {
		return 0, fmt.Errorf("%w: template of %d bytes for dimension %d", zhenni.ErrCorrupt, len(body), len(row))
	}
	n := binary.LittleEndian.Uint32(body[2:])
	if n < 1 || n > uint32(len(row))*127*127 {
		return 0, fmt.Errorf("%w: template norm out of range", zhenni.ErrCorrupt)
	}
	for i, x := range body[templateHeadSize:] {
		row[i] = int8(x)
	}
	return int32(n), nil
}

// sumSquares returns Σ row[i]² and whether every element is in [-127, 127].
func sumSquares(row []int8) (sum int32, symmetric bool) {
	symmetric = true
	for _, x := range row {
		sum += int32(x) * int32(x)
		symmetric = symmetric && x != -128
	}
	return sum, symmetric
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// water is how far the store has come: the commits made and the credentials they left.
type water struct {
	sequence    uint64
	credentials int64
}

func (w water) appendBody(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, w.sequence)
	return binary.LittleEndian.AppendUint64(dst, uint64(w.credentials))
}

func decodeWater(body []byte) (water, error) {
	if len(body) != waterSize {
		return water{}, fmt.Errorf("%w: high-water record of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	w := water{binary.LittleEndian.Uint64(body), int64(binary.LittleEndian.Uint64(body[8:]))}
	if w.credentials < 0 {
		return water{}, fmt.Errorf("%w: negative count of credentials", zhenni.ErrCorrupt)
	}
	return w, nil
}
