package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Source is a log as somebody else sees it: over HTTP, or in a copy of its folder.
type Source interface {
	Checkpoint(ctx context.Context) ([]byte, error)
	// Tile returns the content at a path of C2SP tlog-tiles, as "tile/0/x001/067.p/8". It need not be trusted.
	Tile(ctx context.Context, path string) ([]byte, error)
}

// Follow cosigns the newest checkpoint of a log, which it returns, with the proof of consistency made from tiles that are
// held against the checkpoint. A log that went back, or is another than before, is [zhenni.ErrCorrupt] and changes
// nothing; other errors are those of the source.
func (w *Witness) Follow(ctx context.Context, from Source) ([]byte, error) {
	signed, err := from.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	tree, err := ReadCheckpoint(signed, w.opts.Origin, w.opts.Log)
	if err != nil {
		return nil, err
	}
	var proof tlog.TreeProof
	if old := w.Size(); 0 < old && old < tree.N {
		reader := &sourceTiles{ctx: ctx, from: from}
		proof, err = tlog.ProveTree(tree.N, old, tlog.TileHashReader(tree, reader))
		switch {
		case reader.failed != nil:
			return nil, reader.failed
		case err != nil:
			return nil, corrupt("the tiles are not those of the checkpoint of size %d: %v", tree.N, err)
		}
	}
	return w.Cosign(signed, proof)
}

// sourceTiles is the tlog.TileReader of a source. failed is its first error.
type sourceTiles struct {
	ctx    context.Context
	from   Source
	failed error
}

func (*sourceTiles) Height() int { return tileHeight }

func (s *sourceTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	return readTiles(tiles, func(t tlog.Tile) ([]byte, error) {
		data, err := s.from.Tile(s.ctx, tilePath(t))
		if err != nil && s.failed == nil {
			s.failed = err
		}
		return data, err
	})
}

func (*sourceTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// FolderSource is the log in a folder, or in a copy of one, that nobody writes to.
func FolderSource(files FS) Source { return folderSource{files} }

type folderSource struct{ files FS }

func (f folderSource) Checkpoint(context.Context) ([]byte, error) {
	signed, err := f.files.ReadFile(checkpointFile)
	if err != nil {
		return nil, ioError(err)
	}
	return signed, nil
}

func (f folderSource) Tile(_ context.Context, path string) ([]byte, error) {
	t, err := parseTilePath(path)
	if err != nil {
		return nil, err
	}
	return diskTiles(f).read(t)
}

// The written form of a witness' secret key is that of signed notes, "PRIVATE+KEY+<name>+<hash>+<key>", with the type of
// cosignatures before the seed.
const witnessSecretPrefix = "PRIVATE+KEY+"

// WitnessSecret returns the written form of a witness' secret key: [zhenni.ErrBadValue] for a name that is none.
func WitnessSecret(name string, key ed25519.PrivateKey) (string, error) {
	if !validKeyName(name) || len(key) != ed25519.PrivateKeySize {
		return "", badValue("witness %q: want a name of printable ASCII without plus and space", name)
	}
	public := key.Public().(ed25519.PublicKey)
	seed := append([]byte{algorithmCosignature}, key.Seed()...)
	return fmt.Sprintf("%s%s+%08x+%s", witnessSecretPrefix, name, cosignatureHash(name, public), base64.StdEncoding.EncodeToString(seed)), nil
}

// ParseWitnessSecret reads what [WitnessSecret] writes: [zhenni.ErrBadValue].
func ParseWitnessSecret(text string) (name string, key ed25519.PrivateKey, err error) {
	rest, ok := strings.CutPrefix(text, witnessSecretPrefix)
	parts := strings.SplitN(rest, "+", 3)
	if !ok || len(parts) != 3 {
		return "", nil, badValue("not the secret key of a witness")
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", nil, badValue("not the secret key of a witness")
	}
	key = ed25519.NewKeyFromSeed(seed[1:])
	if written, err := WitnessSecret(parts[0], key); err != nil || written != text {
		return "", nil, badValue("not the secret key of a witness")
	}
	return parts[0], key, nil
}
