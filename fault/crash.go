package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"
)

// Report is what a run of faults on one store showed.
type Report struct {
	Rounds int
	Totals
	// Worst sums the findings after every fault.
	Worst Findings
	// Unexplained are credentials whose history no order explains.
	Unexplained []Violation
	// Restarts are the times from start to listener, ascending; First those from start to the answers about everything.
	Restarts, First []time.Duration
}

// Err reports a broken promise.
func (r *Report) Err() error {
	if r.Worst.Wrong() > 0 || r.Worst.Unread > 0 || r.Late > 0 || len(r.Unexplained) > 0 {
		return fmt.Errorf("fault: a promise is broken: %s", r)
	}
	return nil
}

// String is the report on one screen.
func (r *Report) String() string {
	text := fmt.Sprintf("%d rounds: %d enrolments and %d revocations acknowledged, %d changes without an answer, %d events\n"+
		"answers asked for after a fault %d: missing %d, revived %d, impostors %d, misread %d, refused %d; matches begun after an acknowledged revocation %d; histories unexplained %d\n"+
		"restart %s, to the last answer %s",
		r.Rounds, r.Enrolled, r.Revoked, r.Unanswered, r.Events,
		r.Worst.Asked, r.Worst.Missing, r.Worst.Revived, r.Worst.Impostors, r.Worst.Misread, r.Worst.Unread, r.Late, len(r.Unexplained),
		spread(r.Restarts), spread(r.First))
	if r.Worst.First != "" {
		text += "\nfirst: " + r.Worst.First
	}
	for _, v := range r.Unexplained[:min(3, len(r.Unexplained))] {
		text += "\n" + v.String()
	}
	return text
}

func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "–"
	}
	slices.Sort(times)
	return fmt.Sprintf("median %v, longest %v", times[len(times)/2].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond))
}

// add sums findings; the first that were wrong stay the first.
func (f *Findings) add(more Findings) {
	f.Asked += more.Asked
	f.Missing += more.Missing
	f.Revived += more.Revived
	f.Impostors += more.Impostors
	f.Unread += more.Unread
	f.Misread += more.Misread
	if f.First == "" {
		f.First = more.First
	}
}

// drill is one store that is served, broken and served again.
type drill struct {
	rig      *Rig
	register *Register
	report   Report
	random   *rand.Rand
	// store is the folder, address where it is served, key the API key.
	store, address, key string
	server              *Server
	// pause is how long a client rests between two requests.
	pause time.Duration
}

// newDrill creates the store, in s, and serves it. The server that runs when s is removed is killed.
func (r *Rig) newDrill(ctx context.Context, s *scratch, store string) (d *drill, err error) {
	d = &drill{rig: r, register: NewRegister(), random: rand.New(rand.NewPCG(r.Seed, 2)), store: store, pause: 8 * time.Millisecond}
	if d.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if d.server, err = r.start(ctx, store, d.address, "--create-key"); err != nil {
		return nil, err
	}
	s.later(func() error { d.server.kill(); return nil })
	if d.key, err = r.addParty(store); err != nil {
		return nil, err
	}
	return d, nil
}

// load runs clients against the server for a random time from least to most, or until ctx ends, and lets strike run
// while they are busy.
func (d *drill) load(ctx context.Context, least, most time.Duration, strike func()) error {
	during, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	load := Load{URL: d.server.URL, Key: d.key, Clients: 6, Pause: d.pause, Seed: d.random.Uint64()}
	go func() { done <- load.Run(during, d.register) }()
	wait(ctx, least+time.Duration(d.random.Int64N(int64(most-least))))
	strike()
	stop()
	return <-done
}

// again serves the store again and asks about everything.
func (d *drill) again(ctx context.Context, statuses int) error {
	began := time.Now()
	server, err := d.rig.start(ctx, d.store, d.address)
	if err != nil {
		return fmt.Errorf("after %d rounds: %w", d.report.Rounds, err)
	}
	d.server = server
	d.report.Restarts = append(d.report.Restarts, d.server.Ready)
	d.register.Settle()
	found, err := d.register.Audit(d.server.URL, d.key, statuses, d.random.Uint64())
	d.report.First = append(d.report.First, time.Since(began))
	d.report.Worst.add(found)
	return err
}

// finish checks the histories. It is for the end of a run, whatever came before.
func (d *drill) finish(err error) (*Report, error) {
	d.server.kill()
	d.register.Settle()
	d.report.Unexplained = Check(d.register.Events())
	d.report.Totals = d.register.Totals()
	return &d.report, errors.Join(err, d.report.Err())
}

// Crash kills a server with SIGKILL at a random moment while clients change and ask, serves its store again and asks
// about everything, rounds times over. The error reports a broken promise, and what kept the run from its end.
func (r *Rig) Crash(ctx context.Context, rounds int) (_ *Report, err error) {
	s, err := r.scratch("crash")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	d, err := r.newDrill(ctx, s, filepath.Join(s.dir, "store"))
	if err != nil {
		return nil, err
	}
	for d.report.Rounds < rounds && ctx.Err() == nil && err == nil {
		err = d.load(ctx, 20*time.Millisecond, 400*time.Millisecond, d.server.kill)
		if err == nil && ctx.Err() == nil {
			d.report.Rounds++
			err = d.again(ctx, 100)
		}
		if d.report.Rounds%20 == 0 {
			r.Logf("crash: %d of %d, %d credentials, last restart %v", d.report.Rounds, rounds, d.register.Len(), d.server.Ready.Round(time.Millisecond))
		}
	}
	if err == nil && ctx.Err() == nil {
		err = errors.Join(d.server.terminate(), d.checked())
	}
	return d.finish(errors.Join(err, context.Cause(ctx)))
}

// checked runs zhenni check on the store at rest.
func (d *drill) checked() error {
	_, err := d.rig.check(d.store)
	return err
}
