// Package scale puts as many credentials on one node as fit and says what they cost: an import that becomes the base of a
// store, its opening, verification from memory and from the cold tier, and where every byte lies. It is a library: it has no
// flags and prints nothing. Each step runs in a process of its own, so that the memory of one is not the other's.
//
//	scale.go       what is run, and the folder it is run in
//	fit.go         what it takes of disk and memory, before anything is written
//	people.go      who is enrolled
//	questions.go   comparisons whose answers are known, about the first so many of them
//	step.go        one step, in another process or in this one
//	fill.go        the import
//	open.go        the time to a store that is open, and to its first answer
//	hot.go         verification from memory, beside the dot products with the same rows
//	rows.go        where these rows lie
//	cold.go        verification from the cold tier, beside the disk
//	memory.go      where each byte of memory and disk is
//	report.go      the steps one behind the other, and what came of them
//	find.go        what the measurements say beside what they should
//	markdown.go    the same for a folder of documents
//
// Every answer is held against what it must be, so that no number is that of a broken path.
package scale
