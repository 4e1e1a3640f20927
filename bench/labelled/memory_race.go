//go:build race

package labelled

// The race detector keeps some ten bytes for each that the program has.
const parquetMemory = 3 << 30
