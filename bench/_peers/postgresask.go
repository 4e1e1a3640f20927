package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// A query decides trials, or fetches the references for the client to decide.
type query struct {
	about string
	relation
	// one and many are what is selected of p, the stored row: the probe is $2 of one, and of row q of many.
	one, many string
	// probe appends the binary form of a probe, nil where only ids are sent; its type has the name probeType.
	probe     func(dst []byte, v []float32) []byte
	probeType string
	// accept decides trial t by what came back, in binary form.
	accept func(w *workload, t int, value []byte) bool
}

// queries are the ways of asking this server, the server's own comparison first.
func (p *postgres) queries() []query {
	list := []query{sqlDot, fetchReal, fetchRow}
	if p.vector {
		list = append(list, vectorDistance)
	}
	return list
}

const (
	sqlDotName    = "real[], dot in SQL"
	vectorName    = "pgvector <=>"
	fetchRealName = "real[] fetched, dot in Go"
	fetchRowName  = "int8 bytea fetched, dot in Go"
)

var sqlDot = query{
	about: sqlDotName, relation: realRelation, probe: appendReal, probeType: "real[]",
	one:  "(SELECT sum(a * b) FROM unnest(p.embedding, $2::real[]) AS t(a, b))",
	many: "(SELECT sum(a * b) FROM unnest(p.embedding, q.probe) AS t(a, b))",
	accept: func(w *workload, _ int, value []byte) bool {
		return math.Float32frombits(binary.BigEndian.Uint32(value)) >= w.cosine()
	},
}

var fetchReal = query{
	about: fetchRealName, relation: realRelation, one: "p.embedding", many: "p.embedding",
	accept: func(w *workload, t int, value []byte) bool {
		return dotReal(w.float(w.probeOf(t)), value[realHead:]) >= w.cosine()
	},
}

var fetchRow = query{
	about: fetchRowName, relation: rowRelation, one: "p.embedding", many: "p.embedding",
	accept: func(w *workload, t int, value []byte) bool { return w.decide(t, value) },
}

var vectorDistance = query{
	about: vectorName, relation: vectorRelation, probe: appendVector, probeType: "vector",
	one: "p.embedding <=> $2::vector", many: "p.embedding <=> q.probe",
	accept: func(w *workload, _ int, value []byte) bool {
		return 1-math.Float64frombits(binary.BigEndian.Uint64(value)) >= float64(w.cosine())
	},
}

// contenders asks one by one, pipelined and in bulk, through pgx's connection with binary parameters made ahead.
func (p *postgres) contenders(w *workload) []contender {
	var list []contender
	for _, q := range p.queries() {
		wire := q.encode(w)
		for _, way := range []struct {
			kind  string
			items int
			do    func(*postgresAsker, context.Context, int, []bool) error
		}{
			{kindSingle, 1, (*postgresAsker).one},
			{kindPipelined, 256, (*postgresAsker).pipelined},
			{kindBulk, 1024, (*postgresAsker).many},
		} {
			list = append(list, contender{peer: peerPostgres, kind: way.kind, about: q.about, clients: 8, items: way.items,
				dial: func(ctx context.Context, _, _ int) (asker, error) { return p.dial(ctx, w, q, wire, way.do) }})
		}
	}
	if p.bench != "" {
		list = append(list, p.pgbench(w))
	}
	return list
}

// encode makes the binary form of every probe, all of one length.
func (q query) encode(w *workload) []byte {
	var wire []byte
	if q.probe != nil {
		for i := range w.probeCount() {
			wire = q.probe(wire, w.float(i))
		}
	}
	return wire
}

// postgresAsker is one connection with its two statements prepared.
type postgresAsker struct {
	conn     *pgconn.PgConn
	workload *workload
	query    query
	wire     []byte // every probe, as a parameter
	do       func(*postgresAsker, context.Context, int, []bool) error

	single, bulk *pgconn.StatementDescription
	// Types of the elements of the bulk parameter and of a probe in it.
	element, probeType uint32
	parameter          []byte
	params             [2][]byte
}

// In the order of the parameters and of the results.
var binaryForm = []int16{1}

func (p *postgres) dial(ctx context.Context, w *workload, q query, wire []byte, do func(*postgresAsker, context.Context, int, []bool) error) (asker, error) {
	conn, err := pgconn.Connect(ctx, p.url)
	if err != nil {
		return nil, err
	}
	a := &postgresAsker{conn: conn, workload: w, query: q, wire: wire, do: do, element: oidUUID}
	source := "unnest($1::uuid[]) WITH ORDINALITY AS q(id, n)"
	if q.probe != nil {
		// A type of this connection alone: an array of it carries ids and probes side by side.
		if _, err := selectRows(ctx, conn, "CREATE TYPE pg_temp.question AS (id uuid, probe "+q.probeType+")"); err != nil {
			return nil, err
		}
		if a.element, err = typeOf(ctx, conn, "pg_temp.question"); err != nil {
			return nil, err
		}
		if a.probeType, err = typeOf(ctx, conn, q.probeType); err != nil {
			return nil, err
		}
		source = "unnest($1::pg_temp.question[]) WITH ORDINALITY AS q(id, probe, n)"
	}
	one := fmt.Sprintf("SELECT %s FROM %s p WHERE p.id = $1", q.one, q.table)
	if a.single, err = conn.Prepare(ctx, "one", one, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", one, err)
	}
	many := fmt.Sprintf("SELECT q.n, %s FROM %s JOIN %s p ON p.id = q.id", q.many, source, q.table)
	if a.bulk, err = conn.Prepare(ctx, "many", many, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", many, err)
	}
	return a, nil
}

func typeOf(ctx context.Context, conn *pgconn.PgConn, name string) (uint32, error) {
	rows, err := selectRows(ctx, conn, fmt.Sprintf("SELECT '%s'::regtype::oid", name))
	if err != nil {
		return 0, err
	}
	oid, err := strconv.ParseUint(rows[0][0], 10, 32)
	return uint32(oid), err
}

func (a *postgresAsker) ask(ctx context.Context, first int, match []bool) error {
	return a.do(a, ctx, first, match)
}

func (a *postgresAsker) close() error { return a.conn.Close(context.Background()) }

// probe is the parameter that trial t sends.
func (a *postgresAsker) probe(t int) []byte {
	size := len(a.wire) / a.workload.probeCount()
	return a.wire[a.workload.probeOf(t)*size:][:size]
}

// arguments are the parameters of the statement for one trial, valid until the next call.
func (a *postgresAsker) arguments(t int) [][]byte {
	a.params[0] = a.workload.claims[t][:]
	if a.query.probe == nil {
		return a.params[:1]
	}
	a.params[1] = a.probe(t)
	return a.params[:]
}

func (a *postgresAsker) one(ctx context.Context, first int, match []bool) error {
	rows := a.conn.ExecStatement(ctx, a.single, a.arguments(first), binaryForm, binaryForm)
	return a.readOne(rows, first, match)
}

// readOne takes the one row of a trial.
func (a *postgresAsker) readOne(rows *pgconn.ResultReader, t int, match []bool) error {
	answered := 0
	for rows.NextRow() {
		match[0] = a.query.accept(a.workload, t, rows.Values()[0])
		answered++
	}
	if _, err := rows.Close(); err != nil {
		return err
	}
	if answered != 1 {
		return fmt.Errorf("%d rows for one credential", answered)
	}
	return nil
}

// pipelined sends a statement for every trial before it reads the first row.
func (a *postgresAsker) pipelined(ctx context.Context, first int, match []bool) error {
	pipeline := a.conn.StartPipeline(ctx)
	for i := range match {
		pipeline.SendQueryStatement(a.single, a.arguments(first+i), binaryForm, binaryForm)
	}
	if err := pipeline.Sync(); err != nil {
		return err
	}
	for i := range match {
		results, err := pipeline.GetResults()
		if err != nil {
			return err
		}
		rows, ok := results.(*pgconn.ResultReader)
		if !ok {
			return fmt.Errorf("a pipeline answered with %T", results)
		}
		if err := a.readOne(rows, first+i, match[i:i+1]); err != nil {
			return err
		}
	}
	return pipeline.Close()
}

// many sends all trials as one array and finds each answer by its place in it.
func (a *postgresAsker) many(ctx context.Context, first int, match []bool) error {
	a.parameter = appendArrayHead(a.parameter[:0], a.element, len(match))
	for i := range match {
		id := a.workload.claims[first+i]
		if a.query.probe == nil {
			a.parameter = appendSized(a.parameter, id[:])
		} else {
			a.parameter = appendQuestion(a.parameter, id[:], a.probeType, a.probe(first+i))
		}
	}
	a.params[0] = a.parameter
	rows := a.conn.ExecStatement(ctx, a.bulk, a.params[:1], binaryForm, binaryForm)
	answered := 0
	for rows.NextRow() {
		values := rows.Values()
		n := int(binary.BigEndian.Uint64(values[0])) - 1
		if n < 0 || n >= len(match) {
			return fmt.Errorf("a row of place %d among %d", n, len(match))
		}
		match[n] = a.query.accept(a.workload, first+n, values[1])
		answered++
	}
	if _, err := rows.Close(); err != nil {
		return err
	}
	if answered != len(match) {
		return fmt.Errorf("%d rows for %d trials", answered, len(match))
	}
	return nil
}
