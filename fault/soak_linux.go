package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Sample is what a server took, at the end of one spell of service: bytes of memory and disk, descriptors, and how long
// the start after it took.
type Sample struct {
	At                           time.Duration
	Event                        string
	Credentials, Files           int
	RSS, Disk, DiskPerCredential int64
	Restart                      time.Duration
}

// SoakReport is a [Report] with what was taken over time.
type SoakReport struct {
	*Report
	Samples []Sample
	// Damaged are copies of the store that were damaged on the way.
	Damaged CorruptReport
}

// String adds the medians of each quarter of the run.
func (s *SoakReport) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%8s %12s %10s %7s %10s %12s %12s", s.Report, "quarter", "credentials", "RSS MiB", "files", "disk MiB", "B/credential", "restart")
	for i, q := range s.quarters() {
		fmt.Fprintf(&text, "\n%8d %12d %10d %7d %10d %12d %12v", i+1, q.Credentials, q.RSS>>20, q.Files, q.Disk>>20, q.DiskPerCredential, q.Restart.Round(time.Millisecond))
	}
	if len(s.Damaged.Cases) > 0 {
		fmt.Fprintf(&text, "\n%s", &s.Damaged)
	}
	return text.String()
}

// quarters returns the median of each column over each quarter of the samples; nothing for fewer than eight.
func (s *SoakReport) quarters() (list []Sample) {
	if len(s.Samples) < 8 {
		return nil
	}
	for i := range 4 {
		part := s.Samples[i*len(s.Samples)/4 : (i+1)*len(s.Samples)/4]
		list = append(list, Sample{
			Credentials: middle(part, func(s Sample) int { return s.Credentials }), Files: middle(part, func(s Sample) int { return s.Files }),
			RSS: middle(part, func(s Sample) int64 { return s.RSS }), Disk: middle(part, func(s Sample) int64 { return s.Disk }),
			DiskPerCredential: middle(part, func(s Sample) int64 { return s.DiskPerCredential }),
			Restart:           middle(part, func(s Sample) time.Duration { return s.Restart }),
		})
	}
	return list
}

func middle[T int | int64 | time.Duration](samples []Sample, column func(Sample) T) T {
	values := make([]T, len(samples))
	for i, s := range samples {
		values[i] = column(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// Drift reports what grew from the first quarter to the last by more than the credentials explain.
func (s *SoakReport) Drift() error {
	q := s.quarters()
	if q == nil {
		return nil
	}
	if q[3].Files > q[0].Files+32 || q[3].RSS > 2*q[0].RSS+64<<20 {
		return fmt.Errorf("fault: drift: descriptors %d → %d, RSS %d → %d MiB", q[0].Files, q[3].Files, q[0].RSS>>20, q[3].RSS>>20)
	}
	return nil
}

// Soak serves one store for a time at a low rate, while servers are killed, stopped in order, their disk fails where
// [CanMount], and copies of the store are damaged.
func (r *Rig) Soak(ctx context.Context, duration time.Duration) (_ *SoakReport, err error) {
	s, err := r.scratch("soak")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	at, rules := s.dir, new(Rules)
	if CanMount() == nil {
		if at, err = mountFaulty(s, rules); err != nil {
			return nil, err
		}
	}
	d, err := r.newDrill(ctx, s, filepath.Join(at, "store"))
	if err != nil {
		return nil, err
	}
	d.pause = 25 * time.Millisecond
	report, began := &SoakReport{Report: &d.report, Damaged: CorruptReport{Seed: r.Seed}}, time.Now()
	for err == nil && ctx.Err() == nil && time.Since(began) < duration {
		event := soakEvents[d.random.IntN(len(soakEvents))]
		least := min(duration/40, 5*time.Second)
		var struck error
		sample := Sample{At: time.Since(began), Event: event.name}
		loaded := d.load(ctx, least, 3*least, func() {
			sample.take(d)
			struck = event.strike(d, rules)
		})
		err = errors.Join(loaded, struck)
		d.server.kill()
		rules.Arm(nil)
		d.report.Rounds++
		if d.report.Rounds%4 == 0 && err == nil {
			err = report.damage(ctx, d, s)
		}
		if err == nil && ctx.Err() == nil {
			err = d.reopen(ctx)
			sample.Restart = d.server.Ready
			report.Samples = append(report.Samples, sample)
		}
	}
	_, err = d.finish(errors.Join(err, context.Cause(ctx)))
	return report, errors.Join(err, report.Drift(), report.Damaged.Err())
}

// soakEvents are how a spell of service ends.
var soakEvents = []struct {
	name   string
	strike func(*drill, *Rules) error
}{
	{"kill", func(*drill, *Rules) error { return nil }}, // the spell ends in one anyhow
	{"stop", stopped},
	{"write fails", armed(Rule{Acts: ActWrite, Errno: syscall.EIO, Torn: true})},
	{"sync fails", armed(Rule{Acts: ActSync, Errno: syscall.EIO})},
	{"disk full", armed(Rule{Acts: growth, Errno: syscall.ENOSPC, Forever: true})},
	{"disk stalls", armed(Rule{Acts: ActWrite | ActSync, Stall: 2 * time.Second})},
}

// stopped ends a server in order. It may end with an error: the kernel tells it of a write-back that failed in a spell
// before.
func stopped(d *drill, _ *Rules) error {
	if err := d.server.terminate(); errors.Is(err, errStuck) {
		return err
	}
	return nil
}

// armed has a rule strike at once and lets clients go on for a second.
func armed(rule Rule) func(*drill, *Rules) error {
	return func(_ *drill, rules *Rules) error {
		rules.Arm(&rule)
		time.Sleep(time.Second)
		return nil
	}
}

// take reads what the server takes; zero where it has ended by itself.
func (s *Sample) take(d *drill) {
	s.Credentials = d.register.Len()
	proc := filepath.Join("/proc", strconv.Itoa(d.server.cmd.Process.Pid))
	if statm, err := os.ReadFile(filepath.Join(proc, "statm")); err == nil {
		if fields := strings.Fields(string(statm)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			s.RSS = pages * int64(os.Getpagesize())
		}
	}
	if entries, err := os.ReadDir(filepath.Join(proc, "fd")); err == nil {
		s.Files = len(entries)
	}
	s.Disk = diskBytes(d.store)
	s.DiskPerCredential = s.Disk / int64(max(1, s.Credentials))
}

// damage serves a damaged copy of the store, which nobody serves now.
func (s *SoakReport) damage(ctx context.Context, d *drill, at *scratch) (err error) {
	earlier, copied := filepath.Join(at.dir, "earlier"), filepath.Join(at.dir, "copy")
	if _, err := os.Stat(earlier); err != nil {
		return copyPrepared(filepath.Dir(d.store), earlier)
	}
	if err := copyPrepared(filepath.Dir(d.store), copied); err != nil {
		return err
	}
	store, random := filepath.Join(copied, "store"), rand.New(rand.NewPCG(d.random.Uint64(), 7))
	one := Case{Number: len(s.Damaged.Cases)}
	if err := one.draw(store, filepath.Join(earlier, "store"), random); err != nil {
		return err
	}
	t := trial{d.rig, store, d.key, d.register.fork()}
	one.Fate, one.Said = t.serve(ctx, random)
	s.Damaged.Cases = append(s.Damaged.Cases, one)
	if err := errors.Join(os.RemoveAll(copied), os.RemoveAll(earlier)); err != nil {
		return err
	}
	return copyPrepared(filepath.Dir(d.store), earlier) // for the next
}
