package labelled

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"zhenni/engine/accuracy"
)

// maxRecordBytes bounds one record of a CSV file: the longest embedding, written out in full, has room many times over.
// The parser takes dozens of bytes for a field, so a file that is one long record must not reach it.
const maxRecordBytes = 1 << 20

// recordBound passes a CSV file on as long as its records are of at most maxRecordBytes.
type recordBound struct {
	from   io.Reader
	length int // of the record so far
	quoted bool
}

func (r *recordBound) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	for _, b := range p[:n] {
		r.length++
		switch {
		case b == '"':
			r.quoted = !r.quoted
		case b == '\n' && !r.quoted:
			r.length = 0
		}
		if r.length > maxRecordBytes {
			return 0, fmt.Errorf("%w: a record of more than %d bytes", ErrBadFile, maxRecordBytes)
		}
	}
	return n, err
}

// table reads a CSV file whose first fields are headings, which must be columns; visit gets each later record, valid
// during the call. An error of visit is given the line of the record.
func table(path string, r io.Reader, columns []string, visit func(record []string) error) error {
	reader := csv.NewReader(&recordBound{from: r})
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err == nil && (len(header) < len(columns) || !slices.Equal(header[:len(columns)], columns)) {
		err = fmt.Errorf("heading %q: want %q first", header[:min(len(header), len(columns))], columns)
	}
	if err != nil {
		return fmt.Errorf("%w: %s:1: %w", ErrBadFile, path, err)
	}
	for n := 0; ; n++ {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return fmt.Errorf("%w: %s:%d: %w", ErrBadFile, path, syntax.Line, syntax.Err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line, _ := reader.FieldPos(0)
		if n >= maxRows {
			return fmt.Errorf("%w: %s:%d: more than %d rows", ErrBadFile, path, line, maxRows)
		}
		if err := visit(record); err != nil {
			return fmt.Errorf("%w: %s:%d: %w", ErrBadFile, path, line, err)
		}
	}
}

// checkName refuses names that are empty, long, not UTF-8, or that would steer a terminal.
func checkName(field, name string) error {
	control := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
	switch {
	case name == "" || len(name) > maxNameBytes:
		return fmt.Errorf("%s of %d bytes: want 1–%d", field, len(name), maxNameBytes)
	case !utf8.ValidString(name) || bytes.ContainsFunc([]byte(name), control):
		return fmt.Errorf("%s %q: want UTF-8 without control characters", field, name)
	}
	return nil
}

func label(imageID, identity string) (accuracy.Label, error) {
	if err := errors.Join(checkName("image_id", imageID), checkName("identity", identity)); err != nil {
		return accuracy.Label{}, err
	}
	return accuracy.Label{ImageID: imageID, Person: identity}, nil
}

var labelColumns = []string{"image_id", "identity"}

func readLabels(path string) ([]accuracy.Label, error) {
	f, err := open(path, maxTextBytes)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var labels []accuracy.Label
	err = table(path, f, labelColumns, func(record []string) error {
		l, err := label(record[0], record[1])
		labels = append(labels, l)
		return err
	})
	return labels, err
}

func labelText(set *Set) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write(labelColumns)
	for i := range set.Len() {
		l := set.Label(i)
		w.Write([]string{l.ImageID, l.Person})
	}
	w.Flush()
	return b.Bytes()
}

func readCSV(path string) (*rows, error) {
	f, err := open(path, 4*maxTextBytes)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseCSV(path, f)
}

func parseCSV(path string, from io.Reader) (*rows, error) {
	r := &rows{}
	err := table(path, from, labelColumns, func(record []string) error {
		l, err := label(record[0], record[1])
		if err != nil {
			return err
		}
		r.labels = append(r.labels, l)
		r.dim = len(record) - len(labelColumns) // the same in every record, or the CSV reader refuses it
		if err := shape(len(r.labels), r.dim); err != nil {
			return err
		}
		return r.appendElements(record[len(labelColumns):])
	})
	if err == nil && len(r.labels) == 0 {
		err = fmt.Errorf("%w: %s: no rows", ErrBadFile, path)
	}
	return r, err
}

func (r *rows) appendElements(fields []string) error {
	for i, field := range fields {
		x, err := strconv.ParseFloat(field, 32)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		r.values = append(r.values, float32(x))
	}
	return nil
}

// Exclusions lists image ids to leave out, by the name of their set.
type Exclusions map[string]map[string]bool

// ReadExclusions reads a CSV file with the columns set,image_id,reason,evidence; the last two are for people.
func ReadExclusions(path string) (Exclusions, error) {
	f, err := open(path, maxTextBytes)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	excluded := Exclusions{}
	err = table(path, f, []string{"set", "image_id"}, func(record []string) error {
		if err := errors.Join(checkName("set", record[0]), checkName("image_id", record[1])); err != nil {
			return err
		}
		if excluded[record[0]] == nil {
			excluded[record[0]] = map[string]bool{}
		}
		excluded[record[0]][record[1]] = true
		return nil
	})
	return excluded, err
}
