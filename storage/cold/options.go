package cold

import (
	"crypto/rand"
	"fmt"
	"io"
	"runtime"

	"zhenni"
)

const (
	// DefaultDepth is how many reads of one call are in flight.
	DefaultDepth = 32
	// MaxDepth bounds Depth.
	MaxDepth = 1024
)

// Options configure [Build] and [Open]. The zero value of a field is its default unless said otherwise.
type Options struct {
	// Dir is the folder of the tier. Required.
	Dir string
	// Model is what the templates are of. Required.
	Model zhenni.Model
	// Key wraps the key of the tier: 32 bytes. Required.
	Key []byte
	// Depth is how many reads of one call may be in flight, 1 to [MaxDepth]. Default [DefaultDepth].
	Depth int
	// Calls is how many calls of Read are served at a time; more wait. Default: one for each CPU.
	Calls int
	// Entropy is where keys and nonces come from. Default crypto/rand.
	Entropy io.Reader

	// fault makes a step of a change or of a build fail; tests give it.
	fault func(step string) error
	// noRing reads by a pool of goroutines also where there is a ring; noDirect through the page cache. Tests and
	// benchmarks set them.
	noRing, noDirect bool
}

// Validate reports the first field out of range, as [zhenni.ErrBadValue].
func (o Options) Validate() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("%w: the folder of the cold tier is not given", zhenni.ErrBadValue)
	case len(o.Key) != keyBytes:
		return fmt.Errorf("%w: the key of the cold tier has %d bytes, want %d", zhenni.ErrBadValue, len(o.Key), keyBytes)
	case o.Depth < 0 || o.Depth > MaxDepth || o.Calls < 0:
		return fmt.Errorf("%w: depth %d, calls %d: want 0–%d, 0 or more", zhenni.ErrBadValue, o.Depth, o.Calls, MaxDepth)
	}
	return o.Model.Validate()
}

func (o Options) withDefaults() Options {
	if o.Depth == 0 {
		o.Depth = DefaultDepth
	}
	if o.Calls == 0 {
		o.Calls = runtime.GOMAXPROCS(0)
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.fault == nil {
		o.fault = func(string) error { return nil }
	}
	return o
}
