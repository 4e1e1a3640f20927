package result

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
)

// Whatever a file holds, it is refused as no result file, or it is a run that can be shown, compared and written.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, file []byte) {
		run, err := Read(bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, ErrFile) || run != nil {
				t.Fatalf("%v, %v", run, err)
			}
			return
		}
		for _, row := range Compare(run, run).Rows {
			if row.Ratio != 1 || row.Significant || math.IsNaN(row.P) {
				t.Errorf("beside itself: %+v", row)
			}
		}
		if rows := run.Table(); len(rows) != len(run.Measurements)+1 || len(run.Facts()) == 0 {
			t.Errorf("%d rows of %d measurements", len(rows), len(run.Measurements))
		}
		var written bytes.Buffer
		if err := run.Write(&written); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(written.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var twice bytes.Buffer
		if err := again.Write(&twice); err != nil || !bytes.Equal(written.Bytes(), twice.Bytes()) {
			t.Errorf("written differently, %v, equal %v", err, reflect.DeepEqual(run, again))
		}
	})
}
