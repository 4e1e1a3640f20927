package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

// singles has so many single verifications answered, one a millisecond, each of which took so long.
func (p *passage) singles(n int, took time.Duration) {
	for range n {
		time.Sleep(time.Millisecond)
		p.answered(time.Now(), took)
	}
}

const (
	quick   = 200 * time.Microsecond
	slow    = 5 * time.Millisecond
	aSecond = 1000 // singles
)

// FAULTS: O6
func TestBulkLeavesProcessorsToSinglesThatItSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPassage()
		p.singles(aSecond, quick)
		if p.enter(time.Now().Add(time.Minute)) {
			t.Error("bulk takes a turn though no single verification was slowed down")
		}
		p.singles(aSecond, slow)
		if gap := time.Duration(p.gap.Load()); gap < gapMost/2 {
			t.Fatalf("singles take 25 times as long beside bulk, and the gap is %v", gap)
		}
		for range cap(p.turns) {
			if !p.enter(time.Now().Add(time.Minute)) {
				t.Fatal("no turn where one is free")
			}
		}
		gap, asked := time.Duration(p.gap.Load()), time.Now()
		p.yield()
		if !p.enter(time.Now().Add(time.Minute)) {
			t.Fatal("a turn given back is not the next one's")
		}
		if waited := time.Since(asked); waited != gap {
			t.Errorf("the next turn comes after %v, want the gap of %v", waited, gap)
		}
		p.singles(60*aSecond, quick)
		if gap := p.gap.Load(); gap != 0 {
			t.Errorf("singles are quick again, and the gap is %v", time.Duration(gap))
		}
	})
}

// What slows singles down with and without bulk is not bulk.
func TestBulkIsNotBlamedForASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPassage()
		p.singles(aSecond, slow)
		p.enter(time.Now().Add(time.Minute))
		p.singles(10*aSecond, slow)
		if gap := p.gap.Load(); gap != 0 {
			t.Errorf("the gap is %v", time.Duration(gap))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := newPassage()
		p.enter(time.Now().Add(time.Minute)) // singles are never seen alone
		p.singles(60*aSecond, slow)
		if gap := p.gap.Load(); gap != 0 {
			t.Errorf("singles never seen alone: the gap is %v", time.Duration(gap))
		}
	})
}

func TestBulkAloneDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPassage()
		p.enter(time.Now().Add(time.Minute))
		p.singles(aSecond, slow)
		time.Sleep(2 * recent)
		for range 10 * cap(p.turns) {
			if p.enter(time.Now().Add(time.Minute)) {
				t.Fatal("a turn is taken though no single verification came of late")
			}
		}
	})
}

// Turns are never lost, and nobody waits for one until his time is up.
func TestBulkGoesOnWithoutATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPassage()
		p.singles(aSecond, quick)
		p.enter(time.Now().Add(time.Minute))
		p.singles(aSecond, slow)
		for range cap(p.turns) {
			p.enter(time.Now().Add(time.Minute))
		}
		asked, waited := time.Now(), make(chan time.Duration)
		go func() {
			if p.enter(asked.Add(20 * time.Second)) {
				t.Error("a turn that nobody gave back was taken")
			}
			waited <- time.Since(asked)
		}()
		if got := <-waited; got != 20*time.Second/turnPatience {
			t.Errorf("waited %v of 20 s", got)
		}
	})
}

// Whatever becomes of a request in bulk, it ends.
func TestRequestsInBulkEnd(t *testing.T) {
	f := start(t, nil)
	p := f.server.passage
	p.gap.Store(int64(gapLeast))
	for _, body := range []string{"", "x", "{}\n", `{"item":"1"}` + "\n"} {
		for _, media := range []string{mediaNDJSON, mediaArrow} {
			p.single.Store(int64(time.Since(p.begun)))
			f.call("POST", "/v1/verification-batches", "verifier", media, []byte(body))
		}
	}
	if n := p.bulk.Load(); n != 0 {
		t.Errorf("%d requests in bulk are in hand, and none is", n)
	}
	for range cap(p.turns) {
		p.single.Store(int64(time.Since(p.begun)))
		if !p.enter(time.Now().Add(time.Minute)) {
			t.Error("a turn is missing")
		}
	}
}

// What is decided counts, and nothing else: how long a client takes to send, or is turned away, is not what bulk does.
func TestOnlyDecidedSinglesCount(t *testing.T) {
	f := start(t, nil)
	p := f.server.passage
	p.left.Store(-int64(time.Hour))
	f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte("{}"))
	f.call("POST", "/v1/verifications", "", mediaJSON, []byte(goodDocument()))
	if p.single.Load() != 0 || p.alone.Load() != 0 {
		t.Error("a request that was refused counts")
	}
	f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
	if p.single.Load() == 0 || p.alone.Load() == 0 {
		t.Error("a single verification that was decided does not count")
	}
}
