package actors

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
)

// The states of a job. Both ways out of open are taken by compare-and-swap, so an answer and an abandonment exclude
// each other and whatever comes later changes nothing.
const (
	jobOpen uint32 = iota
	jobAnswered
	jobAbandoned
)

// job is one batch on its way through the shards. It belongs to the pool of its node. The caller of Verify gives it
// back when it was answered; the shard that finishes the last part does when it was abandoned.
type job struct {
	pool     *sync.Pool
	batch    *zhenni.Batch
	by, also int // of the node's comparisons: that of the batch, and that of a second probe
	deadline time.Time

	state   atomic.Uint32
	left    atomic.Int32 // parts not yet finished
	overdue atomic.Bool  // a part was skipped because the deadline had passed
	done    chan struct{}
	timer   *time.Timer

	counts [MaxShards]int // pending items by shard
	order  []uint32       // pending items sorted by shard, owned by the job
	seen   []uint32       // scratch of sharedProbes
	parts  []part
}

// part is the message a shard receives: some items of one batch, all of them its own. Its memory belongs to the job.
type part struct {
	job   *job
	shard *shard
	items []uint32
	// counts are what the shard counted of the items.
	counts []zhenni.AttemptCount
}

func newJob(pool *sync.Pool) *job {
	j := &job{pool: pool, done: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	j.timer.Stop()
	return j
}

// sort lists the pending items of the batch shard by shard, in their order, and returns how many there are.
func (j *job) sort(p *placement) int {
	ids, outcomes := j.batch.IDs, j.batch.Outcomes
	var counts [MaxShards]int
	for i, o := range outcomes {
		if o == zhenni.Pending {
			counts[p.ownerOf(&ids[i])]++
		}
	}
	var next [MaxShards]int
	total := 0
	for s := range p.shards {
		next[s] = total
		total += counts[s]
	}
	j.counts = counts
	order := slices.Grow(j.order[:0], total)[:total]
	for i, o := range outcomes {
		if o == zhenni.Pending {
			s := p.ownerOf(&ids[i])
			order[next[s]] = uint32(i)
			next[s]++
		}
	}
	j.order = order
	return total
}

// sharedProbes counts the items of the batch whose probe was tried on another credential too.
func (j *job) sharedProbes() int {
	n := j.batch.Len()
	if n < 2 {
		return 0
	}
	j.seen = slices.Grow(j.seen[:0], 2*n)[:2*n]
	return j.batch.SharedProbes(j.seen)
}

// split cuts the items of every live shard into parts of at most limit items and refuses the items of the others. It
// returns how many it refused.
func (j *job) split(live uint64, shards []*shard, limit int) (refused int) {
	j.parts = j.parts[:0]
	rest := j.order
	for s, owner := range shards {
		items := rest[:j.counts[s]]
		rest = rest[j.counts[s]:]
		if live>>s&1 == 0 {
			refuse(j.batch, items, zhenni.RefusedUnavailable)
			refused += len(items)
			continue
		}
		for len(items) > 0 {
			n := min(limit, len(items))
			j.add(owner, items[:n])
			items = items[n:]
		}
	}
	j.left.Store(int32(len(j.parts)))
	return refused
}

// add adds a part, in the memory of one of an earlier batch where there is.
func (j *job) add(owner *shard, items []uint32) {
	n := len(j.parts)
	j.parts = slices.Grow(j.parts, 1)[:n+1]
	p := &j.parts[n]
	*p = part{job: j, shard: owner, items: items, counts: p.counts[:0]}
}

// late reports whether the part need not be run: its caller is gone or will be told that time is up.
func (p *part) late() bool {
	j := p.job
	if j.state.Load() != jobOpen {
		return true
	}
	if time.Now().Before(j.deadline) {
		return false
	}
	j.overdue.Store(true)
	return true
}

// finish counts the part down. The part and its job are not the shard's any more when it returns.
func (p *part) finish() {
	j := p.job
	if j.left.Add(-1) > 0 {
		return
	}
	if j.state.CompareAndSwap(jobOpen, jobAnswered) {
		j.done <- struct{}{}
		return
	}
	j.recycle()
}

// wait returns once the batch is the caller's again, or with [zhenni.ErrDeadline] when it never will be.
func (j *job) wait() error {
	select {
	case <-j.done:
	case <-j.timer.C:
		if j.state.CompareAndSwap(jobOpen, jobAbandoned) {
			return fmt.Errorf("%w: the batch was abandoned", zhenni.ErrDeadline)
		}
		<-j.done
	}
	late := j.overdue.Load() || !time.Now().Before(j.deadline)
	if !late {
		for i := range j.parts {
			j.batch.Attempts = append(j.batch.Attempts, j.parts[i].counts...)
		}
	}
	j.recycle()
	if late {
		return fmt.Errorf("%w: the answer came too late", zhenni.ErrDeadline)
	}
	return nil
}

// recycle gives the job back to its pool without holding on to the caller's memory.
func (j *job) recycle() {
	j.timer.Stop()
	j.batch = nil
	j.pool.Put(j)
}

// refuse gives the pending ones among items the outcome.
func refuse(b *zhenni.Batch, items []uint32, o zhenni.Outcome) {
	for _, i := range items {
		if b.Outcomes[i] == zhenni.Pending {
			b.Outcomes[i] = o
		}
	}
}
