//go:build !race

package labelled

const parquetMemory = 256 << 20
