package labelled

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"zhenni"
)

// meta is the part of meta.json that is checked; its other fields are for people.
type meta struct {
	N          int    `json:"N"`
	D          int    `json:"D"`
	Identities int    `json:"identities"`
	Modality   string `json:"modality"`
	DType      string `json:"dtype"`
}

const maxMetaBytes = 1 << 20

func readFolder(dir string) (*rows, error) {
	about, err := readMeta(filepath.Join(dir, "meta.json"))
	if err != nil {
		return nil, err
	}
	r := &rows{dim: about.D}
	if r.labels, err = readLabels(filepath.Join(dir, "labels.csv")); err != nil {
		return nil, err
	}
	if len(r.labels) != about.N {
		return nil, fmt.Errorf("%w: %s: labels.csv has %d rows, meta.json says N is %d", ErrBadFile, dir, len(r.labels), about.N)
	}
	persons := make(map[string]bool)
	for _, label := range r.labels {
		persons[label.Person] = true
	}
	if about.Identities != 0 && about.Identities != len(persons) {
		return nil, fmt.Errorf("%w: %s: labels.csv has %d identities, meta.json says %d", ErrBadFile, dir, len(persons), about.Identities)
	}
	if about.Modality != "" && r.factor.UnmarshalText([]byte(about.Modality)) != nil {
		r.factor = 0 // a modality that has no factor of its own is for --factor to name
	}
	r.values, err = readFloats(filepath.Join(dir, "embeddings.f32"), about.N*about.D)
	return r, err
}

func readMeta(path string) (meta, error) {
	var m meta
	f, err := open(path, maxMetaBytes)
	if err != nil {
		return m, err
	}
	defer f.Close()
	if err := json.NewDecoder(f).Decode(&m); err != nil {
		return m, fmt.Errorf("%w: %s: %w", ErrBadFile, path, err)
	}
	if err := shape(m.N, m.D); err != nil {
		return m, fmt.Errorf("%w: %s: N and D: %w", ErrBadFile, path, err)
	}
	if m.DType != "" && !strings.HasPrefix(m.DType, "float32 little-endian") {
		return m, fmt.Errorf("%w: %s: dtype %q: want float32 little-endian", ErrBadFile, path, m.DType)
	}
	return m, nil
}

// readFloats reads a file of exactly n little-endian float32.
func readFloats(path string, n int) ([]float32, error) {
	f, err := open(path, maxValueBytes)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != 4*int64(n) {
		return nil, fmt.Errorf("%w: %s: want %d bytes, which is N × D float32", ErrBadFile, path, 4*n)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(data) != 4*n {
		return nil, fmt.Errorf("%w: %s: changed while it was read", ErrBadFile, path)
	}
	return floats(data), nil
}

func floats(data []byte) []float32 {
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values
}

// Write writes set as a folder that Read reads, creating dir.
func Write(dir string, set *Set) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	about := meta{N: set.Len(), D: set.Dim(), Identities: set.Persons(), DType: "float32 little-endian row-major"}
	if set.Factor != zhenni.Factor(0) {
		about.Modality = set.Factor.String()
	}
	text, err := json.MarshalIndent(about, "", " ")
	if err != nil {
		return err
	}
	var values []byte
	for i := range set.Len() {
		for _, x := range set.Embedding(i) {
			values = binary.LittleEndian.AppendUint32(values, math.Float32bits(x))
		}
	}
	for name, content := range map[string][]byte{"meta.json": text, "embeddings.f32": values, "labels.csv": labelText(set)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
