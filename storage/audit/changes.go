package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// stallAfter is how long the disk may take over one group before a log counts as stalled.
const stallAfter = 5 * time.Second

// lastChange names the newest leaf of a change, whose Number is commit, among the first size entries. Commit 0 is none.
type lastChange struct {
	leaf   int64
	commit uint64
	size   int64
}

// changesSize is leaf u64 | commit u64 | size u64 | CRC-32C u32.
const changesSize = 28

func (c lastChange) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, changesSize), uint64(c.leaf))
	b = binary.BigEndian.AppendUint64(b, c.commit)
	b = append(binary.BigEndian.AppendUint64(b, uint64(c.size)), 0, 0, 0, 0)
	putSum(b)
	return b
}

func parseLastChange(b []byte) (c lastChange, ok bool) {
	if len(b) != changesSize || !sumFits(b) {
		return c, false
	}
	c = lastChange{
		int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:]), int64(binary.BigEndian.Uint64(b[16:])),
	}
	return c, c.leaf >= 0 && c.size >= 0
}

// Changes records the changes of state of one store in a log, a leaf each, with the number of their commit. It is what
// the store takes as its recorder.
//
// Their salts are derived from the log's secrets, so their openings are kept nowhere: whoever has the secrets and knows
// what a commit changed, which the store does, makes them again with [Changes.Opening].
type Changes struct {
	log  *Log
	salt [keySize]byte
	file File
	// last is the newest change. The goroutine of Record and Close owns it; recorded is its commit, for everybody.
	last     lastChange
	recorded atomic.Uint64
}

// OpenChanges finds the newest change in a log, for which it reads the entries behind the last one noted, and all of
// them where the note is lost. Damage is [zhenni.ErrCorrupt]. The log stays the caller's.
func OpenChanges(l *Log, s Secrets) (*Changes, error) {
	last, err := l.findLastChange()
	if err != nil {
		return nil, err
	}
	c := &Changes{log: l, salt: s.salts, last: last}
	c.recorded.Store(last.commit)
	if err := l.opts.Files.Write(Content{changesFile, last.encode()}); err != nil {
		return nil, ioError(err)
	}
	if c.file, err = l.opts.Files.Open(changesFile); err != nil {
		return nil, ioError(err)
	}
	return c, nil
}

// findLastChange starts from the change noted last. The note is written behind the leaf and not synced, so it may be
// behind, never ahead.
func (l *Log) findLastChange() (lastChange, error) {
	text, err := l.opts.Files.ReadFile(changesFile)
	if err != nil && !notExist(err) {
		return lastChange{}, ioError(err)
	}
	last, noted := parseLastChange(text)
	size, from := l.Tree().N, l.pruned.Load()
	switch {
	case noted && last.size > size:
		return last, corrupt("the log has %d entries and had %d: its tail was cut: %s", size, last.size, repairHint)
	case noted:
		from = max(from, last.size)
	}
	found, err := l.scanChanges(from, size)
	switch {
	case err != nil:
		return last, err
	case found.commit == 0 && !noted && from > 0:
		return last, corrupt("%s is missing or damaged, and the entries that tell the newest change were deleted: %s", changesFile, repairHint)
	case found.commit != 0:
		last = found
	}
	last.size = size
	return last, nil
}

// scanChanges returns the newest change among the entries [from, to).
func (l *Log) scanChanges(from, to int64) (last lastChange, err error) {
	s := l.published.Load()
	for n := from / tileWidth; n*tileWidth < to; n++ {
		width := int(min(to-n*tileWidth, tileWidth))
		b, err := s.read(l.opts.Files, tlog.Tile{H: tileHeight, L: entriesLevel, N: n, W: width})
		if err != nil {
			return last, fmt.Errorf("%w: %s", err, repairHint)
		}
		entries, err := splitEntries(b, width)
		if err != nil {
			return last, err
		}
		for i, entry := range entries {
			leaf, err := ParseLeaf(entry)
			if index := n*tileWidth + int64(i); err == nil && leaf.Kind == KindChange && index >= from {
				last = lastChange{leaf: index, commit: leaf.Number}
			}
		}
	}
	return last, nil
}

// Ready reports why nothing can be recorded now: the log failed, or its disk is full or stalls. [zhenni.ErrUnavailable].
func (c *Changes) Ready() error {
	if err := c.log.Err(); err != nil {
		return fmt.Errorf("%w: %w: audit: an earlier write failed; open the log again: %w", zhenni.ErrUnavailable, zhenni.ErrHalted, err)
	}
	if err := c.log.Room(); err != nil {
		return err
	}
	if stall := c.log.Stall(); stall > stallAfter {
		return unavailable("the disk of the log has stalled for %v", stall.Round(time.Second))
	}
	return nil
}

// Recorded returns the number of the commit recorded last, 0 before the first.
func (c *Changes) Recorded() uint64 { return c.recorded.Load() }

// Record appends a leaf for each change of a commit, one where there is none, and returns when they are durable. It
// waits for as long as that takes, also for room in the queue: a change that the store has made must be recorded. It is for
// one goroutine, and for commits above [Changes.Recorded].
func (c *Changes) Record(commit uint64, changes []zhenni.Change) error {
	if commit <= c.Recorded() {
		return badValue("commit %d after commit %d", commit, c.Recorded())
	}
	return c.append(commit, changes)
}

// Accept records that the store is at a commit, whatever was recorded last: it was restored from a backup, or its record
// was. The log shows where the numbers went back, or what is missing, for good. It is for the goroutine of Record.
func (c *Changes) Accept(commit uint64) error {
	return c.append(commit, []zhenni.Change{{Restored: true}})
}

func (c *Changes) append(commit uint64, changes []zhenni.Change) error {
	if len(changes) == 0 {
		changes = make([]zhenni.Change, 1)
	}
	leaves := make([]Leaf, len(changes))
	for i, change := range changes {
		o := c.Opening(commit, i, change)
		leaves[i] = Leaf{Kind: KindChange, At: leafTime(change.At), Number: commit, Hash: o.Commitment()}
	}
	first, err := c.log.appendWaiting(leaves)
	if err != nil {
		return err
	}
	size := first + int64(len(leaves))
	c.recorded.Store(commit)
	c.last = lastChange{size - 1, commit, size}
	return c.note()
}

func (c *Changes) note() error {
	if _, err := c.file.WriteAt(c.last.encode(), 0); err != nil {
		return ioError(err)
	}
	return nil
}

// leafTime is the time of a change, or now where it has none that a leaf can hold.
func leafTime(at time.Time) time.Time {
	l := Leaf{Kind: KindVerification, At: at}
	if at.IsZero() || l.check() != nil {
		return time.Now()
	}
	return at
}

// Opening returns what the leaf of a change hides: change i of a commit.
func (c *Changes) Opening(commit uint64, i int, change zhenni.Change) Opening {
	mac := hmac.New(sha256.New, c.salt[:])
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], commit)
	binary.BigEndian.PutUint32(b[8:], uint32(i))
	mac.Write(b[:])
	return Opening{
		Kind: KindChange, Salt: [saltSize]byte(mac.Sum(nil)[:saltSize]), Credential: change.Credential,
		Code: uint8(change.Status), Context: changeContext(change),
	}
}

// changeContext puts what is particular to a change where a verification has its transaction.
func changeContext(c zhenni.Change) Context {
	what := ""
	switch {
	case c.Status != 0:
		what = "generation " + strconv.FormatUint(uint64(c.Generation), 10)
	case c.Party != "" && c.Removed:
		what = "removed"
	case c.Party != "":
		what = "put"
	case c.Restored:
		what = "restored"
	case c.Imported != 0:
		what = "import " + strconv.FormatUint(c.Imported, 10)
	case c.Tenant != 0:
		what = "tenant key"
	}
	return NewContext(c.Tenant, c.Party, what, "")
}

// Close notes how far the log has come, so that the next OpenChanges need not read it, once nothing is appended any
// more. The log stays open.
func (c *Changes) Close() error {
	if c.log.Publish(context.Background()) != nil { // it says itself why
		return c.file.Close()
	}
	c.last.size = c.log.Tree().N
	return errors.Join(c.note(), c.file.Close())
}

// appendWaiting is Append without a bound on the wait: where the queue is full it waits for the group that fills it.
func (l *Log) appendWaiting(leaves []Leaf) (first int64, err error) {
	for {
		g, at, err := l.enqueue(leaves, false)
		switch {
		case err == nil:
			return g.wait(context.Background(), at)
		case !errors.Is(err, zhenni.ErrOverloaded):
			return 0, err
		}
		<-g.done
	}
}
