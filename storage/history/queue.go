package history

import (
	"sync"
	"time"

	"zhenni"
)

// fillItems is the most items of a block: the largest request fits.
const fillItems = zhenni.MaxBatchItems

// fill is what waits to be written as one block.
type fill struct {
	ids      []zhenni.CredentialID
	outcomes []zhenni.Outcome
	runs     []run
	askers   []zhenni.Asker
	numbers  map[zhenni.Asker]uint32
}

func newFill() *fill { return &fill{numbers: make(map[zhenni.Asker]uint32)} }

// add takes the items of a request.
func (f *fill) add(who *zhenni.Asker, second uint32, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) {
	last := len(f.runs) - 1
	if last >= 0 && f.runs[last].second == second && f.askers[f.runs[last].asker] == *who {
		f.runs[last].count += uint32(len(ids))
	} else {
		f.runs = append(f.runs, run{f.number(who), second, uint32(len(ids))})
	}
	f.ids = append(f.ids, ids...)
	f.outcomes = append(f.outcomes, outcomes...)
}

// number is that of an asker in the dictionary of the fill.
func (f *fill) number(who *zhenni.Asker) uint32 {
	n, ok := f.numbers[*who]
	if !ok {
		n = uint32(len(f.askers))
		f.numbers[*who] = n
		f.askers = append(f.askers, *who)
	}
	return n
}

func (f *fill) reset() {
	clear(f.numbers)
	clear(f.askers)
	f.ids, f.outcomes, f.runs, f.askers = f.ids[:0], f.outcomes[:0], f.runs[:0], f.askers[:0]
}

// queue is what was noted and not yet written. Its memory is bounded: what does not fit is shed.
type queue struct {
	bound int           // items
	wake  chan struct{} // holds a token when full is not empty

	// mu guards the rest.
	mu      sync.Mutex
	closed  bool
	filling *fill
	full    []*fill
	spare   []*fill
	waiting int // items of full
	noted   uint64
	dropped uint64
	lost    lost
}

// lost is the time of what was shed, and not told yet; zero is nothing.
type lost struct{ from, to uint32 }

func (l *lost) add(second uint32) {
	if l.to == 0 {
		l.from, l.to = second, second
	}
	l.from, l.to = min(l.from, second), max(l.to, second)
}

// note takes the items of a request, or sheds them. It waits for nothing but other notes.
func (q *queue) note(who *zhenni.Asker, second uint32, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.room(len(ids))
	if f == nil || len(ids) != len(outcomes) || !fits(who) {
		q.dropped += uint64(len(ids))
		q.lost.add(second)
		return
	}
	q.noted += uint64(len(ids))
	f.add(who, second, ids, outcomes)
}

// fits reports whether an asker can be written.
func fits(who *zhenni.Asker) bool {
	return len(who.Party) <= zhenni.MaxAskerName && len(who.Service) <= zhenni.MaxAskerName && len(who.Purpose) <= zhenni.MaxAskerName
}

// room returns the fill for n items more, or nil. The caller holds mu.
func (q *queue) room(n int) *fill {
	if q.closed || n > fillItems {
		return nil
	}
	if q.filling != nil && len(q.filling.ids)+n <= fillItems {
		return q.filling
	}
	if q.filling != nil {
		if q.waiting+2*fillItems > q.bound {
			return nil
		}
		q.waiting += len(q.filling.ids)
		q.full = append(q.full, q.filling)
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	q.filling = newFill()
	if last := len(q.spare) - 1; last >= 0 {
		q.filling, q.spare = q.spare[last], q.spare[:last]
	}
	return q.filling
}

// taken is what the writer has to write, up to a second before which everything is in it, and what was shed.
type taken struct {
	fills []*fill
	until uint32
	lost  lost
}

// take returns the full fills, and with all the one that is being filled too.
func (q *queue) take(all bool, now func() time.Time) (t taken) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.fills, q.full, q.waiting = q.full, nil, 0
	t.lost, q.lost = q.lost, lost{}
	if all && q.filling != nil {
		t.fills, q.filling = append(t.fills, q.filling), nil
	}
	t.until = secondOf(now())
	return t
}

// spares is how many fills are kept for the next items: 1.1 MiB each.
const spares = 8

// give returns a fill that was written.
func (q *queue) give(f *fill) {
	f.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.spare) < spares {
		q.spare = append(q.spare, f)
	}
}

// shed counts what the writer could not write.
func (q *queue) shed(f *fill) (l lost) {
	for _, r := range f.runs {
		l.add(r.second)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += uint64(len(f.ids))
	return l
}

// secondOf is a time in whole seconds since 1970, up to 2106.
func secondOf(t time.Time) uint32 { return uint32(max(0, min(t.Unix(), 1<<32-1))) }

func timeOf(second uint32) time.Time { return time.Unix(int64(second), 0).UTC() }
