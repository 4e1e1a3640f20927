package keyfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

var (
	testKey = bytes.Repeat([]byte{7}, 32)
	testID  = ID{1, 2, 3}
)

func create(t *testing.T) (*File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	f, err := Create(path, testID, testKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, path
}

// slots returns n slots whose payloads are all x.
func slots(n int, x byte) []byte {
	var s Slot
	s.Fill(bytes.Repeat([]byte{x}, PayloadSize))
	return bytes.Repeat(s[:], n)
}

func (f *File) want(t *testing.T, place uint64, state State, x byte) {
	t.Helper()
	var s Slot
	got, err := f.State(place, &s)
	if err != nil || got != state || state == Used && s.Payload()[0] != x {
		t.Errorf("place %d: %d %x, %v; want %d %x", place, got, s.Payload()[0], err, state, x)
	}
	if err := f.Read(place, &s); (err == nil) != (state == Used) {
		t.Errorf("place %d reads as %v", place, err)
	}
}

func TestKeysComeBack(t *testing.T) {
	f, path := create(t)
	err := errors.Join(f.Put(0, slots(3, 5)), f.Write(3, slots(2, 6)), f.Sync(), f.Shred([]uint64{1, 4}), f.SetEpoch(9), f.Close())
	if err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		f, err := Open(path, testID, testKey, readOnly)
		if err != nil {
			t.Fatal(err)
		}
		for place, want := range []State{Used, Shredded, Used, Used, Shredded, Unused} {
			f.want(t, uint64(place), want, []byte{5, 0, 5, 6, 0, 0}[place])
		}
		f.want(t, 1<<40, Unused, 0)
		if f.Epoch() != 9 {
			t.Errorf("epoch %d", f.Epoch())
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What is shredded is nowhere in the file.
func TestShreddedIsGone(t *testing.T) {
	f, path := create(t)
	secret := bytes.Repeat([]byte{0xAB}, PayloadSize)
	var s Slot
	s.Fill(secret)
	if err := errors.Join(f.Put(0, slots(1, 5)), f.Put(1, s[:]), f.Put(2, slots(1, 6)), f.Shred([]uint64{1})); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, secret[:8]) {
		t.Errorf("the key is still there, %v", err)
	}
}

// FAULTS: S3 S4 S5
func TestOpenRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(path string) error
		id     ID
		key    []byte
		want   error
	}{
		"no file":       {os.Remove, testID, testKey, os.ErrNotExist},
		"another store": {func(string) error { return nil }, ID{9}, testKey, zhenni.ErrCorrupt},
		"another key":   {func(string) error { return nil }, testID, testKey[1:], zhenni.ErrCorrupt},
		"empty":         {func(path string) error { return os.Truncate(path, 0) }, testID, testKey, zhenni.ErrCorrupt},
		"header gone":   {func(path string) error { return scribble(path, 0) }, testID, testKey, zhenni.ErrCorrupt},
	} {
		f, path := create(t)
		if err := errors.Join(f.Close(), tt.change(path)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, tt.id, tt.key, false); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// scribble overwrites a page.
func scribble(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(bytes.Repeat([]byte{0x55}, headerPage), at)
	return errors.Join(err, f.Close())
}

// A header that is torn while it is written leaves the one before it.
//
// FAULTS: S17
func TestTornHeaderLeavesTheOther(t *testing.T) {
	f, path := create(t)
	if err := errors.Join(f.SetEpoch(1), f.SetEpoch(2), f.Close(), scribble(path, 0)); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, testID, testKey, false)
	if err != nil || f.Epoch() != 1 {
		t.Fatalf("epoch %d, %v; want 1", f.Epoch(), err)
	}
	if err := errors.Join(f.SetEpoch(3), f.Close()); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path, testID, testKey, true); err != nil || f.Epoch() != 3 {
		t.Fatalf("epoch %d, %v; want 3", f.Epoch(), err)
	}
	_ = f.Close()
}

func TestCreateSparesSlots(t *testing.T) {
	f, path := create(t)
	if err := f.Put(0, slots(1, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, ID{9}, testKey); !errors.Is(err, zhenni.ErrExists) {
		t.Errorf("over slots: %v, want ErrExists", err)
	}
	if err := f.Trim(0); err != nil {
		t.Fatal(err)
	}
	again, err := Create(path, ID{9}, testKey)
	if err != nil {
		t.Fatalf("over an empty file: %v", err)
	}
	_ = again.Close()
}

// A slot of another form is no key.
//
// FAULTS: S3 S14
func TestDamagedSlot(t *testing.T) {
	f, _ := create(t)
	for name, change := range map[string]func(*Slot){
		"state":              func(s *Slot) { s[stateAt] = 3 },
		"spare byte":         func(s *Slot) { s[PayloadSize] = 1 },
		"shredded in part":   func(s *Slot) { s[stateAt] = byte(Shredded) },
		"unused with a rest": func(s *Slot) { s[stateAt] = 0 },
	} {
		var s Slot
		s.Fill(bytes.Repeat([]byte{1}, PayloadSize))
		change(&s)
		if err := f.Put(0, s[:]); err != nil {
			t.Fatal(err)
		}
		for how, read := range map[string]func() error{
			"read":   func() error { return f.Read(0, &s) },
			"window": func() error { return new(Window).Read(f, 0, &s) },
		} {
			if err := read(); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Errorf("%s, %s: %v, want ErrCorrupt", name, how, err)
			}
		}
	}
}

// The file does what a map does, by single reads, through a window and by a scan.
func TestSameAsMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f, _ := create(t)
		held := map[uint64]byte{}
		end := uint64(0)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			n := rapid.IntRange(1, 200).Draw(rt, "n")
			x := rapid.Byte().Draw(rt, "x")
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0, 1:
				if err := f.Put(end, slots(n, x)); err != nil {
					rt.Fatal(err)
				}
				for range n {
					held[end] = x
					end++
				}
			case 2:
				if end == 0 {
					continue
				}
				place := rapid.Uint64Range(0, end-1).Draw(rt, "place")
				if err := f.Shred([]uint64{place}); err != nil {
					rt.Fatal(err)
				}
				delete(held, place)
			case 3:
				end -= min(end, uint64(n))
				if err := f.Trim(end); err != nil {
					rt.Fatal(err)
				}
			}
		}
		compare(rt, f, held, end)
	})
}

func compare(rt *rapid.T, f *File, held map[uint64]byte, end uint64) {
	var s Slot
	var w Window
	used := 0
	for place := range end {
		x, ok := held[place]
		for _, err := range []error{f.Read(place, &s), w.Read(f, place, &s)} {
			if (err == nil) != ok || ok && s.Payload()[1] != x {
				rt.Fatalf("place %d: %x, %v; want %x, %t", place, s.Payload()[1], err, x, ok)
			}
		}
		used += map[bool]int{true: 1}[ok]
	}
	err := f.Scan(0, func(place uint64, state State) error {
		if place >= end {
			rt.Fatalf("scanned place %d of %d", place, end)
		}
		used -= map[State]int{Used: 1}[state]
		return nil
	})
	if err != nil || used != 0 {
		rt.Fatalf("the scan left %d, %v", used, err)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	f, _ := create(t)
	if err := f.Put(0, slots(100, 1)); err != nil {
		t.Fatal(err)
	}
	var s Slot
	w := new(Window)
	place := uint64(0)
	if n := testing.AllocsPerRun(100, func() {
		place = (place + 1) % 100
		if err := errors.Join(f.Read(place, &s), w.Read(f, place, &s)); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzHeader: no bytes but those that were sealed are taken for a header, and none panics.
func FuzzHeader(f *testing.F) {
	f.Add(header{testID, 3, 4}.seal(testKey))
	f.Add(header{testID, 3, 4}.seal(testKey[1:]))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < headerSize {
			b = append(b, make([]byte, headerSize-len(b))...)
		}
		if h, ok := openHeader(b, testKey); ok && !bytes.Equal(h.seal(testKey), b[:headerSize]) {
			t.Errorf("%x was taken for %+v", b, h)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "keys")
	f, err := Create(path, testID, testKey)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const n = 100_000
	if err := f.Write(0, slots(n, 1)); err != nil {
		b.Fatal(err)
	}
	var s Slot
	b.Run("one", func(b *testing.B) {
		for i := uint64(0); b.Loop(); i++ {
			if err := f.Read(i*7919%n, &s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("window", func(b *testing.B) {
		var w Window
		for i := uint64(0); b.Loop(); i++ {
			if err := w.Read(f, i%n, &s); err != nil {
				b.Fatal(err)
			}
		}
	})
}
