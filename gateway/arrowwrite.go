package gateway

import (
	"strconv"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// verifyStream is a batch of Arrow record batches. Each is handed to the node where it lies in the body.
func (s *Server) verifyStream(rq *request) error {
	body, err := rq.readBody(s.config.MaxBatchBytes, streamWeight)
	if err != nil {
		return err
	}
	deadline := s.enter(rq)
	defer s.leave(rq)
	s.digest(rq, mediaArrow, body)
	in, err := readStream(body, form{id: true, vector: "probe", dim: s.dim(rq)})
	if err == nil && s.config.Sandbox != nil {
		err = s.rehearse(rq, in.ids(rq)...)
	}
	if err != nil {
		return err
	}
	stored, err := s.begin(rq, in.total)
	if err != nil {
		return err
	}
	if stored != nil {
		return s.replayStream(rq, in, stored)
	}
	defer s.drop(rq)
	if err := s.permitAll(rq); err != nil {
		return err
	}
	outcomes := asOutcomes(rq.lease.take(in.total))
	clear(outcomes)
	from := 0
	for _, part := range in.parts {
		to := from + part.count
		if err := s.verify(rq, s.streamBatch(rq, part, outcomes[from:to]), deadline); err != nil {
			return err
		}
		from = to
	}
	s.yield(rq)
	if err := s.mayBeTold(rq); err != nil {
		return err
	}
	if rq.inHand {
		d := zhenni.Decision{At: s.config.Now(), Batch: true, IDs: in.ids(rq), Outcomes: outcomes, Answer: s.storedStream(rq)}
		if err := s.draftMany(rq, d.At, in.total); err != nil {
			return err
		}
		if err := s.settle(rq, deadline, d); err != nil {
			return err
		}
	}
	s.writeStream(rq, s.by(rq).streams[streamShape{in.item(), rq.party.Evaluation}], in, outcomes)
	return nil
}

// ids are the credentials of all record batches, in order: a stream is one request with one leaf.
func (s *stream) ids(rq *request) []zhenni.CredentialID {
	if len(s.parts) == 1 {
		return asIDs(s.parts[0].ids)
	}
	all := rq.lease.take(16 * s.total)[:0]
	for _, part := range s.parts {
		all = append(all, part.ids...)
	}
	return asIDs(all)
}

// streamBatch is the batch of one record batch, all of it memory of the lease.
func (s *Server) streamBatch(rq *request, part rows, outcomes []zhenni.Outcome) *zhenni.Batch {
	b := &zhenni.Batch{
		Tenant:     rq.party.Tenant,
		Evaluation: rq.party.Evaluation,
		Model:      s.by(rq).profile.Model.ID,
		Dim:        s.dim(rq),
		IDs:        asIDs(part.ids),
		Outcomes:   outcomes,
	}
	if part.floats != nil {
		b.Float32 = asFloat32(part.floats)
	} else {
		b.Int8 = asInt8(part.int8s)
	}
	return b
}

// The words of the answer's dictionaries, and for each outcome its place in them. An outcome that is none is refused.
var (
	verdictWords, reasonWords            = answerWords()
	verdictIndex, reasonIndex, hasReason = answerIndexes()
	dictionaryType                       = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
)

const (
	firstReason  = zhenni.RefusedUnavailable
	refusedIndex = 2 // of the verdict words
)

func answerWords() (verdicts, reasons arrow.Array) {
	words := func(list []string) arrow.Array {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.AppendValues(list, nil)
		return b.NewArray()
	}
	var list []string
	for o := firstReason; int(o) < zhenni.OutcomeCount; o++ {
		list = append(list, o.Reason())
	}
	return words([]string{zhenni.Match.Verdict(), zhenni.NoMatch.Verdict(), firstReason.Verdict()}), words(list)
}

// answerIndexes also says, as 0 or 1, whether an outcome has a reason.
func answerIndexes() (verdicts, reasons, refused [256]byte) {
	for i := range 256 {
		verdicts[i], reasons[i], refused[i] = refusedIndex, byte(zhenni.RefusedInternal-firstReason), 1
		if o := zhenni.Outcome(i); o >= firstReason && i < zhenni.OutcomeCount {
			reasons[i] = byte(o - firstReason)
		}
	}
	verdicts[zhenni.Match], verdicts[zhenni.NoMatch] = 0, 1
	refused[zhenni.Match], refused[zhenni.NoMatch] = 0, 0
	return verdicts, reasons, refused
}

// answerSchema has the item column of the request, where there is one, and says in its metadata what the answer is.
func answerSchema(profile zhenni.Profile, item columnKind, transaction string, evaluation bool) *arrow.Schema {
	var fields []arrow.Field
	switch item {
	case columnText:
		fields = append(fields, arrow.Field{Name: "item", Type: arrow.BinaryTypes.String})
	case columnNumber:
		fields = append(fields, arrow.Field{Name: "item", Type: arrow.PrimitiveTypes.Int64})
	}
	fields = append(fields,
		arrow.Field{Name: "outcome", Type: dictionaryType},
		arrow.Field{Name: "reason", Type: dictionaryType, Nullable: true})
	metadata := arrow.NewMetadata(
		[]string{"profile", "profile_supported", transactionKey, "evaluation"},
		[]string{profile.ID, strconv.FormatBool(profile.Supported), transaction, strconv.FormatBool(evaluation)})
	return arrow.NewSchema(fields, &metadata)
}

const transactionKey = "transaction"

// itemColumn is the item column of the request, which is echoed from where it lies.
func itemColumn(part rows) []arrow.Array {
	switch {
	case part.itemNumbers != nil:
		return []arrow.Array{wrap(arrow.PrimitiveTypes.Int64, part.count, 0, nil, part.itemNumbers)}
	case part.items.offsets != nil:
		offsets := part.items.offsets
		return []arrow.Array{wrap(arrow.BinaryTypes.String, part.count, 0, nil, int32Bytes(offsets), part.items.data)}
	}
	return nil
}

// outcomeColumns writes one byte an item and column, and one bit for whether there is a reason, into words.
func outcomeColumns(words []byte, outcomes []zhenni.Outcome) []arrow.Array {
	n := len(outcomes)
	verdicts, reasons, valid := words[:n], words[n:2*n], words[2*n:2*n+(n+7)/8]
	clear(valid)
	nulls := n
	for i, o := range outcomes {
		verdicts[i], reasons[i] = verdictIndex[o], reasonIndex[o]
		if hasReason[o] == 1 {
			valid[i/8] |= 1 << (i % 8)
			nulls--
		}
	}
	return []arrow.Array{
		array.NewDictionaryArray(dictionaryType, wrap(arrow.PrimitiveTypes.Int8, n, 0, nil, verdicts), verdictWords),
		array.NewDictionaryArray(dictionaryType, wrap(arrow.PrimitiveTypes.Int8, n, nulls, valid, reasons), reasonWords),
	}
}

// wrap makes an array of buffers that lie elsewhere.
func wrap(t arrow.DataType, n, nulls int, buffers ...[]byte) arrow.Array {
	wrapped := make([]*memory.Buffer, len(buffers))
	for i, b := range buffers {
		if b != nil {
			wrapped[i] = memory.NewBufferBytes(b)
		}
	}
	return array.MakeFromData(array.NewData(t, n, wrapped, nil, nulls, 0))
}
