// Command _peers measures zhenni beside what would be picked in its place: PostgreSQL, Redis, a service of an
// afternoon and embedded stores, on the same data, with the same questions, in one interleaved run. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zhenni/bench/result"
)

// config are the flags.
type config struct {
	credentials, probes, dim, rounds int
	turn                             time.Duration
	seed                             uint64
	json, scratch                    string
	postgres, redis, zhenni          string
	unrecorded, require              bool
}

func readFlags() config {
	var c config
	short := flag.Bool("short", false, "a smoke run: 50,000 credentials, 2 rounds of 300 ms, unless said otherwise")
	flag.IntVar(&c.credentials, "credentials", 1_000_000, "synthetic people that every peer stores")
	flag.IntVar(&c.probes, "probes", 1<<16, "distinct probes, at least 16384; each makes 16 trials")
	flag.IntVar(&c.dim, "dim", 512, "elements of an embedding: 128 or 512")
	flag.IntVar(&c.rounds, "rounds", 5, "rounds to take medians over")
	flag.DurationVar(&c.turn, "turn", 2*time.Second, "time of one contender in one round")
	flag.Uint64Var(&c.seed, "seed", 1, "which people and questions are made")
	flag.StringVar(&c.json, "json", "", "file to write the result to")
	flag.StringVar(&c.scratch, "scratch", "", "folder for everything temporary, 16 GiB at a million credentials (default: the system's)")
	flag.StringVar(&c.postgres, "postgres", "", "folder of PostgreSQL's programs (default: the PATH, then Debian's newest)")
	flag.StringVar(&c.redis, "redis", "", "folder of redis-server (default: the PATH)")
	flag.StringVar(&c.zhenni, "zhenni", "", "binary to measure (default: built from this tree)")
	flag.BoolVar(&c.unrecorded, "unrecorded", true, "measure zhenni without its record too, from a copy of its store in memory")
	flag.BoolVar(&c.require, "require", false, "fail where a peer's programs are absent, instead of leaving it out")
	flag.Parse()
	if *short {
		given := map[string]bool{}
		flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
		setUnless(given["credentials"], &c.credentials, 50_000)
		setUnless(given["probes"], &c.probes, 1<<14)
		setUnless(given["rounds"], &c.rounds, 2)
		setUnless(given["turn"], &c.turn, 300*time.Millisecond)
	}
	return c
}

func setUnless[T any](given bool, value *T, short T) {
	if !given {
		*value = short
	}
}

// validate reports the first flag out of range.
func (c config) validate() error {
	switch {
	case c.credentials < 2:
		return fmt.Errorf("-credentials: %d, want at least 2", c.credentials)
	case c.probes < 1<<14:
		return fmt.Errorf("-probes: %d, want at least 16384", c.probes)
	case c.probes%2 != 0:
		return fmt.Errorf("-probes: %d, want an even number", c.probes)
	case c.dim != 128 && c.dim != 512:
		return fmt.Errorf("-dim: %d, want 128 or 512, for which there is a threshold", c.dim)
	case c.rounds < 1 || c.turn <= 0:
		return fmt.Errorf("%d rounds of %v: want one or more of some time", c.rounds, c.turn)
	}
	return nil
}

func main() {
	log.SetFlags(log.Ltime)
	c := readFlags()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, c)
	if ctx.Err() != nil {
		err = errors.New("interrupted; what was started is ended and removed")
	}
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run measures and prints. Whatever it started or wrote is gone when it returns, but for the file of -json.
func run(ctx context.Context, c config) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(c.scratch, "zhenni-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if err := os.Chmod(scratch, 0o711); err != nil { // servers under another account pass through it
		return err
	}
	l := &lineup{config: c, scratch: scratch}
	l.report = newReport(c)
	defer func() { err = errors.Join(err, l.stop()) }()
	if err := l.prepare(ctx); err != nil {
		return err
	}
	if err := l.measure(ctx); err != nil {
		return err
	}
	l.report.compare()
	if err := l.report.print(os.Stdout); err != nil {
		return err
	}
	if c.json != "" {
		if err := l.report.write(c.json); err != nil {
			return err
		}
	}
	if names := l.report.disagreeing(); len(names) > 0 {
		return fmt.Errorf("decided other than zhenni in more than one of a thousand trials:\n%s", strings.Join(names, "\n"))
	}
	return nil
}

func newReport(c config) report {
	r := report{
		Run: result.Run{Layer: "peers", Started: time.Now().UTC(), Machine: result.ReadMachine(), Seed: c.seed, Settings: map[string]string{
			"credentials": strconv.Itoa(c.credentials), "dim": strconv.Itoa(c.dim), "probes": strconv.Itoa(c.probes),
			"rounds": strconv.Itoa(c.rounds), "turn": c.turn.String(),
		}},
		Notes: []string{
			"Every peer, its clients and this program share the cores; a server that is not asked is idle. All over TCP on 127.0.0.1.",
			"FAISS and NumKong compare and do not store or serve: make bench-kernels measures the kernels beside them.",
		},
	}
	r.Build, r.Commit = result.ReadBuild()
	return r
}
