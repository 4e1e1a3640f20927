package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/bench/scale"
	"zhenni/storage"
)

// benchScale is bench scale.
type benchScale struct {
	Dir         string  `type:"path" placeholder:"FOLDER" help:"Folder on the disk to measure; everything made in it is removed (default the system's folder for temporary files)."`
	Credentials int64   `default:"100000000" placeholder:"N" help:"Credentials to put on the machine (default ${default})."`
	Dim         int     `default:"128" placeholder:"N" help:"Dimension of the embeddings (default ${default})."`
	Hot         float64 `default:"1" placeholder:"SHARE" help:"Share of the credentials to hold in memory (default ${default}); what does not fit is said. 0 leaves that out."`
	ColdShare   float64 `default:"0.02" placeholder:"SHARE" help:"Share held in memory while the others are read from the cold tier (default ${default})."`
	Threads     int     `placeholder:"N" help:"Matchers (default one a core)."`
	Batch       int     `default:"1024" placeholder:"N" help:"Items a matcher is given at a time (default ${default})."`
	Questions   int     `default:"1048576" placeholder:"N" help:"Different comparisons about each population; their rows are to be more than the caches hold (default ${default})."`
	Check       bool    `help:"Only say what it takes and whether that fits."`
	Keep        bool    `help:"Leave the store behind."`
	Markdown    string  `placeholder:"FILE" help:"Write a summary as a document."`
	benchOutput `embed:"" set:"time=1s"`
}

// Help is shown by zhenni bench scale --help.
func (benchScale) Help() string {
	return `Imports synthetic people into a new store, as its base; opens it; verifies from memory, asked about a million of them, ten times as many and so on, beside the bare dot products of the same rows; makes the cold tier and verifies from it, beside random reads of the same file; and says where each byte of memory and disk is. Every step has a process of its own. It refuses before it writes what the disk or the memory has no room for, and says what would fit. An interrupt removes the store too.

A large store has several credentials of one person, whose template is there once for each: what is measured depends on where rows lie.

Examples:

    zhenni bench scale --check
    zhenni bench scale --credentials 1000000 --dir /var/lib/zhenni
    zhenni bench scale --credentials 30000000 --dim 512 --hot 0 --out cold.json --markdown cold.md`
}

// Validate refuses what could not be written at the end.
func (c *benchScale) Validate() error {
	if err := c.benchOutput.Validate(); err != nil {
		return err
	}
	return foldersOf(c.Markdown)
}

func (c *benchScale) scale() (scale.Scale, error) {
	program, err := os.Executable()
	if err != nil {
		return scale.Scale{}, environment("%w", err)
	}
	s := scale.Scale{
		Dir: c.Dir, Credentials: c.Credentials, Dim: c.Dim, Hot: c.Hot, ColdShare: c.ColdShare, Threads: threadCount(c.Threads), Batch: c.Batch,
		Questions: c.Questions, Rounds: c.Rounds, Time: c.Time, Seed: c.Seed, Keep: c.Keep, Program: []string{program, scale.StepCommand},
	}
	if s.Dir == "" {
		s.Dir = os.TempDir()
	}
	return s, s.Validate()
}

// Run measures at scale.
func (c *benchScale) Run(ctx context.Context, out *output) error {
	s, err := c.scale()
	if err != nil {
		return err
	}
	room, err := freeRoom(s.Dir)
	if err != nil {
		return err
	}
	for _, need := range s.Needs() {
		out.Note("%s takes %v more of the disk and %v of memory.", need.Step, byteSize(need.Disk), byteSize(need.Memory))
	}
	out.Note("%s has %v free, memory %v.", s.Dir, byteSize(room.Disk), byteSize(room.Memory))
	if c.Check {
		return s.Fit(room)
	}
	run := c.begin("scale", map[string]string{
		"credentials": fmt.Sprint(s.Credentials), "dim": fmt.Sprint(s.Dim), "hot": fmt.Sprint(s.Hot), "cold-share": fmt.Sprint(s.ColdShare),
		"threads": fmt.Sprint(s.Threads), "batch": fmt.Sprint(s.Batch), "questions": fmt.Sprint(s.Questions),
	})
	done, err := s.Run(ctx, scale.Host{
		Room:    func() (scale.Room, error) { return freeRoom(s.Dir) },
		DiskUse: diskUse,
		Begin: func(step string) (func(done, total int64), func()) {
			out.Note("%s …", step)
			bar := out.Progress(step, 1)
			return bar.Of, bar.Done
		},
	})
	if errors.Is(err, zhenni.ErrBadValue) {
		return err
	} else if err != nil {
		return environment("%w", err)
	}
	if c.Keep {
		out.Note("The store is left in %s.", done.Folder)
	}
	run.Measurements = done.Measurements
	return c.conclude(out, run, done)
}

// conclude writes what came of it.
func (c *benchScale) conclude(out *output, run *result.Run, done *scale.Report) error {
	if err := c.finish(out, run); err != nil {
		return err
	}
	for _, text := range done.LeftOut {
		out.Note("%s", text)
	}
	err := printFindings(out, done.Findings, c.JSON)
	if !c.JSON {
		err = errors.Join(err, out.Print(""), out.Table(done.PlaceTable()))
	}
	if c.Markdown == "" {
		return err
	}
	command := "zhenni " + strings.Join(c.flags(), " ")
	err = errors.Join(err, writeFile(c.Markdown, func(w io.Writer) error { return done.WriteMarkdown(w, run, command) }))
	if err == nil {
		out.Note("summary written to %s", c.Markdown)
	}
	return err
}

// flags are what repeats the run.
func (c *benchScale) flags() []string {
	return []string{
		"bench scale", fmt.Sprintf("--credentials %d --dim %d --hot %g --cold-share %g", c.Credentials, c.Dim, c.Hot, c.ColdShare),
		fmt.Sprintf("--rounds %d --time %v --seed %d", c.Rounds, c.Time, c.Seed),
	}
}

// freeRoom is what is free of the disk under a folder, and of memory.
func freeRoom(dir string) (scale.Room, error) {
	disk, err := storage.FreeBytes(dir)
	if err != nil {
		return scale.Room{}, environment("%w", err)
	}
	return scale.Room{Disk: disk, Memory: int64(freeMemory())}, nil
}

// scaleStep is this program as the process of one step of another one's bench scale (package scale).
func scaleStep() int {
	if err := scale.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		return exitEnvironment
	}
	return 0
}
