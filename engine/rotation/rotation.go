package rotation

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"zhenni"
	"zhenni/simd"
)

// KeySize is the length of a [Key] in bytes.
const KeySize = 32

// Key is K: 256 random bits of one person, kept on their device or card. It does not print.
type Key [KeySize]byte

// NewKey draws a key from the system's source, which ends the program where it fails.
func NewKey() (k Key) {
	_, _ = rand.Read(k[:]) // never returns an error
	return k
}

// Format implements fmt.Formatter: whatever the verb, a key is not shown.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[rotation key]") }

// Commitment is what a credential keeps of the key. It tells nothing of a key that was drawn.
func (k Key) Commitment() zhenni.RotationCommitment {
	text := append([]byte("zhenni rotation commitment 1\x00"), k[:]...)
	defer clear(text)
	return sha256.Sum256(text)
}

// rounds is how often signs are flipped and mixed. After one round a linear attack reads the signs off a few captures; after
// three every element depends on all signs of the first two.
const rounds = 3

// Padded is the dimension of what a rotation gives for embeddings of dim elements: the next power of two, at least 2.
func Padded(dim int) int { return 1 << bits.Len(uint(max(dim, 2)-1)) }

// Rotation is the rotation of one key for one model. It does not change and is safe for concurrent use.
type Rotation struct {
	from, to int
	signs    [rounds][]uint64
}

// New derives the rotation of the embeddings of a model by a key: [zhenni.ErrBadValue] for a model that is not valid.
func New(key Key, model zhenni.Model) (*Rotation, error) {
	if err := model.Validate(); err != nil {
		return nil, err
	}
	r := &Rotation{from: model.Dim, to: Padded(model.Dim)}
	info := append([]byte("zhenni rotation 1\x00"+model.ID), 0)
	info = binary.BigEndian.AppendUint32(info, uint32(model.Dim))
	size := (r.to + 7) / 8
	drawn, err := hkdf.Key(sha256.New, key[:], nil, string(info), rounds*size)
	if err != nil {
		return nil, fmt.Errorf("%w: rotation: %w", zhenni.ErrUnavailable, err)
	}
	for i := range r.signs {
		r.signs[i] = words(drawn[i*size : (i+1)*size])
	}
	clear(drawn)
	return r, nil
}

// words reads bytes as little-endian words, the last one filled up with zeros.
func words(b []byte) []uint64 {
	w := make([]uint64, (len(b)+7)/8)
	for i, x := range b {
		w[i/8] |= uint64(x) << (i % 8 * 8)
	}
	return w
}

// Dim is the dimension of rotated embeddings: [Padded] of the model's.
func (r *Rotation) Dim() int { return r.to }

// Apply writes the rotated src to dst, which has [Rotation.Dim] elements and may begin where src does. A src of another
// length than the model's dimension is [zhenni.ErrBadProbe]. It allocates nothing.
func (r *Rotation) Apply(dst, src []float32) error {
	if len(src) != r.from || len(dst) != r.to {
		return fmt.Errorf("%w: %d elements into %d, want %d into %d", zhenni.ErrBadProbe, len(src), len(dst), r.from, r.to)
	}
	copy(dst, src)
	clear(dst[len(src):])
	for _, signs := range r.signs {
		simd.Hadamard(dst, signs)
	}
	return nil
}

// Destroy overwrites what was derived from the key. The rotation gives other results from then on.
func (r *Rotation) Destroy() {
	for _, signs := range r.signs {
		clear(signs)
	}
}
