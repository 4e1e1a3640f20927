package bench

import (
	"context"
	"time"
)

// BulkAt is [Driver.Bulk] with an open loop: so many requests a second over all connections. Latency counts from when a
// request was due.
func (d *Driver) BulkAt(ctx context.Context, duration time.Duration, requests float64) (Result, Tally, error) {
	return d.press(ctx, Load{Workers: len(d.askers), Duration: duration, Rate: requests}, (*asker).askBatch)
}
