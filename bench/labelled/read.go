// Package labelled reads labelled embeddings, lists of trials and lists of exclusions from files.
//
// A set is one of
//
//	DIR/            embeddings.f32 (little-endian float32, row-major), labels.csv (image_id,identity) and meta.json
//	NAME.npy        a matrix of float32 or float64, with NAME.labels.csv or labels.csv beside it
//	NAME.csv        image_id,identity and then one column for each element
//	NAME.parquet    image_id, identity and embedding: fixed-size binary of little-endian float32, or a list of floats
//
// Files come from strangers: sizes, names and numbers are bounded and checked, and an error names the file, the line
// and the field. Parquet is decoded in a process of its own, see [ReadParquet].
package labelled

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zhenni"
	"zhenni/engine/accuracy"
)

// ErrBadFile is a file that can not be read as what it should be.
var ErrBadFile = errors.New("labelled: bad file")

// Bounds on what is read into memory.
const (
	maxValueBytes = 512 << 20 // embeddings of one set, as float32
	maxTextBytes  = 256 << 20 // one file of labels, trials or exclusions
	maxRows       = 1 << 20
	maxNameBytes  = 512
)

// Set is a labelled set with what its files say of it.
type Set struct {
	*accuracy.Set
	// Name is the name of the folder, or of the file without its extension.
	Name string
	// Factor is the characteristic, 0 where the files do not say.
	Factor zhenni.Factor
	// Excluded counts the samples left out on request.
	Excluded int
}

// rows is a set as it lies in its files.
type rows struct {
	dim    int
	labels []accuracy.Label
	values []float32
	factor zhenni.Factor
}

// Read reads the set at path and leaves out what excluded lists. A missing file is an error of package os; anything
// else wrong is [ErrBadFile], [zhenni.ErrBadValue] or [zhenni.ErrBadProbe].
func Read(ctx context.Context, path string, excluded Exclusions) (*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(filepath.Clean(path))
	var r *rows
	switch extension := strings.ToLower(filepath.Ext(name)); {
	case info.IsDir():
		if r, err = readFolder(path); err != nil {
			return nil, err
		}
		return r.set(path, name, excluded)
	case extension == ".npy":
		r, err = readNPY(path)
	case extension == ".csv":
		r, err = readCSV(path)
	case extension == ".parquet":
		r, err = readParquet(ctx, path)
	default:
		err = fmt.Errorf("%w: %s: want a folder, .npy, .csv or .parquet", ErrBadFile, path)
	}
	if err != nil {
		return nil, err
	}
	return r.set(path, strings.TrimSuffix(name, filepath.Ext(name)), excluded)
}

func (r *rows) set(path, name string, excluded Exclusions) (*Set, error) {
	before := len(r.labels)
	r.leaveOut(excluded[name])
	set, err := accuracy.NewSet(r.dim, r.labels, r.values)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Set{Set: set, Name: name, Factor: r.factor, Excluded: before - len(r.labels)}, nil
}

// leaveOut closes the gaps in place, before any row is checked: a row may be left out because it is bad.
func (r *rows) leaveOut(images map[string]bool) {
	if len(images) == 0 || r.dim < 1 || len(r.values) != r.dim*len(r.labels) {
		return
	}
	kept := 0
	for i, label := range r.labels {
		if !images[label.ImageID] {
			r.labels[kept] = label
			copy(r.values[kept*r.dim:(kept+1)*r.dim], r.values[i*r.dim:])
			kept++
		}
	}
	r.labels, r.values = r.labels[:kept], r.values[:kept*r.dim]
}

// open opens a regular file of at most limit bytes.
func open(path string, limit int64) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%w: %s: not a regular file", ErrBadFile, path)
	case info.Size() > limit:
		err = fmt.Errorf("%w: %s: %d bytes, at most %d are read", ErrBadFile, path, info.Size(), limit)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// shape checks the size of a matrix before memory is taken for it.
func shape(n, dim int) error {
	switch {
	case dim < 1 || dim > zhenni.MaxDim:
		return fmt.Errorf("dimension %d: want 1–%d", dim, zhenni.MaxDim)
	case n < 1 || n > maxRows:
		return fmt.Errorf("%d rows: want 1–%d", n, maxRows)
	case n*dim > maxValueBytes/4:
		return fmt.Errorf("%d rows of dimension %d: more than %d bytes", n, dim, maxValueBytes)
	}
	return nil
}
