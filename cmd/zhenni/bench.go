package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhenni/bench/report"
	"zhenni/bench/result"
)

// benchCommand is bench: one line a layer, and two for what the layers leave behind.
type benchCommand struct {
	Kernels  benchKernels  `cmd:"" help:"The kernels on every instruction set and dimension, beside what memory gives."`
	Engine   benchEngine   `cmd:"" help:"Verification in process, beside its dot products alone."`
	Actors   benchActors   `cmd:"" help:"Verification through the mailboxes, beside matchers called directly."`
	Store    benchStore    `cmd:"" help:"Get, put and import, beside a mapped file and the disk."`
	HTTP     benchHTTP     `cmd:"" name:"http" help:"Measure the HTTP layer beside raw rows, bare transport and the node in process; overload and fairness."`
	Soak     benchSoak     `cmd:"" help:"Press for hours and judge whether anything leaks or drifts."`
	Scale    benchScale    `cmd:"" help:"Put as many credentials on this machine as asked for: import, open, hot, cold, and where each byte is."`
	Sessions benchSessions `cmd:"" help:"Live sessions that both parties follow: how soon they are told, what a session takes of memory."`
	Compare  benchCompare  `cmd:"" help:"Compare result files with an older one: ratios, and whether they mean anything."`
	Report   benchReport   `cmd:"" help:"Write result files as one HTML page with plots."`
}

// benchOutput is the flags that every bench of a layer has. A layer's command embeds it:
//
//	run := c.begin("engine", map[string]string{"dim": "512"})
//	run.Measurements, err = c.turns(ctx, out, cases)
//	…
//	return c.finish(out, run)
type benchOutput struct {
	Rounds int           `default:"10" help:"Rounds; each measures every case once, beginning with another one (default ${default})."`
	Time   time.Duration `default:"${time=1s}" help:"How long to measure a case in a round (default ${default})."`
	Seed   uint64        `default:"1" help:"What everything random is drawn from (default ${default})."`
	Out    string        `placeholder:"FILE" help:"Write a result file, for zhenni bench compare and report."`
	Report string        `placeholder:"FILE" help:"Write an HTML page with plots."`
	JSON   bool          `help:"Print the result as one JSON object instead of a table."`
}

// Validate refuses, before anything is measured, what could not be measured or written at the end.
func (b *benchOutput) Validate() error {
	if b.Rounds < 1 || b.Rounds > result.MaxRounds || b.Time <= 0 {
		return fmt.Errorf("--rounds %d --time %v: want 1–%d rounds of some time", b.Rounds, b.Time, result.MaxRounds)
	}
	return foldersOf(b.Out, b.Report)
}

// foldersOf refuses files whose folder is not there; "" is none.
func foldersOf(paths ...string) error {
	for _, path := range paths {
		if path == "" {
			continue
		}
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return fmt.Errorf("no folder for %s: %w", path, err)
		}
	}
	return nil
}

// begin returns the run of a layer as it is before the first measurement. settings are the flags of the layer that could
// change a number, by name; --time is added to them. It is called before the load begins: it reads how busy the machine is.
func (b *benchOutput) begin(layer string, settings map[string]string) *result.Run {
	run := &result.Run{Layer: layer, Started: time.Now().UTC(), Machine: result.ReadMachine(), Settings: map[string]string{"time": b.Time.String()}, Seed: b.Seed}
	run.Build, run.Commit = result.ReadBuild()
	for name, value := range settings {
		run.Settings[name] = value
	}
	return run
}

// turns measures the cases in turns, with a progress bar.
func (b *benchOutput) turns(ctx context.Context, out *output, cases []result.Case) ([]result.Measurement, error) {
	bar := out.Progress("samples", int64(b.Rounds*len(cases)))
	defer bar.Done()
	begun := int64(0)
	return result.Turns(ctx, b.Rounds, b.Time, cases, func(int, string) {
		bar.Set(begun)
		begun++
	})
}

// finish completes the run, writes the files that were asked for and prints the result. A file that can not be written
// does not keep the result from being printed.
func (b *benchOutput) finish(out *output, run *result.Run) error {
	if err := run.Finish(); err != nil {
		return environment("%s measured nothing that can be kept: %w", run.Layer, err)
	}
	return errors.Join(b.write(out, run), b.print(out, run))
}

func (b *benchOutput) write(out *output, run *result.Run) error {
	page := report.Results{Title: "zhenni bench " + run.Layer, Runs: []report.NamedRun{{Name: run.Layer, Run: run}}}
	var failed []error
	for _, file := range []struct {
		path, what string
		write      func(io.Writer) error
	}{{b.Out, "result", run.Write}, {b.Report, "report", page.Write}} {
		if file.path == "" {
			continue
		}
		if err := writeFile(file.path, file.write); err != nil {
			failed = append(failed, err)
			continue
		}
		out.Note("%s written to %s", file.what, file.path)
	}
	return errors.Join(failed...)
}

func (b *benchOutput) print(out *output, run *result.Run) error {
	for _, caveat := range run.Caveats() {
		out.Note("WARNING: %s", caveat)
	}
	if b.JSON {
		return out.JSON(run)
	}
	if err := out.Print("%s on %d × %s (%s), commit %s, seed %d, %d rounds of %v", run.Layer, run.Machine.Cores,
		strings.TrimSpace(run.Machine.CPU), run.Machine.Tier, run.Commit, run.Seed, b.Rounds, b.Time); err != nil {
		return err
	}
	for _, rows := range [][][]string{run.Table(), result.Legend} {
		if err := out.Table(rows); err != nil {
			return err
		}
		if err := out.Print(""); err != nil {
			return err
		}
	}
	return nil
}
