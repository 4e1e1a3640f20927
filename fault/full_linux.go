package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// outageLimit is how long verification may be away after a fault of the disk is over.
const outageLimit = 5 * time.Second

// outage is how long verification may be away once r strikes: while a write stalls nothing is recorded, so nothing is
// answered that has to be.
func (r Rule) outage() time.Duration { return r.Stall + outageLimit }

// FullRow is what one kind of fault led to.
type FullRow struct {
	// Rounds counts the faults armed, Struck those that were met; Restarts the times a server was started again; Longest
	// is the longest time without verdicts; Late counts those beyond [Rule.outage].
	Rounds, Struck, Restarts, Late int
	Longest                        time.Duration
	// Closed counts stores that were refused once the fault had passed.
	Closed int
}

// FullReport is what faults of the disk led to.
type FullReport struct {
	Rows map[string]*FullRow
	// Reports are of the stores used: one, and another after each that was refused.
	Reports []*Report
	// Notes are the last words of servers that did not start, and what was late, one of each kind.
	Notes map[string]string
}

// String is the table.
func (f *FullReport) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-24s %7s %7s %9s %8s %10s %7s\n", "fault", "rounds", "struck", "restarts", "late", "longest", "closed")
	for _, name := range slices.Sorted(maps.Keys(f.Rows)) {
		row := f.Rows[name]
		fmt.Fprintf(&text, "%-24s %7d %7d %9d %8d %10v %7d\n", name, row.Rounds, row.Struck, row.Restarts, row.Late, row.Longest.Round(time.Millisecond), row.Closed)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Notes)) {
		fmt.Fprintf(&text, "%s: %s\n", name, f.Notes[name])
	}
	for _, r := range f.Reports {
		fmt.Fprintf(&text, "%s\n", r)
	}
	return text.String()
}

// Err reports a broken promise.
func (f *FullReport) Err() error {
	var errs []error
	for _, r := range f.Reports {
		errs = append(errs, r.Err())
	}
	for name, row := range f.Rows {
		if row.Late > 0 || row.Closed > 0 {
			errs = append(errs, fmt.Errorf("fault: %s: verification was away for longer than %v after it %d times; %d stores were refused after the fault had passed",
				name, outageLimit, row.Late, row.Closed))
		}
	}
	return errors.Join(errs...)
}

// kinds are those of faults, in the order in which rounds take them.
var kinds = []Rule{
	{Acts: growth, Errno: syscall.ENOSPC, Forever: true},
	{Acts: ActSync, Errno: syscall.EIO},
	{Acts: ActWrite, Errno: syscall.EIO, Torn: true},
	{Acts: ActWrite, Errno: syscall.ENOSPC},
	{Acts: ActCreate, Errno: syscall.ENOSPC},
	{Acts: ActWrite, Stall: 5 * time.Second},
	{Acts: ActRename, Errno: syscall.EIO},
	{Acts: ActWrite, Errno: syscall.EIO, Forever: true},
	{Acts: ActSync, Errno: syscall.EIO, Forever: true},
	{Acts: ActWrite, Errno: syscall.EIO},
	{Acts: ActWrite, Errno: syscall.ENOSPC, Torn: true},
	{Acts: ActCreate, Errno: syscall.EIO},
	{Acts: ActSync, Stall: 5 * time.Second},
}

// drawRule makes the rule of a round, which strikes at a random place.
func drawRule(round int, random *rand.Rand) Rule {
	rule := kinds[round%len(kinds)]
	rule.After = random.IntN(60)
	if rule.startsOnly() {
		rule.After = random.IntN(3)
	}
	if patterns := []string{"", "", "*.wal", "*.mem", "mark"}; rule.Acts != growth && !rule.startsOnly() {
		rule.Pattern = patterns[random.IntN(len(patterns))]
	}
	return rule
}

// startsOnly reports a rule that hardly meets anything but at a start, when files come and go.
func (r Rule) startsOnly() bool { return r.Acts == ActCreate || r.Acts == ActRename }

// Full serves a store on a file system that fails, one fault a round, while clients change and ask and a supervisor
// starts again what ended. After each fault the store is served without it and asked about everything. It needs
// [CanMount].
func (r *Rig) Full(ctx context.Context, rounds int) (_ *FullReport, err error) {
	report := &FullReport{Rows: make(map[string]*FullRow), Notes: make(map[string]string)}
	random := rand.New(rand.NewPCG(r.Seed, 5))
	for done := 0; done < rounds && ctx.Err() == nil; {
		n, err := r.fullStore(ctx, report, random, done, rounds)
		if done += n; err != nil {
			return report, errors.Join(err, report.Err())
		}
	}
	return report, errors.Join(context.Cause(ctx), report.Err())
}

// fullStore runs the rounds from first on one store, until it is refused, and returns how many it ran.
func (r *Rig) fullStore(ctx context.Context, report *FullReport, random *rand.Rand, first, rounds int) (done int, err error) {
	s, err := r.scratch("full")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	rules := new(Rules)
	at, err := mountFaulty(s, rules)
	if err != nil {
		return 0, err
	}
	d, err := r.newDrill(ctx, s, filepath.Join(at, "store"))
	if err != nil {
		return 0, err
	}
	report.Reports = append(report.Reports, &d.report)
	d.pause = 4 * time.Millisecond
	one := asker{to: d.register, random: random}
	if one.client, err = newClient(d.server.URL, d.key); err != nil {
		return 0, err
	}
	if err = one.enrol(); err != nil {
		return 0, err
	}
	kept := d.register.keep(0)
	for ; first+done < rounds && ctx.Err() == nil && err == nil; done++ {
		rule := drawRule(first+done, random)
		row := report.row(rule.Name())
		if err = d.strike(ctx, report, row, rules, rule, kept); errors.Is(err, errClosed) {
			row.Closed++
			report.Notes["refused after "+rule.Name()] = err.Error()
			_, _ = d.finish(nil) // the report carries it
			return done + 1, nil
		}
		if done%10 == 9 {
			r.Logf("full: %d of %d, %d credentials in this store", first+done+1, rounds, d.register.Len())
		}
	}
	_, _ = d.finish(nil) // the report carries it
	return done, err
}

func (f *FullReport) row(name string) *FullRow {
	if f.Rows[name] == nil {
		f.Rows[name] = new(FullRow)
	}
	return f.Rows[name]
}

// errClosed is a store that is refused though its file system fails no longer.
var errClosed = errors.New("fault: refused")

// strike runs one round on a server that runs, and leaves one that does.
func (d *drill) strike(ctx context.Context, report *FullReport, row *FullRow, rules *Rules, rule Rule, kept credential) error {
	d.server.kill()
	keeper := d.rig.supervise(ctx, d.store, d.address)
	eye, err := watchVerdicts(d.server.URL, d.key, kept, d.random.Uint64())
	if err != nil {
		return err
	}
	began := time.Now()
	for err = eye.since(began); err != nil && time.Since(began) < startLimit && wait(ctx, restartPause); err = eye.since(began) {
	}
	if err != nil {
		eye.stop()
		keeper.stop()
		return fmt.Errorf("%w: %s", err, keeper.refusal)
	}
	during, stop := context.WithCancel(ctx)
	loaded := make(chan error, 1)
	load := Load{URL: d.server.URL, Key: d.key, Clients: 6, Pause: d.pause, Stubborn: true, Seed: d.random.Uint64()}
	go func() { loaded <- load.Run(during, d.register) }()
	wait(ctx, time.Duration(d.random.Int64N(int64(150*time.Millisecond))))
	rules.Arm(&rule)
	row.Rounds++
	if rule.startsOnly() {
		keeper.kill()
	}
	stirred := stir(d.store, d.random.Uint64())
	longest, struck := observe(ctx, rules, rule.outage()+d.rig.Slack, eye)
	stirred()
	stop()
	err = <-loaded
	eye.stop()
	starts := keeper.stop()
	rules.Arm(nil)
	if struck {
		row.Struck++
		row.Restarts += starts - 1
		row.Longest = max(row.Longest, longest)
	}
	if keeper.death != "" && !rule.startsOnly() {
		report.Notes["ended after "+rule.Name()] = keeper.death
	}
	if longest > rule.outage()+d.rig.Slack {
		row.Late++
		report.Notes["late after "+rule.Name()] = fmt.Sprintf("%v with %+v; the last start that failed: %s", longest.Round(time.Millisecond), rule, keeper.refusal)
	}
	d.report.Rounds++
	if err != nil {
		return err
	}
	return d.reopen(ctx)
}

// reopen serves the store without the fault. The kernel tells the first who syncs a file of a write-back that failed
// before, so a start may fail once more for each such file.
func (d *drill) reopen(ctx context.Context) (err error) {
	for range 4 {
		if err = d.again(ctx, 50); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errClosed, err)
}

// observe waits for the fault and then until verdicts have come again, for a second at least and three beyond limit at
// most.
func observe(ctx context.Context, rules *Rules, limit time.Duration, eye *watch) (longest time.Duration, struck bool) {
	var first time.Time
	for range 30 {
		if first, struck = rules.Struck(); struck || !wait(ctx, 50*time.Millisecond) {
			break
		}
	}
	if !struck {
		return 0, false
	}
	wait(ctx, time.Second)
	for time.Since(first) < limit+3*time.Second && !eye.lastAfter(time.Now().Add(-200*time.Millisecond)) {
		if !wait(ctx, 50*time.Millisecond) {
			break
		}
	}
	return eye.gap(first), true
}
