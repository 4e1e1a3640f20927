package storage

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zhenni"
)

// tally says how many records a place holds and what they add up to: the sum of their digests, in two lanes modulo
// 2⁶⁴, whatever their order. A difference of two tallies is one as well, with its count modulo 2³².
type tally struct {
	records uint32
	digest  [2]uint64
}

func (t *tally) add(o tally) {
	t.records += o.records
	t.digest[0] += o.digest[0]
	t.digest[1] += o.digest[1]
}

func (t *tally) subtract(o tally) {
	t.records -= o.records
	t.digest[0] -= o.digest[0]
	t.digest[1] -= o.digest[1]
}

// restPlace is where tenant keys and relying parties are tallied, behind the slots of the credentials. The records of
// [prefixMeta] are tallied nowhere: they change with every commit and say themselves which it is.
const (
	restPlace = zhenni.Slots
	places    = zhenni.Slots + 1
)

// tallies is one tally for each slot, and one for the rest.
type tallies [places]tally

// placed is the tally of one place, or what is to be added to it.
type placed struct {
	place uint16
	tally
}

// add adds each of all to its place.
func (t *tallies) add(all []placed) {
	for _, p := range all {
		t[p.place].add(p.tally)
	}
}

// list returns the tallies that are not zero, in order of place.
func (t *tallies) list() []placed {
	var all []placed
	for place, sum := range t {
		if sum != (tally{}) {
			all = append(all, placed{uint16(place), sum})
		}
	}
	return all
}

// slotOf is the place of a record: its slot, or restPlace.
func slotOf(key []byte) int {
	if key[0] != prefixCredential || len(key) < 3 {
		return restPlace
	}
	return int(binary.BigEndian.Uint16(key[1:]) >> 2)
}

// placedSize is the length of place u16 | records u32 | digest u64, u64.
const placedSize = 2 + 4 + 8 + 8

// appendPlaced writes a list as its length u32 and its members.
func appendPlaced(dst []byte, all []placed) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(all)))
	for _, p := range all {
		dst = binary.LittleEndian.AppendUint16(dst, p.place)
		dst = binary.LittleEndian.AppendUint32(dst, p.records)
		dst = binary.LittleEndian.AppendUint64(dst, p.digest[0])
		dst = binary.LittleEndian.AppendUint64(dst, p.digest[1])
	}
	return dst
}

// placedLength returns how many bytes follow the length of a list: [zhenni.ErrCorrupt] for one of more members than
// there are places.
func placedLength(head []byte) (int, error) {
	n := binary.LittleEndian.Uint32(head)
	if n > places {
		return 0, fmt.Errorf("%w: tallies of %d places", zhenni.ErrCorrupt, n)
	}
	return int(n) * placedSize, nil
}

// decodePlaced reads a list and returns what follows it. The places ascend.
func decodePlaced(b []byte) (all []placed, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("%w: tallies are cut short", zhenni.ErrCorrupt)
	}
	size, err := placedLength(b)
	if err != nil {
		return nil, nil, err
	}
	if b = b[4:]; len(b) < size {
		return nil, nil, fmt.Errorf("%w: tallies are cut short", zhenni.ErrCorrupt)
	}
	all = make([]placed, 0, size/placedSize)
	for next := 0; len(all) < cap(all); b = b[placedSize:] {
		place := binary.LittleEndian.Uint16(b)
		if int(place) < next || place >= places {
			return nil, nil, fmt.Errorf("%w: tallies out of order", zhenni.ErrCorrupt)
		}
		next = int(place) + 1
		all = append(all, placed{place, tally{
			binary.LittleEndian.Uint32(b[2:]),
			[2]uint64{binary.LittleEndian.Uint64(b[6:]), binary.LittleEndian.Uint64(b[14:])},
		}})
	}
	return all, b, nil
}

// digester digests records, as drawn in the package documentation. It is used by one goroutine; a copy is another's.
type digester struct {
	block  cipher.Block
	other  []byte // key of the digests that are no credential's
	factor zhenni.Factor
	// status and template are the state behind the first block, which says what the record is.
	status, template [aes.BlockSize]byte
	state            [aes.BlockSize]byte
}

func newDigester(keys storeKeys, factor zhenni.Factor) (digester, error) {
	block, err := aes.NewCipher(keys.digest)
	if err != nil {
		return digester{}, fmt.Errorf("storage: %w", err)
	}
	d := digester{block: block, other: keys.other, factor: factor}
	block.Encrypt(d.status[:], append([]byte{kindStatus}, make([]byte, aes.BlockSize-1)...))
	block.Encrypt(d.template[:], append([]byte{kindTemplate, byte(factor)}, make([]byte, aes.BlockSize-2)...))
	return d, nil
}

// one returns the tally of one record and its place; a record of [prefixMeta] has none.
func (d *digester) one(key, value []byte) (place int, t tally) {
	if key[0] == prefixMeta {
		return restPlace, tally{}
	}
	place = slotOf(key)
	_, kind, ok := parseCredentialKey(key, d.factor)
	if !ok || len(value) < tagSize {
		return place, d.any(key, value)
	}
	d.state = d.status
	if kind == kindTemplate {
		d.state = d.template
	}
	d.mix(key[1:idEnd])
	d.mix(value[len(value)-tagSize:])
	return place, tally{1, [2]uint64{binary.LittleEndian.Uint64(d.state[:]), binary.LittleEndian.Uint64(d.state[8:])}}
}

// mix takes the next block of CBC-MAC.
func (d *digester) mix(b []byte) {
	for i := range d.state {
		d.state[i] ^= b[i]
	}
	d.block.Encrypt(d.state[:], d.state[:])
}

// any is for records whose last bytes are no tag.
func (d *digester) any(key, value []byte) tally {
	mac := hmac.New(sha256.New, d.other)
	mac.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(key))))
	mac.Write(key)
	mac.Write(value)
	sum := mac.Sum(nil)
	return tally{1, [2]uint64{binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])}}
}

// count adds a record to its place.
func (d *digester) count(to *tallies, key, value []byte) {
	place, t := d.one(key, value)
	to[place].add(t)
}
