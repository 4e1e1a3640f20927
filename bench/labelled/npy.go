package labelled

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

func readNPY(path string) (*rows, error) {
	f, err := open(path, 2*maxValueBytes)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, r, err := parseNPY(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBadFile, path, err)
	}
	labels := strings.TrimSuffix(path, filepath.Ext(path)) + ".labels.csv"
	if _, err := os.Stat(labels); errors.Is(err, os.ErrNotExist) {
		labels = filepath.Join(filepath.Dir(path), "labels.csv")
	}
	if r.labels, err = readLabels(labels); err != nil {
		return nil, err
	}
	if len(r.labels) != n {
		return nil, fmt.Errorf("%w: %s has %d rows, %s has %d", ErrBadFile, path, n, labels, len(r.labels))
	}
	return r, nil
}

// npyHeader is the one spelling of the header that numpy writes for a matrix in C order.
var npyHeader = regexp.MustCompile(`^\{'descr': '([<>|=]?[a-z][0-9]+)', 'fortran_order': (True|False), 'shape': \((\d+), (\d+)\), \}\s*$`)

const npyMagic = "\x93NUMPY"

// parseNPY reads a matrix of n rows in the format NPY 1.0 or 2.0.
func parseNPY(from io.Reader) (n int, r *rows, err error) {
	start := make([]byte, len(npyMagic)+2)
	if _, err := io.ReadFull(from, start); err != nil || string(start[:len(npyMagic)]) != npyMagic {
		return 0, nil, errors.New("not an NPY file")
	}
	size := make([]byte, 2)
	switch start[len(npyMagic)] {
	case 1:
	case 2:
		size = make([]byte, 4)
	default:
		return 0, nil, fmt.Errorf("NPY version %d: want 1 or 2", start[len(npyMagic)])
	}
	if _, err := io.ReadFull(from, size); err != nil {
		return 0, nil, err
	}
	length := int(binary.LittleEndian.Uint32(append(size, 0, 0)))
	if length > 1<<16 {
		return 0, nil, fmt.Errorf("header of %d bytes", length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(from, header); err != nil {
		return 0, nil, err
	}
	return npyMatrix(string(header), from)
}

func npyMatrix(header string, from io.Reader) (n int, r *rows, err error) {
	field := npyHeader.FindStringSubmatch(header)
	if field == nil {
		return 0, nil, fmt.Errorf("header %q: want a matrix", header)
	}
	width := map[string]int{"<f4": 4, "<f8": 8}[field[1]]
	if width == 0 || field[2] != "False" {
		return 0, nil, fmt.Errorf("descr %s, fortran_order %s: want <f4 or <f8, False", field[1], field[2])
	}
	n, errN := strconv.Atoi(field[3])
	dim, errDim := strconv.Atoi(field[4])
	if err := errors.Join(errN, errDim); err != nil {
		return 0, nil, err
	}
	if err := shape(n, dim); err != nil {
		return 0, nil, err
	}
	r = &rows{dim: dim}
	row := make([]byte, dim*width)
	for i := range n { // memory is taken as the rows arrive, not as the header claims
		if _, err := io.ReadFull(from, row); err != nil {
			return 0, nil, fmt.Errorf("row %d: %w", i, err)
		}
		r.appendBinary(row, width)
	}
	if _, err := io.ReadFull(from, row[:1]); !errors.Is(err, io.EOF) {
		return 0, nil, errors.New("data behind the last row")
	}
	return n, r, nil
}

func (r *rows) appendBinary(row []byte, width int) {
	if width == 4 {
		r.values = append(r.values, floats(row)...)
		return
	}
	for ; len(row) > 0; row = row[8:] {
		r.values = append(r.values, float32(math.Float64frombits(binary.LittleEndian.Uint64(row))))
	}
}
