package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"zhenni/bench/layer"
	"zhenni/simd"
)

// benchKernels is bench kernels.
type benchKernels struct {
	Dims        []int    `default:"128,192,256,512,1024" placeholder:"N,…" help:"Dimensions (default ${default})."`
	Tiers       []string `placeholder:"TIER,…" help:"Instruction sets (default all that zhenni version --tiers lists)."`
	Memory      byteSize `default:"1GiB" placeholder:"SIZE" help:"Memory to read at random, for each instruction set (default ${default})."`
	Threads     int      `placeholder:"N" help:"Threads that read memory together (default one a core)."`
	benchOutput `embed:"" set:"time=50ms"`
}

// Help is shown by zhenni bench kernels --help.
func (benchKernels) Help() string {
	return `In calls a second of one comparison or one row. "gathered" is what verification does: rows at random places of a memory far larger than the caches; its limit is a word of every line of such rows. "pair", "tile", "checked", "quantised" and "hadamard" stay in the cache. Every instruction set but the one in use runs in a process of its own.

Examples:

    zhenni bench kernels
    zhenni bench kernels --dims 512 --memory 4GiB --out kernels.json`
}

// Run measures the kernels.
func (c *benchKernels) Run(ctx context.Context, out *output) error {
	program, err := os.Executable()
	if err != nil {
		return environment("%w", err)
	}
	kernels := layer.Kernels{
		Tiers: c.Tiers, Dims: c.Dims, Memory: int64(c.Memory), Threads: threadCount(c.Threads), Seed: c.Seed,
		Program: []string{program, layer.TierCommand},
	}
	if len(kernels.Tiers) == 0 {
		kernels.Tiers = simd.Tiers()
	}
	return c.measure(ctx, out, "kernels", kernels, map[string]string{
		"tiers": strings.Join(kernels.Tiers, ","), "dims": joined(c.Dims), "memory": c.Memory.String(), "threads": fmt.Sprint(kernels.Threads),
	})
}

// kernelsOfTier is this program as the process of an instruction set that another one does not use (package layer).
func kernelsOfTier() int {
	if err := layer.ServeTier(os.Stdin, os.Stdout); err != nil {
		return exitEnvironment
	}
	return 0
}

// threadCount is how many threads measure: asked, or one a core.
func threadCount(asked int) int {
	if asked > 0 {
		return asked
	}
	return runtime.GOMAXPROCS(0)
}

func joined(numbers []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(numbers)), ","), "[]")
}
