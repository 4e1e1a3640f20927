package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// notSo is an error for "the thing asked for is not so", usage one for a wrong command line or configuration,
// environment one for files, network or memory that failed. Texts name the field and the remedy.
func notSo(format string, args ...any) error {
	return &exitError{exitNotSo, fmt.Errorf(format, args...)}
}

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func environment(format string, args ...any) error {
	return &exitError{exitEnvironment, fmt.Errorf(format, args...)}
}

// output is where a command writes: results that scripts read, and notes for the person watching.
type output struct {
	results io.Writer
	notes   io.Writer
	// animated reports that notes is a terminal, so progress may be drawn.
	animated bool
}

func newOutput(results, notes *os.File) *output {
	info, err := notes.Stat()
	return &output{results: results, notes: notes, animated: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// Note tells the person watching something, on a line of its own.
func (o *output) Note(format string, args ...any) { fmt.Fprintf(o.notes, format+"\n", args...) }

// Print writes one line of results.
func (o *output) Print(format string, args ...any) error {
	_, err := fmt.Fprintf(o.results, format+"\n", args...)
	return err
}

// JSON writes v as one indented JSON value.
func (o *output) JSON(v any) error {
	enc := json.NewEncoder(o.results)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Table writes rows in aligned columns; the first row is the heading.
func (o *output) Table(rows [][]string) error {
	w := tabwriter.NewWriter(o.results, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// progress shows how far a long piece of work is. It draws on a terminal only. Its methods may be called from
// several goroutines; Done must be called once, also when the work fails.
type progress struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

// Progress starts a bar for total units of what ("comparisons", "records").
func (o *output) Progress(what string, total int64) *progress {
	if !o.animated {
		return &progress{}
	}
	bars := mpb.New(mpb.WithOutput(o.notes), mpb.WithWidth(40), mpb.WithRefreshRate(120*time.Millisecond))
	bar := bars.AddBar(total,
		mpb.PrependDecorators(decor.Name(what+" ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d / %d "), decor.Percentage(), decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 8}), "")))
	return &progress{bars, bar}
}

// Add reports n more units done.
func (p *progress) Add(n int) {
	if p.bar != nil {
		p.bar.IncrBy(n)
	}
}

// Set reports that done units of the total are done.
func (p *progress) Set(done int64) {
	if p.bar != nil {
		p.bar.SetCurrent(done)
	}
}

// Of reports that done units are done of a total that was not known before.
func (p *progress) Of(done, total int64) {
	if p.bar != nil {
		p.bar.SetTotal(total, false)
		p.bar.SetCurrent(done)
	}
}

// Done ends the bar, leaving it on the screen as far as it came.
func (p *progress) Done() {
	if p.bar == nil {
		return
	}
	if !p.bar.Completed() {
		p.bar.Abort(false)
	}
	p.bars.Wait()
}
