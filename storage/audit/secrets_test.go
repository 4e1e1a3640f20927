package audit

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"zhenni"
)

// xorWrapper is a Wrapper that tells contexts and roots apart.
type xorWrapper byte

func (x xorWrapper) Wrap(key, context []byte) ([]byte, error) {
	wrapped := append(bytes.Clone(context), 0, byte(x))
	for _, b := range key {
		wrapped = append(wrapped, b^byte(x))
	}
	return wrapped, nil
}

func (x xorWrapper) Unwrap(wrapped, context []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(wrapped, append(bytes.Clone(context), 0, byte(x)))
	if !ok {
		return nil, zhenni.ErrWrongKey
	}
	key := bytes.Clone(rest)
	for i := range key {
		key[i] ^= byte(x)
	}
	return key, nil
}

func openSecrets(t testing.TB, files FS) Secrets {
	t.Helper()
	s, err := OpenSecrets(files, xorWrapper(7), rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The keys of a log are drawn once, open under their own root only, and what they sign and seal goes on.
//
// FAULTS: S14
func TestSecretsAreDrawnOnce(t *testing.T) {
	disk := newMemory()
	first := openSecrets(t, disk)
	public, err := PublicKey(disk)
	if err != nil || !strings.HasPrefix(public, first.Key.Name()+"+") || !strings.HasPrefix(public, drawnPrefix) {
		t.Fatalf("%q, %v", public, err)
	}
	l := openLog(t, Options{Files: disk, Signer: first.Signer, Key: first.Key, Queue: 64, Segment: 64 << 10})
	fill(t, l, 0, 3, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	sealed, err := first.Openings.Seal([]byte("plain"), []byte("leaf"))
	if err != nil {
		t.Fatal(err)
	}
	again := openSecrets(t, disk)
	if plain, err := again.Openings.Open(sealed, []byte("leaf")); err != nil || string(plain) != "plain" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := again.Openings.Open(sealed, []byte("leap")); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("another leaf: %v", err)
	}
	if again.salts != first.salts || again.Key.KeyHash() != first.Key.KeyHash() {
		t.Error("other keys")
	}
	openLog(t, Options{Files: disk, Signer: again.Signer, Key: again.Key, Queue: 64, Segment: 64 << 10})
	if _, err := OpenSecrets(disk, xorWrapper(8), nil); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("another root: %v", err)
	}
}

// Keys that are gone or changed are refused: new ones could not continue the log.
//
// FAULTS: S3 S4 S5 R12
func TestChangedSecretsAreRefused(t *testing.T) {
	disk := newMemory()
	s := openSecrets(t, disk)
	l := openLog(t, Options{Files: disk, Signer: s.Signer, Key: s.Key, Queue: 64, Segment: 64 << 10})
	fill(t, l, 0, 3, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	good := disk.cached[secretsFile]
	for at := range good {
		disk.cached[secretsFile] = bytes.Clone(good)
		disk.cached[secretsFile][at] ^= 1
		if _, err := OpenSecrets(disk, xorWrapper(7), nil); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
		if r, err := Verify(disk, Keys{Log: s.Key}); err != nil || r.OK() {
			t.Fatalf("byte %d changed: %+v, %v", at, r, err)
		}
	}
	delete(disk.cached, secretsFile)
	if _, err := OpenSecrets(disk, xorWrapper(7), nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("deleted: %v", err)
	}
	if r, err := Verify(disk, Keys{Log: s.Key}); err != nil || r.OK() {
		t.Errorf("deleted: %+v, %v", r, err)
	}
	if _, err := OpenSecrets(newMemory(), xorWrapper(7), strings.NewReader("short")); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("without entropy: %v", err)
	}
	if _, err := PublicKey(newMemory()); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("no log: %v", err)
	}
}

// The sealer is XAES-256-GCM: the vectors of C2SP.
func TestSealerVectors(t *testing.T) {
	for _, v := range []struct {
		key               byte
		plain, aad, after string
	}{
		{1, "XAES-256-GCM", "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "XAES-256-GCM", "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		sealer, err := newXAES(bytes.Repeat([]byte{v.key}, keySize))
		if err != nil {
			t.Fatal(err)
		}
		after, _ := hex.DecodeString(v.after)
		plain, err := sealer.Open(append([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"), after...), []byte(v.aad))
		if err != nil || string(plain) != v.plain {
			t.Errorf("key %d: %q, %v", v.key, plain, err)
		}
	}
}

// FAULTS: S13
func TestFolderIsLocked(t *testing.T) {
	dir := t.TempDir()
	lock, err := LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockFolder(dir); !errors.Is(err, zhenni.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if lock, err = LockFolder(dir); err != nil {
		t.Fatal(err)
	}
	_ = lock.Close()
}
