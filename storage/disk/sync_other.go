//go:build !linux

package disk

import "os"

// SyncData makes what was written in place durable.
func SyncData(f *os.File) error { return f.Sync() }
