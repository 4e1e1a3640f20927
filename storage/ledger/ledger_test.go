package ledger

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/audit"
)

// FAULTS: A16
func TestTransactionIsAnsweredOnce(t *testing.T) {
	l := mustOpen(t, small(t.TempDir(), &fakeLog{}))
	r := request("t-1")
	index := settle(t, l, r, single("the answer"))
	answer, err := l.Begin(r)
	if err != nil || string(answer.Answer) != "the answer" || answer.LogIndex != index || !answer.At.Equal(single("").At) ||
		len(answer.Outcomes) != 1 || answer.Outcomes[0] != zhenni.Match {
		t.Fatalf("%+v, %v", answer, err)
	}
	other := r
	other.Digest[0]++
	if _, err := l.Begin(other); !errors.Is(err, zhenni.ErrReused) {
		t.Errorf("another request under the same id: %v", err)
	}
	stranger := r
	stranger.Party = "other"
	if answer, err := l.Begin(stranger); answer != nil || err != nil {
		t.Errorf("the same id of another party: %v, %v", answer, err)
	}
	if _, err := l.Begin(stranger); !errors.Is(err, zhenni.ErrInProgress) {
		t.Errorf("in hand: %v", err)
	}
	l.Drop(stranger)
	if answer, err := l.Begin(stranger); answer != nil || err != nil {
		t.Errorf("dropped: %v, %v", answer, err)
	}
	want := zhenni.LedgerStats{Admitted: 3, Answered: 1, Refused: 1, InHand: 1, Replayed: 1, InProgress: 1, Reused: 1, Stored: 1}
	got := l.Stats()
	got.Bytes = 0
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	checkBalance(t, l)
}

// Whoever settles is told the hash of the leaf, and again whenever the answer is given again.
func TestLeafOfAnAnswer(t *testing.T) {
	log := &fakeLog{}
	o := small(t.TempDir(), log)
	l := mustOpen(t, o)
	leaves := map[string]*[32]byte{"single": {}, "batch": {}}
	for transaction, d := range map[string]zhenni.Decision{"single": single(""), "batch": batch(9, "")} {
		d.Leaf = leaves[transaction]
		entry, err := log.Entry(settle(t, l, request(transaction), d))
		if err != nil {
			t.Fatal(err)
		}
		if leaf, err := audit.ParseLeaf(entry); err != nil || leaf.Hash != *d.Leaf {
			t.Errorf("%s: %v, %x, want %x", transaction, err, *d.Leaf, leaf.Hash)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, o)
	for transaction, want := range leaves {
		if answer, err := l.Begin(request(transaction)); err != nil || answer.Leaf != *want {
			t.Errorf("%s: %v", transaction, err)
		}
	}
}

func TestBatchIsReplayed(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	l := mustOpen(t, o)
	settle(t, l, request("t-1"), batch(100, "tail"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, o)
	answer, err := l.Begin(request("t-1"))
	if err != nil || len(answer.Outcomes) != 100 || string(answer.Answer) != "tail" {
		t.Fatalf("%+v, %v", answer, err)
	}
	for i, outcome := range answer.Outcomes {
		if outcome != outcomeOf(i) {
			t.Fatalf("item %d: %v", i, outcome)
		}
	}
}

// A request that is in hand is not taken a second time, named or not, and is once it was dropped.
//
// FAULTS: A16
func TestRequestInHandIsBusy(t *testing.T) {
	l := mustOpen(t, small(t.TempDir(), &fakeLog{}))
	for _, named := range []bool{true, false} {
		r := request("t-1")
		r.Named = named
		for _, want := range []error{nil, zhenni.ErrInProgress, zhenni.ErrInProgress} {
			if answer, err := l.Begin(r); answer != nil || !errors.Is(err, want) {
				t.Errorf("answered %v, %v, want %v", answer, err, want)
			}
		}
		l.Drop(r)
	}
	checkBalance(t, l)
}

// FAULTS: A16
func TestOneOfManyAtOnceRuns(t *testing.T) {
	l := mustOpen(t, small(t.TempDir(), &fakeLog{}))
	var ran, busy, replayed atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			answer, err := l.Begin(request("t-1"))
			switch {
			case answer != nil:
				replayed.Add(1)
			case errors.Is(err, zhenni.ErrInProgress):
				busy.Add(1)
			case err == nil:
				ran.Add(1)
				if _, err := l.Settle(context.Background(), request("t-1"), single("a")); err != nil {
					t.Error(err)
				}
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if ran.Load() != 1 || busy.Load()+replayed.Load() != 63 {
		t.Errorf("%d ran, %d were told to wait, %d got the answer", ran.Load(), busy.Load(), replayed.Load())
	}
	checkBalance(t, l)
}

func TestDecisionThatIsNone(t *testing.T) {
	l := mustOpen(t, small(t.TempDir(), &fakeLog{}))
	pending, two, long := single("a"), single("a"), single(string(make([]byte, zhenni.MaxStoredAnswer+1)))
	pending.Outcomes = []zhenni.Outcome{zhenni.Pending}
	two.IDs = append(two.IDs, testID(1))
	matched, many := single("a"), batch(1, "")
	matched.Change, many.Change, many.Outcomes[0] = true, true, zhenni.Pending
	for i, d := range []zhenni.Decision{pending, two, long, batch(0, ""), matched, many} {
		r := request(name(i))
		if _, err := l.Begin(r); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Settle(context.Background(), r, d); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("decision %d: %v", i, err)
		}
	}
	if _, err := l.Begin(zhenni.Request{Party: "desk", Transaction: "no name"}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a transaction that is no name: %v", err)
	}
	if s := l.Stats(); s.Refused != 6 || s.InHand != 0 {
		t.Errorf("%+v", s)
	}
}

// The log refuses, stalls and fails.
//
// FAULTS: O7 O8 R10
func TestLogThatDoesNotTake(t *testing.T) {
	log := &fakeLog{}
	l := mustOpen(t, small(t.TempDir(), log))
	log.set(func() error { return zhenni.ErrOverloaded })
	r := request("t-1")
	if _, err := l.Begin(r); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(context.Background(), r, single("a")); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("an overloaded log: %v", err)
	}
	release, stalled := make(chan struct{}), make(chan struct{})
	log.set(func() error { close(stalled); <-release; return nil })
	if _, err := l.Begin(r); err != nil {
		t.Fatal("refused, and not taken again:", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-stalled; cancel() }()
	if _, err := l.Settle(ctx, r, single("b")); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("a stalled log: %v", err)
	}
	if _, err := l.Begin(r); !errors.Is(err, zhenni.ErrInProgress) {
		t.Errorf("while it stalls: %v", err)
	}
	log.set(nil)
	close(release)
	settle(t, l, request("t-2"), single("c")) // behind it
	if answer, err := l.Begin(r); err != nil || string(answer.Answer) != "b" {
		t.Errorf("after the deadline: %v, %v", answer, err)
	}
	log.set(func() error { return zhenni.ErrUnavailable })
	if _, err := l.Begin(request("t-3")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(context.Background(), request("t-3"), single("d")); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("a failed log: %v", err)
	}
	if _, err := l.Begin(request("t-4")); !errors.Is(err, zhenni.ErrUnavailable) || l.Err() == nil {
		t.Errorf("after a failed log: %v", err)
	}
	checkBalance(t, l)
}

func TestBoundOnRequestsInHand(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	o.InHand = 2
	l := mustOpen(t, o)
	for i := range 3 {
		if _, err := l.Begin(request(name(i))); errors.Is(err, zhenni.ErrOverloaded) != (i == 2) {
			t.Errorf("request %d: %v", i, err)
		}
	}
}

// What was evicted is remembered for a day, however long what was not is kept.
func TestEvictedTransactionNeverRunsAgain(t *testing.T) {
	for title, evict := range map[string]func(*Options){
		"by count":                           func(o *Options) { o.Answers = 3 },
		"by bytes":                           func(*Options) {},
		"by count, of those kept for longer": func(o *Options) { o.Answers, o.Keep = 3, zhenni.SessionRecordKept },
		"by bytes, of those kept for longer": func(o *Options) { o.Keep = zhenni.SessionRecordKept },
	} {
		t.Run(title, func(t *testing.T) {
			time := newClock()
			o := small(t.TempDir(), &fakeLog{})
			o.Now = time.Now
			evict(&o)
			l := mustOpen(t, o)
			const n = 300 // of about 200 bytes in a group of 512
			for i := range n {
				settle(t, l, request(name(i)), single("a"))
			}
			for range 2 {
				if _, err := l.Begin(request(name(0))); !errors.Is(err, zhenni.ErrEvicted) {
					t.Errorf("the oldest: %v", err)
				}
				if answer, err := l.Begin(request(name(n - 1))); answer == nil || err != nil {
					t.Errorf("the newest: %v", err)
				}
				if _, err := l.Proof("desk", name(0), 0); !errors.Is(err, zhenni.ErrNotFound) {
					t.Errorf("its proof: %v", err)
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				l = mustOpen(t, o)
			}
			time.advance(25 * 3600 * 1e9)
			for _, i := range []int{0, n - 1} {
				if answer, err := l.Begin(request(name(i))); (answer != nil) != (i > 0 && o.Keep != 0) || err != nil {
					t.Errorf("transaction %d after a day: %v, %v", i, answer, err)
				}
			}
			checkBalance(t, l)
		})
	}
}

// FAULTS: Z1
func TestProofsAreOfTheirOwnTransaction(t *testing.T) {
	log := &fakeLog{}
	l := mustOpen(t, small(t.TempDir(), log))
	settle(t, l, request("t-1"), single("a"))
	unnamed := request("t-2")
	unnamed.Named = false
	settle(t, l, unnamed, batch(20, "b"))
	p, err := l.Proof("desk", "t-1", 0)
	if err != nil || p.Index != 0 || p.Opening.Commitment() != p.Leaf.Hash || p.Opening.Credential != testID(0) || p.Item != nil ||
		p.Opening.Context != audit.NewContext(1, "desk", "t-1", "p") {
		t.Errorf("%+v, %v", p, err)
	}
	for i := range 20 {
		p, err := l.Proof("desk", "t-2", i)
		if err != nil || p.Index != 1 || p.Opening.Credential != testID(i) || p.Opening.Code != uint8(outcomeOf(i)) {
			t.Fatalf("item %d: %+v, %v", i, p, err)
		}
		if err := p.Item.Check(p.Leaf, p.Opening); err != nil {
			t.Errorf("item %d: %v", i, err)
		}
	}
	for _, c := range []struct {
		party, transaction string
		item               int
	}{{"other", "t-1", 0}, {"desk", "t-3", 0}, {"desk", "t-1", 1}, {"desk", "t-2", 20}, {"desk", "t-2", -1}, {"", "", 0}} {
		if p, err := l.Proof(c.party, c.transaction, c.item); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("%+v: %+v, %v", c, p, err)
		}
	}
	log.leaves[0] = log.leaves[1]
	if _, err := l.Proof("desk", "t-1", 0); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("another leaf in the log: %v", err)
	}
	if _, err := l.Begin(zhenni.Request{Party: "desk", Transaction: "t-2", Named: true}); !errors.Is(err, zhenni.ErrReused) {
		t.Errorf("a client names an id that the server drew: %v", err)
	}
}

func TestDigestTellsRequestsApart(t *testing.T) {
	l := mustOpen(t, small(t.TempDir(), &fakeLog{}))
	o := small(t.TempDir(), &fakeLog{})
	o.Key = append([]byte(nil), o.Key...)
	o.Key[0]++
	other := mustOpen(t, o)
	seen := map[[16]byte]bool{}
	for _, d := range [][16]byte{
		l.Digest("/a", "json", []byte("x")), l.Digest("/a", "json", []byte("y")), l.Digest("/b", "json", []byte("x")),
		l.Digest("/a", "text", []byte("x")), l.Digest("/a", "json", nil),
		l.Digest("/a", "json", make([]byte, 1<<16)), l.Digest("/a", "json", append(make([]byte, 1<<16-1), 1)), other.Digest("/a", "json", []byte("x")),
	} {
		if seen[d] {
			t.Errorf("digest %x twice", d)
		}
		seen[d] = true
	}
	if !seen[l.Digest("/a", "json", []byte("x"))] {
		t.Error("one request has two digests")
	}
}

func TestNothingIsAllocatedForAnItem(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	o.Segment, o.Bytes, o.group, o.largest = 32<<20, 96<<20, 0, 0
	l := mustOpen(t, o)
	allocations := func(d zhenni.Decision) float64 {
		i := 0
		return testing.AllocsPerRun(20, func() {
			i++
			settle(t, l, request(name(len(d.IDs)*1000+i)), d)
		})
	}
	small, large := allocations(batch(10, "a")), allocations(batch(10000, "a"))
	if large > small+200 { // buffers that grow, now and then
		t.Errorf("%g allocations for 10 items, %g for 10,000", small, large)
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	for title, change := range map[string]func(*Options){
		"key":     func(o *Options) { o.Key = o.Key[1:] },
		"log":     func(o *Options) { o.Log = nil },
		"folder":  func(o *Options) { o.Dir = "" },
		"segment": func(o *Options) { o.Segment = 100 },
		"bytes":   func(o *Options) { o.Bytes = o.Segment },
		"keep":    func(o *Options) { o.Keep = time.Millisecond },
		"answers": func(o *Options) { o.Answers = -1 },
	} {
		o := small(t.TempDir(), &fakeLog{})
		change(&o)
		if _, err := Open(o); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", title, err)
		}
	}
}
