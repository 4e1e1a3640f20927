package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// repairHint ends the text of every refusal to open.
const repairHint = "restore the log from its copy, or find what differs with zhenni audit verify"

// checkpointText is the text of a C2SP tlog-checkpoint: origin, size, root.
func checkpointText(origin string, t tlog.Tree) string {
	return origin + "\n" + strconv.FormatInt(t.N, 10) + "\n" + base64.StdEncoding.EncodeToString(t.Hash[:]) + "\n"
}

// parseCheckpointText reads what checkpointText writes. Lines behind the third are refused: this log writes none.
func parseCheckpointText(origin, text string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, corrupt("a checkpoint has three lines")
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	tree := tlog.Tree{N: decimal(lines[1])}
	if err != nil || len(hash) != tlog.HashSize || tree.N < 0 {
		return tlog.Tree{}, corrupt("a checkpoint has a size and a root")
	}
	if lines[0] != origin {
		return tlog.Tree{}, corrupt("a checkpoint of %q, not of %q", lines[0], origin)
	}
	copy(tree.Hash[:], hash)
	return tree, nil
}

// ReadCheckpoint checks the signature of every given key on a checkpoint of the log called origin and returns what it
// says of the tree: [zhenni.ErrCorrupt]. To require the cosignature of a witness, name its key too.
func ReadCheckpoint(signed []byte, origin string, keys ...note.Verifier) (tlog.Tree, error) {
	n, err := openNote(signed, keys...)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	return parseCheckpointText(origin, n.Text)
}

// openNote opens a signed note that every key must have signed, each signature in its one written form: package note
// passes base64 with bits set behind the end.
func openNote(signed []byte, keys ...note.Verifier) (*note.Note, error) {
	n, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return nil, corrupt("%v", err)
	}
	for _, key := range keys {
		if !signedBy(n, key) {
			return nil, corrupt("the signature of %s is missing", key.Name())
		}
	}
	return n, nil
}

func signedBy(n *note.Note, key note.Verifier) bool {
	for _, s := range n.Sigs {
		if s.Name == key.Name() && s.Hash == key.KeyHash() {
			_, err := base64.StdEncoding.Strict().DecodeString(s.Base64)
			return err == nil
		}
	}
	return false
}

func signNote(text string, signer note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return nil, errors.Join(badValue("the key does not sign"), err)
	}
	return signed, nil
}

// prunedText is what the log signs before it deletes entries, so that nobody else can explain a deletion.
func prunedText(origin string, below int64) string {
	return origin + "\nentries deleted below\n" + strconv.FormatInt(below, 10) + "\n"
}

// readPruned returns the index below which entries were deleted: 0 where the file is absent.
func readPruned(files FS, origin string, key note.Verifier) (below int64, err error) {
	signed, err := files.ReadFile(prunedFile)
	if notExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, ioError(err)
	}
	n, err := openNote(signed, key)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", prunedFile, err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) == 4 {
		below = decimal(lines[2])
	}
	if below < 1 || below%tileWidth != 0 || n.Text != prunedText(origin, below) {
		return 0, corrupt("%s does not say what was deleted from %q", prunedFile, origin)
	}
	return below, nil
}
