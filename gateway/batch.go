package gateway

import (
	"bytes"
	"strconv"
	"time"

	"zhenni"
)

// The media types of requests, and of the answers to them.
const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
	mediaArrow  = "application/vnd.apache.arrow.stream"

	mediaProblem = "application/problem+json"
)

// hasMedia reports whether the request's content type is the one given; a charset of UTF-8 may be named beside it.
func hasMedia(rq *request, media string) bool {
	given := string(rq.ctx.Request.Header.ContentType())
	return given == media || given == media+"; charset=utf-8"
}

// verifyMany is POST /v1/verification-batches: many items in, one outcome for each in the same order and format. An
// item that can not be read is refused alone; a stream that can not be read is refused whole.
func (s *Server) verifyMany(rq *request) error {
	if err := rq.takeHeadTerms(); err != nil {
		return err
	}
	switch {
	case hasMedia(rq, mediaArrow):
		return s.verifyStream(rq)
	case hasMedia(rq, mediaNDJSON):
		return s.verifyLines(rq)
	}
	return refuse(kindMedia, "")
}

// maxLabelBytes bounds an item label, which is visible ASCII: it is a key of the client's own, echoed as it came.
const maxLabelBytes = 64

func validLabel(label []byte) bool {
	for _, c := range label {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return len(label) <= maxLabelBytes
}

// A span is a part of the request's body; the zero span is none.
type span struct{ from, to uint32 }

// lineBatch is a decoded batch of lines.
type lineBatch struct {
	body     []byte
	ids      []zhenni.CredentialID // one a line, zero where it has none; for the ledger
	outcomes []zhenni.Outcome      // one a line; Pending for those in a part
	labels   []span                // one a line: its item, unescaped
	parts    [2]linePart           // probes in int8, probes in float32
}

// A linePart gathers the readable lines of one kind of probe.
type linePart struct {
	batch     *zhenni.Batch
	probes    []byte // room for every probe the body can hold
	positions []int32
	count     int
}

const (
	lineItem = iota
	lineCredential
	lineInt8
	lineFloat32
	lineFields
)

func (s *Server) verifyLines(rq *request) error {
	body, err := rq.readBody(s.config.MaxBatchBytes, lineWeight)
	if err != nil {
		return err
	}
	deadline := s.enter(rq)
	defer s.leave(rq)
	s.digest(rq, mediaNDJSON, body)
	b, err := s.decodeLines(rq, body)
	if err != nil {
		return err
	}
	if err := s.rehearse(rq, b.ids...); err != nil {
		return err
	}
	stored, err := s.begin(rq, len(b.outcomes))
	if err != nil {
		return err
	}
	if stored != nil {
		return s.replayLines(rq, b, stored)
	}
	defer s.drop(rq)
	if err := s.permitAll(rq); err != nil {
		return err
	}
	for i := range b.parts {
		if err := s.verifyPart(rq, b, &b.parts[i], deadline); err != nil {
			return err
		}
	}
	s.yield(rq)
	if err := s.mayBeTold(rq); err != nil {
		return err
	}
	tail := append(s.appendOrigin(nil, rq, true), "}\n"...)
	d := zhenni.Decision{At: s.config.Now(), Batch: true, IDs: b.ids, Outcomes: b.outcomes, Answer: tail}
	if err := s.draftMany(rq, d.At, len(b.outcomes)); err != nil {
		return err
	}
	if err := s.settle(rq, deadline, d); err != nil {
		return err
	}
	s.writeLines(rq, b, tail)
	return nil
}

// answerLineBytes is no less than the longest answer to a line, or than what is noted of a line until it is answered.
const answerLineBytes = 512

// countLines returns the number of lines, each ended by a newline, and counts the answers to them against the bound on
// all requests.
func (rq *request) countLines(body []byte) (int, error) {
	n := bytes.Count(body, []byte("\n"))
	switch {
	case n == 0 || body[len(body)-1] != '\n':
		return 0, refuse(kindItem, "want lines, the last of them ended by a newline too")
	case n > zhenni.MaxBatchItems:
		return 0, refuse(kindTooLarge, "more than "+strconv.Itoa(zhenni.MaxBatchItems)+" items in one request")
	}
	return n, rq.lease.reserve(int64(n) * answerLineBytes)
}

func (s *Server) decodeLines(rq *request, body []byte) (*lineBatch, error) {
	n, err := rq.countLines(body)
	if err != nil {
		return nil, err
	}
	b := &lineBatch{body: body, outcomes: asOutcomes(rq.lease.take(n)), labels: asSpans(rq.lease.take(8 * n))}
	b.ids = asIDs(rq.lease.take(16 * n))
	clear(b.ids)
	fields := [lineFields]field{{name: "item"}, {name: "credential"}, {name: "probe_int8"}, {name: "probe_float32"}}
	for i, start := 0, 0; i < n; i++ {
		end := start + bytes.IndexByte(body[start:], '\n')
		b.outcomes[i] = s.decodeLine(rq, b, i, body[start:end], fields[:])
		b.labels[i] = labelOf(&fields[lineItem], start)
		start = end + 1
	}
	return b, nil
}

// labelOf places a line's item in the body.
func labelOf(f *field, lineStart int) span {
	if f.value == nil {
		return span{}
	}
	return span{uint32(lineStart + f.at), uint32(lineStart + f.at + len(f.value))}
}

// decodeLine reads line i into the part of its kind. Its outcome is Pending, or why it can not be read.
func (s *Server) decodeLine(rq *request, b *lineBatch, i int, line []byte, fields []field) zhenni.Outcome {
	err := parseLine(line, s.lineBound(rq), fields)
	if label := &fields[lineItem]; err != nil || !label.number && !validLabel(label.value) {
		label.value = nil
		return zhenni.RefusedItem
	}
	id := &b.ids[i]
	credential, int8s, floats := &fields[lineCredential], &fields[lineInt8], &fields[lineFloat32]
	switch {
	case credential.number || id.UnmarshalText(credential.value) != nil:
		return zhenni.RefusedCredentialID
	case (int8s.value == nil) == (floats.value == nil) || int8s.number || floats.number:
		return zhenni.RefusedProbe
	case int8s.value != nil:
		return s.addLine(rq, b, 0, i, *id, int8s.value)
	}
	return s.addLine(rq, b, 1, i, *id, floats.value)
}

// lineBound is the length of the longest line that can be well-formed.
func (s *Server) lineBound(rq *request) int { return 6*s.dim(rq) + 1024 }

func parseLine(line []byte, bound int, fields []field) error {
	if len(line) > bound {
		return refuse(kindItem, "the line is too long")
	}
	return parseDocument(line, fields)
}

// addLine appends a probe to part kind: 0 for int8, 1 for float32.
func (s *Server) addLine(rq *request, b *lineBatch, kind, line int, id zhenni.CredentialID, encoded []byte) zhenni.Outcome {
	part, width := &b.parts[kind], s.dim(rq)*(1+3*kind)
	if part.batch == nil {
		n := len(b.outcomes)
		part.batch = s.newBatch(rq, n)
		part.positions = asInt32(rq.lease.take(4 * n))
		part.probes = rq.lease.take(len(b.body)*3/4 + width)
	}
	if !decodeBase64(part.probes[part.count*width:][:width], encoded) {
		return zhenni.RefusedProbe
	}
	part.batch.IDs[part.count] = id
	part.positions[part.count] = int32(line)
	part.count++
	return zhenni.Pending
}

// verifyPart asks the node about the lines of one kind and puts the outcomes where the lines were.
func (s *Server) verifyPart(rq *request, b *lineBatch, part *linePart, deadline time.Time) error {
	if part.count == 0 {
		return nil
	}
	batch, n := part.batch, part.count
	batch.IDs, batch.Outcomes = batch.IDs[:n], batch.Outcomes[:n]
	if part == &b.parts[0] {
		batch.Int8 = asInt8(part.probes[:n*batch.Dim])
	} else {
		batch.Float32 = asFloat32(part.probes[:n*batch.Dim*4])
	}
	if err := s.verify(rq, batch, deadline); err != nil {
		return err
	}
	for i, position := range part.positions[:n] {
		b.outcomes[position] = batch.Outcomes[i]
	}
	return nil
}

// writeLines answers line by line, each ended by tail.
func (s *Server) writeLines(rq *request, b *lineBatch, tail []byte) {
	response := &rq.ctx.Response
	rq.setResult()
	response.Header.SetContentType(mediaNDJSON)
	line := make([]byte, 0, 512)
	for i, outcome := range b.outcomes {
		line = append(line[:0], '{')
		line = b.appendLabel(line, b.labels[i])
		line = append(line, verdictMembers[outcome]...)
		response.AppendBody(append(line, tail...))
	}
}

// appendLabel writes the item member. A string was preceded by its quotation mark, a number by none.
func (b *lineBatch) appendLabel(dst []byte, label span) []byte {
	if label.from == 0 {
		return dst
	}
	dst = append(dst, `"item":`...)
	if value := b.body[label.from:label.to]; b.body[label.from-1] == '"' {
		dst = appendString(dst, value)
	} else {
		dst = append(dst, value...)
	}
	return append(dst, ',')
}
