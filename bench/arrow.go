package bench

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"zhenni"
)

// Vectors are embeddings of one dimension, row-major, in one of the two forms a server takes.
type Vectors struct {
	Dim     int
	Int8    []int8
	Float32 []float32
}

// Len returns the number of embeddings.
func (v Vectors) Len() int { return (len(v.Int8) + len(v.Float32)) / v.Dim }

// Slice returns the embeddings first … last-1, without copying.
func (v Vectors) Slice(first, last int) Vectors {
	out := Vectors{Dim: v.Dim}
	if v.Int8 != nil {
		out.Int8 = v.Int8[first*v.Dim : last*v.Dim]
	} else {
		out.Float32 = v.Float32[first*v.Dim : last*v.Dim]
	}
	return out
}

// column returns the Arrow array of the probes, in which they are not copied.
func (v Vectors) column() (arrow.DataType, arrow.ArrayData) {
	n := v.Len()
	if v.Int8 != nil {
		kind := &arrow.FixedSizeBinaryType{ByteWidth: v.Dim}
		return kind, fixed(kind, n, v.bytes())
	}
	kind := arrow.FixedSizeListOfNonNullable(int32(v.Dim), arrow.PrimitiveTypes.Float32)
	values := fixed(arrow.PrimitiveTypes.Float32, n*v.Dim, v.bytes())
	return kind, array.NewData(kind, n, []*memory.Buffer{nil}, []arrow.ArrayData{values}, 0, 0)
}

// bytes returns the elements as they lie in memory.
func (v Vectors) bytes() []byte {
	if v.Int8 != nil {
		return arrow.Int8Traits.CastToBytes(v.Int8)
	}
	return arrow.Float32Traits.CastToBytes(v.Float32)
}

func fixed(kind arrow.DataType, n int, values []byte) *array.Data {
	return array.NewData(kind, n, []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0)
}

// ArrowBatch is a request body in the bulk format, an Arrow IPC stream of one record batch. It can be sent many times
// and its claims changed in between.
type ArrowBatch struct {
	body   []byte
	claims []byte  // the credential column within body
	probes Vectors // the probe column within body
}

// NewArrowBatch writes item i as "is probe i the person behind ids[i]?".
func NewArrowBatch(ids []zhenni.CredentialID, probes Vectors) (*ArrowBatch, error) {
	if len(ids) == 0 || len(ids) != probes.Len() {
		return nil, fmt.Errorf("%w: %d credentials for %d probes", zhenni.ErrBadBatch, len(ids), probes.Len())
	}
	claims := make([]byte, 0, len(ids)*len(zhenni.CredentialID{}))
	for _, id := range ids {
		claims = append(claims, id[:]...)
	}
	idKind := &arrow.FixedSizeBinaryType{ByteWidth: len(zhenni.CredentialID{})}
	probeKind, probeData := probes.column()
	schema := arrow.NewSchema([]arrow.Field{{Name: "credential", Type: idKind}, {Name: "probe", Type: probeKind}}, nil)
	record := array.NewRecordBatch(schema, []arrow.Array{
		array.MakeFromData(fixed(idKind, len(ids), claims)), array.MakeFromData(probeData),
	}, int64(len(ids)))
	var body bytes.Buffer
	w := ipc.NewWriter(&body, ipc.WithSchema(schema))
	if err := w.Write(record); err != nil {
		return nil, fmt.Errorf("bench: write arrow: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("bench: write arrow: %w", err)
	}
	return newArrowBatch(body.Bytes(), claims, probes), nil
}

// newArrowBatch finds the columns in the body they were written to.
func newArrowBatch(body, claims []byte, probes Vectors) *ArrowBatch {
	at := bytes.Index(body, claims)
	b := &ArrowBatch{body: body, claims: body[at:][:len(claims)], probes: Vectors{Dim: probes.Dim}}
	rest := body[at+len(claims):]
	raw := probes.bytes()
	column := rest[bytes.Index(rest, raw):][:len(raw)]
	if probes.Int8 != nil {
		b.probes.Int8 = arrow.Int8Traits.CastFromBytes(column)
	} else {
		b.probes.Float32 = arrow.Float32Traits.CastFromBytes(column)
	}
	return b
}

// Len returns the number of items.
func (b *ArrowBatch) Len() int { return b.probes.Len() }

// Probes returns the probes, which are the batch's.
func (b *ArrowBatch) Probes() Vectors { return b.probes }

// Claim makes id the credential that item i claims.
func (b *ArrowBatch) Claim(i int, id zhenni.CredentialID) { copy(b.claims[i*len(id):], id[:]) }

// Claimed returns the credential that item i claims.
func (b *ArrowBatch) Claimed(i int) (id zhenni.CredentialID) {
	copy(id[:], b.claims[i*len(id):])
	return id
}

// Columns returns the memory of the credentials and behind it that of the probes, where they adjoin in the body, as they do of
// a number of items that 4 divides; else nil. It is the batch's, and what is written to it is sent.
func (b *ArrowBatch) Columns() []byte {
	probes := b.probes.bytes()
	n := len(b.claims) + len(probes)
	columns := b.claims[:min(n, cap(b.claims))]
	if len(columns) < n || &columns[len(b.claims)] != &probes[0] {
		return nil
	}
	return columns
}
