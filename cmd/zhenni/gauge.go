package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"zhenni/bench"
	"zhenni/bench/capacity"
	"zhenni/bench/result"
)

// How a node is gauged: the clients, the sizes of bulk requests, the mix and the loads at which the p99 of singles is taken.
const (
	gaugeConnections = 8
	gaugeShare       = 0.9
	gaugeBatch       = 1024
	gaugeRounds      = 3
)

var (
	gaugeItems = []int{256, gaugeBatch, 4096}
	gaugeLoads = []float64{0.2, 0.4, 0.6}
)

// gauge measures what a node of the rig's people costs: each kind of request at its highest rate for so long, memory and
// disk, and where loads are given the p99 of singles at them. Each kind has a node to itself, so that what it leaves on
// the disk is told apart.
func (r *rig) gauge(ctx context.Context, about time.Duration, loads []float64) (s capacity.Sample, err error) {
	s.Credentials = float64(len(r.people.ids))
	settings := rigSettings{arena: byteSize(capacity.ArenaFor(s.Credentials, float64(r.profile.Model.Dim))), shards: runtime.GOMAXPROCS(0)}
	audit := auditFlags{}.dir(r.storeDir())
	if err := r.serve(ctx, settings); err != nil {
		return s, err
	}
	items, err := r.gaugeBulk(ctx, about, &s)
	if err != nil {
		return s, err
	}
	if err := r.stop(); err != nil {
		return s, err
	}
	afterBulk, tiles := writtenBytes(r.ledgerDir()), filepath.Join(audit, "tile")
	s.AnswerItem = afterBulk / float64(items)
	leaves := diskUse(tiles)
	if err := r.serve(ctx, settings); err != nil {
		return s, err
	}
	singles, mixed, err := r.gaugeSingles(ctx, about, loads, &s)
	if err != nil {
		return s, err
	}
	if err := r.stop(); err != nil {
		return s, err
	}
	s.Leaf = (diskUse(tiles) - leaves) / float64(singles+mixed/gaugeBatch)
	s.Answer = (writtenBytes(r.ledgerDir()) - afterBulk - float64(mixed)*s.AnswerItem) / float64(singles)
	store := r.storeDir()
	s.Log, s.Keys = diskUse(filepath.Join(store, "log")), diskUse(filepath.Join(store, "keys"))
	s.View = diskUse(store) - diskUse(audit) - s.Log - s.Keys
	return s, nil
}

// writtenBytes returns what the files of a folder hold up to their last byte that is not zero: those of the ledger are
// made whole, as zeros, before they are written to.
func writtenBytes(dir string) (total float64) {
	_ = filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			content, _ := os.ReadFile(name) // what went away meanwhile counts nothing
			total += float64(len(bytes.TrimRight(content, "\x00")))
		}
		return nil
	})
	return total
}

// idBytes is a credential's id, of which the drill holds one for each.
const idBytes = 16

// gaugeBulk measures bulk in requests of each size, and the memory of the node at the end. It returns the items
// answered.
func (r *rig) gaugeBulk(ctx context.Context, about time.Duration, s *capacity.Sample) (items int64, err error) {
	readings := make([][]capacity.Reading, len(gaugeItems))
	for range gaugeRounds {
		for i, size := range gaugeItems {
			driver, err := r.driver(ctx, gaugeConnections, size)
			if err != nil {
				return 0, err
			}
			warmed, _, err := driver.Bulk(ctx, about/gaugeRounds/4)
			if err != nil {
				return 0, err
			}
			reading, met, err := readRate(size, func() (bench.Result, bench.Tally, error) { return driver.Bulk(ctx, about/gaugeRounds) })
			if err != nil {
				return 0, err
			}
			readings[i] = append(readings[i], reading)
			items += warmed.Items + met.Items
		}
	}
	for _, rounds := range readings {
		s.Bulk = append(s.Bulk, middleReading(rounds))
	}
	r.forget()
	s.Heap = max(1, standing(ctx)-2*idBytes*s.Credentials)
	return items, nil
}

// settling is how long what was under way when load ended, as the next segment of a log, may hold memory.
const settling = time.Second

// standing is the memory of this process beside its arena: what lives on the heap and as much again, which the collector lets
// stand before it runs (GOGC=100), and what the runtime takes. Of a memtable that counts its whole size, whatever of it was touched.
func standing(ctx context.Context) float64 {
	select {
	case <-time.After(settling):
	case <-ctx.Done():
	}
	runtime.GC() // what pools hold goes with the second collection
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return float64(2*memory.HeapAlloc + memory.Sys - memory.HeapSys)
}

// gaugeSingles measures single requests alone, and at the loads beside bulk. It returns the singles answered, and the
// bulk items.
func (r *rig) gaugeSingles(ctx context.Context, about time.Duration, loads []float64, s *capacity.Sample) (singles, mixed int64, err error) {
	bulk, err := r.driver(ctx, gaugeConnections, gaugeBatch)
	if err != nil {
		return 0, 0, err
	}
	single, err := r.driver(ctx, gaugeConnections, gaugeBatch/2)
	if err != nil {
		return 0, 0, err
	}
	warmed, _, err := single.Singles(ctx, about/4, 0)
	if err != nil {
		return 0, 0, err
	}
	singles = warmed.Items
	var rounds []capacity.Reading
	for range gaugeRounds {
		reading, met, err := readRate(1, func() (bench.Result, bench.Tally, error) { return single.Singles(ctx, about/gaugeRounds, 0) })
		if err != nil {
			return 0, 0, err
		}
		rounds = append(rounds, reading)
		singles += met.Items
	}
	s.Single = middleReading(rounds)
	for _, load := range loads {
		whole := load / (gaugeShare/s.Bulk[1].Rate + (1-gaugeShare)/s.Single.Rate)
		var asked bench.Result
		var failed error
		var pressing sync.WaitGroup
		pressing.Go(func() { asked, _, failed = bulk.BulkAt(ctx, about, whole*gaugeShare/gaugeBatch) })
		met, _, err := single.Singles(ctx, about, whole*(1-gaugeShare))
		pressing.Wait()
		if err != nil {
			return 0, 0, err
		}
		if failed != nil {
			return 0, 0, failed
		}
		singles += met.Items
		mixed += asked.Items
		s.Loads, s.P99 = append(s.Loads, load), append(s.P99, result.InMilliseconds(met.Quantile(0.99)))
	}
	return singles, mixed, nil
}

// middleReading takes the middle of each figure.
func middleReading(rounds []capacity.Reading) capacity.Reading {
	middle := func(of func(capacity.Reading) float64) float64 {
		var values []float64
		for _, r := range rounds {
			values = append(values, of(r))
		}
		return result.Median(values)
	}
	return capacity.Reading{
		Items: rounds[0].Items, Rate: middle(func(r capacity.Reading) float64 { return r.Rate }), CPU: middle(func(r capacity.Reading) float64 { return r.CPU }),
		Busy: middle(func(r capacity.Reading) float64 { return r.Busy }), Taken: middle(func(r capacity.Reading) float64 { return r.Taken }),
	}
}
