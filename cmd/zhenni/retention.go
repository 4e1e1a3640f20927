package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"zhenni/storage/audit"
)

// retention is how much of an audit log is kept: entries of the last while, or the newest in so many bytes. The zero value
// keeps all.
type retention struct {
	age  time.Duration
	size byteSize
}

const (
	day = 24 * time.Hour
	// minRetention keeps what the replay window and the day of stored answers look back to.
	minRetention = 2 * day
	// pruneEvery is how often old entries are looked for.
	pruneEvery = time.Hour
	// bundleEntry is what an entry takes of a bundle, in bytes.
	bundleEntry = 2 + audit.LeafSize
)

// UnmarshalText implements encoding.TextUnmarshaler: "90d", "720h", "500GiB", or "0" for all.
func (r *retention) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "0" {
		*r = retention{}
		return nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 32); err == nil {
			s = fmt.Sprintf("%dh", 24*n)
		}
	}
	if age, err := time.ParseDuration(s); err == nil {
		if age < minRetention {
			return fmt.Errorf("%q is too short: at least %v", text, minRetention)
		}
		*r = retention{age: age}
		return nil
	}
	var size byteSize
	if err := size.UnmarshalText(text); err != nil || size < 1<<20 {
		return fmt.Errorf("%q is neither a time, as 90d or 2160h, nor a size of at least 1MiB", text)
	}
	*r = retention{size: size}
	return nil
}

// String returns what UnmarshalText reads.
func (r retention) String() string {
	switch {
	case r.age != 0 && r.age%day == 0:
		return fmt.Sprintf("%dd", r.age/day)
	case r.age != 0:
		return r.age.String()
	case r.size != 0:
		return r.size.String()
	}
	return "0"
}

// below returns the index of the first entry to keep.
func (r retention) below(log *audit.Log, now time.Time) (int64, error) {
	switch {
	case r.age != 0:
		return log.Before(now.Add(-r.age))
	case r.size != 0:
		return log.Tree().N - int64(r.size)/bundleEntry, nil
	}
	return 0, nil
}

// retain deletes entries that are beyond the retention, now and every hour, until ctx ends.
func (r retention) retain(ctx context.Context, log *audit.Log, logger *slog.Logger) {
	if r == (retention{}) {
		return
	}
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		if err := r.prune(log, time.Now()); err != nil {
			logger.Warn("old entries of the audit log were not deleted", "cause", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (r retention) prune(log *audit.Log, now time.Time) error {
	below, err := r.below(log, now)
	if err != nil || below <= 0 {
		return err
	}
	_, err = log.Prune(below)
	return err
}
