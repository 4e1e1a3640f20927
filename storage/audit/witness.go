package audit

import (
	"crypto/ed25519"
	"errors"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// WitnessOptions say whom a witness watches. All are required.
type WitnessOptions struct {
	// Files is the folder of the witness, which has one file: the checkpoint it cosigned last.
	Files FS
	// Name is the name of the witness' key, which Key is.
	Name string
	Key  ed25519.PrivateKey
	// Origin and Log are the first line and the key of the checkpoints it cosigns.
	Origin string
	Log    note.Verifier
	Now    func() time.Time
}

// Witness cosigns checkpoints of one log, each a continuation of the one before. A log cannot go back, nor tell two
// stories, behind a witness that runs on a machine of somebody else. Its methods may be called from several goroutines.
type Witness struct {
	opts   WitnessOptions
	signer cosigner

	// mu guards last: what was cosigned last, as it is on disk.
	mu   sync.Mutex
	last tlog.Tree
}

// OpenWitness opens the witness of a folder, a new one in an empty folder. A state that does not verify is
// [zhenni.ErrCorrupt]; a witness without its state must not go on under its name.
func OpenWitness(o WitnessOptions) (*Witness, error) {
	if o.Files == nil || o.Log == nil || o.Now == nil || len(o.Key) != ed25519.PrivateKeySize {
		return nil, badValue("a witness needs files, a key, a clock and the key of a log")
	}
	if !validKeyName(o.Name) || !validOrigin(o.Origin) {
		return nil, badValue("witness %q of %q: want printable ASCII names, the first without plus and space", o.Name, o.Origin)
	}
	public := o.Key.Public().(ed25519.PublicKey)
	w := &Witness{opts: o, signer: cosigner{cosignatureVerifier{o.Name, public}, o.Key, o.Now}}
	var empty edge
	w.last = empty.tree()
	signed, err := o.Files.ReadFile(checkpointFile)
	if notExist(err) {
		return w, nil
	}
	if err != nil {
		return nil, ioError(err)
	}
	w.last, err = ReadCheckpoint(signed, o.Origin, o.Log, w.Key())
	return w, err
}

// Key returns the witness' public key, to check cosignatures with.
func (w *Witness) Key() note.Verifier { return w.signer.cosignatureVerifier }

// Size returns the size of the tree cosigned last, 0 before the first: where the next proof must start.
func (w *Witness) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last.N
}

// Cosign checks the log's signature on a checkpoint and the proof that it continues the tree of [Witness.Size], keeps it
// durably, and returns it with a cosignature. The proof is empty where the size is 0 or has not changed. A checkpoint
// that is older, not a continuation or not of the log is [zhenni.ErrCorrupt] and changes nothing.
func (w *Witness) Cosign(signed []byte, proof tlog.TreeProof) ([]byte, error) {
	tree, err := ReadCheckpoint(signed, w.opts.Origin, w.opts.Log)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := continues(w.last, tree, proof); err != nil {
		return nil, err
	}
	cosigned, err := w.cosign(signed)
	if err != nil {
		return nil, err
	}
	if err := w.opts.Files.Write(Content{checkpointFile, cosigned}); err != nil {
		return nil, ioError(err)
	}
	w.last = tree
	return cosigned, nil
}

// continues checks that tree is last, or grew out of it.
func continues(last, tree tlog.Tree, proof tlog.TreeProof) error {
	switch {
	case tree.N < last.N:
		return corrupt("a checkpoint of size %d after one of %d", tree.N, last.N)
	case tree.N == last.N && tree.Hash != last.Hash:
		return corrupt("two checkpoints of size %d differ", tree.N)
	case tree.N == last.N || last.N == 0:
		if len(proof) != 0 {
			return badValue("a proof of %d hashes where none is needed", len(proof))
		}
		return nil
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, last.N, last.Hash); err != nil {
		return corrupt("the checkpoint of size %d does not continue that of %d: %v", tree.N, last.N, err)
	}
	return nil
}

// cosign adds the cosignature, dropping signatures of anybody but the log.
func (w *Witness) cosign(signed []byte) ([]byte, error) {
	n, err := note.Open(signed, note.VerifierList(w.opts.Log))
	if err != nil {
		return nil, corrupt("checkpoint: %v", err)
	}
	n.UnverifiedSigs = nil
	cosigned, err := note.Sign(n, w.signer)
	if err != nil {
		return nil, errors.Join(badValue("the witness cannot sign"), err)
	}
	return cosigned, nil
}
