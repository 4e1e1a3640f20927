//go:build unix

package layer

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what this process has used of the processors. Unlike the clock it does not count what others use.
func processorTime() time.Duration {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
