// Command zhenni enrols biometric references, calibrates thresholds and verifies one person against one credential.
//
// Every command is a struct in a file of its own: its fields are its flags, its Run method hands them to a plain
// function. Results go to standard output, everything said on the way to standard error.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"zhenni"
	"zhenni/bench/labelled"
	"zhenni/bench/layer"
	"zhenni/bench/scale"
	"zhenni/simd"
)

// commands is the command line. A command's Run method may ask for the context.Context that the first interrupt
// cancels, and for the *output of this run.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Serve verifications over HTTP."`
	Demo      demoCommand      `cmd:"" help:"Start a node on a temporary store, load it and print what it does."`
	Tune      tuneCommand      `cmd:"" help:"Find the fastest settings of a node on this machine."`
	Plan      planCommand      `cmd:"" help:"Predict what a demand needs from a measured profile."`
	Enrol     enrolCommand     `cmd:"" help:"Enrol the embeddings of a file or folder."`
	Seal      sealCommand      `cmd:"" help:"Seal names and ID numbers to an engine's key, for the import of references."`
	Verify    verifyCommand    `cmd:"" help:"Verify the probes of a file against a running server."`
	Sample    sampleCommand    `cmd:"" help:"Write embeddings of synthetic people, to try the other commands on."`
	Calibrate calibrateCommand `cmd:"" help:"Find and freeze a threshold from labelled embeddings."`
	Evaluate  evaluateCommand  `cmd:"" help:"Measure error rates on labelled embeddings."`
	Check     checkCommand     `cmd:"" help:"Walk a whole store and report what is wrong."`
	Backup    backupCommand    `cmd:"" help:"Copy a store away while it serves, and verify the copy."`
	Restore   restoreCommand   `cmd:"" help:"Make a new store of a backup."`
	Keys      keysCommand      `cmd:"" help:"Rotate the keys of a stopped store; make the keys of results."`
	Audit     auditCommand     `cmd:"" help:"Check an audit log, or show its key."`
	Witness   witnessCommand   `cmd:"" help:"Watch the audit log of somebody else's server, so that it can not go back."`
	Models    modelsCommand    `cmd:"" help:"Add, list and retire models: from one extractor to the next."`
	RP        rpCommand        `cmd:"" name:"rp" help:"Add, list and remove relying parties."`
	Catalogue catalogueCommand `cmd:"" help:"Check and list services: who may ask for what on which evidence."`
	Shards    shardsCommand    `cmd:"" help:"Show or change the shards of a running server."`
	Bench     benchCommand     `cmd:"" help:"Measure the layers beside their limits; compare and show what was measured."`
	Version   versionCommand   `cmd:"" help:"Print version, commit and the instruction set in use."`

	Unlinkability unlinkabilityCommand `cmd:"" help:"Measure what rotated templates are worth, and what they cost."`
	VerifyResult  verifyResultCommand  `cmd:"" name:"verify-result" help:"Check a signed result, offline."`

	Holder   holderCommand   `cmd:"" help:"Do what a holder's phone does: keys, captures, evidence, an issue."`
	Terminal terminalCommand `cmd:"" help:"Do what the device of a counter or hotel does: its key, evidence."`
	Session  sessionCommand  `cmd:"" help:"Ask in a session, as a counter, a payee or a kiosk: begin it, read it, type its code, cancel it."`
}

const description = `Proves "I am me" to someone who must know, and tells them nothing else.

Start with "zhenni demo". Exit codes: 0 done, 1 the thing asked for is not so, 2 usage, 3 the environment failed.`

func main() {
	if len(os.Args) > 2 && os.Args[1] == labelled.ParquetCommand {
		os.Exit(parquetRows(os.Args[2:]))
	}
	if len(os.Args) == 2 && os.Args[1] == layer.TierCommand {
		os.Exit(kernelsOfTier())
	}
	if len(os.Args) == 2 && os.Args[1] == scale.StepCommand {
		os.Exit(scaleStep())
	}
	unsetEmpty()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		time.Sleep(time.Second) // whoever signals a process group may reach this process twice
		stop()                  // from here on another interrupt ends the process at once
	})
	os.Exit(run(ctx, os.Args[1:], newOutput(os.Stdout, os.Stderr)))
}

// parquetRows is this program as the process that decodes one Parquet file for another (package labelled).
func parquetRows(args []string) int {
	if err := labelled.ServeParquet(args, os.Stdout); err != nil {
		return exitEnvironment
	}
	return 0
}

// run parses args, runs the command they name and returns the exit code.
func run(ctx context.Context, args []string, out *output) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	err := dispatch(ctx, args, out)
	if err == nil {
		return 0
	}
	out.Note("zhenni: %s", plainly(err))
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, zhenni.ErrBadValue):
		return exitUsage
	}
	return exitEnvironment
}

// plainly is an error in words: the package's name, with which its sentinels begin, is the program's, which stands before them anyway.
func plainly(err error) string {
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "zhenni: "), ": zhenni: ", ": ")
}

// newParser returns the parser of a grammar.
func newParser(grammar any, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(grammar, append(options, kong.Name("zhenni"), kong.Description(description), serveVars(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}))...)
}

func dispatch(ctx context.Context, args []string, out *output) error {
	helped := false
	parser, err := newParser(grammarOf(args), kong.Writers(out.results, out.notes), kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(out))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	var known *exitError
	switch {
	case helped:
		return nil
	case errors.As(err, &known):
		return err
	case err != nil:
		return usage("%w (see zhenni --help)", err)
	}
	if err := simd.Forced(); err != nil {
		return usage("%w", err)
	}
	return parsed.Run()
}

// The exit codes other than 0.
const (
	exitNotSo       = 1 // the thing asked for is not so: a check failed, data do not support a claim
	exitUsage       = 2 // the command line or the configuration is wrong
	exitEnvironment = 3 // files, network or memory failed; also any error without a code of its own
)

// exitError is an error with the exit code it ends the process with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }
