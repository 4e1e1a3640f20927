package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/valyala/fastjson"

	"zhenni/bench"
)

// service is the afternoon's work (afternoon/main.go) in a process of its own.
type service struct {
	*server
	url, dir, binary string
}

func prepareService(ctx context.Context, dir string) (*service, error) {
	s := &service{dir: filepath.Join(dir, "db"), binary: filepath.Join(dir, "afternoon")}
	build := command(ctx, account{}, "go", "build", "-trimpath", "-o", s.binary, "./afternoon")
	_, err := output(build)
	return s, err
}

// fill stores the references as the service reads them.
func (s *service) fill(ctx context.Context, w *workload) error {
	return fillBadger(ctx, s.dir, w, func(_ int, reference []float32) []byte { return littleFloats(nil, reference) })
}

func (s *service) start(ctx context.Context, threshold float64) (err error) {
	cmd := command(context.WithoutCancel(ctx), account{}, s.binary, "-db", s.dir, "-threshold", fmt.Sprint(threshold))
	if s.server, err = startServer(cmd, syscall.SIGTERM); err != nil {
		return err
	}
	line, err := s.await(ctx, "listening on ")
	_, s.url, _ = strings.Cut(line, "listening on ")
	return err
}

// contenders asks over HTTP with the client that asks zhenni, whose bodies are made ahead but for the ids.
func (s *service) contenders(w *workload) []contender {
	questions := newQuestionTexts(w)
	way := func(kind, about string, clients, items int) contender {
		return contender{peer: peerService, kind: kind, about: about, clients: clients, items: items,
			dial: func(context.Context, int, int) (asker, error) {
				client, err := bench.NewClient(bench.Target{URL: s.url})
				return &serviceAsker{client: client, workload: w, questions: questions}, err
			}}
	}
	return []contender{
		way(kindSingle, "JSON", 8, 1),
		way(kindSingle, "JSON", 64, 1),
		way(kindBulk, "JSON array", 8, 1024),
	}
}

// questionTexts are the questions about all probes as JSON, of one length each, with room for the id.
type questionTexts struct {
	text []byte
	size int
}

const idAt = len(`{"id":"`)

func newQuestionTexts(w *workload) questionTexts {
	var q questionTexts
	for p := range w.probeCount() {
		q.text = fmt.Appendf(q.text, `{"id":"%032d","embedding":"%s"}`, 0, base64.StdEncoding.EncodeToString(littleFloats(nil, w.float(p))))
		if p == 0 {
			q.size = len(q.text)
		}
	}
	return q
}

// append appends the question of trial t.
func (q questionTexts) append(dst []byte, w *workload, t int) []byte {
	at := len(dst)
	dst = append(dst, q.text[w.probeOf(t)*q.size:][:q.size]...)
	id := w.claims[t]
	hex.Encode(dst[at+idAt:], id[:])
	return dst
}

// serviceAsker asks over one connection.
type serviceAsker struct {
	client    *bench.Client
	workload  *workload
	questions questionTexts
	body      []byte
	parser    fastjson.Parser
}

func (a *serviceAsker) close() error {
	a.client.Close()
	return nil
}

func (a *serviceAsker) ask(_ context.Context, first int, match []bool) error {
	if len(match) == 1 {
		a.body = a.questions.append(a.body[:0], a.workload, first)
		answer, err := a.post("/verify")
		if err == nil {
			match[0] = answer.GetBool("match")
		}
		return err
	}
	a.body = append(a.body[:0], '[')
	for i := range match {
		a.body = append(a.questions.append(a.body, a.workload, first+i), ',')
	}
	a.body[len(a.body)-1] = ']'
	answer, err := a.post("/verify/batch")
	if err != nil {
		return err
	}
	answers := answer.GetArray()
	if len(answers) != len(match) {
		return fmt.Errorf("%d answers to %d questions", len(answers), len(match))
	}
	for i, answer := range answers {
		match[i] = answer.GetBool("match")
	}
	return nil
}

func (a *serviceAsker) post(path string) (*fastjson.Value, error) {
	answer, err := a.client.Post(path, "application/json", a.body)
	if err != nil {
		return nil, err
	}
	return a.parser.ParseBytes(answer)
}

// fillBadger makes a database of id → value, with the ids in ascending order as they are.
func fillBadger(ctx context.Context, dir string, w *workload, value func(i int, reference []float32) []byte) error {
	db, err := badger.Open(badgerOptions(dir))
	if err != nil {
		return err
	}
	defer db.Close()
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	err = w.eachReference(ctx, func(i int, reference []float32) error {
		return batch.Set(slices.Clone(w.ids[i][:]), value(i, reference)) // the batch keeps both
	})
	if err != nil {
		return err
	}
	if err := batch.Flush(); err != nil {
		return err
	}
	return db.Flatten(cores())
}
