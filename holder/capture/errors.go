package capture

import (
	"errors"
	"fmt"
)

// Errors of a capture. What is wrong with a manifest is zhenni.ErrBadValue; an embedding that no engine would take is
// zhenni.ErrBadProbe.
var (
	// ErrUnreadable: not a picture or clip of a form that is taken, or a damaged one.
	ErrUnreadable = errors.New("capture: unreadable")
	// ErrTooLarge: more bytes, pixels, scans or seconds than are taken. Nothing of that size was allocated.
	ErrTooLarge = errors.New("capture: too large")
	// ErrNoFace: it is not known where the face is, or the five points are those of none.
	ErrNoFace = errors.New("capture: no face")
	// ErrNetwork: the network could not be loaded or run, or gives something else than its manifest says.
	ErrNetwork = errors.New("capture: network failed")
)

func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnreadable}, args...)...)
}

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrTooLarge}, args...)...)
}
