package ledger

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzSegment reads damaged segments: nothing panics, and what is placed lies within the segment.
//
// FAULTS: S3
func FuzzSegment(f *testing.F) {
	o := small(f.TempDir(), &fakeLog{})
	l, err := Open(o)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		settle(f, l, request(name(i)), batch(2, "a"))
	}
	kill(l)
	whole, err := os.ReadFile(filepath.Join(o.Dir, numbered(segmentDir, 1)))
	if err != nil {
		f.Fatal(err)
	}
	whole = whole[:l.writer.offset]
	f.Add(uint16(0), []byte{})
	f.Add(uint16(markFirst), []byte{0xff})
	f.Add(uint16(align+4), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(uint16(align+24), []byte{0, 0, 0, 1, 0, 0, 0, 0})
	f.Add(uint16(align+groupHeader), []byte{0xff})
	f.Fuzz(func(t *testing.T, at uint16, damage []byte) {
		b := append([]byte(nil), whole...)
		copy(b[min(int(at), len(b)):], damage)
		s := &salvage{number: 1, b: b}
		s.walk()
		found := len(s.lost)
		for _, g := range s.groups {
			found += len(g.places)
			for _, p := range g.places {
				if int(p.offset)+int(p.length) > len(b) {
					t.Fatalf("a record at %d of %d bytes", p.offset, p.length)
				}
			}
		}
		if found < 3 && s.dead == 0 && markOf(b) == len(whole) {
			t.Errorf("%d of 3 transactions are known, and nothing is said of the others", found)
		}
	})
}

// FuzzRecord reads the clear part of strange records.
func FuzzRecord(f *testing.F) {
	r := record{length: recordHeader + sealOverhead, kind: kindSingle, named: true, millis: 7, nonce: 8, key: key{9}}
	b := make([]byte, r.length)
	r.put(b)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := readRecord(b)
		if !ok {
			return
		}
		again := append([]byte(nil), b[:r.length]...)
		r.put(again)
		if second, ok := readRecord(again); !ok || second != r {
			t.Errorf("%+v is written as %+v", r, second)
		}
	})
}
