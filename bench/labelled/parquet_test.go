package labelled

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"zhenni"
)

type binaryRow struct {
	ImageID   string  `parquet:"image_id"`
	Identity  string  `parquet:"identity"`
	Embedding [8]byte `parquet:"embedding"`
}

type listRow struct {
	Embedding []float32 `parquet:"embedding,list"`
	Identity  string    `parquet:"identity,dict"`
	ImageID   string    `parquet:"image_id"`
}

func writeParquet[T any](t *testing.T, rows []T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.parquet")
	if err := parquet.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	return path
}

func binaryRows(n int) []binaryRow {
	rows := make([]binaryRow, n)
	for i := range rows {
		rows[i] = binaryRow{ImageID: "image-" + strconv.Itoa(i), Identity: "person-" + strconv.Itoa(i/2)}
		binary.LittleEndian.PutUint32(rows[i].Embedding[:], math.Float32bits(float32(i+1)))
		binary.LittleEndian.PutUint32(rows[i].Embedding[4:], math.Float32bits(-1))
	}
	return rows
}

func TestParquetHoldsBinaryOrLists(t *testing.T) {
	const n = 600 // more than two frames
	lists := make([]listRow, n)
	for i, row := range binaryRows(n) {
		lists[i] = listRow{ImageID: row.ImageID, Identity: row.Identity, Embedding: []float32{float32(i + 1), -1}}
	}
	var hashes []string
	for _, path := range []string{writeParquet(t, binaryRows(n)), writeParquet(t, lists)} {
		set, err := Read(t.Context(), path, Exclusions{"set": {"image-3": true}})
		if err != nil {
			t.Fatal(err)
		}
		if set.Len() != n-1 || set.Dim() != 2 || set.Persons() != n/2 || set.Excluded != 1 || set.Name != "set" {
			t.Errorf("%d rows of dimension %d, %d persons, %d excluded, name %q", set.Len(), set.Dim(), set.Persons(), set.Excluded, set.Name)
		}
		hashes = append(hashes, set.Hash())
	}
	if hashes[0] != hashes[1] {
		t.Errorf("the two spellings differ: %v", hashes)
	}
}

// FAULTS: L5 L12
func TestParquetFromStrangersIsRefused(t *testing.T) {
	good, err := os.ReadFile(writeParquet(t, binaryRows(50)))
	if err != nil {
		t.Fatal(err)
	}
	footer := len(good) - 8 - int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	damage := map[string]func(b []byte) []byte{
		"empty":           func(b []byte) []byte { return nil },
		"cut in the data": func(b []byte) []byte { return b[:len(b)/3] },
		"cut footer":      func(b []byte) []byte { return b[:len(b)-9] },
		"footer length":   func(b []byte) []byte { binary.LittleEndian.PutUint32(b[len(b)-8:], 1<<31-1); return b },
		"footer byte":     func(b []byte) []byte { b[footer+3] ^= 0x7f; return b },
		"page header":     func(b []byte) []byte { b[5] ^= 0xff; b[6] ^= 0xff; return b },
	}
	for name, spoil := range damage {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.parquet")
			if err := os.WriteFile(path, spoil(bytes.Clone(good)), 0o600); err != nil {
				t.Fatal(err)
			}
			if set, err := Read(t.Context(), path, nil); !errors.Is(err, ErrBadFile) {
				t.Errorf("set %v, error %v", set, err)
			}
		})
	}
}

// Whatever byte is changed, the caller gets the rows or an error, and goes on. A changed value may go unnoticed; a
// changed structure may not take the caller down.
// FAULTS: L5
func TestParquetWithAnyByteChanged(t *testing.T) {
	good, err := os.ReadFile(writeParquet(t, binaryRows(4)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "set.parquet")
	refused := 0
	const step = 7
	for i := 0; i < len(good); i += step {
		bad := bytes.Clone(good)
		bad[i] ^= byte(1 << (i % 8))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := Read(t.Context(), path, nil)
		known := errors.Is(err, ErrBadFile) || errors.Is(err, zhenni.ErrBadValue) || errors.Is(err, zhenni.ErrBadProbe)
		if err == nil && set.Dim() != 2 || err != nil && !known {
			t.Errorf("byte %d: %v", i, err)
		}
		if err != nil {
			refused++
		}
	}
	t.Logf("%d of %d changes refused", refused, (len(good)+step-1)/step)
}

func TestParquetWithOtherColumnsIsRefused(t *testing.T) {
	type other struct {
		ImageID   string `parquet:"image_id"`
		Identity  string `parquet:"identity"`
		Embedding []int8 `parquet:"embedding,list"`
	}
	for name, path := range map[string]string{
		"no column":     writeParquet(t, []struct{ A int }{{1}}),
		"integers":      writeParquet(t, []other{{"a", "b", []int8{1}}}),
		"uneven vector": writeParquet(t, []listRow{{[]float32{1, 2}, "p", "a"}, {[]float32{1}, "p", "b"}}),
		"long vector":   writeParquet(t, []listRow{{make([]float32, 2049), "p", "a"}}),
	} {
		if _, err := Read(t.Context(), path, nil); !errors.Is(err, ErrBadFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParquetReaderStopsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	path := writeParquet(t, binaryRows(600))
	columns := Columns{Vector: "embedding", Texts: []string{"image_id"}}
	if err := ReadParquet(ctx, path, columns, func([]string, []float32) error { return cause }); !errors.Is(err, cause) || errors.Is(err, ErrBadFile) {
		t.Errorf("error of the visit: %v", err)
	}
	hanging := filepath.Join(t.TempDir(), hangHook)
	if err := os.WriteFile(hanging, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	go cancel(cause)
	for range 2 { // the second begins after the cancel
		if err := readParquetWithin(ctx, time.Hour, hanging, columns, nil); !errors.Is(err, cause) || errors.Is(err, ErrBadFile) {
			t.Errorf("cancelled: %v", err)
		}
	}
	if err := ReadParquet(t.Context(), path+"x", columns, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// A caller may take its time over a row, say for a server that is overloaded: the file is not to blame.
func TestParquetReaderIsNotBlamedForItsCaller(t *testing.T) {
	frames, child := io.Pipe()
	go func() {
		encoder := gob.NewEncoder(child)
		for _, f := range []frame{{Lengths: []int{1, 1}, Values: []float32{1, 2}}, {Last: true}} {
			if err := encoder.Encode(f); err != nil {
				t.Error(err)
			}
		}
	}()
	watched, rows := false, 0
	err := receive(frames, 0, func([]string, []float32) error {
		if rows++; watched {
			t.Errorf("the clock runs during visit %d", rows)
		}
		return nil
	}, func(waiting bool) {
		if watched == waiting {
			t.Errorf("waiting is %t twice", waiting)
		}
		watched = waiting
	})
	if err != nil || rows != 2 || watched {
		t.Errorf("%d rows, %v, the clock runs: %t", rows, err, watched)
	}
}

// FAULTS: L12
func FuzzFrames(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 1, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		err := receive(bytes.NewReader(data), 2, func(texts []string, vector []float32) error {
			if len(texts) != 2 {
				t.Errorf("%d texts", len(texts))
			}
			return nil
		}, func(bool) {})
		if len(data) == 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("empty stream: %v", err)
		}
	})
}
