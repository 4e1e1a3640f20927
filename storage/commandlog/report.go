package commandlog

import (
	"context"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

type raftLogger = hclog.Logger

// newLogger passes on what Raft and its log report, one level down: the text of a report and its error, and nothing
// else of its fields.
func newLogger(to *slog.Logger) hclog.Logger {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "commandlog", Output: io.Discard, Level: hclog.Error})
	logger.RegisterSink(sink{to})
	return logger
}

type sink struct{ to *slog.Logger }

// Accept takes one report.
func (s sink) Accept(_ string, level hclog.Level, text string, fields ...any) {
	to := slog.LevelDebug
	switch {
	case level >= hclog.Error:
		to = slog.LevelWarn
	case level == hclog.Warn:
		to = slog.LevelInfo
	}
	var cause any
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "error" {
			cause = fields[i+1]
		}
	}
	if cause == nil {
		s.to.Log(context.Background(), to, "command log", "report", text)
		return
	}
	s.to.Log(context.Background(), to, "command log", "report", text, "cause", cause)
}
