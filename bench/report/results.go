package report

import (
	"io"

	"zhenni/bench/result"
)

// Results is a page of result files.
type Results struct {
	Title string
	Runs  []NamedRun
}

// NamedRun is a run and what it is called on the page, such as the name of its file.
type NamedRun struct {
	Name string
	Run  *result.Run
}

// Write writes the page.
func (p Results) Write(w io.Writer) error {
	return nil
}
