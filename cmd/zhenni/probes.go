package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"zhenni"
	"zhenni/bench/labelled"
)

// probeSource visits the probes of a file in order: the name of each, the name of whom it claims to be, and its
// embedding, valid during the visit. An error of visit ends it and is returned.
type probeSource struct {
	// total is the number of probes, or 0 where it is not known before the end.
	total int64
	each  func(ctx context.Context, visit func(item, claim string, embedding []float32) error) error
}

// openProbes finds out how to read path. Folders and Parquet files are streamed; .csv and .npy are read whole, within
// the bounds of package labelled.
func openProbes(ctx context.Context, path string) (probeSource, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return probeSource{}, environment("%w", err)
	case info.IsDir():
		return openFolder(path)
	case isParquet(path):
		return openParquet(path, "identity"), nil
	}
	set, err := labelled.Read(ctx, path, nil)
	if err != nil {
		return probeSource{}, environment("%w", err)
	}
	return probeSource{int64(set.Len()), func(_ context.Context, visit func(string, string, []float32) error) error {
		for i := range set.Len() {
			if err := visit(set.Label(i).ImageID, set.Label(i).Person, set.Embedding(i)); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

func isParquet(path string) bool { return strings.EqualFold(filepath.Ext(path), ".parquet") }

// openParquet streams a Parquet file, in which a column says whose each embedding is.
func openParquet(path, whose string) probeSource {
	columns := labelled.Columns{Texts: []string{"image_id", whose}, Vector: "embedding"}
	return probeSource{each: func(ctx context.Context, visit func(string, string, []float32) error) error {
		return labelled.ReadParquet(ctx, path, columns, func(texts []string, vector []float32) error {
			return visit(texts[0], texts[1], vector)
		})
	}}
}

// folder is a folder of embeddings read side by side with its labels, so that it may be of any size.
type folder struct {
	dir string
	// labels names the file that says whose each embedding is, in its column whose.
	labels, whose string

	N int64 `json:"N"`
	D int   `json:"D"`
}

// maxLabelBytes bounds one record of labels.csv: a quote that is not closed would make the rest of the file one.
const maxLabelBytes = 64 << 10

func openFolder(dir string) (probeSource, error) { return openFolderOf(dir, "labels.csv", "identity") }

func openFolderOf(dir, labels, whose string) (probeSource, error) {
	text, err := os.ReadFile(filepath.Join(dir, "meta.json"))
	if err != nil {
		return probeSource{}, environment("%w", err)
	}
	f := folder{dir: dir, labels: labels, whose: whose}
	if err := json.Unmarshal(text, &f); err != nil {
		return probeSource{}, usage("%s/meta.json: %w", dir, err)
	}
	if f.N < 1 || f.D < 1 || f.D > zhenni.MaxDim {
		return probeSource{}, usage("%s/meta.json: N is %d and D is %d, want at least 1, D at most %d", dir, f.N, f.D, zhenni.MaxDim)
	}
	info, err := os.Stat(filepath.Join(dir, "embeddings.f32"))
	if err != nil {
		return probeSource{}, environment("%w", err)
	}
	if info.Size() != f.N*int64(f.D)*4 {
		return probeSource{}, usage("%s/embeddings.f32: %d bytes, want N × D × 4 = %d", dir, info.Size(), f.N*int64(f.D)*4)
	}
	return probeSource{f.N, f.each}, nil
}

func (f folder) each(_ context.Context, visit func(string, string, []float32) error) error {
	labels, err := os.Open(filepath.Join(f.dir, f.labels))
	if err != nil {
		return environment("%w", err)
	}
	defer labels.Close()
	values, err := os.Open(filepath.Join(f.dir, "embeddings.f32"))
	if err != nil {
		return environment("%w", err)
	}
	defer values.Close()
	bounded := &io.LimitedReader{R: labels, N: maxLabelBytes}
	names, elements := csv.NewReader(bounded), bufio.NewReaderSize(values, 1<<20)
	names.ReuseRecord = true
	if header, err := names.Read(); err != nil || len(header) < 2 || header[0] != "image_id" || header[1] != f.whose {
		return usage("%s/%s: heading %q, want image_id,%s", f.dir, f.labels, header, f.whose)
	}
	raw, embedding := make([]byte, 4*f.D), make([]float32, f.D)
	for range f.N {
		bounded.N = maxLabelBytes
		record, err := names.Read()
		if err != nil {
			return usage("%s/%s: %w", f.dir, f.labels, noEOF(err))
		}
		if _, err := io.ReadFull(elements, raw); err != nil {
			return environment("%s/embeddings.f32: %w", f.dir, noEOF(err))
		}
		for i := range embedding {
			embedding[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		if err := visit(record[0], record[1], embedding); err != nil {
			return err
		}
	}
	bounded.N = maxLabelBytes
	if _, err := names.Read(); !errors.Is(err, io.EOF) {
		return usage("%s/%s: more than %d rows", f.dir, f.labels, f.N)
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it ends early: %w", io.ErrUnexpectedEOF)
	}
	return err
}
