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
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"zhenni"
	"zhenni/engine/accuracy"
	"zhenni/simd"
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
	return report{
		Machine: machine{CPU: firstOf("/proc/cpuinfo", "model name\t: "), Cores: cores(), OS: runtime.GOOS + "/" + runtime.GOARCH,
			Go: runtime.Version(), Tier: simd.Tier(), Load: firstOf("/proc/loadavg", "")},
		Started: time.Now().UTC(), Credentials: c.credentials, Dim: c.dim, Probes: c.probes, Trials: passes * c.probes,
		Seed: c.seed, Rounds: c.rounds, TurnSeconds: c.turn.Seconds(),
		Notes: []string{
			"Every peer, its clients and this program share the cores; a server that is not asked is idle. All over TCP on 127.0.0.1.",
			"FAISS and NumKong compare and do not store or serve: make bench-kernels measures the kernels beside them.",
		},
	}
}

// firstOf returns the rest of the first line of a file that begins with prefix.
func firstOf(path, prefix string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}

// lineup is all that is measured, ready to be asked.
type lineup struct {
	config
	scratch  string
	workload *workload
	report   report
	crews    []*crew
	stops    []func() error
}

// stop closes the clients, then ends the servers, the last first.
func (l *lineup) stop() error {
	var errs []error
	for _, c := range l.crews {
		errs = append(errs, c.close())
	}
	for i := len(l.stops) - 1; i >= 0; i-- {
		errs = append(errs, l.stops[i]())
	}
	return errors.Join(errs...)
}

// folder makes a folder of a peer's own.
func (l *lineup) folder(name string) (string, error) {
	dir := filepath.Join(l.scratch, name)
	return dir, os.Mkdir(dir, 0o700)
}

// prepare makes the workload, has every peer store it, starts them and connects.
func (l *lineup) prepare(ctx context.Context) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	path := filepath.Join(root, "cmd", "zhenni", "profiles", fmt.Sprintf("synthetic-%d.json", l.dim))
	profile, err := readProfile(path)
	if err != nil {
		return err
	}
	log.Printf("making %d people and %d trials", l.credentials, passes*l.probes)
	people := accuracy.Population{Seed: l.seed, Dim: l.dim}
	if l.workload, err = newWorkload(ctx, people, profile, l.credentials, l.probes); err != nil {
		return err
	}
	contenders, err := l.fill(ctx, root, path)
	if err != nil {
		return err
	}
	l.workload.references = nil
	debug.FreeOSMemory()
	log.Printf("connecting")
	for _, c := range contenders {
		crew, err := newCrew(ctx, l.workload, c)
		if err != nil {
			return err
		}
		l.crews = append(l.crews, crew)
	}
	return nil
}

func readProfile(path string) (zhenni.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return zhenni.Profile{}, err
	}
	defer f.Close()
	return zhenni.ReadProfile(f)
}

// fill has each peer store the people. zhenni is first: it draws the ids.
func (l *lineup) fill(ctx context.Context, root, profile string) ([]contender, error) {
	var all []contender
	for _, peer := range []struct {
		name string
		add  func(ctx context.Context, dir string) ([]contender, error)
	}{
		{peerZhenni, func(ctx context.Context, dir string) ([]contender, error) {
			return l.addZhenni(ctx, dir, root, profile)
		}},
		{peerPostgres, l.addPostgres},
		{peerRedis, l.addRedis},
		{peerService, l.addService},
		{peerStores, l.addStores},
	} {
		log.Printf("%s: storing %d credentials", peer.name, l.credentials)
		dir, err := l.folder(strings.ReplaceAll(peer.name, " ", "-"))
		if err != nil {
			return nil, err
		}
		contenders, err := peer.add(ctx, dir)
		if errors.Is(err, errAbsent) && !l.require {
			l.report.Skipped = append(l.report.Skipped, fmt.Sprintf("%s is left out: %v", peer.name, err))
			log.Print(l.report.Skipped[len(l.report.Skipped)-1])
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", peer.name, err)
		}
		all = append(all, contenders...)
	}
	return all, nil
}

func (l *lineup) addZhenni(ctx context.Context, dir, root, profile string) ([]contender, error) {
	n, err := prepareNode(ctx, dir, root, l.zhenni, profile, l.workload)
	if err != nil {
		return nil, err
	}
	l.stops = append(l.stops, n.stop)
	l.report.Notes = append(l.report.Notes, "zhenni serve with its record on: each answer leaves after its fsync; \"not recorded\" is --verify-only --unrecorded.")
	if err := n.start(ctx, l.credentials); err != nil {
		return nil, err
	}
	contenders := n.contenders(l.workload)
	if l.unrecorded {
		target, err := n.startUnrecorded(ctx, l.credentials)
		if err != nil {
			return nil, err
		}
		contenders = append(contenders, n.unrecordedContenders(l.workload, target)...)
	}
	return contenders, nil
}

func (l *lineup) addPostgres(ctx context.Context, dir string) ([]contender, error) {
	p, err := startPostgres(ctx, dir, l.postgres, l.credentials, l.dim)
	if err != nil {
		return nil, err
	}
	l.stops = append(l.stops, p.stop)
	l.report.Notes = append(l.report.Notes, p.describe())
	switch {
	case !p.vector && l.require:
		return nil, fmt.Errorf("pgvector: %w", errAbsent)
	case !p.vector:
		l.report.Skipped = append(l.report.Skipped, "pgvector is left out: this server has no extension \"vector\"; SQL compares real[].")
	}
	if p.bench == "" {
		l.report.Skipped = append(l.report.Skipped, "pgbench is left out: not installed.")
	}
	if err := p.fill(ctx, l.workload); err != nil {
		return nil, err
	}
	return p.contenders(l.workload), nil
}

func (l *lineup) addRedis(ctx context.Context, dir string) ([]contender, error) {
	r, err := startRedis(ctx, dir, l.redis)
	if err != nil {
		return nil, err
	}
	l.stops = append(l.stops, r.stop)
	l.report.Notes = append(l.report.Notes, "Redis "+r.version+", no persistence, go-redis with one connection a client.")
	return r.contenders(l.workload), r.fill(ctx, l.workload)
}

func (l *lineup) addService(ctx context.Context, dir string) ([]contender, error) {
	s, err := prepareService(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, l.workload); err != nil {
		return nil, err
	}
	if err := s.start(ctx, l.workload.profile.Cosine); err != nil {
		return nil, err
	}
	l.stops = append(l.stops, s.stop)
	return s.contenders(l.workload), nil
}

func (l *lineup) addStores(ctx context.Context, dir string) ([]contender, error) {
	s, err := openStores(ctx, dir, l.workload)
	if err != nil {
		return nil, err
	}
	l.stops = append(l.stops, s.close)
	return s.contenders(l.workload), nil
}

// measure gives every contender a turn to warm up, then its turn in each round, every round beginning elsewhere.
func (l *lineup) measure(ctx context.Context) error {
	log.Printf("%d contenders, %d rounds of %v", len(l.crews), l.rounds, l.turn)
	measured := make([][]measurement, len(l.crews))
	for round := range l.rounds + 1 {
		for _, i := range order(len(l.crews), round, l.rounds+1) {
			got, err := l.crews[i].turn(ctx, l.turn)
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return err
			}
			if round > 0 {
				measured[i] = append(measured[i], got)
			}
		}
		log.Printf("round %d of %d is over", round, l.rounds)
	}
	for i, crew := range l.crews {
		l.report.Rows = append(l.report.Rows, newRow(crew.contender, measured[i]))
	}
	return nil
}

// order is 0 … n-1, rotated further with every round.
func order(n, round, rounds int) []int {
	turns := make([]int, n)
	for i := range turns {
		turns[i] = (i + round*n/rounds) % n
	}
	return turns
}
