package audit

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

func TestWitnessFollowsOneHistory(t *testing.T) {
	l := openLog(t, testOptions(t, newMemory()))
	state := newMemory()
	w := openWitness(t, state)
	fill(t, l, 0, 10, 10)
	first := l.Checkpoint()
	cosigned := cosign(t, w, l)
	if _, err := ReadCheckpoint(cosigned, testOrigin, w.Key()); err != nil {
		t.Error(err)
	}
	if again := cosign(t, w, l); !bytes.Equal(again, cosigned) {
		t.Error("the same checkpoint again is another")
	}
	fill(t, l, 10, 300, 290)
	newer := l.Checkpoint()
	for name, proof := range map[string]tlog.TreeProof{"none": nil, "wrong": {{1}, {2}}} {
		if _, err := w.Cosign(newer, proof); !errors.Is(err, zhenni.ErrCorrupt) || w.Size() != 10 {
			t.Errorf("proof %s: %v, at %d", name, err, w.Size())
		}
	}
	cosign(t, w, l)
	w = openWitness(t, state)
	if w.Size() != 300 {
		t.Errorf("reopened at %d, want 300", w.Size())
	}
	if _, err := w.Cosign(first, nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("an older checkpoint: %v", err)
	}
	fork := signedTree(t, tlog.Tree{N: 300, Hash: tlog.Hash{1}})
	if _, err := w.Cosign(fork, nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("another tree of this size: %v", err)
	}
	if _, err := w.Cosign(newer, tlog.TreeProof{{}}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a proof too many: %v", err)
	}
}

func signedTree(t *testing.T, tree tlog.Tree) []byte {
	t.Helper()
	signer, _ := testKey(t)
	signed, err := signNote(checkpointText(testOrigin, tree), signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// What a witness has signed is what it says it has, whichever change of its disk fails.
//
// FAULTS: S2
func TestWitnessKeepsBeforeItSigns(t *testing.T) {
	state := newMemory()
	w := openWitness(t, state)
	one := signedTree(t, tlog.Tree{N: 1, Hash: tlog.Hash{1}})
	state.crashAt = 1
	if _, err := w.Cosign(one, nil); !errors.Is(err, errCrash) || w.Size() != 0 {
		t.Errorf("signed without keeping: %v, at %d", err, w.Size())
	}
	for _, size := range []struct {
		disk *memory
		want int64
	}{{copyOf(state.durable), 0}, {copyOf(state.cached), 1}} {
		if w := openWitness(t, size.disk); w.Size() != size.want {
			t.Errorf("at %d, want %d", w.Size(), size.want)
		}
	}
	damaged := copyOf(state.cached)
	damaged.cached[checkpointFile][40] ^= 1
	_, key := testKey(t)
	_, err := OpenWitness(WitnessOptions{Files: damaged, Name: "w", Key: testWitnessSecret(), Origin: testOrigin, Log: key, Now: time.Now})
	if !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a damaged state: %v", err)
	}
}

// The example of C2SP tlog-cosignature: a cosignature is 8 bytes of time and a signature over a two-line head.
func TestCosignatureFormat(t *testing.T) {
	secret := testWitnessSecret()
	signer := cosigner{cosignatureVerifier{"w", secret.Public().(ed25519.PublicKey)}, secret, func() time.Time { return time.Unix(1679315147, 0) }}
	text := []byte("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
	sig, err := signer.Sign(text)
	if err != nil || !bytes.Equal(sig[:8], []byte{0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb}) {
		t.Fatalf("%x, %v", sig, err)
	}
	message := "cosignature/v1\ntime 1679315147\n" + string(text)
	if !ed25519.Verify(signer.key, []byte(message), sig[8:]) || !signer.Verify(text, sig) {
		t.Error("does not verify")
	}
	sig[7] ^= 1
	if signer.Verify(text, sig) || signer.Verify(text, sig[1:]) || signer.Verify(text, nil) {
		t.Error("another time verifies")
	}
}

func TestWitnessKeys(t *testing.T) {
	public := testWitnessSecret().Public().(ed25519.PublicKey)
	good := CosignatureKey("witness.example", public)
	if v, err := NewCosignatureVerifier(good); err != nil || CosignatureKey(v.Name(), public) != good {
		t.Errorf("%v", err)
	}
	_, key := testKey(t)
	for _, bad := range []string{"", "a+b", good[:len(good)-1], "x" + good, good + "=", "+" + good,
		CosignatureKey("a b", public), key.Name() + "+00000000+AAAA"} {
		if _, err := NewCosignatureVerifier(bad); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for name, o := range map[string]WitnessOptions{
		"nothing": {}, "name": {Files: newMemory(), Name: "a b", Key: testWitnessSecret(), Origin: "o", Log: key, Now: time.Now},
	} {
		if _, err := OpenWitness(o); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var _ note.Verifier = key
}

// aead is a Sealer of one key, enough for tests: every plain text has its own associated data.
type aead struct{ cipher.AEAD }

func newSealer(t testing.TB) Sealer {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead{sealer}
}

func (a aead) nonce(associated []byte) []byte {
	sum := sha256.Sum256(associated)
	return sum[:a.NonceSize()]
}

func (a aead) Seal(plain, associated []byte) ([]byte, error) {
	return a.AEAD.Seal(nil, a.nonce(associated), plain, associated), nil
}

func (a aead) Open(sealed, associated []byte) ([]byte, error) {
	return a.AEAD.Open(nil, a.nonce(associated), sealed, associated)
}

func TestSealedOpenings(t *testing.T) {
	by := newSealer(t)
	o := Opening{Kind: KindVerification, Credential: zhenni.CredentialID{9}, Code: 1, Salt: [16]byte{4}}
	leaf := Leaf{Kind: KindVerification, At: testStart, Hash: o.Commitment()}
	sealed, err := SealOpening(by, leaf, o)
	if err != nil || bytes.Contains(sealed, o.Credential[:]) {
		t.Fatalf("%x, %v", sealed, err)
	}
	if got, err := OpenSealed(by, leaf, sealed); err != nil || got != o {
		t.Errorf("%+v, %v", got, err)
	}
	other := leaf
	other.Nonce[0]++
	if _, err := OpenSealed(by, other, sealed); err == nil {
		t.Error("opens for another leaf")
	}
	wrong := o
	wrong.Code = 2
	if sealed, err = SealOpening(by, leaf, wrong); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSealed(by, leaf, sealed); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("another outcome: %v", err)
	}
}

// The proof of one item carries commitments of others, and nothing of what they hide.
func TestItemProofShowsNoNeighbour(t *testing.T) {
	by, context := newSealer(t), NewContext(7, "party", "transaction", "profile")
	ids, outcomes := testItems(100)
	key, tree := BatchKey{8}, Tree{}
	root, err := tree.Build(&key, context, ids, outcomes)
	if err != nil {
		t.Fatal(err)
	}
	leaf := Leaf{Kind: KindBatch, At: testStart, Number: 100, Hash: root}
	sealed, err := SealBatch(by, leaf, &key, context, ids, outcomes)
	if err != nil {
		t.Fatal(err)
	}
	var again Tree
	o, proof, err := OpenItem(by, leaf, sealed, &again, 42)
	if err != nil || o.Credential != ids[42] || o.Code != uint8(outcomes[42]) {
		t.Fatalf("%+v, %v", o, err)
	}
	if err := proof.Check(leaf, o); err != nil {
		t.Error(err)
	}
	// Whoever holds the proof cannot confirm a guess of the neighbour: it takes the neighbour's own salt.
	guess := Opening{Kind: KindBatch, Salt: o.Salt, Credential: ids[43], Code: uint8(outcomes[43]), Context: context}
	if guess.Commitment() == proof.Pack[43%packItems] || tree.Salt(43) == o.Salt {
		t.Error("a neighbour's record can be guessed")
	}
	if _, err := SealBatch(by, leaf, &key, context, ids[1:], outcomes[1:]); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("too few items: %v", err)
	}
	if _, _, err := OpenItem(by, leaf, sealed, &again, 100); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("no such item: %v", err)
	}
}
