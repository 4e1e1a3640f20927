package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// pgbenchSQL is the query of sqlDot, with the questions in a table: pgbench has no arrays to send. It spares the
// probe's way over the wire and pays for one more lookup.
const pgbenchSQL = `SELECT (SELECT sum(a * b) FROM unnest(p.embedding, q.probe) AS t(a, b)) ` +
	`FROM questions q JOIN people_real p ON p.id = q.id WHERE q.n = `

const pgbenchName = sqlDotName + ", by pgbench"

// pgbench is PostgreSQL's own load generator, one by one with a prepared statement. It tells no quantiles and reads no
// answers: those of its SQL are held against the truth before each turn.
func (p *postgres) pgbench(w *workload) contender {
	const clients = 8
	return contender{
		peer: peerPostgres, kind: kindSingle, about: pgbenchName, clients: clients, items: 1,
		measure: func(ctx context.Context, d time.Duration) (measurement, error) {
			got, err := p.checkPgbench(ctx, w)
			if err != nil {
				return got, err
			}
			got.rate, err = p.runPgbench(ctx, w.probeCount(), clients, d)
			return got, err
		},
	}
}

// checkPgbench asks a part of the questions by the same SQL.
func (p *postgres) checkPgbench(ctx context.Context, w *workload) (got measurement, err error) {
	conn, err := pgconn.Connect(ctx, p.url)
	if err != nil {
		return got, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := selectRows(ctx, conn, pgbenchSQL+"ANY (SELECT generate_series(0, 1023)) ORDER BY q.n")
	if err != nil {
		return got, err
	}
	for t, row := range rows {
		cosine, err := strconv.ParseFloat(row[0], 32)
		if err != nil {
			return got, err
		}
		got.asked++
		if (float32(cosine) >= w.cosine()) != w.match[t] {
			got.differed++
		}
	}
	return got, nil
}

var pgbenchRate = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

func (p *postgres) runPgbench(ctx context.Context, questions, clients int, d time.Duration) (float64, error) {
	dir, err := os.MkdirTemp("", "pgbench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "verify.sql")
	text := fmt.Sprintf("\\set n random(0, %d)\n%s:n;\n", questions-1, pgbenchSQL)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return 0, err
	}
	seconds := max(1, int(d.Round(time.Second).Seconds()))
	printed, err := output(command(ctx, account{}, p.bench, "--no-vacuum", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2",
		"-T", strconv.Itoa(seconds), "-f", script, p.url))
	if err != nil {
		return 0, err
	}
	found := pgbenchRate.FindStringSubmatch(printed)
	if found == nil {
		return 0, fmt.Errorf("pgbench printed no rate:\n%s", tail(printed))
	}
	return strconv.ParseFloat(found[1], 64)
}
