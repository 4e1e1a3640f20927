package storage

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"zhenni"
	"zhenni/storage/keyfile"
)

const goldenPlace = 3

// goldenKeyed returns a vault, a ring and a template sealed with known keys and entropy, whose key is in its place.
func goldenKeyed(t testing.TB) (*vault, keyring, []byte, []byte) {
	t.Helper()
	aead, err := newGCM(bytes.Repeat([]byte{9}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	file, err := keyfile.Create(filepath.Join(t.TempDir(), keysFile), keyfile.ID{1}, []byte{2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	v := &vault{model: testModel.ID, entropy: &counting{}, keys: file}
	ring := keyring{7: {aead: aead, version: 2}}
	key := appendTemplateKey(nil, goldenStatus.ID, zhenni.FactorFace)
	var sc scratch
	h := header{tenant: 7, generation: 5, place: goldenPlace}
	sealed, err := v.sealKeyed(ring[7], h, key, appendTemplate(nil, []int8{1, 2, 3}, 14), &sc)
	if err == nil {
		err = file.Put(goldenPlace, sc.slot[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return v, ring, key, sealed
}

func TestGoldenKeyedRecord(t *testing.T) {
	v, ring, key, sealed := goldenKeyed(t)
	golden(t, "keyed", sealed)
	sc := scratch{}
	if err := v.keys.Read(goldenPlace, &sc.slot); err != nil {
		t.Fatal(err)
	}
	golden(t, "slot", sc.slot[:])
	golden(t, "keystate", keyState{places: 1 << 33, epoch: 9}.appendBody(nil))
	golden(t, "erased", appendErasedKey(nil, 1<<33))
	h, body, err := v.open(ring, key, sealed, &sc)
	if err != nil || h != (header{7, 2, 5, goldenPlace}) || !bytes.Equal(body, appendTemplate(nil, []int8{1, 2, 3}, 14)) {
		t.Fatalf("opened %+v, %x, %v", h, body, err)
	}
}

// FAULTS: Z6 S7 S14
func TestOpenKeyedRefusesAnythingElse(t *testing.T) {
	v, ring, key, sealed := goldenKeyed(t)
	refused := func(what string, v *vault, ring keyring, key, sealed []byte) {
		t.Helper()
		if _, body, err := v.open(ring, key, sealed, new(scratch)); !errors.Is(err, zhenni.ErrCorrupt) || body != nil {
			t.Errorf("%s: body of %d bytes, %v", what, len(body), err)
		}
	}
	for i := range sealed {
		for _, bit := range []byte{1, 0x80} {
			flipped := bytes.Clone(sealed)
			flipped[i] ^= bit
			refused(fmt.Sprintf("byte %d flipped", i), v, ring, key, flipped)
		}
		refused(fmt.Sprintf("cut to %d bytes", i), v, ring, key, sealed[:i])
	}
	refused("a byte more", v, ring, key, append(bytes.Clone(sealed), 0))
	for i := range key {
		moved := bytes.Clone(key)
		moved[i] ^= 1
		refused("another credential", v, ring, moved, sealed)
	}
	refused("another model", &vault{model: "test-face.2", keys: v.keys}, ring, key, sealed)
	refused("no key file", &vault{model: v.model}, ring, key, sealed)
	refused("no tenant key", v, keyring{}, key, sealed)
	refused("a damaged tenant key", v, keyring{7: nil}, key, sealed)
	refused("a tenant key of another version", v, keyring{7: {aead: ring[7].aead, version: 1}}, key, sealed)

	// The slot moved, and the record changed to name its new place.
	var slot keyfile.Slot
	if err := errors.Join(v.keys.Read(goldenPlace, &slot), v.keys.Put(goldenPlace+1, slot[:])); err != nil {
		t.Fatal(err)
	}
	refused("its slot elsewhere", v, ring, key, set(sealed, 9, goldenPlace+1))
}

// FuzzOpenKeyed: no record but the one sealed opens, and none panics.
func FuzzOpenKeyed(f *testing.F) {
	v, ring, key, sealed := goldenKeyed(f)
	f.Add(sealed)
	f.Add(sealed[:keyedOverhead])
	f.Add(set(sealed, 16, 0xff))
	f.Fuzz(func(t *testing.T, record []byte) {
		if _, body, err := v.open(ring, key, record, new(scratch)); err == nil && !bytes.Equal(record, sealed) {
			t.Errorf("%x opened to %x", record, body)
		}
	})
}

// A key file that fails before a commit leaves nothing of it, and one that fails after it an erasure to be finished.
//
// FAULTS: S9 C10
func TestKeyFileFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cmd    zhenni.Command
		status zhenni.Status
		count  int64
	}{
		"enrolling": {testEnrol(2), zhenni.StatusActive, 1},
		"erasing":   {erasure(1), zhenni.StatusErased, 1},
	} {
		opts := testOptions(t)
		s, err := Open(opts)
		if err != nil {
			t.Fatal(err)
		}
		mustApply(t, s, testEnrol(1))
		readOnly, err := keyfile.Open(opts.KeysPath(), s.label.keysID(), s.keys.file, true)
		if err := errors.Join(err, s.vault.keys.Close()); err != nil {
			t.Fatal(err)
		}
		s.vault.keys = readOnly // its writes fail
		for range 2 {
			if _, err := s.Apply(t.Context(), []zhenni.Command{tt.cmd}); err == nil {
				t.Errorf("%s: acknowledged without the key file", name)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
		if c := mustCredential(t, s, 1); c.Status != tt.status || s.Count() != tt.count {
			t.Errorf("%s: %d credentials, the first %s", name, s.Count(), c.Status)
		}
		if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() || report.Keys+report.Erased != 1 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
}

// An import that is given up leaves no key behind.
func TestAbortedImportLeavesNoKeys(t *testing.T) {
	s := openStore(t, testOptions(t))
	im := beginImport(t, s)
	addAscending(t, im, importTest, importTest)
	if err := im.send(); err != nil {
		t.Fatal(err)
	}
	if err := im.Abort(); err != nil {
		t.Fatal(err)
	}
	if n := s.vault.keys.Places(); n != 0 {
		t.Errorf("%d places are left", n)
	}
	mustApply(t, s, testEnrol(1))
	if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() || report.Keys != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
