package actors

// dispatcher runs one shard's mailbox on one goroutine that lives as long as the shard. The library's own starts a
// goroutine whenever a mailbox has been empty, and each of them grows its stack anew.
type dispatcher struct {
	turns chan func()
	ended chan struct{}
}

// throughput is how many messages a mailbox handles before it yields.
const throughput = 300

func newDispatcher() *dispatcher {
	d := &dispatcher{turns: make(chan func(), 1), ended: make(chan struct{})}
	go d.run()
	return d
}

func (d *dispatcher) run() {
	for {
		select {
		case turn := <-d.turns:
			turn()
		case <-d.ended:
			return
		}
	}
}

// end lets the goroutine go after the turn it is in. It is called once, when the shard has stopped.
func (d *dispatcher) end() { close(d.ended) }

// Schedule implements actor.Dispatcher. A mailbox has at most one turn scheduled, so this does not wait. A turn of a
// stopped shard is dropped: it would find nothing to do.
func (d *dispatcher) Schedule(turn func()) {
	select {
	case d.turns <- turn:
	case <-d.ended:
	}
}

// Throughput implements actor.Dispatcher.
func (d *dispatcher) Throughput() int { return throughput }
