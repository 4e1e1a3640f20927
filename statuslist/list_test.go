package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// vector is one of the draft's, §4.1 and appendix C; every entry that is not named is valid.
type vector struct {
	Name    string
	Bits    int
	Entries int
	Set     map[int]Value
	Lst     string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/draft-21.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 5 {
		t.Fatalf("%d vectors: %v", len(all), err)
	}
	return all
}

func TestVectorsOfTheDraft(t *testing.T) {
	for _, v := range vectors(t) {
		read, err := decode(v.Bits, v.Lst)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		made, err := NewList(v.Bits, v.Entries)
		if err != nil {
			t.Fatal(err)
		}
		for i, value := range v.Set {
			made.Set(i, value)
			if got, ok := read.Value(i); !ok || got != value {
				t.Errorf("%s: entry %d is %d, want %d", v.Name, i, got, value)
			}
		}
		if read.Len() != v.Entries || read.Bits() != v.Bits || !bytes.Equal(read.array, made.array) {
			t.Errorf("%s: %d entries of %d bits, or other values", v.Name, read.Len(), read.Bits())
		}
		lst, err := made.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decode(v.Bits, lst); err != nil || !bytes.Equal(again.array, made.array) {
			t.Errorf("%s: what is written is read otherwise: %v", v.Name, err)
		}
	}
}

// The draft's own bytes: the array, before compression that is another implementation's.
func TestEntriesFillBytesFromTheLowestBit(t *testing.T) {
	for i, want := range []string{"b9a3", "c944f9"} {
		v := vectors(t)[i]
		l, err := decode(v.Bits, v.Lst)
		if err != nil || hex.EncodeToString(l.array) != want {
			t.Errorf("%s: %x, %v, want %s", v.Name, l.array, err, want)
		}
	}
}

// A list is what a map of its values is.
func TestListAgainstAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bits := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(rt, "bits")
		entries := 8 * rapid.IntRange(1, 64).Draw(rt, "bytes") / bits
		l, err := NewList(bits, entries)
		if err != nil {
			rt.Fatal(err)
		}
		known := make(map[int]Value)
		for range rapid.IntRange(0, 200).Draw(rt, "changes") {
			i, v := rapid.IntRange(0, entries-1).Draw(rt, "i"), Value(rapid.IntRange(0, 1<<bits-1).Draw(rt, "value"))
			l.Set(i, v)
			known[i] = v
		}
		lst, err := l.encode()
		if err != nil {
			rt.Fatal(err)
		}
		read, err := decode(bits, lst)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range entries {
			if v, ok := read.Value(i); !ok || v != known[i] {
				rt.Fatalf("entry %d is %d, want %d", i, v, known[i])
			}
		}
		for _, i := range []int{-1, entries, 1 << 40} {
			if v, ok := read.Value(i); ok || v != Invalid {
				rt.Fatalf("entry %d of %d is %d", i, entries, v)
			}
		}
	})
}

// Why a credential does not stand is not told: whatever is not active or suspended is invalid, also what is not known.
func TestValuesOfStatuses(t *testing.T) {
	for s := range zhenni.Status(255) {
		want := Invalid
		switch s {
		case zhenni.StatusActive:
			want = Valid
		case zhenni.StatusSuspended:
			want = Suspended
		}
		if got := ValueOf(s); got != want {
			t.Errorf("%v is %d, want %d", s, got, want)
		}
	}
}

func TestListsHaveASize(t *testing.T) {
	for _, test := range [][2]int{{0, 8}, {3, 8}, {16, 8}, {-1, 8}, {2, 0}, {2, -4}, {2, 3}, {1, 4}, {8, MaxBytes + 1}, {2, 4*MaxBytes + 4}} {
		if l, err := NewList(test[0], test[1]); l != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d entries of %d bits: %v", test[1], test[0], err)
		}
	}
	if l, err := NewList(8, MaxBytes); err != nil || l.Len() != MaxBytes {
		t.Error(err)
	}
}

// deflated is the claim lst of any bytes.
func deflated(t testing.TB, array []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(array); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// A list that inflates without end is left where it passes the bound.
//
// FAULTS: L1 L3 L12
func TestListsThatAreRefused(t *testing.T) {
	good := deflated(t, make([]byte, 1024))
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	changed := bytes.Clone(raw)
	changed[len(changed)-1] ^= 1
	for what, lst := range map[string]string{
		"a bomb":             deflated(t, make([]byte, 64<<20)),
		"one byte too many":  deflated(t, make([]byte, MaxBytes+1)),
		"nothing":            "",
		"an empty array":     deflated(t, nil),
		"padding":            good + "=",
		"a line break":       good[:8] + "\n" + good[8:],
		"another alphabet":   "+/" + good,
		"no zlib":            encode([]byte("status")),
		"a dictionary":       encode([]byte{0x78, 0xbb, 0, 0, 0, 1, 3, 0, 0, 0, 0, 1}),
		"a wrong checksum":   encode(changed),
		"more behind":        encode(append(bytes.Clone(raw), 0)),
		"two streams":        encode(append(bytes.Clone(raw), raw...)),
		"DEFLATE, bare":      encode(raw[2 : len(raw)-4]),
		"loose bits at last": encode([]byte{0x78, 0xda, 3})[:3] + "B",
	} {
		if l, err := decode(2, lst); l != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for cut := range len(raw) {
		if _, err := decode(2, encode(raw[:cut])); err == nil {
			t.Errorf("cut at byte %d of %d, it is read", cut, len(raw))
		}
	}
	if l, err := decode(8, deflated(t, make([]byte, MaxBytes))); err != nil || l.Len() != MaxBytes {
		t.Errorf("a list as large as may be: %v", err)
	}
}

// FAULTS: L1 L3 L12
func FuzzList(f *testing.F) {
	for _, v := range vectors(f)[:3] {
		f.Add(v.Bits, v.Lst)
	}
	f.Add(2, deflated(f, make([]byte, 4<<20)))
	f.Fuzz(func(t *testing.T, bits int, lst string) {
		l, err := decode(bits, lst)
		if err != nil {
			if !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("%v", err)
			}
			return
		}
		if len(l.array) > MaxBytes || l.Len() < 1 {
			t.Fatalf("%d bytes", len(l.array))
		}
		if v, ok := l.Value(l.Len() - 1); !ok || int(v) >= 1<<bits {
			t.Errorf("the last entry is %d of %d bits", v, bits)
		}
	})
}
