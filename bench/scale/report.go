package scale

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zhenni/bench/ingress"
	"zhenni/bench/result"
	"zhenni/storage"
)

// Host is what a run asks about the machine, and tells.
type Host struct {
	// Room returns what is free now.
	Room func() (Room, error)
	// DiskUse returns the bytes of the blocks that a file takes, or all files in a folder.
	DiskUse func(path string) float64
	// Begin is called before each step, and the function that it returns with how far the step is, in its own units.
	Begin func(step string) (at func(done, total int64), end func())
}

// Report is what came of a run.
type Report struct {
	// Measurements are those of a result file, places included; the first is the headline.
	Measurements []result.Measurement
	Places       []Place
	Findings     []ingress.Finding
	// LeftOut says what did not fit, a sentence each.
	LeftOut []string
	// Folder is what the run was made in.
	Folder string
}

// Run runs all steps: [ErrFit] before anything is written where they do not fit. However it ends, the folder is
// removed unless it is to be kept.
func (s Scale) Run(ctx context.Context, host Host) (_ *Report, err error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	room, err := host.Room()
	if err != nil {
		return nil, err
	}
	if err := s.Fit(room); err != nil {
		return nil, err
	}
	if s.Dir, err = filepath.EvalSymlinks(s.Dir); err != nil { // as the system names what is mapped
		return nil, fmt.Errorf("scale: %w", err)
	}
	folder, err := os.MkdirTemp(s.Dir, "zhenni-scale-")
	if err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	if !s.Keep {
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	}
	if _, err := storage.CreateKeyFile(filepath.Join(folder, rootFile), nil); err != nil {
		return nil, err
	}
	r := &run{Scale: s, host: host, folder: folder, report: &Report{Folder: folder}}
	return r.report, r.all(ctx)
}

// run is a run on its way.
type run struct {
	Scale
	host   Host
	folder string
	report *Report
}

// all does the steps one after another.
func (r *run) all(ctx context.Context) error {
	filled, err := r.step(ctx, stepImport, 0)
	if err != nil {
		return err
	}
	opened, err := r.step(ctx, stepOpen, 0)
	if err != nil {
		return err
	}
	hot, err := r.hot(ctx)
	if err != nil {
		return err
	}
	made, err := r.step(ctx, stepMakeCold, 0)
	if err != nil {
		return err
	}
	cold, err := r.step(ctx, stepCold, r.arena(r.ColdShare))
	if err != nil {
		return err
	}
	disk, err := diskPlaces(r.folder, r.Credentials, r.host.DiskUse)
	if err != nil {
		return err
	}
	report := r.report
	report.Places = slices.Concat(disk, hot.Places, cold.Places)
	report.Findings = slices.Concat(growth(hot.Measurements), coldFindings(cold.Measurements))
	times := report.Measurements
	report.Measurements = slices.Concat(hot.Measurements, cold.Measurements, filled.Measurements, opened.Measurements, made.Measurements)
	for _, place := range report.Places {
		report.Measurements = append(report.Measurements, place.measurement())
	}
	report.Measurements = append(report.Measurements, times...)
	return nil
}

// step does one step, and notes how long it took.
func (r *run) step(ctx context.Context, name string, arena int64) (*outcome, error) {
	at, end := r.host.Begin(name)
	defer end()
	begun := time.Now()
	done, err := order{Scale: r.Scale, Step: name, Folder: r.folder, Arena: arena}.start(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.report.Measurements = append(r.report.Measurements, once("time/"+name, result.Milliseconds, result.InMilliseconds(time.Since(begun))))
	return done, nil
}

// hot does the hot step as far as it fits.
func (r *run) hot(ctx context.Context) (*outcome, error) {
	room, err := r.host.Room()
	if err != nil {
		return nil, err
	}
	leftOut := func(format string, args ...any) {
		r.report.LeftOut = append(r.report.LeftOut, fmt.Sprintf(format, args...))
	}
	arena, want := r.hotArena(room.Memory), r.arena(r.Hot)
	switch {
	case r.Hot == 0:
		leftOut("Verification from memory was not asked for.")
		return &outcome{}, nil
	case arena < r.persons()*r.level():
		leftOut("Nothing is verified from memory: an arena of %s does not fit into %s.", inBytes(want), inBytes(room.Memory))
		return &outcome{}, nil
	}
	done, err := r.step(ctx, stepHot, arena)
	if err == nil && done.Rows < r.Credentials {
		leftOut("%d of %d credentials are in memory: the arena for %g %% of them takes %s, and %s is free, %s of it for the rest of the process.",
			done.Rows, r.Credentials, 100*r.Hot, inBytes(want), inBytes(room.Memory), inBytes(r.aside()))
	}
	return done, err
}
