package ingress

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/population"
	"zhenni/evidence"
	"zhenni/gateway/httpsig"
)

// checksRun is a run of [Checks].
type checksRun struct {
	Checks
	ids        []zhenni.CredentialID // of questions that are answered yes
	rows       []int8
	batches    []*bench.ArrowBatch
	lines      []*bench.LineBatch // the same questions
	sides      []*checksSide
	clients    []*bench.Client
	sinks      []*bench.Sink
	primitives crowd
	made       int // requests so far
}

// A checksSide is one way to ask.
type checksSide struct {
	name    string
	bulk    bool
	lines   bool // bulk, in place of Arrow
	checked bool
	session bool                    // signed by a session key
	digest  httpsig.DigestAlgorithm // that signed bodies are sent with
	// maker makes the requests ready, which the senders send, each over its connection.
	maker    *bench.Client
	senders  []*bench.Client
	requests int // a round
}

// items is how many a request has.
func (s *checksSide) items(r *checksRun) int {
	if s.bulk {
		return r.Questions.BatchItems
	}
	return 1
}

func (r *checksRun) close() error {
	for _, c := range r.clients {
		c.Close()
	}
	var errs []error
	for _, s := range r.sinks {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// checksQuestions is how many questions are asked again and again.
const checksQuestions = 1 << 14

// prepare draws the questions, connects all sides and finds out how many requests they send in about the time of a round.
func (r *checksRun) prepare(ctx context.Context, about time.Duration) error {
	if err := errors.Join(r.Questions.Validate(), r.draw()); err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	for _, s := range r.sides {
		warm := warmRequests * len(s.senders)
		c, err := r.press(ctx, s, warm)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.requests = min(max(int(c.rate/float64(s.items(r))*about.Seconds()), len(s.senders)), mostReady)
	}
	var err error
	r.primitives, err = newCrowd(r)
	return err
}

// draw keeps the questions that are answered yes, and makes bulk of them.
func (r *checksRun) draw() error {
	dim, n := r.Questions.Population.Dim, min(max(r.Questions.Distinct, r.Questions.BatchItems), checksQuestions)
	n -= n % 4
	draw, err := population.NewQuestions(r.Questions.Population, r.Questions.Skew, population.Mix{Mated: 1}, 0)
	if err != nil {
		return err
	}
	q := population.Round{
		Tenant: 1, IDs: make([]zhenni.CredentialID, n), Rows: make([]int8, n*dim),
		Kinds: make([]population.Kind, n), Subjects: make([]int64, n),
	}
	draw.Refresh(&q, 0, n)
	batch := zhenni.Batch{Tenant: 1, Evaluation: true, Dim: dim, IDs: q.IDs, Int8: q.Rows, Outcomes: make([]zhenni.Outcome, n)}
	if err := r.Node.Verify(&batch, time.Now().Add(time.Minute)); err != nil {
		return err
	}
	for i, outcome := range batch.Outcomes {
		if outcome == zhenni.Match {
			r.ids, r.rows = append(r.ids, q.IDs[i]), append(r.rows, q.Rows[i*dim:(i+1)*dim]...)
		}
	}
	items := r.Questions.BatchItems
	for len(r.ids) > 0 && len(r.ids) < items {
		r.ids, r.rows = append(r.ids, r.ids...), append(r.rows, r.rows...)
	}
	for from := 0; from+items <= len(r.ids); from += items {
		ids, probes := r.ids[from:from+items], bench.Vectors{Dim: dim, Int8: r.rows[from*dim : (from+items)*dim]}
		made, err := bench.NewArrowBatch(ids, probes)
		if err != nil {
			return err
		}
		r.batches, r.lines = append(r.batches, made), append(r.lines, bench.NewLineBatch(ids, probes))
	}
	if len(r.batches) == 0 {
		return fmt.Errorf("%w: none of %d people is known by a capture", zhenni.ErrBadValue, n)
	}
	return nil
}

// connect makes the sides, and last the bare echoes of single verifications, which answer as these were answered.
func (r *checksRun) connect(ctx context.Context) error {
	for _, s := range []*checksSide{
		{name: namePlainSingle}, {name: nameCheckedSingle, checked: true}, {name: nameSessionSingle, checked: true, session: true},
		{name: namePlainArrow, bulk: true}, {name: nameCheckedArrow, bulk: true, checked: true, digest: httpsig.BLAKE3},
		{name: nameSessionArrow, bulk: true, checked: true, session: true, digest: httpsig.BLAKE3},
		{name: nameSHAArrow, bulk: true, checked: true},
		{name: namePlainLines, bulk: true, lines: true}, {name: nameCheckedLines, bulk: true, lines: true, checked: true, digest: httpsig.BLAKE3},
	} {
		target, connections := r.Plain, r.Wide
		switch {
		case s.checked:
			target = r.Checked
			target.Signer = target.Signer.Digesting(s.digest)
		case s.bulk:
			target = r.Bulk
		}
		if s.bulk {
			connections = r.Questions.Connections
		}
		if err := r.dial(s, target, connections); err != nil {
			return err
		}
		if !s.session {
			continue
		}
		if err := s.maker.OpenSession(); err != nil {
			return fmt.Errorf("session key: %w", err)
		}
	}
	return errors.Join(r.echo(ctx, r.sides[0], namePlainEcho), r.echo(ctx, r.sides[1], nameCheckedEcho))
}

// dial connects a side. What it has made already stays.
func (r *checksRun) dial(s *checksSide, target bench.Target, connections int) error {
	for range connections + 1 {
		client, err := bench.NewClient(target)
		if err != nil {
			return err
		}
		r.clients = append(r.clients, client)
		if s.maker == nil {
			s.maker = client
			continue
		}
		s.senders = append(s.senders, client)
	}
	r.sides = append(r.sides, s)
	return nil
}

// echo adds a side that sends what another does to a server that answers as that one was answered once.
func (r *checksRun) echo(ctx context.Context, of *checksSide, name string) error {
	var answer []byte
	of.senders[0].Observe(func(body []byte) { answer = slices.Clone(body) })
	_, err := r.press(ctx, &checksSide{name: of.name, checked: of.checked, maker: of.maker, senders: of.senders[:1]}, 1)
	of.senders[0].Observe(nil)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sink, err := bench.NewSink(answer)
	if err != nil {
		return err
	}
	r.sinks = append(r.sinks, sink)
	target := bench.Target{URL: sink.URL, Key: r.Plain.Key, Signer: r.Checked.Signer}
	if !of.checked {
		target.Signer = nil
	}
	return r.dial(&checksSide{name: name, checked: of.checked, maker: of.maker}, target, len(of.senders))
}

// nonceStem makes a nonce of a number.
const nonceStem = "checks-0000000000-"

// ready makes the next request of a side ready.
func (r *checksRun) ready(s *checksSide) (*bench.Ready, error) {
	r.made++
	number := strconv.Itoa(r.made)
	nonce := nonceStem + number
	if s.bulk {
		service, purpose := r.Desk.BulkService, r.Desk.Purpose
		if !s.checked {
			service, purpose, nonce = "", "", ""
		}
		which := r.made % len(r.batches)
		if s.lines {
			return s.maker.ReadyLines(r.lines[which], service, purpose, nonce)
		}
		return s.maker.ReadyArrow(r.batches[which], service, purpose, nonce)
	}
	i, dim := r.made%len(r.ids), r.Questions.Population.Dim
	q := bench.Question{ID: r.ids[i], Probe: bench.Vectors{Dim: dim, Int8: r.rows[i*dim : (i+1)*dim]}}
	if !s.checked {
		return s.maker.ReadyOne(q, "")
	}
	q.Transaction, q.Service, q.Purpose = "check-"+number, r.Desk.Service, r.Desk.Purpose
	var err error
	if q.Evidence, err = r.Desk.evidence(q, nonce); err != nil {
		return nil, err
	}
	return s.maker.ReadyOne(q, nonce)
}

// evidence is of liveness, by the terminal, and of possession, by the device.
func (d *Desk) evidence(q bench.Question, nonce string) ([][]byte, error) {
	claims := evidence.Claims{
		Kind: evidence.Liveness, Level: zhenni.LivenessActive, Subject: q.ID, Capture: captureOf(q.Probe.Int8),
		Transaction: q.Transaction, Party: d.Party, Terminal: d.Terminal, Nonce: nonce, IssuedAt: time.Now().Unix(),
	}
	alive, err := evidence.Sign(claims, d.TerminalKey.Private)
	if err != nil {
		return nil, err
	}
	claims.Kind, claims.Level, claims.Terminal = evidence.Possession, zhenni.LivenessNone, ""
	present, err := evidence.Sign(claims, d.Device(q.ID).Private)
	return [][]byte{alive, present}, err
}

// captureOf is the digest of a probe.
func captureOf(probe []int8) [sha256.Size]byte {
	return sha256.Sum256(arrow.Int8Traits.CastToBytes(probe))
}
