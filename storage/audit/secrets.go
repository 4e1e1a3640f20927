package audit

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
)

// Wrapper keeps the keys of a log under a key of somebody else's, bound to context: storage.RootKey is one.
type Wrapper interface {
	Wrap(key, context []byte) ([]byte, error)
	// Unwrap is the reverse: [zhenni.ErrWrongKey] for any other key or context, [zhenni.ErrUnavailable].
	Unwrap(wrapped, context []byte) ([]byte, error)
}

// Secrets are the keys that a log is opened with. They are drawn once, with the log.
type Secrets struct {
	// Signer signs checkpoints, Key checks them. The name of the key, random, is the origin of the log.
	Signer note.Signer
	Key    note.Verifier
	// Openings seals what the leaves hide.
	Openings Sealer
	// salts is what the salts of changes are derived from.
	salts [keySize]byte
}

const (
	keySize    = 32
	nameSize   = 12 // random bytes in the name of a key
	secretsTag = "zhenni audit keys 1"
	// drawnPrefix begins the name of a key that OpenSecrets drew, so that a checker knows that its file must be there.
	drawnPrefix = "zhenni/"
	// The uses of the wrapping key, each with the name of the log's key before it.
	useSigning  = "signing key"
	useOpenings = "key of openings"
)

// OpenSecrets unwraps the keys of the log in a folder. Where the folder is empty it draws them, and makes them durable
// before it returns; entropy nil is crypto/rand. The public key lies beside them, see [PublicKey].
//
// Errors: [zhenni.ErrWrongKey]; [zhenni.ErrCorrupt] where the keys were changed, or are missing beside a log, which no
// new keys can continue; [zhenni.ErrUnavailable] without entropy.
func OpenSecrets(files FS, by Wrapper, entropy io.Reader) (Secrets, error) {
	text, err := files.ReadFile(secretsFile)
	if err == nil {
		return unwrapSecrets(text, by)
	}
	if !notExist(err) {
		return Secrets{}, ioError(err)
	}
	names, err := files.List("")
	if err != nil {
		return Secrets{}, ioError(err)
	}
	for _, name := range names {
		if !isTemporary(name) {
			return Secrets{}, corrupt("there is %s and no %s: %s", name, secretsFile, repairHint)
		}
	}
	if entropy == nil {
		entropy = rand.Reader
	}
	return drawSecrets(files, by, entropy)
}

// drawSecrets draws name, seed and key of openings, and writes them.
func drawSecrets(files FS, by Wrapper, entropy io.Reader) (Secrets, error) {
	var random [nameSize + 2*keySize]byte
	defer clear(random[:])
	if _, err := io.ReadFull(entropy, random[:]); err != nil {
		return Secrets{}, fmt.Errorf("%w: no entropy to make an audit log: %w", zhenni.ErrUnavailable, err)
	}
	name := drawnPrefix + hex.EncodeToString(random[:nameSize])
	seed, openings := random[nameSize:nameSize+keySize], random[nameSize+keySize:]
	s, public, err := newSecrets(name, seed, openings)
	if err != nil {
		return s, err
	}
	return s, writeSecrets(files, s.Signer, public, []Wrapper{by}, seed, openings)
}

// writeSecrets makes a file durable in which each key is wrapped by each of the wrappers.
func writeSecrets(files FS, signer note.Signer, public string, by []Wrapper, seed, openings []byte) error {
	var wrapped [2][][]byte
	for _, w := range by {
		signing, err1 := w.Wrap(seed, wrapContext(signer.Name(), useSigning))
		sealing, err2 := w.Wrap(openings, wrapContext(signer.Name(), useOpenings))
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		wrapped[0], wrapped[1] = append(wrapped[0], signing), append(wrapped[1], sealing)
	}
	signed, err := signNote(secretsText(public, wrapped), signer)
	if err != nil {
		return err
	}
	if err := files.Write(Content{secretsFile, signed}); err != nil {
		return ioError(err)
	}
	return nil
}

// newSecrets makes what the stored keys stand for, and the written form of the public key.
func newSecrets(name string, seed, openings []byte) (s Secrets, public string, err error) {
	if len(seed) != keySize || len(openings) != keySize {
		return s, "", corrupt("keys of %d and %d bytes", len(seed), len(openings))
	}
	public, err = note.NewEd25519VerifierKey(name, publicOf(seed))
	if err != nil {
		return s, "", fmt.Errorf("audit: %w", err)
	}
	var err1, err2, err3 error
	s.Key, err1 = note.NewVerifier(public)
	id, _, _ := strings.Cut(public[len(name)+1:], "+")
	s.Signer, err2 = note.NewSigner("PRIVATE+KEY+" + name + "+" + id + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	s.Openings, err3 = newXAES(openings)
	salts, err4 := hkdf.Expand(sha256.New, openings, "zhenni audit 1 salts of changes", keySize)
	copy(s.salts[:], salts)
	return s, public, errors.Join(err1, err2, err3, err4)
}

// secretsText is the file of the keys, in five lines: what it is, the public key, and two wrapped keys, each as often as
// there are wrappers. The log's own signature stands below it, so that whoever checks the log sees a change without the
// keys.
func secretsText(public string, wrapped [2][][]byte) string {
	text := secretsTag + "\n" + public + "\n"
	for _, key := range wrapped {
		for i, w := range key {
			if i > 0 {
				text += " "
			}
			text += base64.StdEncoding.EncodeToString(w)
		}
		text += "\n"
	}
	return text
}

// keysHint is what to do about a file of keys that does not read.
const keysHint = "put back the newest copy of " + secretsFile + " in the log's folder, and check it with zhenni audit verify"

// readSecrets checks the file by the public key in it, which whoever knows the key holds against it.
func readSecrets(text []byte) (key note.Verifier, wrapped [2][][]byte, err error) {
	lines := strings.SplitN(string(text), "\n", 5)
	if len(lines) != 5 || lines[0] != secretsTag {
		return nil, wrapped, corrupt("%s does not hold the keys of a log: %s", secretsFile, keysHint)
	}
	if key, err = note.NewVerifier(lines[1]); err != nil {
		return nil, wrapped, corrupt("%s does not hold the keys of a log: %s", secretsFile, keysHint)
	}
	n, err := openNote(text, key)
	if err != nil {
		return nil, wrapped, fmt.Errorf("%s: %w: %s", secretsFile, err, keysHint)
	}
	for i, line := range lines[2:4] {
		for written := range strings.SplitSeq(line, " ") {
			w, err := base64.StdEncoding.Strict().DecodeString(written)
			if err != nil {
				return nil, wrapped, corrupt("%s does not hold the keys of a log: %s", secretsFile, keysHint)
			}
			wrapped[i] = append(wrapped[i], w)
		}
	}
	if n.Text != secretsText(lines[1], wrapped) || len(n.Sigs)+len(n.UnverifiedSigs) != 1 {
		return nil, wrapped, corrupt("%s holds more than the keys of a log: %s", secretsFile, keysHint)
	}
	return key, wrapped, nil
}

func unwrapSecrets(text []byte, by Wrapper) (Secrets, error) {
	key, seed, openings, err := unwrapKeys(text, by)
	if err != nil {
		return Secrets{}, err
	}
	defer clear(seed)
	defer clear(openings)
	s, _, err := newSecrets(key.Name(), seed, openings)
	if err == nil && s.Key.KeyHash() != key.KeyHash() {
		err = corrupt("%s names another public key than its own", secretsFile)
	}
	return s, err
}

// unwrapKeys opens the file of the keys.
func unwrapKeys(text []byte, by Wrapper) (key note.Verifier, seed, openings []byte, err error) {
	key, wrapped, err := readSecrets(text)
	if err != nil {
		return nil, nil, nil, err
	}
	if seed, err = unwrapAny(by, wrapped[0], wrapContext(key.Name(), useSigning)); err != nil {
		return nil, nil, nil, fmt.Errorf("the signing key of the audit log: %w", err)
	}
	if openings, err = unwrapAny(by, wrapped[1], wrapContext(key.Name(), useOpenings)); err != nil {
		clear(seed)
		return nil, nil, nil, fmt.Errorf("the key of openings: %w", err)
	}
	return key, seed, openings, nil
}

// unwrapAny opens whichever of the wrappings is of this wrapper.
func unwrapAny(by Wrapper, wrapped [][]byte, context []byte) (key []byte, err error) {
	for _, w := range wrapped {
		if key, err = by.Unwrap(w, context); !errors.Is(err, zhenni.ErrWrongKey) {
			return key, err
		}
	}
	return nil, err
}

// RewrapSecrets has the keys of the log in a folder, which by opens, wrapped by each of to and by nobody else. Before or
// after, a crash leaves the one file or the other. While a wrapping key is being changed, to is the old one and the new.
// The log may be open. Errors are those of [OpenSecrets], and [zhenni.ErrNotFound] where there are no keys.
func RewrapSecrets(files FS, by Wrapper, to ...Wrapper) error {
	public, err := PublicKey(files)
	if err != nil {
		return err
	}
	text, err := files.ReadFile(secretsFile)
	if err != nil {
		return ioError(err)
	}
	key, seed, openings, err := unwrapKeys(text, by)
	if err != nil {
		return err
	}
	defer clear(seed)
	defer clear(openings)
	s, _, err := newSecrets(key.Name(), seed, openings)
	if err != nil {
		return err
	}
	return writeSecrets(files, s.Signer, public, to, seed, openings)
}

func wrapContext(name, use string) []byte { return []byte("zhenni audit 1 " + name + " " + use) }

// PublicKey returns the written form of the public key of the log in a folder, "<name>+<hash>+<key>":
// [zhenni.ErrNotFound], [zhenni.ErrCorrupt]. Whoever relies on it keeps a copy elsewhere.
func PublicKey(files FS) (string, error) {
	text, err := files.ReadFile(secretsFile)
	if notExist(err) {
		return "", fmt.Errorf("%w: audit: no keys of a log", zhenni.ErrNotFound)
	}
	if err != nil {
		return "", ioError(err)
	}
	if _, _, err := readSecrets(text); err != nil {
		return "", err
	}
	return strings.SplitN(string(text), "\n", 3)[1], nil
}
