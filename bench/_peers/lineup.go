package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"zhenni"
	"zhenni/engine/accuracy"
)

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
	for _, stop := range slices.Backward(l.stops) {
		errs = append(errs, stop())
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
		l.report.Skipped = append(l.report.Skipped, "pgvector is left out: this server has no extension \"vector\". The ratios to float32 are to the best of the other ways, which are slower.")
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
		l.report.rows = append(l.report.rows, newRow(crew.contender, measured[i]))
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
