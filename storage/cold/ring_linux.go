package cold

import (
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is the least of io_uring(7) that reading pages needs: one system call hands over new reads and waits for the next
// to be done, so that one goroutine keeps a disk busy. It is used by one goroutine at a time.
type ring struct {
	fd int
	// shared holds the heads and tails of both queues, the completions and the indirection of the submissions; entries
	// the submissions.
	shared, entries []byte
	at              ringParams
	// waiting is how many submissions the kernel was not told of yet.
	waiting uint32
}

// ringParams is struct io_uring_params.
type ringParams struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wq uint32
	_                                                    [3]uint32
	sq                                                   struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// submission is struct io_uring_sqe, completion struct io_uring_cqe.
type submission struct {
	op, flags uint8
	priority  uint16
	fd        int32
	offset    uint64
	address   uint64
	length    uint32
	rwFlags   uint32
	user      uint64
	_         [3]uint64
}

type completion struct {
	user   uint64
	result int32
	flags  uint32
}

const (
	ringOpRead      = 22         // IORING_OP_READ
	ringGetEvents   = 1          // IORING_ENTER_GETEVENTS
	ringSingleMap   = 1          // IORING_FEAT_SINGLE_MMAP
	ringOffsetSQEs  = 0x10000000 // IORING_OFF_SQES
	submissionBytes = int(unsafe.Sizeof(submission{}))
	completionBytes = int(unsafe.Sizeof(completion{}))
)

// newRing returns a ring for so many reads in flight, nil where the kernel has none or does not allow it.
func newRing(depth int) *ring {
	r := &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(depth), uintptr(unsafe.Pointer(&r.at)), 0)
	if errno != 0 {
		return nil
	}
	r.fd = int(fd)
	if err := r.mapMemory(); err != nil {
		r.close()
		return nil
	}
	return r
}

func (r *ring) mapMemory() (err error) {
	if r.at.features&ringSingleMap == 0 {
		return errors.ErrUnsupported
	}
	size := max(int(r.at.cq.cqes)+int(r.at.cqEntries)*completionBytes, int(r.at.sq.array)+4*int(r.at.sqEntries))
	const access, how = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	if r.shared, err = unix.Mmap(r.fd, 0, size, access, how); err != nil {
		return err
	}
	r.entries, err = unix.Mmap(r.fd, ringOffsetSQEs, int(r.at.sqEntries)*submissionBytes, access, how)
	return err
}

// close gives the ring back. Nothing is in flight.
func (r *ring) close() {
	for _, memory := range [][]byte{r.shared, r.entries} {
		if memory != nil {
			_ = unix.Munmap(memory)
		}
	}
	_ = unix.Close(r.fd)
}

func (r *ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.shared[offset])) }

// push adds a read of a page. There is room: no more are in flight than the ring was made for.
func (r *ring) push(fd uintptr, page []byte, offset int64, user uint64) {
	tail := *r.word(r.at.sq.tail) // written by this side only
	i := tail & *r.word(r.at.sq.mask)
	*(*submission)(unsafe.Pointer(&r.entries[int(i)*submissionBytes])) = submission{
		op: ringOpRead, fd: int32(fd), offset: uint64(offset),
		address: uint64(uintptr(unsafe.Pointer(&page[0]))), length: uint32(len(page)), user: user,
	}
	*r.word(r.at.sq.array + 4*i) = i
	atomic.StoreUint32(r.word(r.at.sq.tail), tail+1)
	r.waiting++
}

// wait hands over what was pushed and returns when a read is done. It goes on until then: memory that the kernel writes
// to can not be given back.
func (r *ring) wait() {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(r.waiting), 1, ringGetEvents, 0, 0)
		if errno == 0 {
			r.waiting -= uint32(n)
		}
		if *r.word(r.at.cq.head) != atomic.LoadUint32(r.word(r.at.cq.tail)) {
			return
		}
		if errno != 0 && errno != unix.EINTR {
			runtime.Gosched() // out of memory or of room: what is in flight makes some
		}
	}
}

// pop takes a completion, if there is one.
func (r *ring) pop() (c completion, ok bool) {
	head := *r.word(r.at.cq.head) // written by this side only
	if head == atomic.LoadUint32(r.word(r.at.cq.tail)) {
		return c, false
	}
	i := head & *r.word(r.at.cq.mask)
	c = *(*completion)(unsafe.Pointer(&r.shared[int(r.at.cq.cqes)+int(i)*completionBytes]))
	atomic.StoreUint32(r.word(r.at.cq.head), head+1)
	return c, true
}

// readByRing reads the spans with as many reads in flight as may be. While a page is opened, the disk reads the next.
func (s *session) readByRing() {
	fd := s.tier.direct.Fd()
	next, busy := 0, 0
	push := func(slot int) {
		s.inFlight[slot] = next
		s.ring.push(fd, s.page(slot), s.spans[next].page*pageBytes, uint64(slot))
		next++
		busy++
	}
	for slot := range min(len(s.spans), s.tier.opts.Depth) {
		push(slot)
	}
	for busy > 0 {
		s.ring.wait()
		for c, ok := s.ring.pop(); ok; c, ok = s.ring.pop() {
			busy--
			slot := int(c.user)
			s.open(slot, s.spans[s.inFlight[slot]], s.result(slot, c.result))
			if next < len(s.spans) {
				push(slot)
			}
		}
	}
	runtime.KeepAlive(s)
}

// result is the error of a read. One that did not bring all is tried the plain way, which says why.
func (s *session) result(slot int, n int32) error {
	if n == pageBytes {
		return nil
	}
	read, err := s.tier.direct.ReadAt(s.page(slot), s.spans[s.inFlight[slot]].page*pageBytes)
	if err == nil && read < pageBytes {
		err = io.ErrUnexpectedEOF
	}
	return err
}
