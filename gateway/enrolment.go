package gateway

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"

	"zhenni"
	"zhenni/engine"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// enrolChunk is how many enrolments are made durable together.
const enrolChunk = 1024

// An enrolment is what becomes of one item: refused while it is read, or a command and then its result.
type enrolment struct {
	label   span
	level   zhenni.Level
	outcome zhenni.Outcome // Pending: enrolled
	id      zhenni.CredentialID
}

// enrol is POST /v1/enrolments: one reference as JSON, or many in lines or columns. Nothing is stored before the whole
// request was read. Ids are drawn here; rows are handed over to the node for good and so are never of a lease.
//
// Where the references of a tenant's people are held, nothing is enrolled for it unproved: its credentials are issued.
func (s *Server) enrol(rq *request) error {
	tenant := rq.party.Tenant
	if rq.proof != nil {
		tenant = rq.proof.party.Tenant
	}
	if _, held := s.config.References[tenant]; held {
		return refuse(kindRole, "the references of this tenant are held: its credentials are issued at /v1/credentials")
	}
	switch {
	case hasMedia(rq, mediaJSON):
		return s.enrolOne(rq)
	case hasMedia(rq, mediaNDJSON):
		return s.enrolLines(rq)
	case hasMedia(rq, mediaArrow):
		return s.enrolStream(rq)
	}
	return refuse(kindMedia, "")
}

const (
	enrolLevel = iota
	enrolInt8
	enrolFloat32
	enrolExtra // "transaction" of a document, "item" of a line
	enrolModel
	enrolFields
)

func (s *Server) enrolOne(rq *request) error {
	body, err := rq.readBody(s.config.MaxBodyBytes, documentWeight)
	if err != nil {
		return err
	}
	fields := [enrolFields]field{{name: "level"}, {name: "reference_int8"}, {name: "reference_float32"}, {name: "transaction"}, {name: "model"}}
	if err := parseDocument(body, fields[:]); err != nil {
		return err
	}
	if err := s.takeNames(rq, &fields[enrolExtra], &fields[enrolModel]); err != nil {
		return err
	}
	level, ok := readLevel(fields[enrolLevel].value)
	if !ok || fields[enrolLevel].number {
		return refuse(kindItem, "level is neither lite nor full")
	}
	row := make([]int8, s.dim(rq))
	if !decodeReference(row, make([]float32, len(row)), &fields[enrolInt8], &fields[enrolFloat32]) {
		return refuse(kindProbe, "want reference_int8 or reference_float32, base64 of a vector of the model")
	}
	if err := s.spend(rq, 1); err != nil {
		return err
	}
	ids, err := s.drawIDs(1)
	if err != nil {
		return err
	}
	result, err := s.applyOne(s.enrolCommand(rq, ids[0], level, row))
	if err != nil {
		return err
	}
	s.writeCredential(rq, 201, result.Credential)
	return nil
}

// readLevel reads a level; an absent one is lite, the weaker.
func readLevel(text []byte) (level zhenni.Level, ok bool) {
	if text == nil {
		return zhenni.LevelLite, true
	}
	return level, level.UnmarshalText(text) == nil
}

// decodeReference reads the one of two fields that is set into row, by way of floats, and checks it.
func decodeReference(row []int8, floats []float32, int8Field, floatField *field) bool {
	if (int8Field.value == nil) == (floatField.value == nil) || int8Field.number || floatField.number {
		return false
	}
	if int8Field.value != nil {
		if !decodeBase64(int8Bytes(row), int8Field.value) {
			return false
		}
		_, err := engine.CheckRow(row)
		return err == nil
	}
	if !decodeBase64(float32Bytes(floats), floatField.value) {
		return false
	}
	_, err := engine.Prepare(row, floats)
	return err == nil
}

func (s *Server) enrolCommand(rq *request, id zhenni.CredentialID, level zhenni.Level, row []int8) zhenni.Command {
	return zhenni.Enrol{
		ID: id, Tenant: rq.party.Tenant, Level: level, Model: s.by(rq).profile.Model.ID, Row: row, At: s.config.Now(),
	}
}

// drawIDs draws n ids. Without entropy there are none: [kindUnavailable].
func (s *Server) drawIDs(n int) ([]zhenni.CredentialID, error) {
	ids := make([]zhenni.CredentialID, n)
	if _, err := io.ReadFull(s.config.Entropy, idBytes(ids)); err != nil {
		return nil, refuse(kindUnavailable, "no credential id could be made")
	}
	return ids, nil
}

func (s *Server) enrolLines(rq *request) error {
	body, err := rq.readBody(s.config.MaxBatchBytes, lineWeight)
	if err != nil {
		return err
	}
	n, err := rq.countLines(body)
	if err != nil {
		return err
	}
	dim := s.dim(rq)
	items, floats := make([]enrolment, n), make([]float32, dim)
	slab := make([]int8, 0, len(body)*3/4+dim)
	fields := [enrolFields]field{{name: "level"}, {name: "reference_int8"}, {name: "reference_float32"}, {name: "item"}, {name: "model"}}
	for i, start := 0, 0; i < n; i++ {
		end := start + bytes.IndexByte(body[start:], '\n')
		row := slab[len(slab) : len(slab)+dim]
		items[i] = s.readEnrolment(rq, body[start:end], row, floats, fields[:])
		items[i].label = labelOf(&fields[enrolExtra], start)
		if items[i].outcome == zhenni.Pending {
			slab = slab[:len(slab)+dim]
		}
		start = end + 1
	}
	if err := s.applyAll(rq, items, slab); err != nil {
		return err
	}
	s.writeEnrolments(rq, body, items)
	return nil
}

// readEnrolment reads one line; its vector is in row where the outcome is Pending.
func (s *Server) readEnrolment(rq *request, line []byte, row []int8, floats []float32, fields []field) enrolment {
	err := parseLine(line, s.lineBound(rq), fields)
	label, level, model := &fields[enrolExtra], &fields[enrolLevel], &fields[enrolModel]
	if err != nil || !label.number && !validLabel(label.value) {
		label.value = nil
		return enrolment{outcome: zhenni.RefusedItem}
	}
	e := enrolment{}
	var ok bool
	if e.level, ok = readLevel(level.value); !ok || level.number || model.number ||
		model.value != nil && string(model.value) != s.by(rq).profile.Model.ID {
		e.outcome = zhenni.RefusedItem
	} else if !decodeReference(row, floats, &fields[enrolInt8], &fields[enrolFloat32]) {
		e.outcome = zhenni.RefusedProbe
	}
	return e
}

// applyAll enrols the items that were read, whose rows follow one another in slab. Where the node gives out after the
// first chunk, the items left are refused as unavailable: those before them are enrolled and their ids must be told.
func (s *Server) applyAll(rq *request, items []enrolment, slab []int8) error {
	if err := s.spend(rq, len(items)); err != nil {
		return err
	}
	dim := s.dim(rq)
	ids, err := s.drawIDs(len(slab) / dim)
	if err != nil {
		return err
	}
	commands := make([]zhenni.Command, 0, enrolChunk)
	chunk := make([]*enrolment, 0, enrolChunk)
	applied, failed := 0, error(nil)
	ctx, cancel := s.batchTime()
	defer cancel()
	flush := func() {
		if failed == nil {
			failed = s.stands(rq)
		}
		if failed = s.applyChunk(ctx, commands, chunk, failed); failed == nil {
			applied += len(chunk)
		}
		commands, chunk = commands[:0], chunk[:0]
	}
	for i, row := 0, 0; i < len(items); i++ {
		if e := &items[i]; e.outcome == zhenni.Pending {
			e.id = ids[row]
			commands = append(commands, s.enrolCommand(rq, e.id, e.level, slab[row*dim:][:dim:dim]))
			chunk = append(chunk, e)
			row++
		}
		if len(chunk) == enrolChunk {
			flush()
		}
	}
	if len(chunk) > 0 {
		flush()
	}
	if applied == 0 {
		return failed
	}
	return nil
}

// applyChunk applies the commands of chunk unless an earlier one failed, and notes what became of each.
func (s *Server) applyChunk(ctx context.Context, commands []zhenni.Command, chunk []*enrolment, earlier error) error {
	err := earlier
	var results []zhenni.Result
	if err == nil {
		results, err = s.node.Apply(ctx, slices.Clone(commands))
	}
	for i, e := range chunk {
		switch {
		case err != nil:
			e.outcome = zhenni.RefusedUnavailable
		case errors.Is(results[i].Err, zhenni.ErrBadProbe):
			e.outcome = zhenni.RefusedProbe
		case results[i].Err != nil:
			e.outcome = zhenni.RefusedInternal
		}
	}
	return err
}

func (s *Server) writeEnrolments(rq *request, body []byte, items []enrolment) {
	response := &rq.ctx.Response
	response.Header.SetContentType(mediaNDJSON)
	origin := append(s.appendOrigin(nil, rq, false), "}\n"...)
	labels := lineBatch{body: body}
	line := make([]byte, 0, 512)
	for i := range items {
		e := &items[i]
		line = labels.appendLabel(append(line[:0], '{'), e.label)
		if e.outcome == zhenni.Pending {
			line = append(line, `"outcome":"enrolled","credential":"`...)
			line = hex.AppendEncode(line, e.id[:])
			line = append(line, '"')
		} else {
			line = append(line, verdictMembers[e.outcome]...)
		}
		response.AppendBody(append(line, origin...))
	}
}

func (s *Server) enrolStream(rq *request) error {
	body, err := rq.readBody(s.config.MaxBatchBytes, 2*streamWeight)
	if err != nil {
		return err
	}
	dim := s.dim(rq)
	in, err := readStream(body, form{level: true, vector: "reference", dim: dim})
	if err != nil {
		return err
	}
	items := make([]enrolment, 0, in.total)
	slab := make([]int8, 0, in.total*dim)
	for _, part := range in.parts {
		items, slab = readReferences(part, dim, items, slab)
	}
	if err := s.applyAll(rq, items, slab); err != nil {
		return err
	}
	return s.writeEnrolmentStream(rq, in, items)
}

// readReferences checks the rows of one record batch, appending an item for each and a row for each good one.
func readReferences(part rows, dim int, items []enrolment, slab []int8) ([]enrolment, []int8) {
	for i := range part.count {
		e := enrolment{level: zhenni.LevelLite}
		row := slab[len(slab) : len(slab)+dim]
		var err error
		if part.floats != nil {
			_, err = engine.Prepare(row, asFloat32(part.floats[4*dim*i:][:4*dim]))
		} else {
			copy(row, asInt8(part.int8s[dim*i:][:dim]))
			_, err = engine.CheckRow(row)
		}
		switch {
		case part.level.offsets != nil && e.level.UnmarshalText(part.level.at(i)) != nil:
			e.outcome = zhenni.RefusedItem
		case err != nil:
			e.outcome = zhenni.RefusedProbe
		default:
			slab = slab[:len(slab)+dim]
		}
		items = append(items, e)
	}
	return items, slab
}

// enrolmentWords is the dictionary of the outcome column; its order is of writeEnrolmentStream.
var enrolmentWords = func() arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.AppendValues([]string{"enrolled", firstReason.Verdict()}, nil)
	return b.NewArray()
}()

// writeEnrolmentStream answers in one record batch: the item where one came, the credential or null, what became of it.
func (s *Server) writeEnrolmentStream(rq *request, in *stream, items []enrolment) error {
	rq.ctx.Response.Header.SetContentType(mediaArrow)
	schema := answerSchema(s.by(rq).profile, in.item(), rq.transaction, rq.party.Evaluation)
	fields := append([]arrow.Field{{Name: "credential", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Nullable: true}}, schema.Fields()...)
	metadata := schema.Metadata()
	schema = arrow.NewSchema(fields, &metadata)
	w := ipc.NewWriter(rq.ctx.Response.BodyWriter(), ipc.WithSchema(schema))
	for _, part := range in.parts {
		columns := append(enrolmentIDs(items[:part.count]), itemColumn(part)...)
		columns = append(columns, enrolmentOutcomes(items[:part.count])...)
		if err := w.Write(array.NewRecordBatch(schema, columns, int64(part.count))); err != nil {
			return err
		}
		items = items[part.count:]
	}
	return w.Close()
}

func enrolmentIDs(items []enrolment) []arrow.Array {
	ids, valid, nulls := make([]zhenni.CredentialID, len(items)), make([]byte, (len(items)+7)/8), 0
	for i, e := range items {
		if e.outcome == zhenni.Pending {
			ids[i] = e.id
			valid[i/8] |= 1 << (i % 8)
		} else {
			nulls++
		}
	}
	return []arrow.Array{wrap(&arrow.FixedSizeBinaryType{ByteWidth: 16}, len(items), nulls, valid, idBytes(ids))}
}

func enrolmentOutcomes(items []enrolment) []arrow.Array {
	outcomes := make([]zhenni.Outcome, len(items))
	verdicts := make([]byte, len(items))
	for i, e := range items {
		if outcomes[i] = e.outcome; e.outcome == zhenni.Pending {
			outcomes[i] = zhenni.NoMatch // no reason
		} else {
			verdicts[i] = 1
		}
	}
	columns := outcomeColumns(make([]byte, 3*len(items)+1), outcomes)
	columns[0] = array.NewDictionaryArray(dictionaryType, wrap(arrow.PrimitiveTypes.Int8, len(items), 0, nil, verdicts), enrolmentWords)
	return columns
}
