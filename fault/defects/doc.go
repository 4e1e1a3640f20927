// Package defects holds deliberate defects, each of which the tests of the house must catch. They are edits of the source
// in a table, never source themselves: a defect is built from a changed copy of one file that lies over the true one
// (go build -overlay), so nothing that is shipped has a switch for it.
//
// To add one, write an entry into the table of its part with caught left empty, and run it:
//
//	make defects ONLY=its-name
//
// The run builds the defect, runs every test of its package and names those that fail. Write the one that says it best
// into the entry, then bring docs/defects.md up to date:
//
//	go test ./fault/defects -rewrite
//
// A defect that no test catches is a gap: the test comes first. It need not be of the whole machine: one that is slow is
// marked so, and left out of samples.
//
// Edits are short, and of the guard itself, so that they outlive what is changed around it; TestTableFitsTheSource names
// those that do not. Where two guards stop one fault, neither is missed when it fails: an entry spoils what only one does.
package defects
