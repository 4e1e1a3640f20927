package audit

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"zhenni"
)

// golden compares text with a committed file, which ZHENNI_REWRITE=1 writes instead. A difference is a new format.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("ZHENNI_REWRITE") == "1" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs:\n%s", name, text)
	}
}

func TestLeafFormat(t *testing.T) {
	var b bytes.Buffer
	for n := range int64(3) {
		leaf := testLeaf(n)
		encoded := leaf.Append(nil)
		fmt.Fprintf(&b, "%d %x %v\n", leaf.Kind, encoded, tlog.RecordHash(encoded))
		if got, err := ParseLeaf(encoded); err != nil || got != leaf {
			t.Errorf("read back %+v, %v", got, err)
		}
	}
	golden(t, "leaves.golden", b.String())
}

// The files of a small log, byte for byte.
func TestLogFormat(t *testing.T) {
	disk := newMemory()
	l := openLog(t, testOptions(t, disk))
	fill(t, l, 0, 3, 2)
	if err := l.Witnessed(cosign(t, openWitness(t, newMemory()), l)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	names, _ := disk.List("")
	for _, name := range names {
		data := bytes.TrimRight(disk.cached[name], "\x00")
		fmt.Fprintf(&b, "== %s, %d bytes\n", name, len(disk.cached[name]))
		if under(name, tileDir) || under(name, journalDir) {
			data = []byte(hex.Dump(data))
		}
		b.Write(data)
	}
	golden(t, "log.golden", b.String())
}

func TestCommitmentFormat(t *testing.T) {
	o := Opening{Kind: KindVerification, Credential: zhenni.CredentialID{9}, Code: uint8(zhenni.Match),
		Salt: [saltSize]byte{1, 2, 3}, Context: NewContext(7, "party", "transaction", "profile")}
	text := fmt.Sprintf("verification %v\n", o.Commitment())
	ids, outcomes := testItems(20)
	var tree Tree
	root, err := tree.Build(&BatchKey{5}, o.Context, ids, outcomes)
	if err != nil {
		t.Fatal(err)
	}
	text += fmt.Sprintf("batch %v\n", root)
	for _, i := range []int{0, 19} {
		text += fmt.Sprintf("salt %d %x\n", i, tree.Salt(i))
	}
	golden(t, "commitments.golden", text)
}

func TestUnreadableLeaves(t *testing.T) {
	leaf := testLeaf(2)
	good := leaf.Append(nil)
	for name, spoil := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil }, "short": func(b []byte) []byte { return b[:len(b)-1] },
		"long": func(b []byte) []byte { return append(b, 0) }, "version 0": func(b []byte) []byte { b[0] = 0; return b },
		"kind 0": func(b []byte) []byte { b[1] = 0; return b }, "kind 4": func(b []byte) []byte { b[1] = 4; return b },
		"items of a change":       func(b []byte) []byte { b[1], b[41] = byte(KindChange), 1; return b },
		"nonce of a change":       func(b []byte) []byte { b[1], b[41], b[42] = byte(KindChange), 0, 1; return b },
		"items of a verification": func(b []byte) []byte { b[1], b[41] = byte(KindVerification), 1; return b },
	} {
		if _, err := ParseLeaf(spoil(bytes.Clone(good))); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	newer := bytes.Clone(good)
	newer[0] = 2
	if _, err := ParseLeaf(newer); !errors.Is(err, zhenni.ErrFormat) {
		t.Errorf("newer: %v, want ErrFormat", err)
	}
	for _, at := range []time.Time{{}, time.UnixMilli(1 << 48)} {
		leaf.At = at
		if err := leaf.check(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%v: %v", at, err)
		}
	}
}

// Entries of any lengths, in runs or mixed, hash as RFC 6962 says.
func TestEntriesHashAsRFC6962(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.SampledFrom([]int{1, LeafSize, LeafSize + 1, maxEntry}), 1, 60).Draw(t, "lengths")
		var framed []byte
		var want []tlog.Hash
		for i, n := range lengths {
			for range 1 + i%20 { // runs
				entry := bytes.Repeat([]byte{byte(len(want))}, n)
				framed, want = appendEntry(framed, entry), append(want, tlog.RecordHash(entry))
			}
		}
		got := make([]tlog.Hash, len(want))
		if hashEntries(got, framed); !slices.Equal(got, want) {
			t.Fatal("a hash is wrong")
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	leaf := testLeaf(1)
	f.Add(leaf.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		leaf, err := ParseLeaf(b)
		if err == nil && !bytes.Equal(leaf.Append(nil), b) {
			t.Errorf("%x has another form", b)
		}
	})
}

// A journal of any content is read, or refused, without a panic, and never yields what has no intact group.
func FuzzJournal(f *testing.F) {
	disk := newMemory()
	j := journal{files: disk, length: 2048}
	group := newGroup(nil)
	leaf := testLeaf(0)
	group = appendEntry(group, leaf.Append(nil))
	if err := errors.Join(j.rotate(0), j.append(0, 1, group)); err != nil {
		f.Fatal(err)
	}
	f.Add(disk.cached[segmentFile(0)])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readJournal(copyOf(map[string][]byte{segmentFile(0): b}), 0)
		if err != nil && !errors.Is(err, zhenni.ErrCorrupt) && !errors.Is(err, zhenni.ErrFormat) {
			t.Errorf("%v", err)
		}
		if err == nil && len(h.entries) > len(b) {
			t.Errorf("%d entries of %d bytes", len(h.entries), len(b))
		}
	})
}

func FuzzReadCheckpoint(f *testing.F) {
	disk := newMemory()
	l := openLog(f, testOptions(f, disk))
	f.Add(l.Checkpoint(), testOrigin)
	_ = l.Close()
	_, key := testKey(f)
	f.Fuzz(func(t *testing.T, signed []byte, origin string) {
		tree, err := ReadCheckpoint(signed, origin, key)
		if err == nil && !bytes.Contains(signed, []byte(checkpointText(origin, tree))) {
			t.Errorf("%q passes as %v", signed, tree)
		}
	})
}

func FuzzTilePath(f *testing.F) {
	f.Add("tile/0/x001/067.p/8")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, name string) {
		tile, err := parseTilePath(name)
		if err == nil && tilePath(tile) != name {
			t.Errorf("%q has another form", name)
		}
	})
}
