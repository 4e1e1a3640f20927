// Package layer measures each layer of the engine beside the one below it and beside what the machine can do, in the
// same turns, so that the cost of every layer is a number. It is a library: it has no flags and no globals, and prints
// nothing. What it holds is said by the Open that makes it ready; Close gives all of it back.
//
//	layer.go       a layer made ready
//	press.go       how work is pressed out of it
//	kernels.go     simd: every instruction set and dimension, beside what memory gives
//	tier.go        the instruction sets that this process does not run, each in a process of its own
//	cached.go      the kernels that read no memory to speak of
//	memory.go      what memory gives
//	crowd.go       synthetic people whose rows lie in memory as an arena lays them out
//	questions.go   comparisons whose answers are known
//	engine.go      matchers, beside the dot products alone
//	actors.go      a node's mailboxes, beside matchers called directly
//	store.go       get, put and import, beside a mapped file of the same rows
//	disk.go        that file, and the disk below
//	pages.go       pages of a file, read at random around the page cache
//
// Every answer is held against what it must be, so that no number is that of a broken path.
package layer
