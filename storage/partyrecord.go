package storage

import (
	"encoding/binary"
	"fmt"
	"time"

	"zhenni"
)

// The first byte of a relying party's body says its form. The first form had nothing behind the name.
const (
	partyRemoved = 1 << 0
	partySecond  = 1 << 1
	partyStopped = 1 << 2 // with the second form only

	partyForms = partyRemoved | partySecond | partyStopped
)

// The second byte says what the party is.
const (
	partyEvaluation = 1 << 0
	partySuspended  = 1 << 1
)

const (
	partyHeadSize = 1 + 1 + 1 + 4 + 32 + timeSize
	maxPartyName  = 200
)

// partyMarks reports whether a record of a form may have the marks. The first form had one.
func partyMarks(form, marks byte) bool {
	return marks <= partyEvaluation || form&partySecond != 0 && marks <= partyEvaluation|partySuspended
}

// party is the body of a relying-party record. A removed one stays as a record of its removal: a key that is deleted
// could come back from an older file, a newer version can not be undone that way.
type party struct {
	zhenni.RelyingParty
	removed bool
	// version counts the writes of this id; it is the generation in the record's header.
	version zhenni.Generation
}

// ownParty returns p as it reads back, in memory of its own.
func ownParty(p zhenni.RelyingParty) zhenni.RelyingParty {
	p.CreatedAt, p.Stopped = normalTime(p.CreatedAt), normalTime(p.Stopped)
	p.Keys = append([]zhenni.PartyKey(nil), p.Keys...)
	for i := range p.Keys {
		p.Keys[i].NotAfter = normalTime(p.Keys[i].NotAfter)
	}
	p.Certificates = append([]zhenni.PartyCertificate(nil), p.Certificates...)
	for i := range p.Certificates {
		p.Certificates[i].NotAfter = normalTime(p.Certificates[i].NotAfter)
	}
	p.Services = append([]string(nil), p.Services...)
	return p
}

func (p party) appendBody(dst []byte) []byte {
	stopped := !p.Stopped.IsZero()
	dst = append(dst, partySecond|bit(p.removed)|partyStopped*bit(stopped), bit(p.Evaluation)|bit(p.Suspended)<<1, byte(p.Roles))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(p.Tenant))
	dst = append(dst, p.KeyHash[:]...)
	dst = appendTime(dst, p.CreatedAt)
	dst = binary.LittleEndian.AppendUint32(dst, p.Quota.PerMinute)
	dst = binary.LittleEndian.AppendUint64(dst, p.Quota.PerDay)
	dst = appendShort(appendShort(dst, p.Name), p.Sector)
	dst = append(dst, byte(len(p.Keys)))
	for _, k := range p.Keys {
		dst = appendTime(k.Public.Append(dst), k.NotAfter)
	}
	dst = append(dst, byte(len(p.Certificates)))
	for _, c := range p.Certificates {
		dst = appendTime(append(dst, c.Hash[:]...), c.NotAfter)
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(p.Services)))
	for _, service := range p.Services {
		dst = appendShort(dst, service)
	}
	if stopped {
		dst = appendTime(dst, p.Stopped)
	}
	return dst
}

// appendShort appends a text of at most 255 bytes.
func appendShort(dst []byte, text string) []byte {
	return append(append(dst, byte(len(text))), text...)
}

func decodeParty(id string, h header, body []byte) (party, error) {
	if len(body) < partyHeadSize || body[0] > partyForms || body[0]&(partySecond|partyStopped) == partyStopped || !partyMarks(body[0], body[1]) {
		return party{}, fmt.Errorf("%w: relying party of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	p := party{removed: body[0]&partyRemoved != 0, version: h.generation}
	p.ID, p.Roles = id, zhenni.Role(body[2])
	p.Evaluation, p.Suspended = body[1]&partyEvaluation != 0, body[1]&partySuspended != 0
	p.Tenant = zhenni.TenantID(binary.LittleEndian.Uint32(body[3:]))
	copy(p.KeyHash[:], body[7:])
	var err error
	if p.CreatedAt, err = decodeTime(body[7+len(p.KeyHash):]); err != nil {
		return party{}, err
	}
	rest := body[partyHeadSize:]
	if body[0]&partySecond != 0 {
		err = p.decodeRest(rest, body[0]&partyStopped != 0)
	} else if p.Name = string(rest); len(rest) > maxPartyName {
		err = fmt.Errorf("%w: relying party of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	if err != nil {
		return party{}, err
	}
	return p, nil
}

// decodeRest reads what the second form has behind its head, and refuses what [zhenni.RelyingParty.Validate] would have
// refused to write.
func (p *party) decodeRest(rest []byte, stopped bool) error {
	in := fieldReader{rest: rest}
	p.Quota.PerMinute = in.uint32()
	p.Quota.PerDay = in.uint64()
	p.Name, p.Sector = in.short(), in.short()
	for range in.count(int(in.uint8()), zhenni.PublicKeySize+timeSize) {
		k := zhenni.PartyKey{Public: in.publicKey(), NotAfter: in.time()}
		p.Keys = append(p.Keys, k)
	}
	for range in.count(int(in.uint8()), len(zhenni.PartyCertificate{}.Hash)+timeSize) {
		var c zhenni.PartyCertificate
		copy(c.Hash[:], in.take(len(c.Hash)))
		c.NotAfter = in.time()
		p.Certificates = append(p.Certificates, c)
	}
	for range in.count(int(in.uint16()), 1) {
		p.Services = append(p.Services, in.short())
	}
	if stopped {
		p.Stopped = in.time()
		if in.broken == nil && p.Stopped.IsZero() {
			in.fail("it is stopped at no time")
		}
	}
	if in.broken == nil && len(in.rest) > 0 {
		in.fail("there is data behind it")
	}
	if in.broken != nil {
		return in.broken
	}
	if err := p.Validate(); err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrCorrupt, err)
	}
	return nil
}

// A fieldReader reads the fields of a body one behind the other. After the first that is not there it is broken, and
// reads zeros.
type fieldReader struct {
	rest   []byte
	broken error
}

func (r *fieldReader) fail(fault string) {
	if r.broken == nil {
		r.broken = fmt.Errorf("%w: relying party: %s", zhenni.ErrCorrupt, fault)
	}
	r.rest = nil
}

var zeros [64]byte

// take returns the next n bytes, n ≤ 64 where the body may end before them.
func (r *fieldReader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail("it ends early")
		return zeros[:min(n, len(zeros))]
	}
	field := r.rest[:n]
	r.rest = r.rest[n:]
	return field
}

// count returns n where the body has room for n fields of a size, else 0.
func (r *fieldReader) count(n, size int) int {
	if n*size > len(r.rest) {
		r.fail("it ends early")
		return 0
	}
	return n
}

func (r *fieldReader) uint8() uint8   { return r.take(1)[0] }
func (r *fieldReader) uint16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }
func (r *fieldReader) uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *fieldReader) uint64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *fieldReader) time() time.Time {
	t, err := decodeTime(r.take(timeSize))
	if err != nil {
		r.fail("a time is out of range")
	}
	return t
}

// short reads a text of at most 255 bytes.
func (r *fieldReader) short() string {
	n := r.count(int(r.uint8()), 1)
	return string(r.take(n))
}

func (r *fieldReader) publicKey() zhenni.PublicKey {
	k, err := zhenni.ParsePublicKey(r.take(zhenni.PublicKeySize))
	if err != nil {
		r.fail("a key is no public key")
	}
	return k
}
