package audit

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// Keys are what a checker must know beside the files.
type Keys struct {
	// Log is the key of the log. Origin is the first line of its checkpoints; the key's name where it is empty.
	Log    note.Verifier
	Origin string
	// Witness checks cosignatures; nil where there is no witness. Without one, a log cut and signed again by its
	// owner is a valid, shorter log.
	Witness note.Verifier
	// Seen is a checkpoint from somewhere else that the log must continue, cosigned where Witness is given; or nil.
	Seen []byte
}

// seenName stands for the checkpoint given to a checker in texts about files.
const seenName = "the checkpoint seen"

// maxProblems bounds the problems that a report lists.
const maxProblems = 100

// Problem is something wrong with a log.
type Problem struct {
	// File is the name of the file, Text what is wrong with it.
	File string `json:"file"`
	Text string `json:"text"`
}

// Report is what [Verify] found.
type Report struct {
	Origin string `json:"origin"`
	// Size is the number of entries, Signed of those under the newest checkpoint, Pruned of those deleted in order.
	Size   int64 `json:"size"`
	Signed int64 `json:"signed"`
	Pruned int64 `json:"pruned"`
	// Changes is the number of the newest commit whose changes are in the log, 0 for none.
	Changes uint64 `json:"changes"`
	// Witnessed is the size of the newest cosigned checkpoint, 0 without one.
	Witnessed int64 `json:"witnessed"`
	// Checkpoints and Tiles count the files read and found right; a bundle counts as a tile.
	Checkpoints int `json:"checkpoints"`
	Tiles       int `json:"tiles"`
	// Wrong counts the problems, of which Problems holds the first hundred.
	Wrong    int       `json:"wrong"`
	Problems []Problem `json:"problems"`
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return r.Wrong == 0 }

// Verify checks a log that nobody has open, from its files alone: every entry, tile, bundle, segment and checkpoint
// against one tree grown from the entries, so that all checkpoints are of one history. What is wrong is in the report;
// an error means that the folder could not be read, or [zhenni.ErrBadValue] keys.
//
// After a crash and before the next Open, a group that the crash cut is reported, since nothing tells it from damage.
func Verify(files FS, keys Keys) (Report, error) {
	if files == nil || keys.Log == nil {
		return Report{}, badValue("a checker needs files and the key of the log")
	}
	if keys.Origin == "" {
		keys.Origin = keys.Log.Name()
	}
	v := &verifier{files: files, keys: keys, present: map[string]bool{}, expected: map[int64][]named{}}
	v.report.Origin, v.report.Problems = keys.Origin, []Problem{}
	err := v.run()
	return v.report, err
}

// verifier is one run of Verify.
type verifier struct {
	files  FS
	keys   Keys
	report Report
	// present are the files not looked at yet.
	present  map[string]bool
	expected map[int64][]named
	// stops are the sizes expected and not reached, in order.
	stops   []int64
	journal *history
	edge    edge
	// last is the newest change of state among the entries.
	last lastChange
	// failed is an error of the folder itself.
	failed error
}

// named is a root and the file that says it.
type named struct {
	file string
	hash tlog.Hash
}

func (v *verifier) run() error {
	names, err := v.files.List("")
	if err != nil {
		return ioError(err)
	}
	for _, name := range names {
		if !isTemporary(name) {
			v.present[name] = true
		}
	}
	v.readSecrets()
	v.readCheckpoints()
	v.readPruned()
	v.readJournal()
	v.stops = slices.Sorted(maps.Keys(v.expected))
	v.grow()
	v.settle()
	return v.failed
}

func (v *verifier) wrong(file, format string, args ...any) {
	v.report.Wrong++
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{file, fmt.Sprintf(format, args...)})
	}
}

// read returns a file, or nil with a problem noted. It counts as looked at.
func (v *verifier) read(name string) []byte {
	data, err := v.files.ReadFile(name)
	delete(v.present, name)
	if notExist(err) {
		v.wrong(name, "is missing")
		return nil
	}
	if err != nil {
		v.failed = errors.Join(v.failed, ioError(err))
	}
	return data
}

// readCheckpoints collects what the tree must be at which size.
func (v *verifier) readCheckpoints() {
	v.report.Signed = max(0, v.expect(checkpointFile, v.read(checkpointFile), v.keys.Log))
	for n := int64(0); (n+1)*EpochSize <= v.report.Signed; n++ {
		v.expectEpoch(n)
	}
	for name := range v.present { // an epoch's checkpoint may be written just before the newest
		if n := numbered(name); under(name, epochDir) && n >= 0 && epochFile(n) == name {
			v.expectEpoch(n)
		}
	}
	v.readWitnessed()
}

// readWitnessed reads the cosigned checkpoint in the folder, without a witness' key not even that, and the one seen. The
// log keeps what its witness returns, so its own must not be older than the one seen.
func (v *verifier) readWitnessed() {
	if v.present[witnessedFile] && v.keys.Witness == nil {
		delete(v.present, witnessedFile)
	}
	kept := int64(-1)
	if v.present[witnessedFile] {
		kept = v.expect(witnessedFile, v.read(witnessedFile), v.keys.Log, v.keys.Witness)
	}
	v.report.Witnessed = max(kept, 0)
	if v.keys.Seen == nil {
		return
	}
	if v.keys.Witness == nil {
		v.expect(seenName, v.keys.Seen, v.keys.Log)
		return
	}
	seen := v.expect(seenName, v.keys.Seen, v.keys.Log, v.keys.Witness)
	if seen > kept {
		v.wrong(witnessedFile, "is of size %d and the one seen of %d: the log did not keep it, or lost it", kept, seen)
	}
	v.report.Witnessed = max(v.report.Witnessed, seen)
}

func (v *verifier) expectEpoch(n int64) {
	name := epochFile(n)
	if size := v.expect(name, v.read(name), v.keys.Log); size >= 0 && size != (n+1)*EpochSize {
		v.wrong(name, "is of size %d", size)
	}
}

// expect notes a checkpoint and returns its size, or -1.
func (v *verifier) expect(name string, signed []byte, keys ...note.Verifier) int64 {
	if signed == nil {
		return -1
	}
	tree, err := ReadCheckpoint(signed, v.keys.Origin, keys...)
	if err != nil {
		v.wrong(name, "%v", err)
		return -1
	}
	v.report.Checkpoints++
	v.expected[tree.N] = append(v.expected[tree.N], named{name, tree.Hash})
	return tree.N
}

// readSecrets holds the file of the keys, which a log whose key [OpenSecrets] drew must have, against the key of the log.
func (v *verifier) readSecrets() {
	if !v.present[secretsFile] && !strings.HasPrefix(v.keys.Log.Name(), drawnPrefix) {
		return
	}
	text := v.read(secretsFile)
	if text == nil {
		return
	}
	key, _, err := readSecrets(text)
	switch {
	case err != nil:
		v.wrong(secretsFile, "%v", err)
	case key.Name() != v.keys.Log.Name() || key.KeyHash() != v.keys.Log.KeyHash():
		v.wrong(secretsFile, "holds the keys of another log")
	}
}

func (v *verifier) readPruned() {
	below, err := readPruned(v.files, v.keys.Origin, v.keys.Log)
	delete(v.present, prunedFile)
	if err != nil {
		v.wrong(prunedFile, "%v", err)
	}
	if below > v.report.Signed {
		v.wrong(prunedFile, "deletes below %d of %d signed entries", below, v.report.Signed)
	}
	v.report.Pruned = below
}

func (v *verifier) readJournal() {
	base := v.report.Signed / tileWidth * tileWidth
	h, err := readJournal(v.files, base)
	if err != nil {
		v.wrong(journalDir, "%v", err)
		h = &history{first: base}
	}
	if err == nil && len(h.segments) == 0 {
		v.wrong(journalDir, "there is no segment")
	}
	if h.torn != "" {
		v.wrong(h.torn, "ends in bytes that are no group: a crash leaves them, and opening the log drops them")
	}
	if h.spoiledMark != "" {
		v.wrong(h.spoiledMark, "has a damaged mark")
	}
	for name := range v.present {
		if under(name, journalDir) {
			delete(v.present, name)
		}
	}
	v.journal = h
}

// grow rebuilds the tree, from bundles as far as they are signed and from the journal on, holding files and
// checkpoints against it.
func (v *verifier) grow() {
	v.reached()
	for v.edge.size < v.journal.first {
		if !v.growBundle(v.edge.size / tileWidth) {
			return
		}
	}
	var entries []byte
	for _, entry := range v.journal.entries {
		entries = appendEntry(entries, entry)
	}
	v.growEntries(journalDir, entries, len(v.journal.entries))
}

// growBundle takes in the entries of one full bundle, or where there are none their hashes, so that what follows can
// be checked all the same. It reports false where neither is there.
func (v *verifier) growBundle(n int64) bool {
	t := tlog.Tile{H: tileHeight, L: entriesLevel, N: n, W: tileWidth}
	name := tilePath(t)
	if (n+1)*tileWidth > v.report.Pruned || v.present[name] {
		if data := v.read(name); data != nil {
			_, err := splitEntries(data, tileWidth)
			if err == nil {
				v.growEntries(name, data, tileWidth)
				v.report.Tiles++
				return true
			}
			v.wrong(name, "%v", err)
		}
	}
	t.L = 0
	hashes, err := v.files.ReadFile(tilePath(t))
	if err != nil || len(hashes) != tileWidth*tlog.HashSize {
		v.wrong(tilePath(t), "is missing or cut, as are its entries: what follows cannot be checked")
		return false
	}
	for ; len(hashes) > 0; hashes = hashes[tlog.HashSize:] {
		v.edge.pushHash(tlog.Hash(hashes), v.full)
		v.reached()
	}
	return true
}

// growEntries takes in entries, each behind its length, as many at a time as one tile and the next checkpoint allow.
func (v *verifier) growEntries(name string, entries []byte, count int) {
	for count > 0 {
		n := min(count, v.edge.room(), v.ahead())
		part := leadingEntries(entries, n)
		for rest, i := part, v.edge.size; len(rest) > 0; i++ {
			var entry []byte
			entry, rest, _ = cutEntry(rest)
			v.checkLeaf(name, i, entry)
		}
		v.edge.extend(part, n, v.full)
		v.reached()
		entries, count = entries[len(part):], count-n
	}
}

// ahead returns how many entries the next checkpoint is away.
func (v *verifier) ahead() int {
	if len(v.stops) == 0 {
		return math.MaxInt
	}
	return int(v.stops[0] - v.edge.size)
}

func (v *verifier) checkLeaf(name string, index int64, entry []byte) {
	leaf, err := ParseLeaf(entry)
	if err != nil && !errors.Is(err, zhenni.ErrFormat) {
		v.wrong(name, "entry %d: %v", index, err)
	}
	if leaf.Kind == KindChange {
		v.last = lastChange{leaf: index, commit: leaf.Number}
	}
}

// full holds a tile that the growing tree finished against its file. Beyond the newest checkpoint it may be missing.
func (v *verifier) full(t tlog.Tile, data []byte) {
	name := tilePath(t)
	end := (t.N + 1) << (tileHeight * (max(t.L, 0) + 1))
	if t.L == entriesLevel && end <= v.journal.first || !v.present[name] && end > v.report.Signed {
		return // a bundle that is being read, or one that is not written yet
	}
	v.compare(name, data)
}

func (v *verifier) compare(name string, want []byte) {
	data := v.read(name)
	switch {
	case data == nil:
	case bytes.Equal(data, want):
		v.report.Tiles++
	default:
		v.wrong(name, "does not follow from the entries")
	}
}

// comparePartials holds the unfinished tiles of the newest checkpoint against their files.
func (v *verifier) comparePartials() {
	for _, f := range v.edge.partials() {
		v.compare(tilePath(f.tile), f.data)
	}
}

// reached holds the tree against what is expected of its size. It is called at every size of v.stops, among others.
func (v *verifier) reached() {
	for len(v.stops) > 0 && v.stops[0] <= v.edge.size {
		v.stops = v.stops[1:]
	}
	for _, want := range v.expected[v.edge.size] {
		if v.edge.root() != want.hash {
			v.wrong(want.file, "is of another history: the entries have another root at size %d", v.edge.size)
		}
	}
	delete(v.expected, v.edge.size)
	if v.edge.size == v.report.Signed {
		v.comparePartials()
	}
}

// settle reports what is left over: checkpoints beyond the end, and files that do not belong to the log.
func (v *verifier) settle() {
	v.report.Size = v.edge.size
	v.settleChanges()
	for _, size := range slices.Sorted(maps.Keys(v.expected)) {
		for _, want := range v.expected[size] {
			v.wrong(want.file, "is of size %d, and the log ends at %d: its tail is cut", size, v.edge.size)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.present)) {
		if !v.leftover(name) {
			v.wrong(name, "does not belong to the log")
		}
	}
}

// settleChanges holds the note of the newest change against the entries, as far as they are there. A log whose key
// [OpenSecrets] drew has one once it has a change.
func (v *verifier) settleChanges() {
	v.report.Changes = v.last.commit
	if !v.present[changesFile] && (v.last.commit == 0 || !strings.HasPrefix(v.keys.Log.Name(), drawnPrefix)) {
		return
	}
	text := v.read(changesFile)
	if text == nil {
		return
	}
	noted, ok := parseLastChange(text)
	if v.last.commit == 0 && noted.leaf < v.report.Pruned {
		v.last = noted // its entry is deleted
	}
	v.report.Changes, v.last.size = v.last.commit, v.report.Size
	if !ok || noted != v.last {
		v.wrong(changesFile, "does not name the newest change of state and the end of the log: a crash leaves it so, and opening the log puts it right")
	}
}

// leftover reports whether a file is a partial tile that a crash left: the beginning of what the tile is now.
func (v *verifier) leftover(name string) bool {
	t, err := parseTilePath(name)
	if err != nil || !isPartial(name) {
		return false
	}
	data, err := v.files.ReadFile(name)
	if err != nil {
		return false
	}
	var now []byte
	for _, f := range v.edge.partials() {
		if f.tile.L == t.L && f.tile.N == t.N {
			now, err = narrow(f, t.W)
		}
	}
	if now == nil {
		now, err = readFull(v.files, t)
	}
	return err == nil && bytes.Equal(data, now)
}
