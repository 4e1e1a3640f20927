package ingress

import (
	"context"
	"fmt"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/population"
	"zhenni/bench/result"
)

// Levels are what a process holds at one moment. A level that can not be read is 0 and is left out.
type Levels struct {
	// Resident is the resident set, Heap what the last collection of garbage found live, Disk the files, in bytes.
	Resident, Heap, Disk int64
	Goroutines           int64
	Descriptors          int64
}

// ReadLevels reads those of this process; disk, which may be nil, returns the bytes of its files.
func ReadLevels(disk func() int64) (l Levels) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(samples)
	l.Heap, l.Goroutines = int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64())
	l.Resident = Resident()
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		l.Descriptors = int64(len(open))
	}
	if disk != nil {
		l.Disk = disk()
	}
	return l
}

// Resident returns the resident set of this process in bytes, 0 where it can not be read.
func Resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// Soak presses for hours at a share of the peak, and samples what the process holds.
type Soak struct {
	Press *Press
	// Share is the load as a share of the peak, in (0, 1], which is measured first. It is even, so that what moves is the server.
	Share float64
	// Verifications or Duration, or both, end it: whatever comes first. 0 is none.
	Verifications int64
	Duration      time.Duration
	// Interval is the time of one sample, in which the load does not pause; with many samples it is doubled as they are folded.
	Interval time.Duration
	// Levels reads what is watched. Upkeep, where it is set, is called after each sample: it deletes what a long run has to.
	Levels func() Levels
	Upkeep func() error
	// Progress, if set, is told how many verifications were answered.
	Progress func(verifications int64)
}

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (s Soak) Validate() error {
	switch {
	case s.Verifications < 0 || s.Duration < 0 || s.Verifications == 0 && s.Duration == 0:
		return fmt.Errorf("%w: %d verifications in %v: want an end", zhenni.ErrBadValue, s.Verifications, s.Duration)
	case !(s.Share > 0 && s.Share <= 1):
		return fmt.Errorf("%w: %v of the peak: want above 0, at most 1", zhenni.ErrBadValue, s.Share)
	case s.Interval <= 0:
		return fmt.Errorf("%w: an interval of %v", zhenni.ErrBadValue, s.Interval)
	}
	return nil
}

// Soaked is what a soak came to.
type Soaked struct {
	// Measurement is the rate of answered items, a round a sample, with the latency of the last.
	Measurement result.Measurement
	// Peak is the items a second of the closed loop before it.
	Peak     float64
	Tally    population.Tally
	Series   []result.Series
	Findings []Finding
}

// Names and units of the series.
var soakSeries = []struct{ name, unit string }{
	{"rate", result.PerSecond}, {"p50", result.Milliseconds}, {"p99", result.Milliseconds}, {"resident memory", result.Bytes},
	{"heap", result.Bytes}, {"goroutines", "goroutines"}, {"descriptors", "descriptors"}, {"disk", result.Bytes},
}

// maxSamples bounds the samples kept: beyond them every two become one.
const maxSamples = 2048

// Run soaks until one of its ends, or the end of ctx, which is an error. What it judges is in Findings.
func (s Soak) Run(ctx context.Context) (Soaked, error) {
	if err := s.Validate(); err != nil {
		return Soaked{}, err
	}
	peak, _, err := s.Press.Run(ctx, bench.Load{Duration: s.Interval})
	if err != nil {
		return Soaked{}, err
	}
	done := Soaked{Peak: peak.ItemsPerSecond(), Measurement: result.Measurement{Name: "soak", Unit: result.PerSecond}}
	for _, series := range soakSeries {
		done.Series = append(done.Series, result.Series{Name: series.name, Unit: series.unit})
	}
	rate, start, answered := s.Share*peak.CallsPerSecond(), time.Now(), int64(0)
	for !s.over(time.Since(start), answered) {
		r, tally, err := s.Press.Run(ctx, bench.Load{Duration: s.slice(time.Since(start)), Rate: rate})
		if err != nil {
			return done, err
		}
		answered += r.Items
		done.Tally.Add(tally)
		done.take(time.Since(start), &r, s.Levels())
		if s.Upkeep != nil {
			if err := s.Upkeep(); err != nil {
				return done, fmt.Errorf("ingress: upkeep: %w", err)
			}
		}
		if s.Progress != nil {
			s.Progress(answered)
		}
	}
	return done.judged(), nil
}

func (s Soak) over(elapsed time.Duration, answered int64) bool {
	return s.Verifications > 0 && answered >= s.Verifications || s.Duration > 0 && elapsed >= s.Duration
}

// slice is the time of the next sample: none ends after the soak.
func (s Soak) slice(elapsed time.Duration) time.Duration {
	if s.Duration == 0 {
		return s.Interval
	}
	return min(s.Interval, max(s.Duration-elapsed, time.Millisecond))
}

// take adds a sample to the series.
func (d *Soaked) take(at time.Duration, r *bench.Result, l Levels) {
	values := []float64{
		r.ItemsPerSecond(), result.InMilliseconds(r.Quantile(0.5)), result.InMilliseconds(r.Quantile(0.99)),
		float64(l.Resident), float64(l.Heap), float64(l.Goroutines), float64(l.Descriptors), float64(l.Disk),
	}
	for i, v := range values {
		points := append(d.Series[i].Points, [2]float64{at.Seconds(), v})
		if len(points) > maxSamples {
			points = folded(points)
		}
		d.Series[i].Points = points
	}
	if latency := r.Latency(); latency != nil {
		d.Measurement.Latency = latency
	}
}

// folded makes one point of every two, at the later time, with their mean.
func folded(points [][2]float64) [][2]float64 {
	kept := points[:0]
	for i := 1; i < len(points); i += 2 {
		kept = append(kept, [2]float64{points[i][0], (points[i-1][1] + points[i][1]) / 2})
	}
	return kept
}

// judged completes the measurement, leaves out what could not be read, and judges the rest.
func (d Soaked) judged() Soaked {
	for _, p := range d.Series[0].Points {
		if p[1] > 0 {
			d.Measurement.Rounds = append(d.Measurement.Rounds, p[1])
		}
	}
	d.Measurement.Counts = d.Tally.Counts()
	var known []result.Series
	for _, s := range d.Series {
		for _, p := range s.Points {
			if p[1] != 0 {
				known = append(known, s)
				break
			}
		}
	}
	d.Series, d.Findings = known, Judge(known)
	return d
}
