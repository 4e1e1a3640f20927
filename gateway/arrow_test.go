package gateway

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// The types a probe may have.
func listOf(t arrow.DataType, n int) arrow.DataType {
	return arrow.FixedSizeListOfNonNullable(int32(n), t)
}

func bytesOf(n int) arrow.DataType { return &arrow.FixedSizeBinaryType{ByteWidth: n} }

// arrowColumns builds the columns of n items from item number first on: credential testID(i), a probe that the fake
// node matches where i is even, and the label i.
func arrowColumns(first, n, dim int, probe, item arrow.DataType) ([]arrow.Field, []arrow.Array) {
	ids := make([]byte, 0, 16*n)
	width := dim
	if list, ok := probe.(*arrow.FixedSizeListType); ok {
		width = int(list.Len()) * list.Elem().(arrow.FixedWidthDataType).Bytes()
	}
	probes := make([]byte, width*n)
	for i := range n {
		id := testID(first + i)
		ids = append(ids, id[:]...)
		sign := float32(1 - 2*((first+i)%2))
		if width == dim {
			probes[i*width] = byte(int8(sign))
		} else {
			binary.LittleEndian.PutUint32(probes[i*width:], math.Float32bits(sign))
		}
	}
	fields := []arrow.Field{{Name: "credential", Type: bytesOf(16)}, {Name: "probe", Type: probe}}
	columns := []arrow.Array{wrap(bytesOf(16), n, 0, nil, ids), wrapVectors(probe, n, probes)}
	if item != nil {
		fields = append(fields, arrow.Field{Name: "item", Type: item})
		columns = append(columns, itemsFrom(first, n, item))
	}
	return fields, columns
}

func wrapVectors(t arrow.DataType, n int, data []byte) arrow.Array {
	list, ok := t.(*arrow.FixedSizeListType)
	if !ok {
		return wrap(t, n, 0, nil, data)
	}
	child := array.NewData(list.Elem(), n*int(list.Len()), []*memory.Buffer{nil, memory.NewBufferBytes(data)}, nil, 0, 0)
	return array.MakeFromData(array.NewData(t, n, []*memory.Buffer{nil}, []arrow.ArrayData{child}, 0, 0))
}

func itemsFrom(first, n int, t arrow.DataType) arrow.Array {
	if t.ID() == arrow.INT64 {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		for i := range n {
			b.Append(int64(first + i))
		}
		return b.NewArray()
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range n {
		b.Append(itoa(first + i))
	}
	return b.NewArray()
}

// arrowBody writes record batches of the sizes given as one stream.
func arrowBody(t testing.TB, dim int, probe, item arrow.DataType, sizes ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	var w *ipc.Writer
	first := 0
	for _, n := range sizes {
		fields, columns := arrowColumns(first, n, dim, probe, item)
		schema := arrow.NewSchema(fields, nil)
		if w == nil {
			w = ipc.NewWriter(&b, ipc.WithSchema(schema))
		}
		if err := w.Write(array.NewRecordBatch(schema, columns, int64(n))); err != nil {
			t.Fatal(err)
		}
		first += n
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// arrowAnswer is an answer read back with the library.
type arrowAnswer struct {
	items, outcomes, reasons []string
	metadata                 map[string]string
	batches                  int
}

func readArrow(t testing.TB, body []byte) (a arrowAnswer) {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	a.metadata = map[string]string{}
	metadata := r.Schema().Metadata()
	for i, key := range metadata.Keys() {
		a.metadata[key] = metadata.Values()[i]
	}
	for r.Next() {
		a.batches++
		batch := r.RecordBatch()
		for c, field := range batch.Schema().Fields() {
			for i := range int(batch.NumRows()) {
				value := batch.Column(c).ValueStr(i)
				switch field.Name {
				case "item":
					a.items = append(a.items, value)
				case "outcome":
					a.outcomes = append(a.outcomes, value)
				case "reason":
					a.reasons = append(a.reasons, value)
				}
			}
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return a
}

func TestArrowBatchKeepsOrder(t *testing.T) {
	f := start(t, nil)
	for name, probe := range map[string]arrow.DataType{
		"float32 list": listOf(arrow.PrimitiveTypes.Float32, testDim),
		"int8 list":    listOf(arrow.PrimitiveTypes.Int8, testDim),
		"bytes":        bytesOf(testDim),
	} {
		for _, item := range []arrow.DataType{nil, arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64} {
			for _, sizes := range [][]int{{1}, {1000}, {3, 0, 5, 1}} {
				a := f.call("POST", "/v1/verification-batches", "verifier", mediaArrow, arrowBody(t, testDim, probe, item, sizes...), "Transaction-Id: t-1")
				if a.status != 200 {
					t.Fatalf("%s: %d %s", name, a.status, a.body)
				}
				checkArrowAnswer(t, readArrow(t, a.body), item != nil, sizes)
			}
		}
	}
}

func checkArrowAnswer(t *testing.T, got arrowAnswer, items bool, sizes []int) {
	t.Helper()
	total := 0
	for _, n := range sizes {
		total += n
	}
	if len(got.outcomes) != total || items != (len(got.items) == total) {
		t.Fatalf("%d outcomes and %d items, want %d", len(got.outcomes), len(got.items), total)
	}
	for i, outcome := range got.outcomes {
		want := "match"
		if i%2 == 1 {
			want = "no_match"
		}
		if outcome != want || got.reasons[i] != "(null)" || items && got.items[i] != itoa(i) {
			t.Fatalf("item %d: %s, reason %s", i, outcome, got.reasons[i])
		}
	}
	if got.metadata["transaction"] != "t-1" || got.metadata["evaluation"] != "false" || got.metadata["profile_supported"] != "true" || len(got.metadata["profile"]) != 32 {
		t.Errorf("metadata %v", got.metadata)
	}
}

func TestArrowAnswerTellsRefusals(t *testing.T) {
	f := start(t, nil)
	f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		for i := range b.Outcomes {
			b.Outcomes[i] = zhenni.Outcome(i)
		}
		return nil
	}
	n := zhenni.OutcomeCount + 3
	body := arrowBody(t, testDim, bytesOf(testDim), nil, n)
	got := readArrow(t, f.call("POST", "/v1/verification-batches", "trial", mediaArrow, body).body)
	for i := range n {
		want, reason := zhenni.Outcome(i).Verdict(), zhenni.Outcome(i).Reason()
		if i == 0 || i >= zhenni.OutcomeCount {
			want, reason = "refused", "internal"
		}
		if reason == "" {
			reason = "(null)"
		}
		if got.outcomes[i] != want || got.reasons[i] != reason {
			t.Errorf("outcome %d is told as %s %s, want %s %s", i, got.outcomes[i], got.reasons[i], want, reason)
		}
	}
	if got.metadata["evaluation"] != "true" {
		t.Error("the answer to an evaluation tenant is not marked")
	}
}

// arrowWithItem is a stream whose item column is of a type that is not taken.
func arrowWithItem(t testing.TB) []byte {
	fields, columns := arrowColumns(0, 2, testDim, bytesOf(testDim), nil)
	fields = append(fields, arrow.Field{Name: "item", Type: arrow.PrimitiveTypes.Int32})
	columns = append(columns, wrap(arrow.PrimitiveTypes.Int32, 2, 0, nil, make([]byte, 8)))
	return writeArrow(t, arrow.NewSchema(fields, nil), columns, 2)
}

func writeArrow(t testing.TB, schema *arrow.Schema, columns []arrow.Array, n int64, options ...ipc.Option) []byte {
	t.Helper()
	var b bytes.Buffer
	w := ipc.NewWriter(&b, append(options, ipc.WithSchema(schema))...)
	if err := w.Write(array.NewRecordBatch(schema, columns, n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Streams that are well-formed Arrow and still not taken.
//
// FAULTS: L6 L9
func TestArrowStreamsThatAreRefused(t *testing.T) {
	fields, columns := arrowColumns(0, 2, testDim, bytesOf(testDim), arrow.BinaryTypes.String)
	schema := arrow.NewSchema(fields, nil)
	good := writeArrow(t, schema, columns, 2)
	nulls := wrap(bytesOf(16), 2, 1, []byte{1}, make([]byte, 32))
	words := array.NewDictionaryArray(dictionaryType, wrap(arrow.PrimitiveTypes.Int8, 2, 0, nil, []byte{0, 1}), verdictWords)
	nullable := arrow.NewSchema([]arrow.Field{{Name: "credential", Type: bytesOf(16), Nullable: true}, fields[1]}, nil)
	twice := arrow.NewSchema([]arrow.Field{fields[0], fields[1], fields[1]}, nil)
	extra := arrow.NewSchema([]arrow.Field{fields[0], fields[1], {Name: "tenant", Type: arrow.PrimitiveTypes.Int64}}, nil)
	dictionary := arrow.NewSchema([]arrow.Field{fields[0], fields[1], {Name: "item", Type: dictionaryType}}, nil)
	badLabel := []arrow.Array{columns[0], columns[1], wrap(arrow.BinaryTypes.String, 2, 0, nil, int32Bytes([]int32{0, 1, 2}), []byte("a\n"))}
	for name, body := range map[string][]byte{
		"compressed, lz4":    writeArrow(t, schema, columns, 2, ipc.WithLZ4()),
		"compressed, zstd":   writeArrow(t, schema, columns, 2, ipc.WithZstd()),
		"a null":             writeArrow(t, nullable, []arrow.Array{nulls, columns[1]}, 2),
		"a column twice":     writeArrow(t, twice, []arrow.Array{columns[0], columns[1], columns[1]}, 2),
		"an unknown column":  writeArrow(t, extra, []arrow.Array{columns[0], columns[1], itemsFrom(0, 2, arrow.PrimitiveTypes.Int64)}, 2),
		"a dictionary":       writeArrow(t, dictionary, []arrow.Array{columns[0], columns[1], words}, 2),
		"no credential":      writeArrow(t, arrow.NewSchema(fields[1:], nil), columns[1:], 2),
		"no probe":           writeArrow(t, arrow.NewSchema(fields[:1], nil), columns[:1], 2),
		"a label not one":    writeArrow(t, schema, badLabel, 2),
		"big-endian":         writeArrow(t, schema.WithEndianness(1), columns, 2),
		"data behind":        append(bytes.Clone(good), 0),
		"two streams":        append(bytes.Clone(good), good...),
		"no end marker":      good[:len(good)-8],
		"the file format":    append([]byte("ARROW1\x00\x00"), good...),
		"the format of 0.14": good[4:],
		"nothing":            nil,
	} {
		if _, err := readStream(body, form{id: true, vector: "probe", dim: testDim}); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	if _, err := readStream(good, form{id: true, vector: "probe", dim: testDim}); err != nil {
		t.Error(err)
	}
}

// The format lets the offsets of labels begin anywhere. What lies before the first label is not sent back: it is counted
// with the request only.
func TestArrowLabelsThatBeginLate(t *testing.T) {
	body := arrowBody(t, testDim, bytesOf(testDim), arrow.BinaryTypes.String, 3)
	at := bytes.Index(body, int32Bytes([]int32{0, 1, 2, 3}))
	copy(body[at:], int32Bytes([]int32{1, 1, 2, 3}))
	in, err := readStream(body, form{id: true, vector: "probe", dim: testDim})
	if err != nil {
		t.Fatal(err)
	}
	got := in.parts[0].items
	if !slices.Equal(got.offsets, []int32{0, 0, 1, 2}) || string(got.data) != "12" {
		t.Errorf("offsets %d, %q", got.offsets, got.data)
	}
	copy(body[at:], int32Bytes([]int32{-1, 1, 2, 3}))
	if _, err := readStream(body, form{id: true, vector: "probe", dim: testDim}); err == nil {
		t.Error("a negative offset is read")
	}
}

// Batches cut out of a longer one, as clients send them.
func TestArrowSlicesAreRead(t *testing.T) {
	f := start(t, nil)
	for _, probe := range []arrow.DataType{bytesOf(testDim), listOf(arrow.PrimitiveTypes.Int8, testDim), listOf(arrow.PrimitiveTypes.Float32, testDim)} {
		fields, columns := arrowColumns(-4, 24, testDim, probe, arrow.BinaryTypes.String)
		whole := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 24)
		var b bytes.Buffer
		w := ipc.NewWriter(&b, ipc.WithSchema(whole.Schema()))
		for _, cut := range [][2]int64{{4, 5}, {5, 14}, {14, 24}} {
			if err := w.Write(whole.NewSlice(cut[0], cut[1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		a := f.call("POST", "/v1/verification-batches", "verifier", mediaArrow, b.Bytes(), "Transaction-Id: t-1")
		checkArrowAnswer(t, readArrow(t, a.body), true, []int{1, 9, 10})
	}
}
