package identity

import (
	"fmt"
	"io"
	"log/slog"
)

// shown is all that is seen of a value that embeds redacted.
const shown = "[redacted]"

// redacted is embedded by the types that hold something of a person or a key. What it can not help is a struct elsewhere
// that holds a Handle or a NameTag in an unexported field and is itself printed: fmt reads such fields without asking
// them. The other types keep what they hold behind two pointers, of which fmt then follows one at most.
type redacted struct{}

// String implements fmt.Stringer.
func (redacted) String() string { return shown }

// GoString implements fmt.GoStringer.
func (redacted) GoString() string { return shown }

// Format implements fmt.Formatter, for every verb.
func (redacted) Format(s fmt.State, _ rune) { io.WriteString(s, shown) }

// MarshalText implements encoding.TextMarshaler. Nothing reads it back.
func (redacted) MarshalText() ([]byte, error) { return []byte(shown), nil }

// LogValue implements slog.LogValuer.
func (redacted) LogValue() slog.Value { return slog.StringValue(shown) }

// hidden holds what a value and its copies share, two pointers away. The zero hidden holds nothing.
type hidden[T any] struct{ first *struct{ second *T } }

func hide[T any](v *T) hidden[T] { return hidden[T]{&struct{ second *T }{v}} }

func (h hidden[T]) get() *T {
	if h.first == nil {
		return nil
	}
	return h.first.second
}
