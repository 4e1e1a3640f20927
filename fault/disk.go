package fault

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// sectorBytes is what a disk writes whole or not at all; pageBytes the unit in which a [Disk] keeps its content.
const (
	sectorBytes = 512
	pageBytes   = 4096
)

// errUnplugged answers every request to a disk without power.
var errUnplugged = errors.New("fault: the disk has no power")

// Loss says what a power cut does to the writes that were not flushed.
type Loss uint8

// Losses. All are within what a disk may do.
const (
	LoseAll     Loss = iota // every one is lost
	LoseSectors             // each sector of each write is kept or lost by itself: reordered and torn
	LoseWrites              // each write is kept or lost as a whole: reordered
	LoseNone                // none is lost: the cut is a crash of the machine
	losses
)

// Disk is a block device in memory with a volatile write cache. A write is in the cache until a flush that begins
// after it; a power cut loses what is there as [Loss] says. Only what was written takes memory. It is safe for
// concurrent use.
type Disk struct {
	size int64
	// lies is how long what was written stays volatile whether it is flushed or not: a disk that acknowledges flushes
	// and ignores them. 0 is an honest disk.
	lies time.Duration
	// slow is how long a flush takes at most; it begins to wait before it takes effect, so that a cut finds the cache
	// in use. It is set before the disk is.
	slow time.Duration

	mu sync.Mutex
	// seen is what reads return, safe what a power cut leaves; both by number of page.
	seen, safe map[int64]*[pageBytes]byte
	cache      []cached // in order
	off        bool
	flushes    int
}

// cached is one write that was not flushed.
type cached struct {
	at   int64
	data []byte
	when time.Time
}

// NewDisk makes an empty disk of size bytes, a multiple of a page.
func NewDisk(size int64) *Disk {
	return &Disk{size: size, seen: make(map[int64]*[pageBytes]byte), safe: make(map[int64]*[pageBytes]byte)}
}

// lie has the disk acknowledge flushes and ignore them: what is younger than volatile goes with the power. 0 ends it.
func (d *Disk) lie(volatile time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lies = volatile
}

// ReadAt implements io.ReaderAt.
func (d *Disk) ReadAt(p []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return 0, errUnplugged
	}
	n := int(max(0, min(int64(len(p)), d.size-at)))
	eachPage(p[:n], at, func(number int64, within int, part []byte) {
		if page := d.seen[number]; page != nil {
			copy(part, page[within:])
		} else {
			clear(part)
		}
	})
	return n, nil
}

// WriteAt implements io.WriterAt.
func (d *Disk) WriteAt(p []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off || at < 0 || at+int64(len(p)) > d.size {
		return 0, errUnplugged
	}
	put(d.seen, p, at)
	d.cache = append(d.cache, cached{at, append([]byte(nil), p...), time.Now()})
	return len(p), nil
}

// Flush makes every write before it durable.
func (d *Disk) Flush() error {
	if d.slow > 0 {
		time.Sleep(rand.N(d.slow))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return errUnplugged
	}
	d.flushes++
	if d.lies == 0 {
		d.keep(len(d.cache))
	} else {
		d.keepOlder()
	}
	return nil
}

// keepOlder keeps what a lying disk happened to write in its own time.
func (d *Disk) keepOlder() {
	due, n := time.Now().Add(-d.lies), 0
	for n < len(d.cache) && d.cache[n].when.Before(due) {
		n++
	}
	d.keep(n)
}

// keep makes the first n cached writes durable.
func (d *Disk) keep(n int) {
	for _, w := range d.cache[:n] {
		put(d.safe, w.data, w.at)
	}
	d.cache = append(d.cache[:0], d.cache[n:]...)
}

// Cut takes the power away at one instant: from then on every request fails. What was flushed is kept, of the rest
// what loss says. It returns how many writes were in the cache.
func (d *Disk) Cut(loss Loss, random *rand.Rand) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	if d.lies > 0 {
		d.keepOlder()
		loss = LoseAll
	}
	volatile := len(d.cache)
	for _, w := range d.cache {
		switch {
		case loss == LoseNone, loss == LoseWrites && random.IntN(2) == 0:
			put(d.safe, w.data, w.at)
		case loss == LoseSectors:
			putSome(d.safe, w, random)
		}
	}
	d.cache, d.seen = nil, nil
	return volatile
}

// putSome keeps each sector of a write with a chance of one half.
func putSome(pages map[int64]*[pageBytes]byte, w cached, random *rand.Rand) {
	for first := 0; first < len(w.data); first += sectorBytes {
		if random.IntN(2) == 0 {
			put(pages, w.data[first:min(first+sectorBytes, len(w.data))], w.at+int64(first))
		}
	}
}

// await waits for at most a tenth of a second until n writes are in the cache, so that a cut has something to lose.
func (d *Disk) await(n int) {
	for range 500 {
		d.mu.Lock()
		volatile := len(d.cache)
		d.mu.Unlock()
		if volatile >= n {
			return
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// Plug returns the disk with its power back, holding what survived.
func (d *Disk) Plug() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	again := NewDisk(d.size)
	again.slow = d.slow
	for number, page := range d.safe {
		seen, safe := *page, *page
		again.seen[number], again.safe[number] = &seen, &safe
	}
	return again
}

// put writes p into pages.
func put(pages map[int64]*[pageBytes]byte, p []byte, at int64) {
	eachPage(p, at, func(number int64, within int, part []byte) {
		page := pages[number]
		if page == nil {
			page = new([pageBytes]byte)
			pages[number] = page
		}
		copy(page[within:], part)
	})
}

// eachPage visits p in parts that lie in one page each.
func eachPage(p []byte, at int64, visit func(number int64, within int, part []byte)) {
	for len(p) > 0 {
		within := int(at % pageBytes)
		n := min(len(p), pageBytes-within)
		visit(at/pageBytes, within, p[:n])
		p, at = p[n:], at+int64(n)
	}
}
