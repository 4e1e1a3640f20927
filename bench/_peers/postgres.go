package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgres is a private cluster in a folder of its own, on a port of the loopback.
type postgres struct {
	*server
	url      string
	version  string
	vector   bool   // pgvector could be installed
	bench    string // path of pgbench, "" where there is none
	account  account
	settings []string
}

// Folders that packages put the programs in.
const debianPostgres = "/usr/lib/postgresql/*/bin"

// startPostgres makes a cluster that holds the workload in shared buffers, and starts it.
func startPostgres(ctx context.Context, dir, programs string, credentials, dim int) (_ *postgres, err error) {
	initdb, err := find(programs, "initdb", debianPostgres)
	if err != nil {
		return nil, err
	}
	p := &postgres{}
	if p.bench, err = find(filepath.Dir(initdb), "pgbench"); err != nil {
		p.bench, _ = find("", "pgbench")
	}
	if p.account, err = unprivileged("postgres", "nobody"); err != nil {
		return nil, err
	}
	if err := p.account.own(dir); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	init := command(ctx, p.account, initdb, "-D", data, "-U", "peers", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	init.Dir = dir
	if _, err := output(init); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p.settings = postgresSettings(credentials, dim)
	args := []string{"-D", data, "-p", fmt.Sprint(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + dir}
	for _, setting := range p.settings {
		args = append(args, "-c", setting)
	}
	cmd := command(context.WithoutCancel(ctx), p.account, filepath.Join(filepath.Dir(initdb), "postgres"), args...)
	cmd.Dir = dir
	// SIGQUIT ends it at once, without a checkpoint of data that are thrown away.
	cmd.SysProcAttr = p.account.attributes(syscall.SIGQUIT)
	if p.server, err = startServer(cmd, syscall.SIGQUIT); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	p.url = fmt.Sprintf("postgres://peers@127.0.0.1:%d/postgres?sslmode=disable", port)
	return p, p.until(ctx, func() error { return p.ask(ctx) })
}

// postgresSettings keep everything in memory, plan a prepared statement once and leave durability out, which reads
// do not need. The buffers take two tables of float32, of which a page holds three rows of 512 elements, one of int8,
// and their indexes.
func postgresSettings(credentials, dim int) []string {
	buffers := 256 + int64(credentials)*int64(dim)*14>>20
	return []string{
		fmt.Sprintf("shared_buffers=%dMB", buffers), "huge_pages=try", "max_connections=128",
		"jit=off", "max_parallel_workers_per_gather=0", "plan_cache_mode=force_generic_plan", "work_mem=64MB",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off",
		"wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB", "maintenance_work_mem=512MB",
	}
}

// ask finds out whether the server answers, and what it is.
func (p *postgres) ask(ctx context.Context) error {
	conn, err := pgconn.Connect(ctx, p.url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := selectRows(ctx, conn, "SHOW server_version")
	if err != nil {
		return err
	}
	p.version = rows[0][0]
	rows, err = selectRows(ctx, conn, "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
	p.vector = len(rows) > 0
	return err
}

// selectRows returns what a statement, or several, print as text.
func selectRows(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	var rows [][]string
	for _, result := range results {
		for _, row := range result.Rows {
			var texts []string
			for _, value := range row {
				texts = append(texts, string(value))
			}
			rows = append(rows, texts)
		}
	}
	return rows, nil
}

// A relation is one form in which the references are stored.
type relation struct {
	table, column, kind string
	// append appends the binary form of a reference.
	append func(dst []byte, w *workload, i int, reference []float32) []byte
}

var (
	realRelation = relation{"people_real", "embedding", "real[]", func(dst []byte, _ *workload, _ int, reference []float32) []byte {
		return appendReal(dst, reference)
	}}
	rowRelation = relation{"people_int8", "embedding", "bytea", func(dst []byte, w *workload, i int, _ []float32) []byte {
		return append(dst, rawBytes(w.reference(i))...)
	}}
	vectorRelation = relation{"people_vector", "embedding", "vector", func(dst []byte, _ *workload, _ int, reference []float32) []byte {
		return appendVector(dst, reference)
	}}
)

// relations are the forms this server can hold.
func (p *postgres) relations() []relation {
	if p.vector {
		return []relation{realRelation, rowRelation, vectorRelation}
	}
	return []relation{realRelation, rowRelation}
}

// fill stores the references in every form, with its index, and the first pass of the questions for pgbench.
func (p *postgres) fill(ctx context.Context, w *workload) error {
	conn, err := pgconn.Connect(ctx, p.url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if p.vector {
		if _, err := selectRows(ctx, conn, "CREATE EXTENSION vector"); err != nil {
			return err
		}
	}
	for _, r := range p.relations() {
		if err := r.fill(ctx, conn, w); err != nil {
			return err
		}
	}
	if err := fillQuestions(ctx, conn, w); err != nil {
		return err
	}
	_, err = selectRows(ctx, conn, "CHECKPOINT")
	return err
}

// fill copies the references. They lie in the page itself (storage plain), not in a second table that every read
// would have to visit.
func (r relation) fill(ctx context.Context, conn *pgconn.PgConn, w *workload) error {
	create := fmt.Sprintf(`CREATE TABLE %s (id uuid NOT NULL, %s %s NOT NULL);
		ALTER TABLE %[1]s ALTER %[2]s SET STORAGE PLAIN`, r.table, r.column, r.kind)
	if _, err := selectRows(ctx, conn, create); err != nil {
		return err
	}
	var value []byte
	err := copyRows(ctx, conn, fmt.Sprintf("COPY %s FROM STDIN BINARY", r.table), func(out io.Writer) error {
		tuple := make([]byte, 0, 8<<10)
		return w.eachReference(ctx, func(i int, reference []float32) error {
			value = r.append(value[:0], w, i, reference)
			tuple = binary.BigEndian.AppendUint16(tuple[:0], 2)
			tuple = appendSized(appendSized(tuple, w.ids[i][:]), value)
			_, err := out.Write(tuple)
			return err
		})
	})
	if err != nil {
		return err
	}
	_, err = selectRows(ctx, conn, fmt.Sprintf(`ALTER TABLE %s ADD PRIMARY KEY (id)`, r.table))
	if err != nil {
		return err
	}
	if _, err = selectRows(ctx, conn, fmt.Sprintf("VACUUM ANALYZE %s", r.table)); err != nil {
		return err
	}
	_, err = selectRows(ctx, conn, fmt.Sprintf(`CREATE EXTENSION IF NOT EXISTS pg_prewarm;
		SELECT pg_prewarm('%s'), pg_prewarm('%[1]s_pkey')`, r.table))
	return err
}

// copyRows runs a binary COPY of what write writes; the pipe reports an error to it and to the statement alike.
func copyRows(ctx context.Context, conn *pgconn.PgConn, sql string, write func(io.Writer) error) error {
	r, w := io.Pipe()
	go func() {
		buffered := bufio.NewWriterSize(w, 1<<20)
		buffered.WriteString(copyHead) // an error of the buffer stays until Flush
		err := write(buffered)
		buffered.WriteString(copyEnd)
		w.CloseWithError(errors.Join(err, buffered.Flush()))
	}()
	_, err := conn.CopyFrom(ctx, r, sql)
	r.CloseWithError(io.ErrClosedPipe) // ends the writer where the statement failed
	if err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// fillQuestions stores the trials of the first pass, from which pgbench draws.
func fillQuestions(ctx context.Context, conn *pgconn.PgConn, w *workload) error {
	if _, err := selectRows(ctx, conn, "CREATE TABLE questions (n int NOT NULL, id uuid NOT NULL, probe real[] NOT NULL); "+
		"ALTER TABLE questions ALTER probe SET STORAGE PLAIN"); err != nil {
		return err
	}
	err := copyRows(ctx, conn, "COPY questions FROM STDIN BINARY", func(out io.Writer) error {
		var tuple, probe []byte
		for t := range w.probeCount() {
			id := w.claims[t]
			probe = appendReal(probe[:0], w.float(t))
			tuple = binary.BigEndian.AppendUint16(tuple[:0], 3)
			tuple = appendSized(tuple, binary.BigEndian.AppendUint32(nil, uint32(t)))
			tuple = appendSized(appendSized(tuple, id[:]), probe)
			if _, err := out.Write(tuple); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err = selectRows(ctx, conn, "ALTER TABLE questions ADD PRIMARY KEY (n)"); err != nil {
		return err
	}
	_, err = selectRows(ctx, conn, "VACUUM ANALYZE questions")
	return err
}

// describe says what is measured, for the notes below the table.
func (p *postgres) describe() string {
	return fmt.Sprintf("PostgreSQL %s, TCP on 127.0.0.1, embeddings stored plain in the page, warmed: %v", p.version, p.settings)
}
