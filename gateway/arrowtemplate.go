package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// The answers to verification streams differ in their rows, their transaction id and little else, and making one with
// the library takes longer than decoding a request. So the library writes one answer of each shape when the server is
// made, and answering copies it, with other numbers in the few places that depend on the rows.

// A streamShape is what decides the bytes of an answer's metadata.
type streamShape struct {
	item       columnKind // columnText, columnNumber or 0
	evaluation bool
}

// A streamTemplate is an answer of one row, cut at its record batch. It is read-only.
type streamTemplate struct {
	head        []byte // schema and dictionaries
	transaction int    // in head: the transaction id, 64 bytes behind their length
	batch       []byte // the record batch without its body
	// In batch: the body's length, the number of rows, and the first of the (rows, nulls) and (offset, length) pairs.
	bodyLength, rows, nodes, buffers int
}

// endMarker ends a stream.
var endMarker = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

const maxNameBytes = 64

// makeTemplates makes the answers of a profile, by their shapes.
func makeTemplates(profile zhenni.Profile) (streams map[streamShape]*streamTemplate, err error) {
	streams = map[streamShape]*streamTemplate{}
	for _, item := range []columnKind{0, columnText, columnNumber} {
		for _, evaluation := range []bool{false, true} {
			shape := streamShape{item, evaluation}
			if streams[shape], err = makeTemplate(profile, shape); err != nil {
				return nil, err
			}
		}
	}
	return streams, nil
}

// sampleAnswer has the library write an answer of one row.
func sampleAnswer(profile zhenni.Profile, shape streamShape) ([]byte, error) {
	part := rows{count: 1}
	switch shape.item {
	case columnText:
		part.items = texts{[]int32{0, 1}, []byte("x")}
	case columnNumber:
		part.itemNumbers = make([]byte, 8)
	}
	schema := answerSchema(profile, shape.item, strings.Repeat("x", maxNameBytes), shape.evaluation)
	columns := append(itemColumn(part), outcomeColumns(make([]byte, 3), []zhenni.Outcome{firstReason})...)
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(schema))
	err := errors.Join(w.Write(array.NewRecordBatch(schema, columns, 1)), w.Close())
	return b.Bytes(), err
}

// makeTemplate finds in the library's answer the places that [Server.writeStream] fills in.
func makeTemplate(profile zhenni.Profile, shape streamShape) (*streamTemplate, error) {
	sample, err := sampleAnswer(profile, shape)
	if err != nil {
		return nil, err
	}
	t := &streamTemplate{}
	for at := 0; ; {
		m, next, err := readMessage(sample, at)
		if err != nil {
			return nil, err
		}
		base := at + 8 // of the metadata in the sample
		switch m.kind {
		case headerSchema:
			t.transaction = base + transactionPlace(&m)
		case headerRecordBatch:
			t.head, t.batch = sample[:at], sample[at:next-len(m.body)]
			t.bodyLength = 8 + m.meta.slot(m.meta.follow(0), 3)
			t.rows = 8 + m.meta.slot(m.header, 0)
			nodes, _ := m.meta.vector(m.header, 1, 16)
			buffers, _ := m.meta.vector(m.header, 2, 16)
			t.nodes, t.buffers = 8+nodes, 8+buffers
			return t, nil
		}
		at = next
	}
}

// transactionPlace returns where the schema's metadata has the transaction id.
func transactionPlace(m *message) int {
	first, n := m.meta.vector(m.header, 2, 4)
	for i := range n {
		pair := m.meta.follow(first + 4*i)
		if m.meta.text(pair, 0) == transactionKey {
			return m.meta.table(pair, 1)
		}
	}
	return 0
}

// writeStream answers with one record batch for each that came.
func (s *Server) writeStream(rq *request, t *streamTemplate, in *stream, outcomes []zhenni.Outcome) {
	rq.setResult()
	rq.ctx.Response.Header.SetContentType(mediaArrow)
	dst := rq.lease.take(t.bound(in))[:0]
	dst = t.appendHead(dst, rq.transaction)
	for _, part := range in.parts {
		dst = t.appendBatch(dst, part, outcomes[:part.count])
		outcomes = outcomes[part.count:]
	}
	rq.ctx.Response.AppendBody(append(dst, endMarker...))
}

// bound is no less than the size of the answer.
func (t *streamTemplate) bound(in *stream) int {
	const perBatch = 7 * 8 // padding
	size := len(t.head) + len(endMarker)
	for _, part := range in.parts {
		size += len(t.batch) + perBatch + 3*part.count + len(part.itemNumbers) + 4*len(part.items.offsets) + len(part.items.data)
	}
	return size
}

// appendHead writes the schema with the transaction id in place, a FlatBuffers string: length, bytes, zeros.
func (t *streamTemplate) appendHead(dst []byte, transaction string) []byte {
	dst = append(dst, t.head...)
	place := dst[t.transaction:][:4+maxNameBytes]
	clear(place)
	binary.LittleEndian.PutUint32(place, uint32(len(transaction)))
	copy(place[4:], transaction)
	return dst
}

// appendBatch writes one record batch: the item column as it came, one byte an outcome, one byte and one bit a reason.
func (t *streamTemplate) appendBatch(dst []byte, part rows, outcomes []zhenni.Outcome) []byte {
	w := batchWriter{template: t, start: len(dst), count: len(outcomes)}
	w.dst = append(dst, t.batch...)
	w.body = len(w.dst)
	switch {
	case part.itemNumbers != nil:
		w.array(0, nil, part.itemNumbers)
	case part.items.offsets != nil:
		w.array(0, nil, int32Bytes(part.items.offsets), part.items.data)
	}
	w.array(0, nil)
	w.outcomes(outcomes, &verdictIndex)
	nulls := w.validity(outcomes)
	w.outcomes(outcomes, &reasonIndex)
	w.node(nulls)
	binary.LittleEndian.PutUint64(w.dst[w.start+t.bodyLength:], uint64(len(w.dst)-w.body))
	binary.LittleEndian.PutUint64(w.dst[w.start+t.rows:], uint64(w.count))
	return w.dst
}

// A batchWriter appends the buffers of one record batch to dst and fills in the pairs that describe them.
type batchWriter struct {
	template       *streamTemplate
	dst            []byte
	start, body    int // of the message and of its body in dst
	count          int
	nodes, buffers int // filled in so far
}

// array fills in a node and copies its buffers; further buffers may follow.
func (w *batchWriter) array(nulls int, buffers ...[]byte) {
	w.node(nulls)
	for _, b := range buffers {
		from := len(w.dst)
		w.dst = append(w.dst, b...)
		w.buffer(from)
	}
}

func (w *batchWriter) node(nulls int) {
	at := w.start + w.template.nodes + 16*w.nodes
	w.nodes++
	binary.LittleEndian.PutUint64(w.dst[at:], uint64(w.count))
	binary.LittleEndian.PutUint64(w.dst[at+8:], uint64(nulls))
}

// buffer fills in the buffer that dst holds from a position on, and pads it to eight bytes.
func (w *batchWriter) buffer(from int) {
	at := w.start + w.template.buffers + 16*w.buffers
	w.buffers++
	binary.LittleEndian.PutUint64(w.dst[at:], uint64(from-w.body))
	binary.LittleEndian.PutUint64(w.dst[at+8:], uint64(len(w.dst)-from))
	for (len(w.dst)-w.body)%8 != 0 {
		w.dst = append(w.dst, 0)
	}
}

func (w *batchWriter) outcomes(outcomes []zhenni.Outcome, index *[256]byte) {
	from := len(w.dst)
	w.dst = w.dst[:from+len(outcomes)]
	words := w.dst[from:]
	for i, o := range outcomes {
		words[i] = index[o]
	}
	w.buffer(from)
}

// validity writes one bit an outcome, set where it has a reason, and returns how many have none.
func (w *batchWriter) validity(outcomes []zhenni.Outcome) (nulls int) {
	from := len(w.dst)
	w.dst = w.dst[:from+(len(outcomes)+7)/8]
	valid := w.dst[from:]
	nulls = len(outcomes)
	for i := range valid {
		var bits byte
		for j, o := range outcomes[8*i : min(8*i+8, len(outcomes))] {
			bits |= hasReason[o] << j
			nulls -= int(hasReason[o])
		}
		valid[i] = bits
	}
	w.buffer(from)
	return nulls
}
