//go:build !linux

package labelled

import (
	"os"
	"runtime"
	"time"
)

// limitMemory ends this process when its heap has grown past n bytes. Other systems do not count memory as Linux
// does, so the process watches itself; a single allocation may overshoot.
func limitMemory(n uint64) error {
	go func() {
		var m runtime.MemStats
		for range time.Tick(10 * time.Millisecond) {
			if runtime.ReadMemStats(&m); m.Sys > n {
				os.Exit(1)
			}
		}
	}()
	return nil
}
