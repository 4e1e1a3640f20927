package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	flatbuffers "github.com/google/flatbuffers/go"

	"zhenni"
)

// answerForm reads the outcomes of bulk answers, and is the form of the latest of one record batch that the library read. Answers to
// requests of one size differ in their transaction and in the rows, and the library takes longer to read one than a server to verify
// its items: so what it read once is not read again, where all bytes but those of transaction and rows are the same. The
// zero value knows no form.
type answerForm struct {
	head []byte // up to the record batch
	// transaction is where the id is in head, and ends.
	transaction [2]int
	batch       []byte // the metadata of the record batch, with its framing
	tail        []byte // behind its rows
	body, rows  int    // bytes of the record batch's body, items
	// verdictsAt and reasonsAt are where the index columns begin in the body.
	verdictsAt, reasonsAt int
	verdicts              []zhenni.Outcome // by index; a refusal is known by its reason
	refusals              []zhenni.Outcome
}

// outcomes appends one outcome for each item, in order, to dst.
func (f *answerForm) outcomes(dst []zhenni.Outcome, answer []byte) ([]zhenni.Outcome, error) {
	if rows := f.rowsOf(answer); rows != nil {
		return f.append(dst, rows), nil
	}
	*f = answerForm{}
	return f.read(dst, answer)
}

// read has the library read an answer, and learns its form.
func (f *answerForm) read(dst []zhenni.Outcome, answer []byte) (_ []zhenni.Outcome, err error) {
	defer func() {
		if cause := recover(); cause != nil { // the library does so over lengths that contradict each other
			err = fmt.Errorf("%w: %v", ErrAnswer, cause)
		}
	}()
	reader, err := ipc.NewReader(bytes.NewReader(answer))
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	defer reader.Release()
	outcomeColumn, reasonColumn := reader.Schema().FieldIndices("outcome"), reader.Schema().FieldIndices("reason")
	if len(outcomeColumn) != 1 || len(reasonColumn) != 1 {
		return dst, fmt.Errorf("%w: no columns outcome and reason", ErrAnswer)
	}
	for reader.Next() {
		record := reader.RecordBatch()
		verdicts, ok := record.Column(outcomeColumn[0]).(*array.Dictionary)
		reasons, also := record.Column(reasonColumn[0]).(*array.Dictionary)
		if !ok || !also {
			return dst, fmt.Errorf("%w: outcome or reason is no dictionary", ErrAnswer)
		}
		f.translate(verdicts, reasons)
		for i := range verdicts.Len() {
			dst = append(dst, f.outcome(verdicts.GetValueIndex(i), reasons.GetValueIndex(i)))
		}
	}
	if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return dst, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	f.learn(reader.Schema(), outcomeColumn[0], reasonColumn[0], answer)
	return dst, nil
}

// translate notes what the indexes of the dictionaries mean. A verdict of refused is [zhenni.RefusedInternal] until its reason
// is known.
func (f *answerForm) translate(verdicts, reasons *array.Dictionary) {
	f.verdicts, f.refusals = nil, nil
	for i := range verdicts.Dictionary().Len() {
		f.verdicts = append(f.verdicts, outcomeOf(verdicts.Dictionary().ValueStr(i), ""))
	}
	for i := range reasons.Dictionary().Len() {
		f.refusals = append(f.refusals, outcomeOf("refused", reasons.Dictionary().ValueStr(i)))
	}
}

// outcome is that of two indexes. Whatever is not known is a refusal.
func (f *answerForm) outcome(verdict, reason int) zhenni.Outcome {
	if uint(verdict) < uint(len(f.verdicts)) && f.verdicts[verdict] != zhenni.RefusedInternal {
		return f.verdicts[verdict]
	}
	if uint(reason) < uint(len(f.refusals)) {
		return f.refusals[reason]
	}
	return zhenni.RefusedInternal
}

// learn notes the form of an answer that the library read. Where it has not one record batch, or indexes of more than a byte,
// nothing is noted.
func (f *answerForm) learn(schema *arrow.Schema, outcomeColumn, reasonColumn int, answer []byte) {
	const headerRecordBatch = 3
	head := 0
	var meta, body []byte
	for rest := answer; ; {
		size, header, ok := frame(rest)
		if !ok {
			return
		}
		meta, body, rest = rest[:size-int(header.body)], rest[size-int(header.body):size], rest[size:]
		if header.kind == headerRecordBatch {
			f.tail = bytes.Clone(rest)
			var starts [2]int
			f.rows, starts = header.place(schema, outcomeColumn, reasonColumn)
			f.verdictsAt, f.reasonsAt = starts[0], starts[1]
			break
		}
		head += size
	}
	if f.rows == 0 || len(f.tail) > 8 { // only the end of the stream follows
		return
	}
	f.head, f.batch, f.body = bytes.Clone(answer[:head]), bytes.Clone(meta), len(body)
	metadata := schema.Metadata()
	if id, ok := metadata.GetValue("transaction"); ok {
		if at := bytes.Index(f.head, []byte(id)); at >= 0 {
			f.transaction = [2]int{at, at + len(id)}
		}
	}
}

// rowsOf returns the body of the record batch of an answer that has the form, or nil.
func (f *answerForm) rowsOf(answer []byte) []byte {
	from, to := f.transaction[0], f.transaction[1]
	body := len(f.head) + len(f.batch)
	if f.head == nil || len(answer) != body+f.body+len(f.tail) ||
		!bytes.Equal(answer[:from], f.head[:from]) || !bytes.Equal(answer[to:len(f.head)], f.head[to:]) ||
		!bytes.Equal(answer[len(f.head):body], f.batch) || !bytes.Equal(answer[body+f.body:], f.tail) {
		return nil
	}
	return answer[body : body+f.body]
}

// append translates the rows of an answer that has the form.
func (f *answerForm) append(dst []zhenni.Outcome, body []byte) []zhenni.Outcome {
	verdicts, reasons := body[f.verdictsAt:][:f.rows], body[f.reasonsAt:][:f.rows]
	for i, v := range verdicts {
		dst = append(dst, f.outcome(int(v), int(reasons[i])))
	}
	return dst
}

// messageHeader is the metadata of a message of an Arrow IPC stream.
type messageHeader struct {
	kind  byte
	body  int64
	table flatbuffers.Table
}

// frame reads the message at the start of b: the mark of a continuation, the length of the metadata, the metadata, the body.
// The library has read it before.
func frame(b []byte) (size int, header messageHeader, ok bool) {
	if len(b) < 8 || flatbuffers.GetUint32(b) != ^uint32(0) {
		return 0, header, false
	}
	length := int(flatbuffers.GetUint32(b[4:]))
	if length == 0 || length > len(b)-8 {
		return 0, header, false
	}
	message := flatbuffers.Table{Bytes: b[8 : 8+length], Pos: flatbuffers.GetUOffsetT(b[8:])}
	if message.Offset(6) == 0 || message.Offset(8) == 0 {
		return 0, header, false
	}
	header.kind = message.GetByte(message.Pos + flatbuffers.UOffsetT(message.Offset(6)))
	message.Union(&header.table, flatbuffers.UOffsetT(message.Offset(8)))
	if at := message.Offset(10); at != 0 {
		header.body = message.GetInt64(message.Pos + flatbuffers.UOffsetT(at))
	}
	size = 8 + length + int(header.body)
	return size, header, header.body >= 0 && size <= len(b)
}

// place returns the number of rows of a record batch, and where in its body the indexes of two dictionary columns begin; no
// rows where the columns are of another form.
func (h *messageHeader) place(schema *arrow.Schema, columns ...int) (rows int, starts [2]int) {
	length, buffers := h.table.Offset(4), flatbuffers.UOffsetT(h.table.Offset(8))
	if length == 0 || buffers == 0 || h.table.Offset(10) != 0 || h.table.Offset(12) != 0 { // compressed, of views
		return 0, starts
	}
	rows = int(h.table.GetInt64(h.table.Pos + flatbuffers.UOffsetT(length)))
	for i, column := range columns {
		number, ok := indexBuffer(schema, column)
		if !ok || number >= h.table.VectorLen(buffers) {
			return 0, starts
		}
		const pair = 16 // offset i64, length i64
		at := h.table.Vector(buffers) + flatbuffers.UOffsetT(pair*number)
		if h.table.GetInt64(at+8) < int64(rows) {
			return 0, starts
		}
		starts[i] = int(h.table.GetInt64(at))
	}
	return rows, starts
}

// indexBuffer returns which of a record batch's buffers has the indexes of a column, where each is a byte.
func indexBuffer(schema *arrow.Schema, column int) (number int, ok bool) {
	for _, field := range schema.Fields()[:column] {
		if _, nested := field.Type.(arrow.NestedType); nested {
			return 0, false
		}
		number += len(field.Type.Layout().Buffers)
	}
	kind, ok := schema.Field(column).Type.(*arrow.DictionaryType)
	return number + 1, ok && kind.IndexType.ID() == arrow.INT8 // behind the validity
}
