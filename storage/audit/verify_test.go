package audit

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// logInUse returns the files of a log that was closed in order, with its keys and changes, an epoch, pruned entries, several
// segments and a cosigned checkpoint, as they were earlier and at last, and the checkpoint that the witness gave at last.
func logInUse(t *testing.T) (o Options, earlier, last map[string][]byte, seen []byte) {
	disk := newMemory()
	s := openSecrets(t, disk)
	o = testOptions(t, disk)
	o.Signer, o.Key = s.Signer, s.Key
	w, err := OpenWitness(WitnessOptions{
		Files: newMemory(), Name: "witness.example", Key: testWitnessSecret(), Origin: s.Key.Name(), Log: s.Key,
		Now: func() time.Time { return testStart },
	})
	if err != nil {
		t.Fatal(err)
	}
	l := openLog(t, o)
	c := openChanges(t, l, s)
	fill(t, l, 0, 4499, 700)
	record(t, l, c, 70_000)
	if _, err := l.Prune(600); err != nil {
		t.Fatal(err)
	}
	if err := l.Witnessed(cosign(t, w, l)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	earlier = copyOf(disk.cached).cached
	l = openLog(t, o)
	c = openChanges(t, l, s)
	fill(t, l, 4500, 4699, 100)
	record(t, l, c, 70_001)
	seen = cosign(t, w, l)
	if err := l.Witnessed(seen); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(disk, Keys{Log: s.Key, Witness: o.Witness, Seen: seen})
	if err != nil || !r.OK() || r.Size != 4700 || r.Changes != 70_001 {
		t.Fatalf("%+v, %v", r, err)
	}
	return o, earlier, disk.cached, seen
}

// record records a commit and publishes it.
func record(t *testing.T, l *Log, c *Changes, commit uint64) {
	t.Helper()
	if err := errors.Join(c.Record(commit, nil), l.Publish(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// Random tamperings of a log at rest, a tail cut among eight, each of which the checker finds; make tamper tries a
// thousand.
//
// FAULTS: S3 S4 S5 S6 S7
func TestTamperings(t *testing.T) {
	o, earlier, last, seen := logInUse(t)
	rng := rand.New(rand.NewPCG(1, 2))
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range last {
			if !yield(name) {
				return
			}
		}
	})
	keys := Keys{Log: o.Key, Witness: o.Witness, Seen: seen}
	kinds, found := map[string]int{}, 0
	for n := range tamperings {
		disk := &memory{cached: cloneShallow(last)}
		kind, name := tamper(rng, disk.cached, earlier, names)
		kinds[kind]++
		r, err := Verify(disk, keys)
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() {
			t.Errorf("tampering %d not found: %s of %s", n, kind, name)
			continue
		}
		found++
	}
	t.Logf("%d of %d found: %v over %d files", found, tamperings, kinds, len(names))
	if len(kinds) < 6 {
		t.Errorf("only %v", kinds)
	}
}

func cloneShallow(files map[string][]byte) map[string][]byte {
	clone := make(map[string][]byte, len(files))
	for name, data := range files {
		clone[name] = data
	}
	return clone
}

// tamper changes the files in one random way.
func tamper(rng *rand.Rand, files, earlier map[string][]byte, names []string) (kind, name string) {
	name = names[rng.IntN(len(names))]
	data := files[name]
	other := names[rng.IntN(len(names))]
	switch rng.IntN(8) {
	case 0:
		files[name] = data[:rng.IntN(len(data))]
		return "truncation", name
	case 1:
		delete(files, name)
		return "deletion", name
	case 2:
		if !bytes.Equal(data, files[other]) {
			files[name], files[other] = files[other], data
			return "swap", name + " and " + other
		}
	case 3:
		clear(files)
		for old, content := range earlier {
			files[old] = content
		}
		if rng.IntN(2) == 0 {
			delete(files, witnessedFile)
		}
		return "tail cut", "everything"
	case 4:
		if old, ok := earlier[name]; ok && !bytes.Equal(old, data) {
			files[name] = old
			return "older copy", name
		}
	case 5:
		files[name] = append(bytes.Clone(data), byte(rng.Uint32()))
		return "addition", name
	}
	changed := bytes.Clone(data)
	changed[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
	files[name] = changed
	return "bit flip", name
}

// An older folder put back is refused by who keeps a witness' checkpoint, inside the folder or outside.
//
// FAULTS: S6
func TestRollBackIsRefused(t *testing.T) {
	o, earlier, last, seen := logInUse(t)
	o.Files, o.Seen = copyOf(earlier), seen
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), repairHint) {
		t.Errorf("an old copy: %v", err)
	}
	mixed := copyOf(earlier)
	mixed.cached[witnessedFile] = last[witnessedFile]
	o.Files, o.Seen = mixed, nil
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("an old copy beside the cosigned checkpoint: %v", err)
	}
	cut := copyOf(last)
	for name := range cut.cached {
		if under(name, journalDir) {
			cut.cached[name] = earlier[name]
		}
	}
	o.Files = cut
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("without the journal: %v", err)
	}
	o.Files, o.Seen = copyOf(last), seen
	openLog(t, o)
}

// A log that signs another history after a checkpoint was witnessed does not open as its continuation.
//
// FAULTS: S6
func TestForkIsRefused(t *testing.T) {
	o, _, _, seen := logInUse(t)
	disk := newMemory()
	o.Files = disk
	l := openLog(t, o)
	other := testLeaves(0, 1000)
	other[3].Hash[0] ^= 1
	for n := 0; n < 5000; n += 1000 {
		if _, err := l.Append(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Witnessed(seen); err != nil && !errors.Is(err, zhenni.ErrCorrupt) || err == nil {
		t.Errorf("takes another history's checkpoint: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o.Seen = seen
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a fork opens: %v", err)
	}
	if r, err := Verify(disk, Keys{Log: o.Key, Witness: o.Witness, Seen: seen}); err != nil || r.OK() {
		t.Errorf("a fork verifies: %+v, %v", r, err)
	}
}

func TestVerifyAsksForKeys(t *testing.T) {
	if _, err := Verify(newMemory(), Keys{}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
	_, key := testKey(t)
	if r, err := Verify(newMemory(), Keys{Log: key}); err != nil || r.OK() {
		t.Errorf("an empty folder: %+v, %v", r, err)
	}
}

// A checkpoint from before entries were deleted still has its place in the tree, in the middle of a bundle too.
//
// FAULTS: S6
func TestCheckpointAmongPrunedEntries(t *testing.T) {
	disk := newMemory()
	l := openLog(t, testOptions(t, disk))
	fill(t, l, 0, 300, 300)
	seen := l.Checkpoint()
	fill(t, l, 300, 1000, 300)
	if below, err := l.Prune(600); err != nil || below != 512 {
		t.Fatal(below, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, key := testKey(t)
	if r, err := Verify(disk, Keys{Log: key, Seen: seen}); err != nil || !r.OK() || r.Checkpoints != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	other := openLog(t, testOptions(t, newMemory()))
	if _, err := other.Append(t.Context(), testLeaves(7, 300)); err != nil {
		t.Fatal(err)
	}
	if err := other.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(disk, Keys{Log: key, Seen: other.Checkpoint()}); err != nil || r.OK() {
		t.Errorf("another history: %+v, %v", r, err)
	}
}
