package labelled

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
	"zhenni/engine/accuracy"
)

// sample is a set of n rows of two elements, two samples a person.
func sample(t testing.TB, n int) *Set {
	t.Helper()
	var labels []accuracy.Label
	var values []float32
	for i := range n {
		labels = append(labels, accuracy.Label{ImageID: fmt.Sprintf("image_%04d.jpg", i), Person: fmt.Sprintf("person %d", i/2)})
		values = append(values, float32(i)-3.25, 1)
	}
	set, err := accuracy.NewSet(2, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	return &Set{Set: set, Name: "sample", Factor: zhenni.FactorVoice}
}

func put(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func npy(descr, order string, n, dim int, data []byte) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%d, %d), }", descr, order, n, dim)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	out := append([]byte(npyMagic+"\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(out, header...), data...)
}

func elements(set *Set, width int) []byte {
	var data []byte
	for i := range set.Len() {
		for _, x := range set.Embedding(i) {
			if width == 4 {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
			} else {
				data = binary.LittleEndian.AppendUint64(data, math.Float64bits(float64(x)))
			}
		}
	}
	return data
}

func csvText(set *Set) []byte {
	var b bytes.Buffer
	b.WriteString("image_id,identity,e0,e1\n")
	for i := range set.Len() {
		l, x := set.Label(i), set.Embedding(i)
		fmt.Fprintf(&b, "%s,%s,%v,%v\n", l.ImageID, l.Person, x[0], x[1])
	}
	return b.Bytes()
}

func TestEveryFormatHoldsTheSameSet(t *testing.T) {
	want := sample(t, 10)
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	if err := Write(folder, want); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"folder":      folder,
		"npy float32": put(t, filepath.Join(folder, "a.npy"), npy("<f4", "False", 10, 2, elements(want, 4))),
		"npy float64": put(t, filepath.Join(folder, "b.npy"), npy("<f8", "False", 10, 2, elements(want, 8))),
		"csv":         put(t, filepath.Join(dir, "c.CSV"), csvText(want)),
	} {
		got, err := Read(t.Context(), path, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Hash() != want.Hash() {
			t.Errorf("%s: another hash", name)
		}
		if name == "folder" && (got.Name != "folder" || got.Factor != zhenni.FactorVoice) {
			t.Errorf("name %q, factor %v", got.Name, got.Factor)
		}
	}
}

func TestLabelsBesideAnArray(t *testing.T) {
	set := sample(t, 2)
	dir := t.TempDir()
	path := put(t, filepath.Join(dir, "a.npy"), npy("<f4", "False", 2, 2, elements(set, 4)))
	if _, err := Read(t.Context(), path, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no labels: %v", err)
	}
	put(t, filepath.Join(dir, "labels.csv"), []byte("image_id,identity\na,p\n"))
	if _, err := Read(t.Context(), path, nil); !errors.Is(err, ErrBadFile) {
		t.Errorf("too few labels: %v", err)
	}
	put(t, filepath.Join(dir, "a.labels.csv"), []byte("image_id,identity\na,p\nb,q\n"))
	if got, err := Read(t.Context(), path, nil); err != nil || got.Label(1).ImageID != "b" {
		t.Errorf("labels of its own: %v", err)
	}
}

// A sample may be left out because it is bad, so exclusion comes before the checks.
func TestExclusion(t *testing.T) {
	dir := t.TempDir()
	path := put(t, filepath.Join(dir, "faces.csv"), []byte("image_id,identity,x\na,p,1\nb,p,NaN\nc,q,2\n"))
	if _, err := Read(t.Context(), path, nil); !errors.Is(err, zhenni.ErrBadProbe) || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("with the bad sample: %v", err)
	}
	list := put(t, filepath.Join(dir, "bad.csv"), []byte("set,image_id,reason,evidence\nfaces,b,\"NaN, it says\",seen\nvoices,a,other set,\n"))
	excluded, err := ReadExclusions(list)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Read(t.Context(), path, excluded)
	if err != nil || set.Len() != 2 || set.Excluded != 1 || set.Label(1).ImageID != "c" || set.Embedding(1)[0] != 2 {
		t.Errorf("without it: %+v, %v", set, err)
	}
	put(t, list, []byte("set;image_id\n"))
	if _, err := ReadExclusions(list); !errors.Is(err, ErrBadFile) {
		t.Errorf("bad heading: %v", err)
	}
}

// Errors say where: file, line, field.
// FAULTS: L9 L10 L12 N1 N6
func TestBadFilesAreRefused(t *testing.T) {
	set := sample(t, 4)
	data := elements(set, 4)
	labels := "image_id,identity\na,p\nb,p\nc,q\nd,q\n"
	meta := `{"N":4,"D":2,"identities":2,"modality":"face","dtype":"float32 little-endian row-major"}`
	for name, c := range map[string]struct {
		file, content string
		want          string
	}{
		"meta.json cut":          {"f/meta.json", meta[:20], "meta.json"},
		"meta.json D of 0":       {"f/meta.json", `{"N":4,"D":0}`, "N and D: dimension 0"},
		"meta.json huge":         {"f/meta.json", `{"N":4000000,"D":2048}`, "N and D"},
		"meta.json big-endian":   {"f/meta.json", `{"N":4,"D":2,"dtype":"float32 big-endian"}`, "dtype"},
		"meta.json identities":   {"f/meta.json", `{"N":4,"D":2,"identities":3}`, "identities"},
		"embeddings.f32 cut":     {"f/embeddings.f32", string(data[:31]), "want 32 bytes"},
		"embeddings.f32 long":    {"f/embeddings.f32", string(data) + "x", "want 32 bytes"},
		"embeddings.f32 NaN":     {"f/embeddings.f32", string(data[:8]) + "\xff\xff\xff\xff" + string(data[12:]), `image "b"`},
		"labels.csv heading":     {"f/labels.csv", "image,person\n", "labels.csv:1"},
		"labels.csv short":       {"f/labels.csv", labels[:len(labels)-4], "3 rows"},
		"labels.csv field":       {"f/labels.csv", "image_id,identity\na,p\nb\n", "labels.csv:3"},
		"labels.csv quote":       {"f/labels.csv", "image_id,identity\na,\"p\n", "labels.csv:"},
		"labels.csv control":     {"f/labels.csv", strings.Replace(labels, "b,", "b\x1b[2J,", 1), "labels.csv:3: image_id"},
		"labels.csv bidi":        {"f/labels.csv", strings.Replace(labels, "c,q", "c,q\u202e", 1), "labels.csv:4: identity"},
		"labels.csv not UTF-8":   {"f/labels.csv", strings.Replace(labels, "c,q", "c,\xff", 1), "labels.csv:4: identity"},
		"labels.csv long":        {"f/labels.csv", strings.Replace(labels, "c,q", "c,"+strings.Repeat("q", 513), 1), "labels.csv:4: identity"},
		"labels.csv empty":       {"f/labels.csv", strings.Replace(labels, "c,q", "c,", 1), "labels.csv:4: identity"},
		"labels.csv twice":       {"f/labels.csv", strings.Replace(labels, "d,q", "a,q", 1), `"a" comes twice`},
		"csv element":            {"x.csv", "image_id,identity,e\na,p,1\nb,q,one\n", "x.csv:3: element 0"},
		"csv float64":            {"x.csv", "image_id,identity,e\na,p,1e39\n", "x.csv:2: element 0"},
		"csv without elements":   {"x.csv", "image_id,identity\na,p\n", "x.csv:2: dimension 0"},
		"csv empty":              {"x.csv", "", "x.csv:1"},
		"csv without rows":       {"x.csv", "image_id,identity,e\n", "no rows"},
		"npy cut":                {"f/x.npy", string(npy("<f4", "False", 4, 2, data)[:150]), "row "},
		"npy long":               {"f/x.npy", string(npy("<f4", "False", 4, 2, data)) + "x", "behind the last row"},
		"npy big-endian":         {"f/x.npy", string(npy(">f4", "False", 4, 2, data)), "want <f4"},
		"npy half":               {"f/x.npy", string(npy("<f2", "False", 4, 2, data)), "want <f4"},
		"npy by columns":         {"f/x.npy", string(npy("<f4", "True", 4, 2, data)), "False"},
		"npy of no rows":         {"f/x.npy", string(npy("<f4", "False", 0, 2, nil)), "0 rows"},
		"npy of very many":       {"f/x.npy", string(npy("<f4", "False", 1<<40, 2, data)), "rows"},
		"npy version":            {"f/x.npy", "\x93NUMPY\x09\x00", "version 9"},
		"npy other":              {"f/x.npy", "PK\x03\x04", "not an NPY file"},
		"npy pickled":            {"f/x.npy", string(npy("|O", "False", 4, 2, data)), "header"},
		"another extension":      {"x.txt", "", "want a folder"},
		"parquet without footer": {"x.parquet", "PAR1", "x.parquet"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "f"), 0o700); err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, "f/meta.json"), []byte(meta))
			put(t, filepath.Join(dir, "f/labels.csv"), []byte(labels))
			put(t, filepath.Join(dir, "f/embeddings.f32"), data)
			path := put(t, filepath.Join(dir, c.file), []byte(c.content))
			if strings.HasPrefix(c.file, "f/") && filepath.Ext(path) != ".npy" {
				path = filepath.Dir(path)
			}
			_, err := Read(t.Context(), path, nil)
			known := errors.Is(err, ErrBadFile) || errors.Is(err, zhenni.ErrBadValue) || errors.Is(err, zhenni.ErrBadProbe)
			if !known || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestOnlyRegularFilesOfBoundedSizeAreOpened(t *testing.T) {
	dir := t.TempDir()
	path := put(t, filepath.Join(dir, "a"), []byte("four"))
	if f, err := open(path, 4); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	for _, c := range []struct {
		path  string
		limit int64
	}{{path, 3}, {dir, 1 << 20}, {os.DevNull, 1 << 20}} {
		if _, err := open(c.path, c.limit); !errors.Is(err, ErrBadFile) {
			t.Errorf("%s of at most %d bytes: %v", c.path, c.limit, err)
		}
	}
	if _, err := Read(t.Context(), filepath.Join(dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// One record may not take many times the memory of the file, wherever its line breaks and quotes stand.
func TestCSVRecordsAreBounded(t *testing.T) {
	const heading = "image_id,identity,e\n"
	for name, text := range map[string]string{
		"heading": strings.Repeat(",", 2*maxRecordBytes),
		"record":  heading + strings.Repeat(",", 2*maxRecordBytes),
		"quoted":  heading + strings.Repeat("\"\n\",", maxRecordBytes),
	} {
		read := &countingReader{Reader: strings.NewReader(text)}
		_, err := parseCSV("x.csv", read)
		if !errors.Is(err, ErrBadFile) || len(err.Error()) > 200 || read.n > maxRecordBytes+64<<10 {
			t.Errorf("%s: %d of %d bytes read, %.200v", name, read.n, len(text), err)
		}
	}
	long := heading + "a,p," + strings.Repeat("0", maxRecordBytes-5) + "\n"
	if r, err := parseCSV("x.csv", strings.NewReader(long+long[len(heading):])); err != nil || len(r.values) != 2 {
		t.Errorf("two long records: %v", err)
	}
}

type countingReader struct {
	io.Reader
	n int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	return n, err
}

// FAULTS: L12
func FuzzNPY(f *testing.F) {
	f.Add(npy("<f4", "False", 1, 1, []byte{0, 0, 128, 63}))
	f.Add(npy("<f8", "False", 1, 1, make([]byte, 8)))
	f.Add([]byte(npyMagic + "\x02\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, r, err := parseNPY(bytes.NewReader(data))
		if err == nil && len(r.values) != n*r.dim {
			t.Errorf("%d elements for %d × %d", len(r.values), n, r.dim)
		}
	})
}

// FAULTS: L12 L10
func FuzzCSV(f *testing.F) {
	f.Add("image_id,identity,e0,e1\na,p,1,2\nb,q,3,-4e-3\n")
	f.Add("image_id,identity,e\n\"a\nb\",p,inf\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseCSV("fuzz.csv", strings.NewReader(text))
		if err != nil {
			return
		}
		if len(r.labels) == 0 || len(r.values) != len(r.labels)*r.dim {
			t.Errorf("%d labels, %d elements of dimension %d", len(r.labels), len(r.values), r.dim)
		}
		for _, l := range r.labels {
			if checkName("image_id", l.ImageID) != nil || checkName("identity", l.Person) != nil {
				t.Errorf("label %q", l)
			}
		}
	})
}
