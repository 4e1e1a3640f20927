package pin

import (
	"fmt"
	"io"
	"log/slog"
)

// shown is all that is seen of a value that embeds redacted.
const shown = "[redacted]"

// redacted is embedded by the types that hold something of a PIN or a pepper.
type redacted struct{}

// String implements fmt.Stringer.
func (redacted) String() string { return shown }

// Format implements fmt.Formatter, for every verb.
func (redacted) Format(s fmt.State, _ rune) { io.WriteString(s, shown) }

// MarshalText implements encoding.TextMarshaler. Nothing reads it back.
func (redacted) MarshalText() ([]byte, error) { return []byte(shown), nil }

// LogValue implements slog.LogValuer.
func (redacted) LogValue() slog.Value { return slog.StringValue(shown) }
