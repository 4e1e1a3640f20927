package storage

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"zhenni"
)

var goldenEntries = map[string]entry{
	"entry-change": {
		kind: entryChange, sequence: 9, turned: []placed{{3, tally{0, [2]uint64{1, 2}}}, {restPlace, tally{1, [2]uint64{3, 4}}}},
		records: []record{{[]byte("k1"), []byte("value")}, {[]byte("p"), nil}},
	},
	"entry-import": {
		kind: entryImport, sequence: 1 << 40, credentials: 1 << 33, turned: []placed{{1 << 13, tally{1 << 31, [2]uint64{5, 6}}}},
		records: []record{{waterKey, []byte("sealed")}},
	},
}

var goldenLogKey = bytes.Repeat([]byte{5}, keySize)

func TestEntriesAreFrozen(t *testing.T) {
	for name, e := range goldenEntries {
		b := e.append(nil, goldenLogKey)
		golden(t, name, b)
		if len(b) > e.size() {
			t.Errorf("%s: %d bytes, size says %d", name, len(b), e.size())
		}
		back, err := openEntry(b, goldenLogKey)
		if err != nil || !bytes.Equal(back.append(nil, goldenLogKey), b) {
			t.Errorf("%s: %+v, %v", name, back, err)
		}
		for at := range b {
			if _, err := openEntry(set(b, at, b[at]^1), goldenLogKey); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Fatalf("%s with byte %d changed: %v, want ErrCorrupt", name, at, err)
			}
			if _, err := openEntry(b[:at], goldenLogKey); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Fatalf("%s cut at %d: %v, want ErrCorrupt", name, at, err)
			}
		}
	}
}

// Entries written before there were tallies open.
func TestOldEntriesOpen(t *testing.T) {
	for name, want := range goldenEntries {
		e, err := openEntry(fromGolden(t, "entry1"+name[len("entry"):]), goldenLogKey)
		want.turned, want.untallied = nil, true
		if err != nil || !reflect.DeepEqual(e.records[0], want.records[0]) || !e.untallied || e.turned != nil ||
			e.kind != want.kind || e.sequence != want.sequence || e.credentials != want.credentials {
			t.Errorf("%s: %+v, %v; want %+v", name, e, err, want)
		}
	}
}

func TestEntryOfAnotherBuild(t *testing.T) {
	sealed := func(b []byte) []byte { return append(b, entryMAC(b, goldenLogKey)...) }
	body := goldenEntries["entry-change"].append(nil, goldenLogKey)
	body = body[:len(body)-32]
	tests := map[string]struct {
		body []byte
		want error
	}{
		"newer version":    {set(body, 0, 3), zhenni.ErrFormat},
		"unknown kind":     {set(body, 1, 3), zhenni.ErrFormat},
		"count too high":   {set(body, 13, 1), zhenni.ErrCorrupt},
		"count not so":     {set(body, 10, 3), zhenni.ErrCorrupt},
		"import, cut":      {set(body, 1, byte(entryImport)), zhenni.ErrCorrupt},
		"value too long":   {entry{kind: entryChange, records: []record{{[]byte("k"), make([]byte, maxRecordValue+1)}}}.append(nil, nil), zhenni.ErrCorrupt},
		"key too long":     {entry{kind: entryChange, records: []record{{make([]byte, maxRecordKey+1), nil}}}.append(nil, nil), zhenni.ErrCorrupt},
		"shorter than all": {body[:3], zhenni.ErrCorrupt},
	}
	for name, tt := range tests {
		if _, err := openEntry(sealed(bytes.Clone(tt.body)), goldenLogKey); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// FuzzEntry feeds entries to their decoder, below their MAC: what decodes encodes to the same bytes.
func FuzzEntry(f *testing.F) {
	for _, e := range goldenEntries {
		b := e.append(nil, goldenLogKey)
		f.Add(b[:len(b)-32])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeEntry(b)
		if err != nil || e.untallied {
			return
		}
		if back := e.append(nil, goldenLogKey); !bytes.Equal(back[:len(back)-32], b) {
			t.Errorf("%x encodes to %x", b, back)
		}
		if _, err := openEntry(b, goldenLogKey); err == nil {
			t.Error("a forged entry opens")
		}
	})
}
