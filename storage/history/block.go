package history

import (
	"crypto/cipher"
	"encoding/binary"

	"zhenni"
)

// The layout of segments, drawn in the package doc. The salt lies at the same place in an index file.
const (
	columnsMagic = "zhenni history columns 1"
	saltAt       = 40
	columnsHead  = saltAt + saltSize
	blockHead    = 16
	blockMagic   = 0x7a684862 // zhHb
	runSize      = 12
	idSize       = len(zhenni.CredentialID{})
	// maxBlock bounds the sealed part of a block: a full fill, whose runs each have one item and an asker of their own.
	maxBlock = 1 << 25
)

// run is what the items of one request have in common. Asker is a number in the dictionary at hand.
type run struct{ asker, second, count uint32 }

// block is the columns that are sealed as one.
type block struct {
	// until is the second up to which everything noted is in this block or an earlier one.
	until    uint32
	askers   []zhenni.Asker
	runs     []run
	ids      []byte // 16 an item
	outcomes []byte // two bits an item
}

func (b *block) len() int { return len(b.ids) / idSize }

// classOf is that of item i.
func (b *block) classOf(i int) class {
	return class(b.outcomes[i/4] >> (i % 4 * classBits) & classMask)
}

func (b *block) id(i int) *zhenni.CredentialID { return (*zhenni.CredentialID)(b.ids[i*idSize:]) }

// decodeBlock reads what was sealed; the columns alias b.
func decodeBlock(b []byte) (*block, error) {
	r := &reader{b: b}
	d := &block{until: r.u32()}
	askers, runs, items := r.u32(), r.u32(), r.u32()
	d.askers = r.askers(askers)
	if uint64(runs)*runSize > uint64(len(r.b)) {
		return nil, corrupt("a block of %d runs in %d bytes", runs, len(r.b))
	}
	d.runs = make([]run, runs)
	total := uint64(0)
	for i := range d.runs {
		d.runs[i] = run{r.u32(), r.u32(), r.u32()}
		total += uint64(d.runs[i].count)
		r.bad = r.bad || d.runs[i].asker >= askers
	}
	if total != uint64(items) || total*uint64(idSize) > uint64(len(r.b)) {
		return nil, corrupt("a block of %d items, %d in its runs", items, total)
	}
	d.ids = r.take(int(items) * idSize)
	d.outcomes = r.take((int(items) + 3) / 4)
	if !r.ended() {
		return nil, corrupt("a block is not of its form")
	}
	return d, nil
}

// appendBlock appends what decodeBlock reads. Outcomes has one byte an item.
func appendBlock(dst []byte, until uint32, askers []zhenni.Asker, runs []run, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) []byte {
	for _, n := range [...]uint32{until, uint32(len(askers)), uint32(len(runs)), uint32(len(ids))} {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	dst = appendAskers(dst, askers)
	for _, r := range runs {
		dst = binary.BigEndian.AppendUint32(dst, r.asker)
		dst = binary.BigEndian.AppendUint32(dst, r.second)
		dst = binary.BigEndian.AppendUint32(dst, r.count)
	}
	for i := range ids {
		dst = append(dst, ids[i][:]...)
	}
	return appendClasses(dst, outcomes)
}

// appendClasses packs outcomes, four a byte.
func appendClasses(dst []byte, outcomes []zhenni.Outcome) []byte {
	for len(outcomes) >= 4 {
		o := outcomes[:4]
		dst = append(dst, byte(classes[o[0]]|classes[o[1]]<<2|classes[o[2]]<<4|classes[o[3]]<<6))
		outcomes = outcomes[4:]
	}
	if len(outcomes) > 0 {
		last := class(0)
		for i, o := range outcomes {
			last |= classes[o] << (i * classBits)
		}
		dst = append(dst, byte(last))
	}
	return dst
}

// sealBlock seals what lies in b behind room for the head of a block, in place.
func sealBlock(aead cipher.AEAD, b []byte, number uint64, offset int64) []byte {
	body := b[blockHead:]
	binary.BigEndian.PutUint32(b, blockMagic)
	binary.BigEndian.PutUint32(b[4:], uint32(len(body)+tagSize))
	binary.BigEndian.PutUint64(b[8:], number)
	nonce := nonceOf(number)
	return aead.Seal(b[:blockHead], nonce[:], body, boundTo(b, offset))
}

// boundTo is the associated data of a block: its head and its place.
func boundTo(b []byte, offset int64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, blockHead+8), b[:blockHead]...), uint64(offset))
}

// blockLength reads how long the sealed part is that follows a head, and false where it is none.
func blockLength(head []byte) (int, bool) {
	n := binary.BigEndian.Uint32(head[4:])
	return int(n), binary.BigEndian.Uint32(head) == blockMagic && n >= tagSize && n <= maxBlock
}

// openBlock opens head and sealed part in place.
func openBlock(aead cipher.AEAD, b []byte, offset int64) (*block, error) {
	nonce := nonceOf(binary.BigEndian.Uint64(b[8:]))
	plain, err := aead.Open(b[blockHead:blockHead], nonce[:], b[blockHead:], boundTo(b, offset))
	if err != nil {
		return nil, corrupt("a block does not open")
	}
	return decodeBlock(plain)
}
