package history

import (
	"bytes"
	"slices"
	"testing"

	"zhenni"
)

func goldenBlock() []byte {
	ids := []zhenni.CredentialID{testID(1), testID(2), {}, testID(1), testID(3)}
	outcomes := []zhenni.Outcome{zhenni.Match, zhenni.NoMatch, zhenni.RefusedCredentialID, zhenni.RefusedInternal, zhenni.Match}
	askers := []zhenni.Asker{desk("desk"), {Tenant: 0x01020304, Party: "a"}}
	return appendBlock(nil, 1_700_000_009, askers, []run{{0, 1_700_000_001, 4}, {1, 1_700_000_002, 1}}, ids, outcomes)
}

func goldenEntries() []entry {
	return []entry{{1, 2, 3, 5}, {1, 2, 4, 1}, {1, 3, 1, 6}, {1, 1 << 40, 1, 7}}
}

func goldenFoot() foot {
	return foot{
		entries: 600, oldest: 1, newest: 9, until: 10, level: 2, purged: 7,
		askers: []zhenni.Asker{{Tenant: 1, Party: "a"}, desk("desk")}, fences: []uint64{1, 1, 1 << 60},
	}
}

func goldenState() state {
	return state{
		since: 1, first: 2, last: 3, erasures: []erasure{{3, testID(1), 4, 5, 6}},
		gaps: []gap{{7, 8, zhenni.GapOff}, {9, 10, zhenni.GapDamaged}},
	}
}

// FuzzBlock reads strange blocks: nothing panics, every item has an asker and a class, and what reads is written the same.
//
// FAULTS: S3
func FuzzBlock(f *testing.F) {
	f.Add(goldenBlock())
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeBlock(b)
		if err != nil {
			return
		}
		n := 0
		for _, r := range d.runs {
			_ = d.askers[r.asker]
			n += int(r.count)
		}
		if n != d.len() {
			t.Fatalf("%d items in the runs of %d", n, d.len())
		}
		for i := range n {
			_, _ = d.id(i), d.classOf(i).verdict()
		}
	})
}

// FuzzPage reads strange pages.
//
// FAULTS: S3
func FuzzPage(f *testing.F) {
	var body [pageBody]byte
	encodePage(&body, goldenEntries())
	f.Add(body[:128], uint32(2))
	f.Add([]byte{1, 251, 16}, uint32(1))
	f.Fuzz(func(t *testing.T, front []byte, askers uint32) {
		var body, again [pageBody]byte
		copy(body[:], front)
		entries, err := decodePage(nil, body[:], askers)
		if err != nil || !slices.IsSortedFunc(entries, entry.compare) {
			return
		}
		encodePage(&again, entries)
		if second, err := decodePage(nil, again[:], askers); err != nil || !slices.Equal(entries, second) {
			t.Fatalf("%v is written as %v: %v", entries, second, err)
		}
	})
}

// FuzzFoot reads strange feet of index files.
//
// FAULTS: S3
func FuzzFoot(f *testing.F) {
	golden := goldenFoot()
	f.Add(golden.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		foot, err := decodeFoot(b)
		if err == nil && !bytes.Equal(foot.append(nil), b) {
			t.Fatalf("%+v is written otherwise", foot)
		}
	})
}

// FuzzState reads strange states.
//
// FAULTS: S3
func FuzzState(f *testing.F) {
	golden := goldenState()
	f.Add(golden.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeState(b)
		if err == nil && !bytes.Equal(s.append(nil), b) {
			t.Fatalf("%+v is written otherwise", s)
		}
	})
}

// FuzzName reads strange names of files: each has one spelling.
func FuzzName(f *testing.F) {
	f.Add("0000000a")
	f.Add("00000001-0000000a-00000002")
	f.Fuzz(func(t *testing.T, name string) {
		if s, ok := parseSpan(name); ok && s.name() != name && columnsName(s.first) != name {
			t.Fatalf("%q is read as %+v", name, s)
		}
	})
}
