//go:build defects

package defects

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	only    = flag.String("only", "", "run the defects of these names, with commas between them")
	sample  = flag.Int("sample", 0, "run this many defects, spread over the table; 0 runs all")
	turn    = flag.Int("turn", 0, "where in the table a sample begins: another number gives another sample")
	logPath = flag.String("log", "", "add what was caught, and how long it took, to this file")
	resume  = flag.Bool("resume", false, "leave out what the log says was caught on this source")
)

// testDeadline is how long one test may take; one that hangs on a defect has caught it.
const testDeadline = time.Minute

// Every defect builds, and the test named for it passes without and fails with it.
func TestDefectsAreCaught(t *testing.T) {
	soundness := &sound{done: map[[3]string]*result{}, dir: t.TempDir()}
	t.Cleanup(soundness.report(t))
	log := openLog(t, *logPath, *resume)
	for _, d := range chosen(t) {
		if log.has(t, d) {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			if d.caught != "" {
				soundness.check(t, d)
			}
			output, failed := runSpoiled(t, d)
			names := failures(output)
			switch {
			case d.caught == "":
				t.Errorf("the table names no test; these fail: %s", strings.Join(names, ", "))
			case !failed:
				t.Errorf("not caught by %s:\n%s", d.caught, tail(output))
			case len(names) == 0 && !crashed(output):
				t.Errorf("%s ended without a failed test:\n%s", d.caught, tail(output))
			default:
				log.caught(t, d, time.Since(begun))
			}
		})
	}
}

// chosen are the defects that the flags ask for.
func chosen(t *testing.T) []defect {
	t.Helper()
	if *only != "" {
		return named(t, strings.Split(*only, ","))
	}
	// Those of one package follow each other, so that its true binary is built once and its source is compiled for both.
	all := slices.SortedStableFunc(slices.Values(table), func(a, b defect) int { return strings.Compare(a.pkg(), b.pkg()) })
	if *sample <= 0 || *sample >= len(all) {
		return all
	}
	return spread(all)
}

// spread takes the sample evenly from what is not slow.
func spread(all []defect) (some []defect) {
	all = slices.DeleteFunc(all, func(d defect) bool { return d.slow })
	for i := range *sample {
		some = append(some, all[(i*len(all) / *sample + *turn)%len(all)])
	}
	return some
}

// named are the defects of these names.
func named(t *testing.T, names []string) (some []defect) {
	t.Helper()
	for _, name := range names {
		i := slices.IndexFunc(table, func(d defect) bool { return d.name == name })
		if i < 0 {
			t.Fatalf("there is no defect %q", name)
		}
		some = append(some, table[i])
	}
	return some
}

// runSpoiled builds the test binary of the defect's package over the changed file and runs the test in it.
func runSpoiled(t *testing.T, d defect) (output string, failed bool) {
	t.Helper()
	dir := t.TempDir()
	changed := filepath.Join(dir, "changed.go")
	write(t, changed, []byte(d.spoil(t)))
	original, err := filepath.Abs(filepath.Join(root, d.file))
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), overlay)
	binary := filepath.Join(dir, "spoiled.test")
	build(t, d, binary, "-overlay", filepath.Join(dir, "overlay.json"))
	return execute(t, d, binary, testDeadline)
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// build makes a test binary; a defect that does not build proves nothing.
func build(t *testing.T, d defect, binary string, args ...string) {
	t.Helper()
	args = append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-tags", d.tags, "-o", binary}, args...)
	cmd := exec.Command("go", append(args, "./"+d.pkg())...)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s does not build: %v\n%s", d.name, err, output)
	}
}

// execute runs the test that is to catch the defect, or every test where none is named.
func execute(t *testing.T, d defect, binary string, deadline time.Duration) (output string, failed bool) {
	t.Helper()
	pattern := "."
	if d.caught != "" {
		pattern = "^" + d.caught + "$"
	}
	if d.caught == "" {
		deadline = 10 * testDeadline // for every test of a package
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.run", pattern, "-test.timeout", deadline.String())
	cmd.Dir = filepath.Join(root, d.pkg())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s does not run: %v", d.name, err)
	}
	if strings.Contains(string(out), "no tests to run") {
		t.Fatalf("%s: there is no test %s", d.name, d.caught)
	}
	if exit != nil && exit.ExitCode() < 0 {
		return string(out) + "\nfatal error: the test binary was ended: " + exit.Error(), true
	}
	return string(out), err != nil
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// failures are the names of the tests that failed.
func failures(output string) (names []string) {
	for _, m := range failedTest.FindAllStringSubmatch(output, -1) {
		names = append(names, m[1])
	}
	return names
}

// crashed reports whether the test binary ended with a panic or a fault.
func crashed(output string) bool {
	return regexp.MustCompile(`(?m)^(panic|fatal error|unexpected fault|SIG[A-Z]+):`).MatchString(output)
}

// tail is the end of an output, for an error.
func tail(output string) string {
	const most = 4000
	return output[max(0, len(output)-most):]
}

// sound runs each test once on the true source.
type sound struct {
	dir  string
	mu   sync.Mutex
	done map[[3]string]*result
}

// result is of one test on the true source, or of the build of one package.
type result struct {
	once   sync.Once
	output string
	failed bool
}

// of returns the result of that name, a new one at first.
func (s *sound) of(pkg, tags, test string) *result {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [3]string{pkg, tags, test}
	if s.done[key] == nil {
		s.done[key] = new(result)
	}
	return s.done[key]
}

// check wants the test of the defect to pass where there is no defect.
func (s *sound) check(t *testing.T, d defect) {
	t.Helper()
	binary := filepath.Join(s.dir, strings.NewReplacer("/", "-", ".", "root").Replace(d.pkg())+d.tags+".test")
	s.of(d.pkg(), d.tags, "").once.Do(func() { build(t, d, binary) })
	r := s.of(d.pkg(), d.tags, d.caught)
	r.once.Do(func() { r.output, r.failed = execute(t, d, binary, 10*testDeadline) })
	if r.failed {
		t.Fatalf("%s fails on the true source:\n%s", d.caught, tail(r.output))
	}
}

// report says how much was done.
func (s *sound) report(t *testing.T) func() {
	begun := time.Now()
	return func() {
		t.Logf("%d builds and tests of the true source, %v", len(s.done), time.Since(begun).Round(time.Second))
	}
}
