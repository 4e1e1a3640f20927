package sessions

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"zhenni"
)

// Whatever is noted and forgotten, snapshotted and opened again, the notes are what a map holds.
//
// FAULTS: S1
func TestNotesAreKept(t *testing.T) {
	o, chance, want := testOptions(t), rand.New(rand.NewPCG(1, 2)), map[string][]byte{}
	s := open(t, o)
	for step := range 120 {
		switch step % 30 {
		case 20:
			closeStore(t, s)
			s = open(t, o)
		case 10, 28:
			if err := s.log.Snapshot(); err != nil {
				t.Fatal(err)
			}
		default:
			key, value := string(rune('a'+chance.IntN(8))), make([]byte, chance.IntN(3))
			for i := range value {
				value[i] = byte(chance.Uint32())
			}
			if err := s.Note(context.Background(), key, value); err != nil {
				t.Fatal(err)
			}
			if want[key] = slices.Clone(value); len(value) == 0 {
				delete(want, key)
			}
		}
		if got := s.Notes(); !maps.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("step %d: %q, want %q", step, got, want)
		}
	}
	closeStore(t, s)
}

func TestNotesAreBounded(t *testing.T) {
	s := open(t, testOptions(t))
	defer closeStore(t, s)
	for key, value := range map[string][]byte{"": {1}, string(make([]byte, maxNoteName+1)): {1}, "large": make([]byte, MaxNote+1)} {
		if err := s.Note(context.Background(), key, value); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d bytes under a key of %d: %v", len(value), len(key), err)
		}
	}
	if err := s.Note(context.Background(), "large", make([]byte, MaxNote)); err != nil {
		t.Error(err)
	}
	if _, there := s.Noted("small"); there {
		t.Error("a note that nobody made")
	}
}

// FuzzChange: an entry is read only in the form in which it is written.
func FuzzChange(f *testing.F) {
	session := counterSession(f, 1)
	f.Add(change{session: &session}.plain())
	f.Add(change{block: &Pair{1}}.plain())
	f.Add(change{note: &note{"key", []byte("value")}}.plain())
	f.Add(change{forget: []zhenni.SessionID{{1}, {2}}}.plain())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeChange(b)
		if err == nil && !bytes.Equal(c.plain(), b) {
			t.Errorf("%x is read as %+v", b, c)
		}
		if err != nil && !errors.Is(err, zhenni.ErrCorrupt) {
			t.Error(err)
		}
	})
}
