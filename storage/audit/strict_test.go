package audit

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
)

// A checkpoint that only the log signed does not pass where a witness is asked for.
func TestCosignatureIsAskedFor(t *testing.T) {
	files := newMemory()
	l := openLog(t, testOptions(t, files))
	fill(t, l, 0, 3, 3)
	_, key := testKey(t)
	if _, err := ReadCheckpoint(l.Checkpoint(), testOrigin, key); err != nil {
		t.Error("without a witness:", err)
	}
	for _, keys := range [][]note.Verifier{{key, testWitnessKey(t)}, {testWitnessKey(t), key}, {testWitnessKey(t)}} {
		if _, err := ReadCheckpoint(l.Checkpoint(), testOrigin, keys...); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%d keys, the witness' among them: %v", len(keys), err)
		}
	}
}

// The offline checker tells of every file that does not belong to the log.
func TestForeignFilesAreReported(t *testing.T) {
	for _, name := range []string{"notes.txt", "tile/0/x999/000", "epoch/7"} {
		files := newMemory()
		l := openLog(t, testOptions(t, files))
		fill(t, l, 0, 300, 100)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := files.Write(Content{name, []byte("x")}); err != nil {
			t.Fatal(err)
		}
		_, key := testKey(t)
		r, err := Verify(files, Keys{Log: key, Witness: testWitnessKey(t)})
		if err != nil || r.OK() {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// The file of keys is signed by the key that it shows. One that shows another of the same name, signed by that, holds
// together and is still not the log's.
//
// FAULTS: S5
func TestKeysThatShowAnotherAreRefused(t *testing.T) {
	disk := newMemory()
	openSecrets(t, disk)
	key, wrapped, err := readSecrets(disk.cached[secretsFile])
	if err != nil {
		t.Fatal(err)
	}
	another, public, err := newSecrets(key.Name(), bytes.Repeat([]byte{1}, keySize), bytes.Repeat([]byte{2}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	if disk.cached[secretsFile], err = signNote(secretsText(public, wrapped), another.Signer); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSecrets(disk, xorWrapper(7), nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}
