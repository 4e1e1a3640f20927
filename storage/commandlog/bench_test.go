package commandlog

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"log/slog"
)

// BenchmarkPropose is one entry at a time, beside the disk's own rate of appending and syncing as much.
func BenchmarkPropose(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "64KiB": 64 << 10} {
		entry := make([]byte, size)
		b.Run("entry="+name, func(b *testing.B) {
			l, err := Open(b.TempDir(), new(tally), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			if err := l.Start(0); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := l.Propose(context.Background(), entry); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
		b.Run("fsync="+name, func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			for b.Loop() {
				if _, err := f.Write(entry); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
