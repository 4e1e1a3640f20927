package labelled

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"

	"zhenni"
)

// frameRows is how many rows travel together.
const frameRows = 256

// ServeParquet is the other process: it takes the arguments path, vector column and text columns, limits its own
// memory, and writes the rows to w. What is wrong with the file is written too; the error returned is one of writing.
func ServeParquet(args []string, w io.Writer) error {
	if len(args) < 2 {
		return fmt.Errorf("%w: %s: want a path and a column of vectors", zhenni.ErrBadValue, ParquetCommand)
	}
	encoder := gob.NewEncoder(w)
	last := frame{Last: true}
	if err := limitMemory(parquetMemory); err != nil {
		last.Err = err.Error()
	} else if err := sendRows(encoder, args[0], Columns{Vector: args[1], Texts: args[2:]}); err != nil {
		last.Err = err.Error()
	}
	return encoder.Encode(last)
}

func sendRows(to *gob.Encoder, path string, columns Columns) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its decoder failed: %v", p)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	layout, err := layOut(file.Schema(), columns)
	if err != nil {
		return err
	}
	for _, group := range file.RowGroups() {
		if err := layout.send(to, group.Rows()); err != nil {
			return err
		}
	}
	return nil
}

// layout finds the columns wanted by their number in the file.
type layout struct {
	texts  []int
	vector int
}

func layOut(schema *parquet.Schema, columns Columns) (layout, error) {
	l := layout{vector: -1}
	for _, path := range schema.Columns() { // a list is a path such as embedding.list.element
		if leaf, ok := schema.Lookup(path...); ok && path[0] == columns.Vector {
			l.vector = leaf.ColumnIndex
		}
	}
	if l.vector < 0 {
		return l, fmt.Errorf("no column %q", columns.Vector)
	}
	for _, name := range columns.Texts {
		leaf, ok := schema.Lookup(name)
		if !ok {
			return l, fmt.Errorf("no column %q", name)
		}
		l.texts = append(l.texts, leaf.ColumnIndex)
	}
	return l, nil
}

func (l layout) send(to *gob.Encoder, from parquet.Rows) error {
	defer from.Close()
	buffer := make([]parquet.Row, frameRows)
	for {
		n, err := from.ReadRows(buffer)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var f frame
		for _, row := range buffer[:n] {
			if err := l.add(&f, row); err != nil {
				return err
			}
		}
		if n > 0 {
			if err := to.Encode(f); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		if n == 0 {
			return io.ErrNoProgress
		}
	}
}

func (l layout) add(f *frame, row parquet.Row) error {
	texts, before := make([]string, len(l.texts)), len(f.Values)
	for _, v := range row {
		for i, column := range l.texts {
			if v.Column() == column {
				texts[i] = strings.Clone(v.String())
			}
		}
		if v.Column() != l.vector || v.IsNull() {
			continue
		}
		switch v.Kind() {
		case parquet.Float:
			f.Values = append(f.Values, v.Float())
		case parquet.Double:
			f.Values = append(f.Values, float32(v.Double()))
		case parquet.ByteArray, parquet.FixedLenByteArray:
			if len(v.ByteArray())%4 != 0 {
				return fmt.Errorf("vector of %d bytes: want little-endian float32", len(v.ByteArray()))
			}
			f.Values = append(f.Values, floats(v.ByteArray())...)
		default:
			return fmt.Errorf("vector column of %v: want binary or floats", v.Kind())
		}
	}
	if len(f.Values)-before > zhenni.MaxDim {
		return fmt.Errorf("vector of %d elements: want at most %d", len(f.Values)-before, zhenni.MaxDim)
	}
	f.Texts = append(f.Texts, texts...)
	f.Lengths = append(f.Lengths, len(f.Values)-before)
	return nil
}
