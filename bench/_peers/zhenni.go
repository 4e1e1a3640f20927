package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"zhenni"
	"zhenni/bench"
)

// node is zhenni as its users run it: the binary, enrolled and served from a store of its own, with the record on.
type node struct {
	dir, binary, profile string
	target               bench.Target
	servers              []*server
}

// prepareNode builds the binary where none is given and enrols all subjects, which is where their credentials' ids
// come from: every other peer stores the same.
func prepareNode(ctx context.Context, dir, root, binary, profile string, w *workload) (*node, error) {
	n := &node{dir: dir, binary: binary, profile: profile}
	if binary == "" {
		n.binary = filepath.Join(dir, "zhenni")
		build := command(ctx, account{}, "go", "build", "-trimpath", "-o", n.binary, "./cmd/zhenni")
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if _, err := output(build); err != nil {
			return nil, err
		}
	}
	return n, n.enrol(ctx, w)
}

func (n *node) store() string { return filepath.Join(n.dir, "store") }

// enrol has `zhenni enrol` store the references, part by part, and reads which credential each subject got.
func (n *node) enrol(ctx context.Context, w *workload) error {
	table := filepath.Join(n.dir, "credentials.csv")
	for first := 0; first < w.credentials(); first += maxSetBytes / (4 * w.dim()) {
		last := min(first+maxSetBytes/(4*w.dim()), w.credentials())
		if err := n.enrolPart(ctx, w, table, first, last); err != nil {
			return err
		}
	}
	ids, err := readCredentials(table, w.credentials())
	if err != nil {
		return err
	}
	w.enrolled(ids)
	key, err := output(command(ctx, account{}, n.binary, "rp", "add", "peers", "--tenant", "1", "--role", "verifier", "--evaluation",
		"--store", n.store()))
	n.target.Key = strings.TrimSpace(key)
	return err
}

// maxSetBytes is how much `zhenni enrol` reads as one set.
const maxSetBytes = 512 << 20

func (n *node) enrolPart(ctx context.Context, w *workload, table string, first, last int) error {
	set := filepath.Join(n.dir, "people")
	defer os.RemoveAll(set)
	if err := writeSet(ctx, set, w, first, last); err != nil {
		return err
	}
	_, err := output(command(ctx, account{}, n.binary, "enrol", set, "--map", table, "--level", "full",
		"--store", n.store(), "--profile", n.profile, "--create-key"))
	return err
}

// writeSet writes the references of the subjects first … last-1 as a labelled folder.
func writeSet(ctx context.Context, dir string, w *workload, first, last int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	about, err := json.Marshal(map[string]any{"N": last - first, "D": w.dim(), "identities": last - first, "dtype": "float32 little-endian row-major"})
	if err != nil {
		return err
	}
	values, err := os.Create(filepath.Join(dir, "embeddings.f32"))
	if err != nil {
		return err
	}
	labels := []byte("image_id,identity\n")
	out := bufio.NewWriterSize(values, 1<<20)
	reference := make([]float32, w.dim())
	for i := first; i < last && ctx.Err() == nil; i++ {
		labels = fmt.Appendf(labels, "%d,%[1]d\n", i)
		w.people.Reference(i, reference)
		out.Write(littleFloats(out.AvailableBuffer(), reference)) // its error stays until Flush
	}
	return errors.Join(context.Cause(ctx), out.Flush(), values.Close(),
		os.WriteFile(filepath.Join(dir, "meta.json"), about, 0o600), os.WriteFile(filepath.Join(dir, "labels.csv"), labels, 0o600))
}

// readCredentials reads the mapping of image to credential.
func readCredentials(path string, people int) ([]zhenni.CredentialID, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(bufio.NewReader(f)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) != people+1 {
		return nil, fmt.Errorf("%s has %d lines for %d people", path, len(lines), people)
	}
	ids := make([]zhenni.CredentialID, people)
	for _, line := range lines[1:] {
		i, err := strconv.Atoi(line[0])
		if err != nil || i < 0 || i >= people {
			return nil, fmt.Errorf("%s: image %q", path, line[0])
		}
		if ids[i], err = zhenni.ParseCredentialID(line[2]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// serve starts `zhenni serve` and waits until its arena is warm.
func (n *node) serve(ctx context.Context, store string, credentials int, flags ...string) (bench.Target, error) {
	arena := max(256, credentials*1024>>20)
	args := []string{"serve", "--profile", n.profile, "--store", store, "--listen", "127.0.0.1:0", "--log-level", "warn",
		"--arena", fmt.Sprintf("%dMiB", arena), "--max-connections-per-ip", "1024"}
	s, err := startServer(command(context.WithoutCancel(ctx), account{}, n.binary, append(args, flags...)...), syscall.SIGTERM)
	if err != nil {
		return bench.Target{}, err
	}
	n.servers = append(n.servers, s)
	line, err := s.await(ctx, "Serving ")
	if err != nil {
		return bench.Target{}, err
	}
	target := bench.Target{URL: address.FindString(line), Key: n.target.Key}
	_, err = s.await(ctx, "Ready: ")
	return target, err
}

var address = regexp.MustCompile(`https?://[0-9.:]+`)

// start serves the store.
func (n *node) start(ctx context.Context, credentials int) (err error) {
	n.target, err = n.serve(ctx, n.store(), credentials)
	return err
}

// startUnrecorded serves a copy of the store without a record. The store may be served meanwhile: nobody changes it.
func (n *node) startUnrecorded(ctx context.Context, credentials int) (bench.Target, error) {
	copied := filepath.Join(n.dir, "unrecorded")
	for _, suffix := range []string{"", ".key"} {
		if _, err := output(command(ctx, account{}, "cp", "-a", "--sparse=always", n.store()+suffix, copied+suffix)); err != nil {
			return bench.Target{}, err
		}
	}
	return n.serve(ctx, copied, credentials, "--verify-only", "--unrecorded")
}

func (n *node) stop() error {
	var errs []error
	for _, s := range slices.Backward(n.servers) {
		errs = append(errs, s.stop())
	}
	return errors.Join(errs...)
}

// Ways of asking zhenni, as the ratios name them.
const (
	byArrow    = "Arrow int8"
	byJSON     = "JSON int8"
	unrecorded = ", not recorded"
)

// contenders asks the gateway over HTTP.
func (n *node) contenders(w *workload) []contender {
	return []contender{
		n.way(w, n.target, kindSingle, byJSON, 8, 1, false),
		n.way(w, n.target, kindSingle, byJSON, 64, 1, false),
		n.way(w, n.target, kindSingle, "JSON float32", 64, 1, true),
		n.way(w, n.target, kindBulk, byArrow, 8, 1024, false),
		n.way(w, n.target, kindBulk, byArrow, 16, 1024, false),
		n.way(w, n.target, kindBulk, "Arrow float32", 8, 1024, true),
	}
}

func (n *node) unrecordedContenders(w *workload, target bench.Target) []contender {
	return []contender{
		n.way(w, target, kindSingle, byJSON+unrecorded, 64, 1, false),
		n.way(w, target, kindBulk, byArrow+unrecorded, 8, 1024, false),
	}
}

func (n *node) way(w *workload, target bench.Target, kind, about string, clients, items int, float bool) contender {
	return contender{peer: peerZhenni, kind: kind, about: about, clients: clients, items: items,
		dial: func(_ context.Context, first, last int) (asker, error) {
			return dialZhenni(target, w, first, last, items, float)
		}}
}

// zhenniAsker asks over one connection: one question as JSON, several by Arrow.
type zhenniAsker struct {
	client   *bench.Client
	workload *workload
	float    bool
	first    int // probe of batches[0]
	batches  []*bench.ArrowBatch
	outcomes []zhenni.Outcome
}

func dialZhenni(target bench.Target, w *workload, first, last, items int, float bool) (asker, error) {
	client, err := bench.NewClient(target)
	if err != nil {
		return nil, err
	}
	a := &zhenniAsker{client: client, workload: w, float: float, first: first}
	if items == 1 {
		return a, nil
	}
	for p := first; p+items <= last; p += items {
		batch, err := bench.NewArrowBatch(w.claims[p:p+items], a.vectors(p, p+items))
		if err != nil {
			return nil, err
		}
		a.batches = append(a.batches, batch)
	}
	return a, nil
}

func (a *zhenniAsker) vectors(first, last int) bench.Vectors {
	d := a.workload.dim()
	if a.float {
		return bench.Vectors{Dim: d, Float32: a.workload.probes[first*d : last*d]}
	}
	return bench.Vectors{Dim: d, Int8: a.workload.rows[first*d : last*d]}
}

func (a *zhenniAsker) ask(_ context.Context, first int, match []bool) error {
	p := a.workload.probeOf(first)
	if a.batches == nil {
		outcome, err := a.client.Verify(a.workload.claims[first], a.vectors(p, p+1))
		match[0] = outcome == zhenni.Match
		return err
	}
	batch := a.batches[(p-a.first)/len(match)]
	for i := range match {
		batch.Claim(i, a.workload.claims[first+i])
	}
	var err error
	if a.outcomes, err = a.client.VerifyArrow(batch, a.outcomes[:0]); err != nil {
		return err
	}
	for i, outcome := range a.outcomes {
		match[i] = outcome == zhenni.Match
	}
	return nil
}

func (a *zhenniAsker) close() error {
	a.client.Close()
	return nil
}

// moduleRoot is the folder of zhenni's own module, where its binary is built with its own dependencies.
func moduleRoot() (string, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "zhenni").Output()
	if err != nil {
		return "", fmt.Errorf("find module zhenni: %w", err)
	}
	return strings.TrimSpace(string(dir)), nil
}
