package audit

import (
	"time"

	"golang.org/x/mod/sumdb/note"

	"zhenni/storage/disk"
)

// The tuning of a log.
const (
	// EpochSize is the distance, in entries, of the checkpoints that are kept for good.
	EpochSize = 4096
	// CheckpointEntries is the number of entries after which a checkpoint is signed at the latest.
	CheckpointEntries = 10_000
	// CheckpointEvery is the time after which it is.
	CheckpointEvery = time.Second

	defaultQueue   = 16_384  // leaves
	maxQueue       = 1 << 20 // leaves
	defaultSegment = 4 << 20 // bytes: 8,000 groups, or 75,000 leaves in large ones
	unwritten      = 64      // full tiles that wait to be written, about 22 KiB each with their bundle

	// staleFiles is of how many stale partial files one more goes with each publication, staleEntries how far back Open looks
	// for them: a crash in Open, behind its own checkpoint, leaves them twice as far as they are kept.
	staleFiles   = 32
	staleEntries = 32 * CheckpointEntries
)

// Options say how a log is opened. Files, Signer and Key are required.
type Options struct {
	// Files is the folder of the log. Whoever opens a log sees to it that nobody else does.
	Files FS
	// Signer signs checkpoints; Key checks them. Ed25519 keys of [note.GenerateKey].
	Signer note.Signer
	Key    note.Verifier
	// Origin is the first line of every checkpoint and never changes. The name of the key where it is empty.
	Origin string
	// Witness checks the cosignatures of a witness. Without it [Log.Witnessed] takes none.
	Witness note.Verifier
	// Seen is a cosigned checkpoint kept somewhere else, or nil. A log that is shorter than it is refused.
	Seen []byte
	// Queue bounds the leaves that wait for the disk, beside those being written.
	Queue int
	// Segment is the size of a journal segment in bytes, a multiple of [disk.Sector].
	Segment int64
	// Room reports why nothing more should be written, a disk that is nearly full; nil is always room. It is asked at Open
	// and with every beat. Without room Append refuses, before a write fails and ends the log.
	Room func() error
	// Beat says when to sign a checkpoint, if there is something new. A ticker of CheckpointEvery where it is nil.
	Beat <-chan time.Time
}

func (o Options) withDefaults() (Options, error) {
	if o.Files == nil || o.Signer == nil || o.Key == nil {
		return o, badValue("a log needs files, a signer and its key")
	}
	if o.Signer.Name() != o.Key.Name() || o.Signer.KeyHash() != o.Key.KeyHash() {
		return o, badValue("the signer is not of the key %s", o.Key.Name())
	}
	if o.Origin == "" {
		o.Origin = o.Key.Name()
	}
	if o.Queue == 0 {
		o.Queue = defaultQueue
	}
	if o.Segment == 0 {
		o.Segment = defaultSegment
	}
	if !validOrigin(o.Origin) {
		return o, badValue("origin %q: want 1–200 printable ASCII characters", o.Origin)
	}
	if o.Queue < 1 || o.Queue > maxQueue {
		return o, badValue("queue of %d leaves, want 1–%d", o.Queue, maxQueue)
	}
	// The largest group and what Open carries over, less than a bundle, must fit an empty segment.
	largest := max(o.Queue*(2+LeafSize), tileWidth*(2+maxEntry))
	least := int64(groupsStart + disk.RoundUp(groupHeader+largest))
	if o.Segment < least || o.Segment > 1<<30 || o.Segment%disk.Sector != 0 {
		return o, badValue("segment of %d bytes, want %d–%d in whole sectors of %d", o.Segment, least, 1<<30, disk.Sector)
	}
	return o, nil
}

func validOrigin(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 200
}
