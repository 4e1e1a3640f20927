package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testOrigin = "audit.example/log"

var testStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// testKey makes the log's key of a seed.
func testKey(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	var seed [32]byte
	secret, public, err := note.GenerateKey(rand.NewChaCha8(seed), testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err1 := note.NewSigner(secret)
	verifier, err2 := note.NewVerifier(public)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

// testOptions opens a log with small segments whose beat never comes.
func testOptions(t testing.TB, files FS) Options {
	signer, key := testKey(t)
	return Options{
		Files: files, Signer: signer, Key: key, Queue: 1024, Segment: 64 << 10,
		Beat: make(chan time.Time), Witness: testWitnessKey(t),
	}
}

func openLog(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// testLeaf is leaf n of every test log.
func testLeaf(n int64) Leaf {
	b := binary.BigEndian.AppendUint64(nil, uint64(n))
	l := Leaf{
		Kind: Kind(n%3) + 1, At: testStart.Add(time.Duration(n) * time.Millisecond),
		Hash: sha256.Sum256(b),
	}
	if l.Kind != KindChange {
		l.Nonce = [12]byte(l.Hash[:12])
	}
	if l.Kind != KindVerification {
		l.Number = uint64(n)%zhenni.MaxBatchItems + 1
	}
	return l
}

func testLeaves(from, count int64) []Leaf {
	leaves := make([]Leaf, count)
	for i := range leaves {
		leaves[i] = testLeaf(from + int64(i))
	}
	return leaves
}

// fill appends leaves until the log has size entries, in calls of at most step, and publishes them.
func fill(t testing.TB, l *Log, from, size, step int64) {
	t.Helper()
	for from < size {
		n := min(step, size-from)
		first, err := l.Append(t.Context(), testLeaves(from, n))
		if err != nil || first != from {
			t.Fatalf("Append: %d, %v; want %d", first, err, from)
		}
		from += n
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func mustVerify(t testing.TB, files FS, size int64) Report {
	t.Helper()
	_, key := testKey(t)
	r, err := Verify(files, Keys{Log: key, Witness: testWitnessKey(t)})
	if err != nil || !r.OK() || r.Size != size || r.Signed != size {
		t.Fatalf("Verify: %+v, %v; want %d entries, all signed", r, err, size)
	}
	return r
}

func testWitnessSecret() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("witness"))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testWitnessKey(t testing.TB) note.Verifier {
	t.Helper()
	key, err := NewCosignatureVerifier(CosignatureKey("witness.example", testWitnessSecret().Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func openWitness(t testing.TB, files FS) *Witness {
	t.Helper()
	_, key := testKey(t)
	w, err := OpenWitness(WitnessOptions{
		Files: files, Name: "witness.example", Key: testWitnessSecret(), Origin: testOrigin, Log: key,
		Now: func() time.Time { return testStart },
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// cosign has the witness cosign the log's newest checkpoint.
func cosign(t testing.TB, w *Witness, l *Log) []byte {
	t.Helper()
	var proof tlog.TreeProof
	if old, now := w.Size(), l.Tree().N; old > 0 && old < now {
		var err error
		if proof, err = l.ProveConsistency(old, now); err != nil {
			t.Fatal(err)
		}
	}
	cosigned, err := w.Cosign(l.Checkpoint(), proof)
	if err != nil {
		t.Fatal(err)
	}
	return cosigned
}
