package bench

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"zhenni"
)

// answerShape is how a server may write an answer.
type answerShape struct {
	items, wide, compressed, swapped bool
	transaction                      string
}

// writeAnswer writes an answer of the shape as the library does, with one record batch for each list.
func writeAnswer(t testing.TB, s answerShape, lists ...[]zhenni.Outcome) []byte {
	t.Helper()
	words := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	if s.wide {
		words.IndexType = arrow.PrimitiveTypes.Int32
	}
	fields := []arrow.Field{{Name: "outcome", Type: words}, {Name: "reason", Type: words, Nullable: true}}
	if s.swapped {
		slices.Reverse(fields)
	}
	if s.items {
		fields = append([]arrow.Field{{Name: "item", Type: arrow.BinaryTypes.String}}, fields...)
	}
	metadata := arrow.NewMetadata([]string{"profile", "transaction"}, []string{"p", s.transaction})
	schema := arrow.NewSchema(fields, &metadata)
	options := []ipc.Option{ipc.WithSchema(schema), ipc.WithDictionaryDeltas(true)}
	if s.compressed {
		options = append(options, ipc.WithZstd())
	}
	var b bytes.Buffer
	w := ipc.NewWriter(&b, options...)
	build := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer build.Release()
	for _, outcomes := range lists {
		for i, o := range outcomes {
			for k, field := range fields {
				switch field.Name {
				case "item":
					build.Field(k).(*array.StringBuilder).Append(fmt.Sprint(i))
				case "outcome":
					appendWord(t, build.Field(k), o.Verdict())
				case "reason":
					appendWord(t, build.Field(k), o.Reason())
				}
			}
		}
		record := build.NewRecordBatch()
		if err := w.Write(record); err != nil {
			t.Fatal(err)
		}
		record.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func appendWord(t testing.TB, b array.Builder, word string) {
	if word == "" {
		b.AppendNull()
		return
	}
	if err := b.(*array.BinaryDictionaryBuilder).AppendString(word); err != nil {
		t.Fatal(err)
	}
}

var someOutcomes = rapid.SampledFrom([]zhenni.Outcome{zhenni.Match, zhenni.NoMatch, zhenni.RefusedProbe, zhenni.RefusedUnavailable, zhenni.RefusedInternal})

// Whatever was read before, an answer says what it says.
func TestAnswersAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var form answerForm
		var shape answerShape
		for i := range 8 {
			if i == 0 || rapid.IntRange(0, 3).Draw(r, "turn") == 0 {
				shape = answerShape{
					items: rapid.Bool().Draw(r, "items"), wide: rapid.IntRange(0, 9).Draw(r, "wide") == 0,
					compressed: rapid.IntRange(0, 9).Draw(r, "compressed") == 0, swapped: rapid.Bool().Draw(r, "swapped"),
				}
			}
			shape.transaction = rapid.StringMatching("t-[0-9]{4,5}").Draw(r, "transaction")
			lists := rapid.SliceOfN(rapid.SliceOfN(someOutcomes, 2, 4), 1, 2).Draw(r, "lists")
			got, err := form.outcomes(nil, writeAnswer(t, shape, lists...))
			if want := slices.Concat(lists...); err != nil || !slices.Equal(got, want) {
				r.Fatalf("%+v: %v, %v, want %v", shape, got, err, want)
			}
		}
	})
}

// The second answer of a form is read without the library, and allocates nothing.
func TestAnswersOfOneFormAreReadAtOnce(t *testing.T) {
	var form answerForm
	both := []zhenni.Outcome{zhenni.Match, zhenni.NoMatch}
	if _, err := form.outcomes(nil, writeAnswer(t, answerShape{transaction: "t-1"}, both)); err != nil {
		t.Fatal(err)
	}
	answer, dst := writeAnswer(t, answerShape{transaction: "t-2"}, both), make([]zhenni.Outcome, 0, 2)
	if allocs := testing.AllocsPerRun(100, func() {
		if got, err := form.outcomes(dst, answer); err != nil || !slices.Equal(got, both) {
			t.Error(got, err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// No byte of the rows that changes on the way makes a match of a refusal. The others are the library's to read.
func TestChangedRowsAreNoMatches(t *testing.T) {
	refused := slices.Repeat([]zhenni.Outcome{zhenni.RefusedProbe}, 9)
	answer := writeAnswer(t, answerShape{transaction: "t-1"}, refused)
	var form answerForm
	if _, err := form.outcomes(nil, answer); err != nil {
		t.Fatal(err)
	}
	read := 0
	for at := range answer {
		for flip := 1; flip < 256; flip++ {
			changed := bytes.Clone(answer)
			changed[at] ^= byte(flip)
			rows := form.rowsOf(changed)
			if rows == nil {
				continue
			}
			read++
			if got := form.append(nil, rows); len(got) != len(refused) || slices.Contains(got, zhenni.Match) {
				t.Fatalf("byte %d: %v", at, got)
			}
		}
	}
	if want := 255 * (form.body + len("t-1")); read != want {
		t.Errorf("%d changes were in rows and transaction, want %d", read, want)
	}
}
