package holder

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"zhenni"
)

// Probe is an embedding as it travels: 4 bytes an element, float32, the least significant first.
type Probe []byte

// NewProbe writes an embedding: zhenni.ErrBadProbe for what no engine takes, of 1–zhenni.MaxDim finite elements and a norm of
// zhenni.MinNorm or more.
func NewProbe(embedding []float32) (Probe, error) {
	if len(embedding) < 1 || len(embedding) > zhenni.MaxDim {
		return nil, fmt.Errorf("%w: %d elements, want 1–%d", zhenni.ErrBadProbe, len(embedding), zhenni.MaxDim)
	}
	probe := make(Probe, 0, 4*len(embedding))
	var sum float64
	for _, x := range embedding {
		sum += float64(x) * float64(x)
		probe = binary.LittleEndian.AppendUint32(probe, math.Float32bits(x))
	}
	if norm := math.Sqrt(sum); !(norm >= zhenni.MinNorm) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("%w: not finite, or too small", zhenni.ErrBadProbe)
	}
	return probe, nil
}

// Embedding reads a probe: zhenni.ErrBadProbe.
func (p Probe) Embedding() ([]float32, error) {
	if len(p)%4 != 0 {
		return nil, fmt.Errorf("%w: %d bytes, want 4 an element", zhenni.ErrBadProbe, len(p))
	}
	embedding := make([]float32, len(p)/4)
	for i := range embedding {
		embedding[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
	}
	if _, err := NewProbe(embedding); err != nil {
		return nil, err
	}
	return embedding, nil
}

// Digest is what evidence about the probe names as its capture.
func (p Probe) Digest() [sha256.Size]byte { return sha256.Sum256(p) }

// Text is what requests hold in probe_float32 and reference_float32.
func (p Probe) Text() string { return base64.StdEncoding.EncodeToString(p) }
