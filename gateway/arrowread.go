package gateway

import (
	"encoding/binary"
	"fmt"
	"slices"

	"zhenni"
)

// Numbers of the Arrow IPC format (Schema.fbs and Message.fbs of format version 1.x).
const (
	headerSchema, headerRecordBatch                        = 1, 3
	typeInt, typeFloat, typeUTF8, typeFixedBytes, typeList = 2, 3, 5, 15, 16
	metadataV4, metadataV5                                 = 3, 4
	precisionSingle                                        = 1
)

// Bounds on a stream. The metadata of three columns takes a few hundred bytes.
const (
	maxMetadataBytes = 64 << 10
	maxRecordBatches = 4096
	maxBuffers       = 9 // of a list and two columns of text, each with its validity
)

// A columnKind is what a column of a request holds, with its type.
type columnKind uint8

const (
	columnID      columnKind = iota + 1 // "credential": fixed_size_binary[16]
	columnInt8                          // the vector: fixed_size_binary[d] or fixed_size_list<int8>[d]
	columnFloat32                       // the vector: fixed_size_list<float32>[d]
	columnText                          // "item": utf8
	columnNumber                        // "item": int64
	columnLevel                         // "level": utf8
)

// A column is one column of the schema; list marks a vector that lies in a child array.
type column struct {
	kind columnKind
	list bool
}

// A form is the columns a route takes.
type form struct {
	id, level bool   // whether "credential" must, and "level" may, be there
	vector    string // the name of the vectors
	dim       int
}

// rows are the items of one record batch, pointing into the body of the request. A column that is absent is nil.
type rows struct {
	count        int
	ids          []byte // count × 16
	int8s        []byte // count × dim, or floats is set
	floats       []byte // count × dim × 4
	itemNumbers  []byte // count × 8
	items, level texts
}

// texts is a column of strings: string i is data[offsets[i]:offsets[i+1]].
type texts struct {
	offsets []int32
	data    []byte
}

func (t texts) at(i int) []byte { return t.data[t.offsets[i]:t.offsets[i+1]] }

// A stream is a decoded Arrow IPC stream.
type stream struct {
	columns []column
	parts   []rows
	total   int
}

// item is the kind of the item column, or 0.
func (s *stream) item() columnKind {
	for _, c := range s.columns {
		if c.kind == columnText || c.kind == columnNumber {
			return c.kind
		}
	}
	return 0
}

func badStream(format string, args ...any) error {
	return refuse(kindItem, "arrow: "+fmt.Sprintf(format, args...))
}

// readStream decodes a whole stream, end marker included, without copying a vector: one schema of the form's columns
// in any order, then record batches. There is no dictionary, no compression, no null and no second meaning: every
// buffer is the one of its column, inside the message's body, and overlaps no other. Offsets of labels are rewritten in
// place to begin at zero.
func readStream(body []byte, f form) (*stream, error) {
	s := &stream{}
	for at := 0; ; {
		m, next, err := readMessage(body, at)
		if err != nil {
			return nil, err
		}
		switch {
		case m.header == 0:
			if next != len(body) {
				return nil, badStream("there is data after the end of the stream")
			}
			if s.total < 1 {
				return nil, badStream("the stream has no items")
			}
			return s, nil
		case s.columns == nil:
			err = s.readSchema(&m, f)
		default:
			err = s.readBatch(&m, f)
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
}

// A message is one message of the stream; its zero header is the end marker.
type message struct {
	meta   flat
	kind   uint8
	header int // position of the header table in meta
	body   []byte
}

// readMessage reads the message at a position: continuation marker, length, metadata, body. All begin at multiples of
// eight bytes, as the format demands, which is what makes the vectors aligned.
func readMessage(data []byte, at int) (m message, next int, err error) {
	if at+8 > len(data) || binary.LittleEndian.Uint32(data[at:]) != 0xffffffff {
		return m, 0, badStream("the stream ends without its end marker, or is not of the format since 0.15")
	}
	size := int(binary.LittleEndian.Uint32(data[at+4:]))
	at += 8
	if size == 0 {
		return m, at, nil
	}
	if size > maxMetadataBytes || size%8 != 0 || size > len(data)-at {
		return m, 0, badStream("the length of a message's metadata is out of range")
	}
	m.meta.data = data[at : at+size]
	at += size
	root := m.meta.follow(0)
	version := m.meta.int16Field(root, 0)
	m.kind = m.meta.uint8Field(root, 1)
	m.header = m.meta.table(root, 2)
	length := m.meta.int64Field(root, 3)
	if m.meta.bad || m.header == 0 || version != metadataV4 && version != metadataV5 {
		return m, 0, badStream("a message's metadata is malformed")
	}
	if length < 0 || length%8 != 0 || length > int64(len(data)-at) {
		return m, 0, badStream("the length of a message's body is out of range")
	}
	m.body = data[at : at+int(length)]
	return m, at + int(length), nil
}

func (s *stream) readSchema(m *message, f form) error {
	if m.kind != headerSchema || len(m.body) != 0 {
		return badStream("the stream does not begin with a schema")
	}
	if m.meta.int16Field(m.header, 0) != 0 {
		return badStream("the stream is big-endian")
	}
	first, n := m.meta.vector(m.header, 1, 4)
	if n < 1 || n > 4 {
		return badStream("the schema has %d columns", n)
	}
	names := make([]string, 0, 4)
	for i := range n {
		field := m.meta.follow(first + 4*i)
		name := m.meta.text(field, 0)
		c, ok := f.column(&m.meta, field, name)
		if m.meta.bad {
			return badStream("the schema is malformed")
		}
		if !ok {
			return badStream("column %d of the schema is not one this route takes, or not of its type", i+1)
		}
		if slices.Contains(names, name) {
			return badStream("column %s occurs twice", name)
		}
		names, s.columns = append(names, name), append(s.columns, c)
	}
	if f.id && !slices.Contains(names, "credential") || !slices.Contains(names, f.vector) {
		return badStream("a column this route needs is missing")
	}
	return nil
}

// column says what the field of a schema holds, if it is one of the form.
func (f form) column(meta *flat, field int, name string) (column, bool) {
	if field == 0 || meta.slot(field, 4) != 0 { // a dictionary
		return column{}, false
	}
	kind, typ := meta.uint8Field(field, 2), meta.table(field, 3)
	if typ == 0 {
		return column{}, false
	}
	_, children := meta.vector(field, 5, 4)
	switch {
	case name == f.vector:
		return f.vectorColumn(meta, field, kind, typ)
	case children != 0:
		return column{}, false
	case name == "credential" && f.id:
		return column{kind: columnID}, kind == typeFixedBytes && meta.int32Field(typ, 0) == len(zhenni.CredentialID{})
	case name == "item" && kind == typeInt:
		return column{kind: columnNumber}, meta.int32Field(typ, 0) == 64 && meta.uint8Field(typ, 1) == 1
	case name == "item":
		return column{kind: columnText}, kind == typeUTF8
	case name == "level" && f.level:
		return column{kind: columnLevel}, kind == typeUTF8
	}
	return column{}, false
}

func (f form) vectorColumn(meta *flat, field int, kind uint8, typ int) (column, bool) {
	first, children := meta.vector(field, 5, 4)
	width := meta.int32Field(typ, 0) // byte width, or list size
	if kind == typeFixedBytes {
		return column{kind: columnInt8}, children == 0 && width == f.dim
	}
	if kind != typeList || children != 1 || width != f.dim {
		return column{}, false
	}
	child := meta.follow(first)
	_, grandchildren := meta.vector(child, 5, 4)
	childType := meta.table(child, 3)
	if childType == 0 || grandchildren != 0 || meta.slot(child, 4) != 0 {
		return column{}, false
	}
	switch meta.uint8Field(child, 2) {
	case typeInt:
		return column{columnInt8, true}, meta.int32Field(childType, 0) == 8 && meta.uint8Field(childType, 1) == 1
	case typeFloat:
		return column{columnFloat32, true}, meta.int16Field(childType, 0) == precisionSingle
	}
	return column{}, false
}

func (s *stream) readBatch(m *message, f form) error {
	if m.kind != headerRecordBatch {
		return badStream("there is a message that is neither schema nor record batch")
	}
	if m.meta.slot(m.header, 3) != 0 {
		return badStream("compressed record batches are not taken")
	}
	count := m.meta.int64Field(m.header, 0)
	if count < 0 || count > zhenni.MaxBatchItems-int64(s.total) || len(s.parts) == maxRecordBatches {
		return refuse(kindTooLarge, "arrow: too many items or record batches in one request")
	}
	r := bufferReader{message: m, count: int(count)}
	r.firstNode, r.nodes = m.meta.vector(m.header, 1, 16)
	r.firstBuffer, r.buffers = m.meta.vector(m.header, 2, 16)
	part := rows{count: int(count)}
	for _, c := range s.columns {
		r.column(c, f.dim, &part)
	}
	if r.nodes != r.node || r.buffers != r.buffer || m.meta.bad {
		r.bad = true
	}
	if r.bad || r.overlap() {
		return badStream("record batch %d has a null, a label that is not one, or a buffer that is not of its column's length and place", len(s.parts)+1)
	}
	if part.count > 0 {
		s.parts = append(s.parts, part)
		s.total += part.count
	}
	return nil
}

// A bufferReader walks the nodes and buffers of one record batch in the order of its columns.
type bufferReader struct {
	*message
	count                  int
	firstNode, nodes, node int
	firstBuffer, buffers   int
	buffer                 int
	used                   [maxBuffers][2]int64
	uses                   int
	bad                    bool
}

func (r *bufferReader) column(c column, dim int, part *rows) {
	r.array(r.count)
	width := dim
	if c.list {
		r.array(r.count * dim)
	}
	switch c.kind {
	case columnID:
		part.ids = r.fixed(r.count * len(zhenni.CredentialID{}))
	case columnInt8:
		part.int8s = r.fixed(r.count * width)
	case columnFloat32:
		part.floats = r.fixed(r.count * width * 4)
	case columnNumber:
		part.itemNumbers = r.fixed(r.count * 8)
	case columnText:
		part.items = r.texts()
	case columnLevel:
		part.level = r.texts()
	}
}

// array takes the node of the next array, which has no nulls and the length given, and passes over its validity.
func (r *bufferReader) array(length int) {
	if r.node >= r.nodes {
		r.bad = true
		return
	}
	at := r.firstNode + 16*r.node
	r.node++
	if r.meta.int64(at) != int64(length) || r.meta.int64(at+8) != 0 {
		r.bad = true
	}
	r.next()
}

// next takes the next buffer.
func (r *bufferReader) next() []byte {
	if r.buffer >= r.buffers {
		r.bad = true
		return nil
	}
	at := r.firstBuffer + 16*r.buffer
	r.buffer++
	offset, length := r.meta.int64(at), r.meta.int64(at+8)
	size := int64(len(r.body))
	if offset < 0 || length < 0 || offset%8 != 0 || offset > size || length > size-offset {
		r.bad = true
		return nil
	}
	if length > 0 {
		r.used[r.uses%len(r.used)] = [2]int64{offset, offset + length}
		r.uses++
	}
	return r.body[offset : offset+length]
}

// fixed takes the next buffer as one of size bytes; what lies behind them is padding.
func (r *bufferReader) fixed(size int) []byte {
	b := r.next()
	if len(b) < size {
		r.bad = true
		return nil
	}
	return b[:size:size]
}

// texts takes the next two buffers as the offsets and the bytes of labels.
func (r *bufferReader) texts() texts {
	raw := r.next()
	data := r.next()
	if r.count == 0 {
		return texts{}
	}
	if len(raw) < 4*(r.count+1) {
		r.bad = true
		return texts{}
	}
	offsets := asInt32(raw[:4*(r.count+1)])
	first := offsets[0]
	last := max(first, 0)
	for _, offset := range offsets {
		if offset < last {
			r.bad = true
			return texts{}
		}
		last = offset
	}
	if int64(last) > int64(len(data)) {
		r.bad = true
		return texts{}
	}
	t := texts{offsets, data[first:last]}
	if first > 0 { // a slice of a longer column: what lies before it is not sent back
		for i := range offsets {
			offsets[i] -= first
		}
	}
	for i := range r.count {
		r.bad = r.bad || !validLabel(t.at(i))
	}
	return t
}

// overlap reports whether two buffers share a byte.
func (r *bufferReader) overlap() bool {
	if r.uses > len(r.used) {
		return true // more buffers than any form's columns have
	}
	used := r.used[:r.uses]
	slices.SortFunc(used, func(a, b [2]int64) int { return int(a[0] - b[0]) })
	for i := 1; i < len(used); i++ {
		if used[i][0] < used[i-1][1] {
			return true
		}
	}
	return false
}
