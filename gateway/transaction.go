package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"zhenni"
)

// Ledger gives every request for verification exactly one outcome, recorded before it is answered. Its methods may be
// called from several goroutines.
type Ledger interface {
	// Digest returns the keyed digest of what a request asks.
	Digest(route, media string, body []byte) [16]byte
	// Begin takes a request in hand; with neither an answer nor an error exactly one Settle or Drop ends it. It returns
	// the stored answer of a transaction sent again, [zhenni.ErrInProgress], [zhenni.ErrReused], [zhenni.ErrEvicted],
	// [zhenni.ErrOverloaded] or [zhenni.ErrUnavailable].
	Begin(r zhenni.Request) (*zhenni.Answered, error)
	// Settle returns the index of the request's leaf in the audit log once that and the answer are durable. With an
	// error nothing may be answered. The memory of d is the caller's again in either case.
	Settle(ctx context.Context, r zhenni.Request, d zhenni.Decision) (index int64, err error)
	// Drop ends a request of which nothing was decided.
	Drop(r zhenni.Request)
	// Stats returns the counts since start.
	Stats() zhenni.LedgerStats
}

// begin takes a request about so many items in hand, or returns its stored answer. Unless there is one, or an error, the
// caller defers drop.
func (s *Server) begin(rq *request, items int) (*zhenni.Answered, error) {
	if s.config.Ledger != nil {
		stored, err := s.config.Ledger.Begin(rq.identity())
		if errors.Is(err, zhenni.ErrReused) && rq.idempotent {
			err = refuse(kindKeyReused, "")
		}
		if err != nil {
			return nil, err
		}
		if stored != nil {
			if err := s.mayBeToldAgain(rq); err != nil {
				return nil, err
			}
			return stored, s.recall(rq, stored)
		}
		rq.inHand = true
	}
	if err := s.spend(rq, items); err != nil {
		s.drop(rq)
		return nil, err
	}
	return nil, nil
}

// digest notes what the request asks, before decoding writes into the body. Only a client that chose the transaction id
// can send it again; a document may name it. Of a signed stream it is made of the digest that the signature proved: the body is
// hashed once, and sent again it has to be signed with a digest by the same algorithm.
func (s *Server) digest(rq *request, media string, body []byte) {
	if s.config.Ledger == nil || !rq.named && media != mediaJSON {
		return
	}
	kind := rq.terms.mediaOf(media)
	if model := rq.ctx.Request.Header.Peek("Model"); model != nil {
		kind += "\nmodel: " + string(model)
	}
	if media == mediaArrow && len(rq.signedBody) > 0 {
		kind, body = kind+"\nsigned", rq.signedBody
	}
	rq.asked = s.config.Ledger.Digest(string(rq.ctx.Path()), kind, body)
}

// bulkNamed reports whether the request is a stream under a transaction id.
func (rq *request) bulkNamed() bool { return rq.named && hasMedia(rq, mediaArrow) }

// drop ends a request that was begun and neither settled nor dropped, whatever became of its handler.
func (s *Server) drop(rq *request) {
	if rq.inHand {
		rq.inHand = false
		s.config.Ledger.Drop(rq.identity())
	}
}

func (rq *request) identity() zhenni.Request {
	return zhenni.Request{Party: rq.party.ID, Transaction: rq.transaction, Named: rq.named, Digest: rq.asked}
}

// settle records the decision on the request, which is answered only if that succeeds. Where no item was decided the
// request is dropped instead, so that it can be sent again.
func (s *Server) settle(rq *request, deadline time.Time, d zhenni.Decision) error {
	if !rq.inHand || !decided(d.Outcomes) {
		if d.Batch {
			return nil
		}
		return s.sign(rq, notRecorded, [32]byte{})
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	d.Tenant, d.Profile, d.Attempts = rq.party.Tenant, s.by(rq).profile.ID, rq.attempts()
	d.Answer, d.Leaf = rq.withDraft(d.Answer), &rq.leaf
	index, err := s.config.Ledger.Settle(ctx, rq.identity(), d)
	rq.inHand = false
	if err != nil {
		return err
	}
	rq.setLogIndex(index)
	s.note(rq, d)
	return s.sign(rq, index, rq.leaf)
}

// decided reports whether there is anything that the same request would not be answered otherwise, sent again.
func decided(outcomes []zhenni.Outcome) bool {
	for _, o := range outcomes {
		if !o.Retryable() {
			return true
		}
	}
	return false
}

func (rq *request) setLogIndex(index int64) {
	rq.ctx.Response.Header.Set("Log-Index", strconv.FormatInt(index, 10))
}

// replayed marks an answer as one that was given before.
func (rq *request) replayed(stored *zhenni.Answered) {
	rq.ctx.Response.Header.Set("Replayed", "true")
	rq.setLogIndex(stored.LogIndex)
}

// What is kept of the answer to a single verification: status u16, body.

func storedSingle(status int, body []byte) []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(body)), uint16(status)), body...)
}

// replayOne answers a single verification as it was answered before.
func (rq *request) replayOne(stored *zhenni.Answered) error {
	if len(stored.Answer) < 2 {
		return fmt.Errorf("%w: a stored answer without a status", zhenni.ErrCorrupt)
	}
	status, body := int(binary.BigEndian.Uint16(stored.Answer)), stored.Answer[2:]
	rq.replayed(stored)
	rq.writeJSON(status, rq.withResult(body))
	if status != 200 {
		rq.ctx.Response.Header.SetContentType(mediaProblem)
	}
	return nil
}

// replayLines answers a batch of lines as it was answered before: the lines are those of the same body, the outcomes
// and what each line ends with are stored.
func (s *Server) replayLines(rq *request, b *lineBatch, stored *zhenni.Answered) error {
	if len(stored.Outcomes) != len(b.outcomes) {
		return fmt.Errorf("%w: %d stored outcomes for %d lines", zhenni.ErrCorrupt, len(stored.Outcomes), len(b.outcomes))
	}
	copy(b.outcomes, stored.Outcomes)
	rq.replayed(stored)
	s.writeLines(rq, b, stored.Answer)
	return nil
}

// What is kept of the answer to a stream: whether the tenant is one of evaluation u8, whether the profile is supported
// u8, id of the profile.

func (s *Server) storedStream(rq *request) []byte {
	flag := func(set bool) byte {
		if set {
			return 1
		}
		return 0
	}
	return append([]byte{flag(rq.party.Evaluation), flag(s.by(rq).profile.Supported)}, s.by(rq).profile.ID...)
}

// replayStream answers a stream as it was answered before, with the profile of then.
func (s *Server) replayStream(rq *request, in *stream, stored *zhenni.Answered) error {
	if len(stored.Outcomes) != in.total || len(stored.Answer) < 2 {
		return fmt.Errorf("%w: %d stored outcomes for %d items", zhenni.ErrCorrupt, len(stored.Outcomes), in.total)
	}
	shape := streamShape{in.item(), stored.Answer[0] == 1}
	profile := zhenni.Profile{ID: string(stored.Answer[2:]), Supported: stored.Answer[1] == 1}
	t := s.by(rq).streams[shape]
	if current := s.by(rq).profile; profile.ID != current.ID || profile.Supported != current.Supported {
		var err error
		if t, err = makeTemplate(profile, shape); err != nil {
			return err
		}
	}
	rq.replayed(stored)
	s.writeStream(rq, t, in, stored.Outcomes)
	return nil
}
