//go:build !linux

package keyfile

import "os"

// syncData makes what was written in place durable.
func syncData(f *os.File) error { return f.Sync() }

// forget does nothing where a file can not be dropped from memory.
func forget(*os.File) {}
