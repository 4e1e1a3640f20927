package scale

import (
	"errors"
	"fmt"
	"math"
	"sort"

	"zhenni/bench/capacity"
	"zhenni/bench/result"
	"zhenni/engine"
	"zhenni/storage"
	"zhenni/storage/cold"
)

// Bytes that a credential takes, beside its template, as measured; a test holds them against a store.
const (
	// baseEach is that of a base: two keys, two seals and the status, in Badger's tables.
	baseEach = 240
	// keysEach is that of the key file.
	keysEach = 66
	// indexEach is what the index of the cold tier takes of memory, and as much again while the collector waits.
	indexEach = 2 * 11
	// questionEach is what a question takes, of one of the populations it is asked about.
	questionEach = 64
)

const (
	// aside is the memory of a process beside its rows: Badger's memtables, the runtime, the probes.
	aside = 1 << 30
	// diskAside is what is to be free beside what a store holds: its reserve, and room for memtables and logs.
	diskAside = storage.DefaultReserve + 8*storage.DefaultMemTable
)

// ErrFit is a run that the disk or the memory has no room for.
var ErrFit = errors.New("scale: it does not fit")

// Room is what a machine has free, in bytes.
type Room struct{ Disk, Memory int64 }

// Need is what a step takes, in bytes. Disk is what it adds to that of the steps before.
type Need struct {
	Step         string
	Disk, Memory int64
}

// Needs returns what each step takes.
func (s Scale) Needs() []Need {
	needs := []Need{{stepImport, s.Credentials*int64(s.Dim+baseEach+keysEach) + diskAside, aside}}
	if s.Hot > 0 {
		needs = append(needs, Need{stepHot, 0, s.arena(s.Hot) + s.aside()})
	}
	return append(needs, Need{stepCold, cold.DiskBytes(s.Dim, s.Credentials), s.Credentials*indexEach + s.arena(s.ColdShare) + s.aside()})
}

// aside is the memory of a step that verifies, beside its rows and its indexes.
func (s Scale) aside() int64 { return aside + 4*questionEach*int64(s.Questions) }

// arena is the budget that holds a share of the credentials, which are as even over the segments as can be.
func (s Scale) arena(share float64) int64 {
	return int64(math.Ceil(share*float64(s.Credentials)/engine.Segments)+1) * s.level()
}

// level is the bytes of one row in every segment.
func (s Scale) level() int64 { return engine.Segments * int64(capacity.RowBytes(float64(s.Dim))) }

// hotArena is the budget of the hot arena: what is asked for, or what fits. It is a multiple of a row in every segment.
func (s Scale) hotArena(memory int64) int64 {
	return min(s.arena(s.Hot), max(memory-s.aside(), 0)/s.level()*s.level())
}

// Fit refuses what does not fit and says how many credentials do: [ErrFit]. Memory for the hot step is not asked
// for: what fits of it is measured.
func (s Scale) Fit(room Room) error {
	disk, memory := s.refused()
	if disk <= room.Disk && memory <= room.Memory {
		return nil
	}
	most := sort.Search(int(s.Credentials), func(n int) bool {
		fewer := s
		fewer.Credentials = int64(n) + 1
		disk, memory := fewer.refused()
		return disk > room.Disk || memory > room.Memory
	})
	fits := "nothing of use fits"
	if most >= leastCredentials {
		fits = fmt.Sprintf("%d credentials fit", most)
	}
	return fmt.Errorf("%w: %d credentials of %d elements take %s of the disk at %s, where %s is free, and %s of memory, of which %s is free: %s", ErrFit,
		s.Credentials, s.Dim, inBytes(disk), s.Dir, inBytes(room.Disk), inBytes(memory), inBytes(room.Memory), fits)
}

// refused is what there must be of disk and of memory.
func (s Scale) refused() (disk, memory int64) {
	for _, need := range s.Needs() {
		disk += need.Disk
		if need.Step != stepHot {
			memory = max(memory, need.Memory)
		}
	}
	return disk, memory
}

func inBytes(n int64) string { return result.Quantity(float64(n), result.Bytes) }
