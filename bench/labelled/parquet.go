package labelled

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ParquetCommand is the argument that makes the program a reader of one Parquet file: the program must then call
// [ServeParquet] with the arguments that follow, and nothing else.
const ParquetCommand = "parquet-rows"

// A file from strangers gets a process of its own, which is killed when it is waited for longer than parquetPatience or
// takes more than parquetMemory: the decoder may loop, panic in goroutines of its own, or take memory without end. The
// time of the visits does not count.
const parquetPatience = 2 * time.Second

// maxParquetBytes bounds a file, and what is received of it. Rows are visited as they come, so neither is ever held.
const maxParquetBytes = 64 << 30

// Columns names what to read of a Parquet file: columns of text, and one of vectors, which holds either fixed-size
// binary of little-endian float32 or a list of floats.
type Columns struct {
	Texts  []string
	Vector string
}

// ReadParquet visits the rows of a Parquet file, which is decoded by another process of this program. The texts and
// the vector are valid during the visit; a vector has any length. What the file does to its decoder is [ErrBadFile]; the
// cause of ctx is returned when that ends first.
func ReadParquet(ctx context.Context, path string, columns Columns, visit func(texts []string, vector []float32) error) error {
	return readParquetWithin(ctx, parquetPatience, path, columns, visit)
}

func readParquetWithin(caller context.Context, patience time.Duration, path string, columns Columns, visit func([]string, []float32) error) error {
	f, err := open(path, maxParquetBytes) // another process opens it again; a file that is not there fails here
	if err != nil {
		return err
	}
	f.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, kill := context.WithCancelCause(caller)
	defer kill(nil)
	child := exec.CommandContext(ctx, self, append([]string{ParquetCommand, path, columns.Vector}, columns.Texts...)...)
	child.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil && caller.Err() != nil {
		return context.Cause(caller)
	} else if err != nil {
		return fmt.Errorf("labelled: start the Parquet reader: %w", err)
	}
	watchdog := time.AfterFunc(patience, func() { kill(fmt.Errorf("no rows for %v", patience)) })
	err = receive(stdout, len(columns.Texts), visit, func(waiting bool) {
		if watchdog.Stop(); waiting {
			watchdog.Reset(patience)
		}
	})
	cause := context.Cause(ctx)
	kill(nil)
	ended := child.Wait()
	var visited *visitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &visited):
		return visited.err
	case caller.Err() != nil:
		return context.Cause(caller)
	case cause != nil:
		err = cause
	case ended != nil && errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("its reader ended: %w", ended)
	}
	return fmt.Errorf("%w: %s: %w", ErrBadFile, path, err)
}

// frame is some rows on their way between the processes. Texts holds the texts of one row after another.
type frame struct {
	Texts   []string
	Lengths []int
	Values  []float32
	// Err ends the rows with what is wrong, Last without.
	Err  string
	Last bool
}

// visitError keeps an error of the caller's own apart from those of the file.
type visitError struct{ err error }

func (e *visitError) Error() string { return e.err.Error() }

// receive decodes frames until the last, and calls watch before and after it waits for one. A frame of the other process
// has at most frameRows rows; gob refuses a message above 1 GiB, whatever sends it.
func receive(from io.Reader, texts int, visit func([]string, []float32) error, watch func(waiting bool)) error {
	decoder := gob.NewDecoder(io.LimitReader(from, maxParquetBytes))
	for {
		var f frame
		watch(true)
		err := decoder.Decode(&f)
		watch(false)
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if err := f.visit(texts, visit); err != nil || f.Last {
			return err
		}
	}
}

func (f *frame) visit(texts int, visit func([]string, []float32) error) error {
	if f.Err != "" {
		return errors.New(strings.ToValidUTF8(f.Err, "?"))
	}
	for i, n := range f.Lengths {
		if n < 0 || n > len(f.Values) || (i+1)*texts > len(f.Texts) {
			return errors.New("malformed frame")
		}
		if err := visit(f.Texts[i*texts:(i+1)*texts], f.Values[:n]); err != nil {
			return &visitError{err}
		}
		f.Values = f.Values[n:]
	}
	return nil
}

// readParquet reads a labelled set.
func readParquet(ctx context.Context, path string) (*rows, error) {
	r := &rows{}
	columns := Columns{Texts: labelColumns, Vector: "embedding"}
	err := ReadParquet(ctx, path, columns, func(texts []string, vector []float32) error {
		l, err := label(texts[0], texts[1])
		if len(r.labels) == 0 {
			r.dim = len(vector)
		}
		if err == nil && len(vector) != r.dim {
			err = fmt.Errorf("embedding of %d elements, the first has %d", len(vector), r.dim)
		}
		if err == nil {
			err = shape(len(r.labels)+1, r.dim)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: row %d: %w", ErrBadFile, path, len(r.labels), err)
		}
		r.labels = append(r.labels, l)
		r.values = append(r.values, vector...)
		return nil
	})
	return r, err
}
