package cold

import (
	"sync"
	"sync/atomic"
)

// readByPool reads the spans by so many goroutines as may be in flight, each with a slot of pages, and waits for them.
func (s *session) readByPool() {
	var next atomic.Int64
	var readers sync.WaitGroup
	for slot := range min(len(s.spans), s.tier.opts.Depth) {
		readers.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(s.spans); n = int(next.Add(1)) - 1 {
				s.readOne(slot, n)
			}
		})
	}
	readers.Wait()
}
