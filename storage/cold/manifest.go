package cold

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"zhenni"
)

const format = 1

// manifest says what a tier is. It is written last when one is made, and not changed.
type manifest struct {
	Format int          `json:"format"`
	Tier   string       `json:"tier"` // 16 random bytes
	Model  zhenni.Model `json:"model"`
	// Records is the number of places that were written when the tier was made.
	Records uint32 `json:"records"`
	// Key is the key of the tier, wrapped by that of its owner: nonce, then sealed.
	Key []byte `json:"key"`
	// MAC is over the JSON of the other fields, under a key derived from the key of the tier.
	MAC []byte `json:"mac,omitempty"`
}

// newManifest draws the key of a tier.
func newManifest(o Options) (manifest, keys, error) {
	var random [16 + nonceBytes + keyBytes]byte
	defer clear(random[:])
	if _, err := io.ReadFull(o.Entropy, random[:]); err != nil {
		return manifest{}, keys{}, fmt.Errorf("%w: no entropy to make a cold tier: %w", zhenni.ErrUnavailable, err)
	}
	m := manifest{Format: format, Tier: hex.EncodeToString(random[:16]), Model: o.Model}
	wrapping, err := newGCM(o.Key)
	if err != nil {
		return m, keys{}, err
	}
	nonce, key := random[16:][:nonceBytes], random[16+nonceBytes:]
	m.Key = wrapping.Seal(append([]byte(nil), nonce...), nonce, key, m.context())
	k, err := deriveKeys(key, m.Model.ID)
	return m, k, err
}

// context binds the wrapped key to the tier.
func (m manifest) context() []byte { return []byte("zhenni cold 1 " + m.Tier + " " + m.Model.ID) }

func (m manifest) mac(key []byte) ([]byte, error) {
	m.MAC = nil
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("cold: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil), nil
}

func (m manifest) write(dir string, k keys) (err error) {
	if m.MAC, err = m.mac(k.manifest); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	return replaceFile(filepath.Join(dir, manifestFile), append(text, '\n'))
}

// readManifest reads the manifest of the tier in o.Dir and unwraps its key.
func readManifest(o Options) (manifest, keys, error) {
	text, err := os.ReadFile(filepath.Join(o.Dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return manifest{}, keys{}, fmt.Errorf("%w: no cold tier in %s", zhenni.ErrNotFound, o.Dir)
	}
	if err != nil {
		return manifest{}, keys{}, fmt.Errorf("cold: %w", err)
	}
	return openManifest(text, o)
}

func openManifest(text []byte, o Options) (m manifest, k keys, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, k, fmt.Errorf("%w: the manifest of the cold tier does not read", zhenni.ErrCorrupt)
	}
	if m.Format != format {
		return m, k, fmt.Errorf("%w: cold tier of format %d, this build reads %d", zhenni.ErrFormat, m.Format, format)
	}
	wrapping, err := newGCM(o.Key)
	if err != nil {
		return m, k, err
	}
	if len(m.Key) < nonceBytes {
		return m, k, errManifest
	}
	key, err := wrapping.Open(nil, m.Key[:nonceBytes], m.Key[nonceBytes:], m.context())
	if err != nil {
		return m, k, fmt.Errorf("%w: the key of the cold tier", zhenni.ErrWrongKey)
	}
	defer clear(key)
	if k, err = deriveKeys(key, m.Model.ID); err != nil {
		return m, k, err
	}
	mac, err := m.mac(k.manifest)
	if err != nil || !hmac.Equal(mac, m.MAC) {
		return m, k, errManifest
	}
	if m.Model != o.Model {
		return m, k, fmt.Errorf("%w: the cold tier holds templates of model %s, not of %s", zhenni.ErrBadValue, m.Model.ID, o.Model.ID)
	}
	return m, k, nil
}

var errManifest = fmt.Errorf("%w: the manifest of the cold tier was changed", zhenni.ErrCorrupt)

// mark says up to which commit the tier is true. It is replaced when everything before it is durable.
type mark struct {
	commit uint64
	// next is the first place that was not given out.
	next uint32
}

const markBytes = 8 + 4 + sha256.Size

func (m mark) seal(k *keys) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, markBytes), m.commit)
	b = binary.LittleEndian.AppendUint32(b, m.next)
	mac := hmac.New(sha256.New, k.mark)
	mac.Write(b)
	return mac.Sum(b)
}

func openMark(b []byte, k *keys) (mark, error) {
	if len(b) == markBytes {
		m := mark{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])}
		if hmac.Equal(b, m.seal(k)) {
			return m, nil
		}
	}
	return mark{}, fmt.Errorf("%w: the mark of the cold tier fails its seal", zhenni.ErrCorrupt)
}
