package cold

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"unsafe"

	"zhenni"
)

// Sizes of the format, drawn in the package documentation.
const (
	pageBytes   = 4096
	sectorBytes = 512

	idBytes     = len(zhenni.CredentialID{})
	boundBytes  = idBytes + 4 // id and generation: clear in a record, all of an entry
	randomBytes = 8
	frontBytes  = boundBytes + randomBytes
	headBytes   = 4 + 4 + 1
	tagBytes    = 16

	entryBytes       = boundBytes
	entriesPerSector = 24
	sealedBytes      = entriesPerSector * entryBytes

	keyBytes   = 32
	nonceBytes = 12
)

// A sector is exactly its entries and their seal.
var _ [sectorBytes]byte = [sealedBytes + sha256.Size]byte{}

// layout is where records lie.
type layout struct{ dim, record, perPage int }

func newLayout(dim int) layout {
	record := frontBytes + headBytes + dim + tagBytes
	return layout{dim: dim, record: record, perPage: pageBytes / record}
}

func (l layout) page(place uint32) int64 { return int64(place) / int64(l.perPage) }
func (l layout) inPage(place uint32) int { return int(place) % l.perPage * l.record }
func (l layout) at(place uint32) int64   { return l.page(place)*pageBytes + int64(l.inPage(place)) }

// rowsBytes is the least size of the rows for so many places.
func (l layout) rowsBytes(places uint32) int64 {
	return (int64(places) + int64(l.perPage) - 1) / int64(l.perPage) * pageBytes
}

func sectorOf(place uint32) int64 { return int64(place) / entriesPerSector }

// keys are derived from the key of the tier; each has one use. They are safe for concurrent use.
type keys struct {
	rows                cipher.AEAD
	ids, mark, manifest []byte
	model               string
}

func deriveKeys(tierKey []byte, model string) (keys, error) {
	k := keys{model: model}
	var rows []byte
	for info, dst := range map[string]*[]byte{"rows": &rows, "ids": &k.ids, "mark": &k.mark, "manifest": &k.manifest} {
		derived, err := hkdf.Expand(sha256.New, tierKey, "zhenni cold 1 "+info, keyBytes)
		if err != nil {
			return k, fmt.Errorf("cold: %w", err)
		}
		*dst = derived
	}
	var err error
	k.rows, err = newGCM(rows)
	return k, err
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cold: %w", err)
	}
	return cipher.NewGCM(block)
}

// opener is the memory that opening and sealing records needs. It is used by one goroutine.
type opener struct {
	nonce      [nonceBytes]byte
	associated []byte
}

// bind sets nonce and associated data of the record with that front at a place.
func (o *opener) bind(k *keys, place uint32, front []byte) {
	binary.LittleEndian.PutUint32(o.nonce[:], place)
	copy(o.nonce[4:], front[boundBytes:frontBytes])
	o.associated = append(o.associated[:0], k.model...)
	o.associated = binary.LittleEndian.AppendUint32(o.associated, place)
	o.associated = append(o.associated, front[:boundBytes]...)
}

// seal appends the record of r at a place. The random bytes are new for every record.
func (o *opener) seal(dst []byte, k *keys, place uint32, r *zhenni.Reference, random []byte) []byte {
	from := len(dst)
	dst = append(appendEntry(dst, &r.ID, r.Generation), random[:randomBytes]...)
	o.bind(k, place, dst[from:])
	body := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.Tenant))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.Norm))
	dst = append(dst, byte(r.Status)|byte(r.Level)<<levelShift)
	dst = append(dst, unsigned(r.Row)...)
	return k.rows.Seal(dst[:body], o.nonce[:], dst[body:], o.associated)
}

// levelShift is where the level begins in the byte of the status; records of before there were levels have 0.
const levelShift = 4

// open decrypts a record where it lies and writes what it holds to r and r.Row, which has its dimension. What was
// decrypted is cleared. It does not allocate.
func (o *opener) open(k *keys, place uint32, record []byte, r *zhenni.Reference) error {
	o.bind(k, place, record)
	sealed := record[frontBytes:]
	body, err := k.rows.Open(sealed[:0], o.nonce[:], sealed, o.associated)
	if err != nil {
		return errUnsealed
	}
	defer clear(body)
	r.ID = zhenni.CredentialID(record[:idBytes])
	r.Generation = generationOf(record)
	r.Tenant = zhenni.TenantID(binary.LittleEndian.Uint32(body))
	r.Norm = int32(binary.LittleEndian.Uint32(body[4:]))
	r.Status, r.Level = zhenni.Status(body[8]&(1<<levelShift-1)), zhenni.Level(body[8]>>levelShift)
	copy(unsigned(r.Row), body[headBytes:])
	return nil
}

var errUnsealed = fmt.Errorf("%w: a cold record fails its seal", zhenni.ErrCorrupt)

// unsigned is the memory of a row as bytes.
func unsigned(row []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), len(row))
}

func appendEntry(dst []byte, id *zhenni.CredentialID, generation zhenni.Generation) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, id[:]...), uint32(generation))
}

// generationOf reads the generation of an entry, or of the front of a record.
func generationOf(entry []byte) zhenni.Generation {
	return zhenni.Generation(binary.LittleEndian.Uint32(entry[idBytes:]))
}

// sector is [entriesPerSector] entries of the ids and their seal, as they lie in the file. A sector that was never
// written is zeros.
type sector [sectorBytes]byte

func (s *sector) entry(i int) []byte { return s[i*entryBytes:][:entryBytes] }

func (s *sector) mac(k *keys, number int64) []byte {
	mac := hmac.New(sha256.New, k.ids)
	mac.Write(binary.LittleEndian.AppendUint64(nil, uint64(number)))
	mac.Write(s[:sealedBytes])
	return mac.Sum(nil)
}

func (s *sector) seal(k *keys, number int64) { copy(s[sealedBytes:], s.mac(k, number)) }

// check reports whether the sector is what was written as that number.
func (s *sector) check(k *keys, number int64) error {
	if bytes.Equal(s[:], make([]byte, sectorBytes)) || hmac.Equal(s.mac(k, number), s[sealedBytes:]) {
		return nil
	}
	return fmt.Errorf("%w: cold ids, sector %d, fail their seal", zhenni.ErrCorrupt, number)
}

// DiskBytes is about what a tier of so many records takes on disk.
func DiskBytes(dim int, records int64) int64 {
	l := newLayout(dim)
	pages, sectors := records/int64(l.perPage)+1, records/entriesPerSector+1
	return pages*pageBytes + sectors*sectorBytes
}
