package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/labelled"
	"zhenni/bench/layer"
	"zhenni/bench/scale"
	"zhenni/engine/accuracy"
)

// beZhenni makes the test binary the program, for tests that need a process of their own to kill.
const beZhenni = "ZHENNI_TEST_BE_ZHENNI"

func TestMain(m *testing.M) {
	isChild := len(os.Args) > 1 && slices.Contains([]string{labelled.ParquetCommand, layer.TierCommand, scale.StepCommand}, os.Args[1])
	if isChild || os.Getenv(beZhenni) == "1" {
		main()
	}
	os.Exit(m.Run())
}

// A process is a server in a process of its own.
type process struct {
	cmd    *exec.Cmd
	url    string
	ended  chan error
	notes  *bytes.Buffer
	reader sync.WaitGroup
}

var servingOn = regexp.MustCompile(`^Serving .* on (https?://\S+) with profile`)

// startProcess starts zhenni serve on a store and returns once it says where it listens.
func startProcess(t *testing.T, store string, flags ...string) *process {
	t.Helper()
	return startServe(t, store, append([]string{"--profile", "profiles/synthetic-512.json"}, flags...)...)
}

// startServe is startProcess with the profiles among the flags.
func startServe(t *testing.T, store string, flags ...string) *process {
	t.Helper()
	args := append([]string{"serve", "--store", store, "--listen", "127.0.0.1:0", "--arena", "64MiB"}, flags...)
	p := &process{cmd: exec.Command(os.Args[0], args...), ended: make(chan error, 1), notes: new(bytes.Buffer)}
	// What is tested is not how long a disk may stall that others use too: flags stand above these.
	p.cmd.Env = append(os.Environ(), beZhenni+"=1", "ZHENNI_VERIFY_TIMEOUT=1m", "ZHENNI_DRAIN=1m")
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill(t) })
	lines := bufio.NewScanner(io.TeeReader(stderr, p.notes))
	for p.url == "" && lines.Scan() {
		if found := servingOn.FindStringSubmatch(lines.Text()); found != nil {
			p.url = found[1]
		}
	}
	p.reader.Go(func() { _, _ = io.Copy(p.notes, stderr) })
	go func() {
		p.reader.Wait()
		p.ended <- p.cmd.Wait()
	}()
	if p.url == "" {
		err := <-p.ended
		p.ended <- err
		t.Fatalf("the server did not start: %v\n%s", err, p.notes)
	}
	return p
}

// kill ends the process with SIGKILL; a second call does nothing.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	err := <-p.ended
	p.ended <- err
}

// terminate asks the process to stop and returns how it ended.
func (p *process) terminate(t *testing.T) error {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-time.After(75 * time.Second):
		return errors.New("still running 75 s after SIGTERM")
	}
}

// people are the subjects of these tests.
var people = accuracy.Population{Seed: 7, Dim: 512}

func references(n int) bench.Vectors {
	out := bench.Vectors{Dim: people.Dim, Float32: make([]float32, n*people.Dim)}
	for i := range n {
		people.Reference(i, out.Slice(i, i+1).Float32)
	}
	return out
}

func newTestClient(t *testing.T, url, key string) *bench.Client {
	t.Helper()
	client, err := bench.NewClient(bench.Target{URL: url, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// enrolPeople enrols the references of n subjects in lines and returns their credentials.
func enrolPeople(t *testing.T, client *bench.Client, n int) []zhenni.CredentialID {
	t.Helper()
	answers, err := client.EnrolLines(zhenni.LevelFull, references(n), nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]zhenni.CredentialID, n)
	for i, answer := range answers {
		if answer.Refused != zhenni.Pending {
			t.Fatalf("reference %d: %s", i, answer.Refused.Reason())
		}
		ids[i] = answer.ID
	}
	return ids
}

// A server is killed with SIGKILL after every acknowledged change. Started again, it matches who was enrolled and
// nobody who was revoked. SIGTERM ends it in order, and its store passes the check.
//
// FAULTS: R3
func TestAcknowledgedChangesSurviveKill(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	const rounds, each = 3, 20
	server := startProcess(t, store, "--create-key")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", store, "--tenant", "1", "--role", "issuer", "--role", "verifier", "--evaluation"))
	var ids []zhenni.CredentialID
	revoked := map[zhenni.CredentialID]bool{}
	for range rounds {
		client := newTestClient(t, server.url, key)
		enrolled := enrolPeople(t, client, each)
		for _, id := range enrolled[:each/2] {
			if err := client.Revoke(id); err != nil {
				t.Fatal(err)
			}
			revoked[id] = true
		}
		ids = append(ids, enrolled...)
		server.kill(t)
		server = startProcess(t, store)
		askAll(t, newTestClient(t, server.url, key), ids, revoked)
	}
	if err := server.terminate(t); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, server.notes)
	}
	if report := mustRun(t, "check", "--store", store); !strings.Contains(report, "Nothing is wrong") {
		t.Error(report)
	}
	if list := mustRun(t, "rp", "list", "--store", store); !strings.Contains(list, "trial") {
		t.Error(list)
	}
}

// askAll asks for a verdict on every credential with its own reference, which an evaluation tenant may.
func askAll(t *testing.T, client *bench.Client, ids []zhenni.CredentialID, revoked map[zhenni.CredentialID]bool) {
	t.Helper()
	for i, id := range ids {
		probe := bench.Vectors{Dim: people.Dim, Float32: make([]float32, people.Dim)}
		people.Reference(i%20, probe.Float32)
		want := zhenni.Match
		if revoked[id] {
			want = zhenni.NoMatch
		}
		if got, err := client.Verify(id, probe); err != nil || got != want {
			t.Fatalf("credential %d: %s, %v, want %s", i, got.Verdict(), err, want.Verdict())
		}
	}
}

// Under load, SIGTERM lets what was admitted be answered, refuses or closes the rest, and ends within the drain time.
//
// FAULTS: R9
func TestTerminationUnderLoadAnswersWhatWasAdmitted(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", store, "--tenant", "1", "--role", "issuer", "--role", "verifier", "--evaluation"))
	client := newTestClient(t, server.url, key)
	ids := enrolPeople(t, client, 20)
	batch, err := bench.NewArrowBatch(ids, references(len(ids)))
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{}, 1)
	var wrong error
	pressed := make(chan struct{})
	go func() {
		defer close(pressed)
		var outcomes []zhenni.Outcome
		for {
			var err error
			if outcomes, err = client.VerifyArrow(batch, outcomes[:0]); err != nil {
				return // refused or cut: no verdict
			}
			for i, outcome := range outcomes {
				if outcome != zhenni.Match && outcome != zhenni.RefusedUnavailable {
					wrong = fmt.Errorf("item %d: %s", i, outcome.Verdict())
				}
			}
			select {
			case answered <- struct{}{}:
			default:
			}
		}
	}()
	<-answered
	if err := server.terminate(t); err != nil {
		t.Errorf("%v\n%s", err, server.notes)
	}
	<-pressed
	if wrong != nil {
		t.Error(wrong)
	}
}

func TestServeRefusesWhatItCanNotServe(t *testing.T) {
	dir := t.TempDir()
	unsupported := filepath.Join(dir, "unsupported.json")
	writeProfile(t, unsupported, zhenni.Profile{Model: zhenni.Model{ID: "m", Dim: 8, Factor: zhenni.FactorFace}, FMRTarget: 1e-6, Cosine: 0.5, SupportedFMR: 1e-3, Reason: "7 person pairs"})
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no profile":              {nil, exitUsage, "--profile"},
		"missing profile":         {[]string{"--profile", filepath.Join(dir, "none.json")}, exitEnvironment, "none.json"},
		"unsupported profile":     {[]string{"--profile", unsupported}, exitNotSo, "--allow-unsupported"},
		"no key":                  {[]string{"--profile", unsupported, "--allow-unsupported"}, exitUsage, "--create-key"},
		"certificate without key": {[]string{"--profile", unsupported, "--allow-unsupported", "--create-key", "--tls-cert", unsupported}, exitUsage, "TLS"},
		"shards":                  {[]string{"--profile", unsupported, "--allow-unsupported", "--create-key", "--shards=-3"}, exitUsage, "Shards"},
		"unknown flag":            {[]string{"--sharts", "2"}, exitUsage, "--sharts"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var stdout, stderr bytes.Buffer
			args := append([]string{"serve", "--store", filepath.Join(t.TempDir(), "store"), "--listen", "127.0.0.1:0"}, c.args...)
			code := run(ctx, args, &output{results: &stdout, notes: &stderr})
			if code != c.code || !strings.Contains(stderr.String(), c.says) {
				t.Errorf("exit code %d with %q, want %d with %q", code, &stderr, c.code, c.says)
			}
		})
	}
}

func writeProfile(t *testing.T, path string, p zhenni.Profile) {
	t.Helper()
	var err error
	if p.Threshold, err = zhenni.NewThreshold(p.Cosine); err != nil {
		t.Fatal(err)
	}
	if p, err = p.Seal(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
}
