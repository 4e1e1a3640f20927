package main

import (
	"strings"

	"zhenni"
)

// maxRefusalsTold bounds how many refusals are told one by one.
const maxRefusalsTold = 1000

// refusals counts the rows of a file that were refused.
type refusals int

// tell tells the number of a row and what is wrong with it: never what is in it, of which even the name of an image may be a
// person's own.
func (n *refusals) tell(out *output, row int64, why string) {
	switch *n++; {
	case *n <= maxRefusalsTold:
		out.Note("row %d: refused: %s", row, strings.TrimPrefix(why, zhenni.ErrBadValue.Error()+": "))
	case *n == maxRefusalsTold+1:
		out.Note("More than %d rows are refused; those that follow are counted only.", maxRefusalsTold)
	}
}
