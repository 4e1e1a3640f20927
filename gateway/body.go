package gateway

import (
	"errors"
	"io"
	"math/bits"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"zhenni"

	"github.com/valyala/fasthttp"
)

// Blocks are powers of two from 4 KiB to 128 MiB.
const (
	minBlockShift = 12
	maxBlockShift = 27
)

// A depot keeps blocks of memory between requests and bounds what all requests hold for bodies at once.
type depot struct {
	classes [maxBlockShift - minBlockShift + 1]sync.Pool // of *block
	held    atomic.Int64
	limit   int64
}

// A block is memory aligned to 64 bytes, so that rows of vectors in it can be loaded without crossing a cache line.
type block struct{ bytes []byte }

func (d *depot) take(size int) *block {
	class := max(bits.Len(uint(max(size, 1)-1)), minBlockShift) - minBlockShift
	if b, ok := d.classes[class].Get().(*block); ok {
		return b
	}
	const align = 64
	raw := make([]byte, 1<<(class+minBlockShift)+align)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (align - 1)
	return &block{raw[skip : skip+1<<(class+minBlockShift)]}
}

func (d *depot) put(b *block) {
	class := bits.Len(uint(len(b.bytes)-1)) - minBlockShift
	d.classes[class].Put(b)
}

// leaseBlocks is one more than the most a request takes: a batch of lines with both kinds of probe.
const leaseBlocks = 11

// abandon leaves a block to the garbage collector.
func (d *depot) abandon(b *block) {
	size := int64(len(b.bytes))
	d.held.Add(size)
	runtime.AddCleanup(unsafe.SliceData(b.bytes), func(size int64) { d.held.Add(-size) }, size)
}

// A lease is the memory of one request. It is used by the goroutine that serves the request.
type lease struct {
	depot    *depot
	blocks   [leaseBlocks]*block
	count    int
	reserved int64
	lent     bool // the node may be reading: the blocks can not go back to the depot
}

// take returns size bytes of undefined content.
func (l *lease) take(size int) []byte {
	b := l.depot.take(size)
	l.blocks[l.count] = b
	l.count++
	return b.bytes[:size]
}

// reserve counts size bytes against the bound on all requests: [kindOverloaded].
func (l *lease) reserve(size int64) error {
	l.reserved += size
	if l.depot.held.Add(size) > l.depot.limit {
		return refuse(kindOverloaded, "the memory for bodies is in use")
	}
	return nil
}

// end gives the memory back. What was lent and not returned is left to the garbage collector, which knows when the
// node has let go of it, and stays counted until then.
func (l *lease) end() {
	l.depot.held.Add(-l.reserved)
	for i, b := range l.blocks[:l.count] {
		if l.lent {
			l.depot.abandon(b)
		} else {
			l.depot.put(b)
		}
		l.blocks[i] = nil
	}
	*l = lease{depot: l.depot}
}

// How many times the size of a body reading and decoding it takes.
const (
	documentWeight = 2
	lineWeight     = 3
	streamWeight   = 1
)

// readBody reads the body of the request in hand, once, into the lease, to which it belongs. Of a signed request it returns
// the body that was signed and no other.
func (rq *request) readBody(limit int, weight int64) ([]byte, error) {
	size := rq.ctx.Request.Header.ContentLength()
	if size <= 0 {
		rq.bodyRead = true
		return nil, nil
	}
	if size > limit {
		return nil, refuse(kindTooLarge, "")
	}
	if err := rq.lease.reserve(int64(size) * weight); err != nil {
		return nil, err
	}
	body := rq.lease.take(size)
	if _, err := io.ReadFull(rq.ctx.RequestBodyStream(), body); err != nil {
		return nil, refusalOfRead(err)
	}
	rq.bodyRead = true
	if err := rq.completeProof(body); err != nil {
		return nil, err
	}
	return body, rq.server.stands(rq) // reading may have taken a minute
}

// refusalOfRead tells a body that came too slowly from one that ended early, and both from what fasthttp refuses.
func refusalOfRead(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return refuse(kindTimeout, "")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return refuse(kindTooLarge, "")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return refuse(kindMalformed, "the body ends early")
	default:
		return refuse(kindMalformed, "the request can not be read")
	}
}

// Views of a block as what lies in it. The lengths are multiples of the element; float32 wants 4-byte alignment.

func asIDs(b []byte) []zhenni.CredentialID {
	return unsafe.Slice((*zhenni.CredentialID)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/16)
}

func asOutcomes(b []byte) []zhenni.Outcome {
	return unsafe.Slice((*zhenni.Outcome)(unsafe.Pointer(unsafe.SliceData(b))), len(b))
}

func asInt8(b []byte) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(b))), len(b))
}

func asFloat32(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func asInt32(b []byte) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func int8Bytes(v []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

func float32Bytes(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

func idBytes(v []zhenni.CredentialID) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 16*len(v))
}

func int32Bytes(v []int32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

func asSpans(b []byte) []span {
	return unsafe.Slice((*span)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}

// readDocument reads the body of a request that is a document.
func (s *Server) readDocument(rq *request) ([]byte, error) {
	if !hasMedia(rq, mediaJSON) {
		return nil, refuse(kindMedia, "")
	}
	return rq.readBody(s.config.MaxBodyBytes, documentWeight)
}

// readFields reads a document into fields, of which nothing else is asked of its body.
func (s *Server) readFields(rq *request, fields []field) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	return parseDocument(body, fields)
}

// readAlso reads a document whose one member, also, lists which of two things are asked for too.
func (s *Server) readAlso(rq *request, one, other string) (hasOne, hasOther bool, err error) {
	fields := [1]field{{name: "also", list: true}}
	if err := s.readFields(rq, fields[:]); err != nil {
		return false, false, err
	}
	for _, item := range fields[0].items {
		switch string(item) {
		case one:
			hasOne = true
		case other:
			hasOther = true
		default:
			return false, false, refuse(kindItem, "also has something other than "+one+" and "+other)
		}
	}
	return hasOne, hasOther, nil
}
