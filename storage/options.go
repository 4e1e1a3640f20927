package storage

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"time"

	"zhenni"
)

// Bounds of one store.
const (
	// MaxCommands bounds the commands of one call of [Store.Apply].
	MaxCommands = 1024
	// DefaultReserve is the free disk space below which nothing is written: room for the memtables and compactions
	// already under way, since a full disk kills the process through its mapped files.
	DefaultReserve = 1 << 30
	// DefaultQueue is the number of calls of [Store.Apply] that may wait for the committer.
	DefaultQueue = 256
	// DefaultStall is how long a commit may take before further changes are refused: the disk hangs.
	DefaultStall = 2 * time.Second
	// DefaultQuarantines is the number of damaged views kept.
	DefaultQuarantines = 1
	// DefaultMemTable is the size in bytes of one of Badger's memtables.
	DefaultMemTable = 64 << 20
	// MinScrubRate is the least bytes a second that the default of ScrubRate comes to.
	MinScrubRate = 4 << 20
	// groupCommands bounds the commands of one commit. At the largest dimension they take about 6 MB, within what
	// Badger takes in one transaction (15 % of a memtable).
	groupCommands = 2 * MaxCommands
	minMemTable   = 48 << 20
	maxMemTable   = 512 << 20
)

// Cold says what becomes of the cold tier of a store.
type Cold uint8

const (
	// ColdKept uses a tier that is there, and makes none. One that is not true is destroyed.
	ColdKept Cold = iota
	// ColdMade makes one where there is none that is true, of all that the view holds, before Open returns.
	ColdMade
	// ColdNone destroys one that is there.
	ColdNone
)

// Options configure [Open]. The zero value of a field is its default unless said otherwise.
type Options struct {
	// Dir is the folder of the store, created when absent. Required.
	Dir string
	// Model is what the store's templates are of. Zero opens an existing store with the model it holds.
	Model zhenni.Model
	// Root unwraps the store's keys. Required.
	Root RootKey
	// Keys is the key file, which holds the keys of templates and nothing else does. Default: the file keys in Dir. It
	// is to be on another backup than the rest: an erasure is complete once the last backup of it has expired.
	Keys string
	// AdoptKeys takes an older key file, or a new one where it is lost: what was erased since is erased in it again, and
	// the templates whose keys it lacks are refused one by one.
	AdoptKeys bool
	// ReadOnly opens an existing store for looking at: every change is refused, and a store that lost acknowledged
	// changes opens too, for [Store.Check] to say so.
	ReadOnly bool
	// VerifyOnly opens an existing store for verification on a disk that can not or must not be written: the view is made
	// in memory from the newest snapshot and every entry of the log, which is the truth, and nothing in the folder is
	// changed. It implies ReadOnly, and refuses a store that it can not prove to be current: one that ends behind its
	// mark, a log that does not read, an import that no snapshot holds.
	VerifyOnly bool
	// Memory bounds the view in memory of VerifyOnly, in bytes; more is refused. Default: no bound.
	Memory int64
	// Sandbox makes or opens the store of a sandbox, and no other: [ErrSandbox]. Without it such a store is only looked at, by ReadOnly.
	Sandbox bool
	// Created is written in the header of a store that this Open creates, for people; zero leaves it out.
	Created time.Time
	// Cold is what becomes of the cold tier, a copy of the templates in the folder cold that a disk reads fast, for a store
	// far larger than memory: see package cold. Whatever it is, a tier that is used has every change before it is
	// acknowledged. It means nothing for ReadOnly, which uses none.
	Cold Cold
	// Reserve is the free disk space in bytes below which changes are refused. Default [DefaultReserve].
	Reserve int64
	// Queue is the number of calls of Apply that may wait; one more is refused. Default [DefaultQueue].
	Queue int
	// Stall is how long a commit may take before further changes are refused. Default [DefaultStall].
	Stall time.Duration
	// Quarantines is the number of damaged views kept when one is added, that one included. Default
	// [DefaultQuarantines].
	Quarantines int
	// MemTable is the size in bytes of one of Badger's memtables, 48 MiB to 512 MiB; up to five exist. Default
	// [DefaultMemTable].
	MemTable int64
	// ScrubRate is the bytes a second that a walk in the background reads of the view and the log, for ever; less than 0
	// is none. Default: all of it in a day, but at least [MinScrubRate].
	ScrubRate int64
	// Recorder is told every change before it is acknowledged. It stays the caller's, for longer than the store is open.
	Recorder Recorder
	// Logger receives what Badger reports, never a key or a value of a record. Default: nothing is logged.
	Logger *slog.Logger
	// Entropy is where keys and nonces come from, safe for concurrent use. Default crypto/rand.
	Entropy io.Reader

	// verifyAtOnce is the size of a view whose tables are read before it is opened; tests make it small.
	verifyAtOnce int64
	// restoring opens a folder that a restore has marked; only [Restore] does.
	restoring bool
	// free returns the free bytes of the disk under a folder; tests fill the disk with it.
	free func(dir string) (int64, error)
	// now tells the time, which only goes forward; tests let it pass.
	now func() time.Time
	// fault makes the disk under the log, or a write to the view or the cold tier, fail; tests give it.
	fault func(operation string) error
}

// Validate reports the first field out of range, as [zhenni.ErrBadValue].
func (o Options) Validate() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("%w: the store's folder is not given", zhenni.ErrBadValue)
	case o.Root == nil:
		return fmt.Errorf("%w: the root key is not given", zhenni.ErrBadValue)
	case o.Reserve < 0 || o.Queue < 0 || o.Stall < 0 || o.Quarantines < 0 || o.Memory < 0:
		return fmt.Errorf("%w: reserve %d, queue %d, stall %v, quarantines %d, memory %d: want 0 or more",
			zhenni.ErrBadValue, o.Reserve, o.Queue, o.Stall, o.Quarantines, o.Memory)
	case o.MemTable != 0 && (o.MemTable < minMemTable || o.MemTable > maxMemTable):
		return fmt.Errorf("%w: memtable of %d bytes, want %d–%d", zhenni.ErrBadValue, o.MemTable, minMemTable, maxMemTable)
	case o.Cold > ColdNone:
		return fmt.Errorf("%w: cold tier %d", zhenni.ErrBadValue, o.Cold)
	case o.Model == zhenni.Model{}:
		return nil
	}
	return o.Model.Validate()
}

// withDefaults returns o with every zero field at its default.
func (o Options) withDefaults() Options {
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	if o.Stall == 0 {
		o.Stall = DefaultStall
	}
	if o.Quarantines == 0 {
		o.Quarantines = DefaultQuarantines
	}
	o.ReadOnly = o.ReadOnly || o.VerifyOnly
	if o.MemTable == 0 {
		o.MemTable = DefaultMemTable
	}
	if o.verifyAtOnce == 0 {
		o.verifyAtOnce = verifyAtOnce
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.free == nil {
		o.free = FreeBytes
	}
	if o.now == nil {
		o.now = time.Now
	}
	return o
}
