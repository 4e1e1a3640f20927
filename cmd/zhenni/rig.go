package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench"
	"zhenni/bench/capacity"
	"zhenni/bench/result"
	"zhenni/engine/accuracy"
	"zhenni/gateway"
	"zhenni/storage"
)

// rig is a temporary store of synthetic people that is served again and again, with other settings each time, at one address.
// It is used by one goroutine.
type rig struct {
	people  *demo // enrols, and knows ids, key and folder
	profile zhenni.Profile
	root    storage.RootKey
	listen  string
	node    *node // nil while none serves
	served  rigSettings
	drivers map[[2]int]*bench.Driver // by connections and items of a request
}

// rigSettings are what a node of a rig is started with.
type rigSettings struct {
	arena                          byteSize
	shards, messageItems, inFlight int
}

// rigDistinct is how many distinct probes the drivers of a rig hold, each of them: enough that they are not what the cache
// holds, few enough that they do not count beside the node's memory.
const rigDistinct = 1 << 15

// newRig enrols so many people of a dimension. Close removes the folder.
func newRig(ctx context.Context, out *output, dim, credentials int, seed uint64) (_ *rig, err error) {
	if credentials < 2 {
		return nil, usage("%d credentials: want at least 2", credentials)
	}
	r := &rig{drivers: map[[2]int]*bench.Driver{}, listen: "127.0.0.1:0"}
	if r.profile, err = rigProfile(dim); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "zhenni-rig-")
	if err != nil {
		return nil, environment("%w", err)
	}
	r.people = &demo{
		demoCommand: &demoCommand{Credentials: credentials, Seed: seed}, out: out, dir: dir,
		people: accuracy.Population{Seed: seed, Dim: dim},
	}
	store, err := r.people.enrol(ctx, r.profile.Model)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.root = store.root
	if err := store.Close(); err != nil {
		return nil, errors.Join(environment("%w", err), os.RemoveAll(dir))
	}
	return r, nil
}

// rigProfile is a threshold to serve synthetic people of a dimension with: that of the demo for its own dimension, else one
// that nobody calibrated, which decides nothing about speed.
func rigProfile(dim int) (zhenni.Profile, error) {
	profile, err := zhenni.ReadProfile(bytes.NewReader(syntheticProfile))
	if err != nil || dim == profile.Model.Dim {
		return profile, err
	}
	if dim < 32 || dim > zhenni.MaxDim {
		return profile, usage("--dim %d: want 32–%d", dim, zhenni.MaxDim)
	}
	profile.Model = zhenni.Model{ID: fmt.Sprintf("synthetic-%d", dim), Dim: dim, Factor: zhenni.FactorFace}
	profile.Cosine = 0.5
	if profile.Threshold, err = zhenni.NewThreshold(profile.Cosine); err != nil {
		return profile, err
	}
	return profile.Seal()
}

// storeDir and ledgerDir are where the rig keeps its state.
func (r *rig) storeDir() string  { return filepath.Join(r.people.dir, "store") }
func (r *rig) ledgerDir() string { return filepath.Join(r.people.dir, "ledger") }

// serve serves the store with these settings, once its rows are in the arena. What served before is stopped; a node that
// differs only in its shards goes on.
func (r *rig) serve(ctx context.Context, s rigSettings) error {
	if r.node != nil {
		same := r.served
		if same.shards = s.shards; same == s {
			r.served = s
			return r.node.shards.SetShards(ctx, s.shards)
		}
		if err := r.stop(); err != nil {
			return err
		}
	}
	store, err := openRecorded(storage.Options{Dir: r.storeDir(), Root: r.root, ScrubRate: -1}, auditOptions{dir: auditFlags{}.dir(r.storeDir())})
	if err != nil {
		return err
	}
	quiet := slog.New(slog.NewTextHandler(r.people.out.notes, &slog.HandlerOptions{Level: slog.LevelError}))
	n, err := startNode(ctx, nodeConfig{
		arena:       s.arena,
		adminSocket: adminSocket(r.people.dir),
		ledger:      ledgerConfig{dir: r.ledgerDir(), answers: demoAnswers, bytes: demoAnswerBytes},
		actors:      actors.Config{Shards: s.shards, MessageItems: s.messageItems, InFlightItems: s.inFlight, Logger: quiet},
		gateway:     gateway.Config{Addr: r.listen, Profile: r.profile, Version: version, Logger: quiet, MaxConnsPerIP: 1024},
	}, store)
	if err != nil {
		return err
	}
	r.node, r.served, r.listen = n, s, n.public.Addr().String()
	select {
	case <-n.shards.Warmed():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stop stops the node, so that all of its state is on the disk. Drivers dial anew.
func (r *rig) stop() error {
	for _, d := range r.drivers {
		d.Close()
	}
	if r.node == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	n := r.node
	r.node = nil
	return n.stop(ctx)
}

// close stops what serves and removes the folder.
func (r *rig) close() error { return errors.Join(r.stop(), os.RemoveAll(r.people.dir)) }

// driver returns clients of so many connections that ask in requests of so many items.
func (r *rig) driver(ctx context.Context, connections, items int) (*bench.Driver, error) {
	key := [2]int{connections, items}
	if d := r.drivers[key]; d != nil {
		return d, nil
	}
	d, err := bench.Drill{
		Target: bench.Target{URL: r.node.url(), Key: r.people.key.String()}, Subjects: r.people.people, IDs: r.people.ids, Dim: r.people.people.Dim,
		Connections: connections, BatchItems: items, Distinct: rigDistinct, Seed: r.people.Seed,
	}.Prepare(ctx)
	if err == nil {
		r.drivers[key] = d
	}
	return d, err
}

// forget drops the drivers and what they hold.
func (r *rig) forget() {
	for key, d := range r.drivers {
		d.Close()
		delete(r.drivers, key)
	}
}

// readRate measures one kind of request, of so many items, at its highest rate: what was answered with a verdict. What others
// took of the cores meanwhile is made good, in proportion: on a machine that is busy besides that is an extrapolation.
func readRate(items int, press func() (bench.Result, bench.Tally, error)) (capacity.Reading, bench.Result, error) {
	ours, all := processorTime(), machineTime()
	met, tally, err := press()
	ours, all = processorTime()-ours, machineTime()-all
	if err != nil {
		return capacity.Reading{}, met, err
	}
	answered := float64(met.Items - tally.Refused)
	if answered == 0 {
		return capacity.Reading{}, met, environment("nothing was answered in %v: give it more time", met.Elapsed)
	}
	seconds := met.Elapsed.Seconds() * float64(runtime.NumCPU())
	taken := min(max((all-ours).Seconds()/seconds, 0), mostTaken)
	return capacity.Reading{
		Items: float64(items), Rate: answered / met.Elapsed.Seconds() / (1 - taken), CPU: float64(ours.Nanoseconds()) / answered,
		Busy: min(1, ours.Seconds()/seconds/(1-taken)), Taken: taken,
	}, met, nil
}

// mostTaken is the most of the cores that others may have for a rate to be made good for it.
const mostTaken = 0.9

// quietMachine is how much of the cores others may take before it is said.
const quietMachine = 0.1

// noteTaken warns of a machine that was not left alone.
func noteTaken(taken float64, out *output) {
	if taken > quietMachine {
		out.Note("Others took up to %.0f %% of the cores: rates are made good for it, latencies are not. Measure again on a quiet machine.", 100*taken)
	}
}

// processorTime returns what this process has used of the cores, its system calls included.
func processorTime() time.Duration {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// machineTime returns what everybody has used of the cores, those of a hypervisor's other guests too; 0 where the kernel
// does not tell.
func machineTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	var user, nice, system, idle, wait, irq, soft, steal int64
	if _, err := fmt.Sscanf(string(text), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft, &steal); err != nil {
		return 0
	}
	const tick = 10 * time.Millisecond
	return time.Duration(user+nice+system+irq+soft+steal) * tick
}

// diskUse returns the bytes of the blocks that a file takes, or all files in a folder.
func diskUse(path string) (total float64) {
	_ = filepath.WalkDir(path, func(name string, _ os.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(name, &st) == nil {
			total += float64(st.Blocks * 512)
		}
		return nil
	})
	return total
}

// machineFacts are what a plan needs to know of this machine.
func machineFacts() capacity.Machine {
	const cacheDefault = 32 << 20
	m := capacity.Machine{Cores: float64(runtime.GOMAXPROCS(0)), Cache: cacheDefault, Memory: float64(freeMemory())}
	if memory, ok := result.KernelBytes("/proc/meminfo", "MemTotal"); ok {
		m.Memory = float64(memory)
	}
	for level := range 5 {
		text, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu0/cache/index%d/size", level))
		var kb float64
		if n, _ := fmt.Sscanf(strings.TrimSpace(string(text)), "%fK", &kb); err == nil && n == 1 {
			m.Cache = kb * 1024 // the last one listed is the last level
		}
	}
	return m
}
