//go:build !linux

package main

// forbidCoreDumps does nothing here; ulimit -c 0 does the same.
func forbidCoreDumps() error { return nil }
