package ledger

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"zhenni"

	"pgregory.net/rapid"
)

// story is a ledger beside what it should know. Of what it settled, the newest answers are kept, in order.
type story struct {
	t       *rapid.T
	options Options
	log     *fakeLog
	ledger  *Ledger
	inHand  map[string]bool
	settled []string
	answers map[string]told
}

type told struct {
	answer string
	digest byte
	index  int64
}

const (
	storyAnswers = 8
	storyNames   = 20
)

// FAULTS: A16 C10 R3
func TestSameAsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "zhenni-ledger-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := &story{t: t, log: &fakeLog{}, inHand: map[string]bool{}, answers: map[string]told{}}
		s.options = small(dir, s.log)
		s.options.Answers, s.options.Bytes = storyAnswers, 1<<30
		s.open()
		defer func() { _ = s.ledger.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"begin":  s.begin,
			"settle": s.settle,
			"drop":   s.drop,
			"refuse": s.refuse,
			"reopen": func(t *rapid.T) {
				if err := s.ledger.Close(); err != nil {
					t.Fatal(err)
				}
				s.open()
			},
			"crash": func(*rapid.T) { kill(s.ledger); s.open() },
			"":      func(t *rapid.T) { s.check(t) },
		})
	})
}

func (s *story) open() {
	l, err := Open(s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ledger = l
	clear(s.inHand)
}

func (s *story) begin(t *rapid.T) {
	title := name(rapid.IntRange(0, storyNames-1).Draw(t, "name"))
	r := request(title)
	r.Digest[0] = byte(rapid.IntRange(1, 2).Draw(t, "digest"))
	answer, err := s.ledger.Begin(r)
	known, was := s.answers[title]
	kept := slices.Contains(s.settled[max(0, len(s.settled)-storyAnswers):], title)
	switch {
	case s.inHand[title]:
		s.expect(answer == nil && errors.Is(err, zhenni.ErrInProgress), "in hand", answer, err)
	case !was:
		s.expect(answer == nil && err == nil, "new", answer, err)
		s.inHand[title] = true
	case !kept:
		s.expect(answer == nil && errors.Is(err, zhenni.ErrEvicted), "evicted", answer, err)
	case known.digest != r.Digest[0]:
		s.expect(answer == nil && errors.Is(err, zhenni.ErrReused), "reused", answer, err)
	default:
		s.expect(err == nil && answer != nil && string(answer.Answer) == known.answer && answer.LogIndex == known.index, "answered", answer, err)
	}
}

func (s *story) expect(ok bool, was string, answer *zhenni.Answered, err error) {
	if !ok {
		s.t.Fatalf("a transaction that is %s: %+v, %v", was, answer, err)
	}
}

// pick draws a transaction in hand, if there is one.
func (s *story) pick(t *rapid.T) (title string) {
	var all []string
	for title := range s.inHand {
		all = append(all, title)
	}
	if len(all) == 0 {
		t.Skip("nothing is in hand")
	}
	slices.Sort(all)
	return rapid.SampledFrom(all).Draw(t, "in hand")
}

func (s *story) settle(t *rapid.T) {
	title := s.pick(t)
	r := request(title)
	r.Digest[0] = byte(rapid.IntRange(1, 2).Draw(t, "digest"))
	d := single(rapid.StringN(0, 300, 900).Draw(t, "answer"))
	if rapid.Bool().Draw(t, "batch") {
		d = batch(rapid.IntRange(1, 100).Draw(t, "items"), string(d.Answer))
	}
	index, err := s.ledger.Settle(context.Background(), r, d)
	if err != nil {
		t.Fatal(err)
	}
	delete(s.inHand, title)
	s.settled = append(s.settled, title)
	s.answers[title] = told{string(d.Answer), r.Digest[0], index}
}

func (s *story) drop(t *rapid.T) {
	title := s.pick(t)
	s.ledger.Drop(request(title))
	delete(s.inHand, title)
}

// refuse settles while the log takes nothing.
func (s *story) refuse(t *rapid.T) {
	title := s.pick(t)
	s.log.set(func() error { return zhenni.ErrOverloaded })
	defer s.log.set(nil)
	if _, err := s.ledger.Settle(context.Background(), request(title), single("never")); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Fatal(err)
	}
	delete(s.inHand, title)
}

func (s *story) check(t *rapid.T) {
	stats := s.ledger.Stats()
	if stats.Admitted != stats.Answered+stats.Refused+stats.InHand || int(stats.InHand) != len(s.inHand) ||
		int(stats.Stored) > storyAnswers || s.log.Size() != int64(len(s.settled)) {
		t.Fatalf("%+v with %d in hand, %d settled, %d leaves", stats, len(s.inHand), len(s.settled), s.log.Size())
	}
}
