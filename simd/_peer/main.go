// Command _peer times simd.Dot beside the C libraries NumKong and SimSIMD and prints nanoseconds and ratios.
//
//	go run ./simd/_peer [-rounds 25] [-ms 4] [-numkong include/] [-simsimd include/]
//
// It fetches the C headers of a library from its npm package into a scratch folder, builds harness/peer.c with gcc and
// the benchmarks of package simd with go, and runs them turn by turn. The table shows lower quartiles over the rounds,
// which a busy neighbour hardly reaches, and their ratios. A library that cannot be had is left out, and said so.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var dimensions = []int{128, 192, 256, 512, 1024}

// libraries by name, with the macro that harness/peer.c asks for.
var libraries = []struct{ name, macro string }{{"numkong", "HAVE_NUMKONG"}, {"simsimd", "HAVE_SIMSIMD"}}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 25, "rounds to take quartiles over")
	ms := flag.Int("ms", 4, "milliseconds a measurement")
	includes := map[string]*string{}
	for _, lib := range libraries {
		includes[lib.name] = flag.String(lib.name, "", "include folder of "+lib.name+", instead of its npm package")
	}
	flag.Parse()

	scratch, err := os.MkdirTemp("", "peer")
	check(err)
	defer os.RemoveAll(scratch)
	peer, tests := filepath.Join(scratch, "peer"), filepath.Join(scratch, "simd.test")
	buildPeer(scratch, peer, includes)
	run("", "go", "test", "-c", "-o", tests, "./simd")

	times := map[string]map[int][]float64{} // by name and dimension, one a round
	for range *rounds {
		for _, d := range dimensions {
			add(times, parseBench(run("", tests, "-test.run=^$", fmt.Sprintf("-test.bench=^BenchmarkDot$/.*/^d=%d$", d),
				fmt.Sprintf("-test.benchtime=%dms", *ms))))
			add(times, parsePeer(run("", peer, strconv.Itoa(d), strconv.Itoa(*ms))))
		}
	}
	printTable(times)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// run returns the output of a command, or ends the program with it.
func run(dir, name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		log.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// buildPeer compiles the harness against the libraries that can be had.
func buildPeer(scratch, peer string, includes map[string]*string) {
	args := []string{"-O3", "-march=native", "-o", peer, "simd/_peer/harness/peer.c"}
	for _, lib := range libraries {
		include := *includes[lib.name]
		if include == "" {
			include = fetch(scratch, lib.name)
		}
		if include != "" {
			args = append(args, "-D"+lib.macro, "-I"+include)
		}
	}
	run("", "gcc", append(args, "-lm")...)
}

// fetch unpacks an npm package and returns its include folder, or "" where there is none.
func fetch(scratch, name string) string {
	dir := filepath.Join(scratch, name)
	check(os.Mkdir(dir, 0o755))
	pack := exec.Command("npm", "pack", "--silent", name)
	pack.Dir = dir
	if out, err := pack.Output(); err != nil {
		fmt.Printf("%s: left out, npm does not give it: %v %s\n", name, err, out)
		return ""
	}
	tarballs, _ := filepath.Glob(filepath.Join(dir, "*.tgz"))
	run(dir, "tar", append([]string{"xzf"}, tarballs...)...)
	include := filepath.Join(dir, "package", "include")
	if _, err := os.Stat(filepath.Join(include, name)); err != nil {
		fmt.Printf("%s: left out, its package has no C headers\n", name)
		return ""
	}
	return include
}

// sample is one measurement.
type sample struct {
	name string
	d    int
	ns   float64
}

var benchLine = regexp.MustCompile(`(?m)^BenchmarkDot/tier=(\w+)/d=(\d+)\S*\s+\d+\s+([\d.]+) ns/op`)

func parseBench(out string) (samples []sample) {
	for _, m := range benchLine.FindAllStringSubmatch(out, -1) {
		d, _ := strconv.Atoi(m[2])
		ns, _ := strconv.ParseFloat(m[3], 64)
		samples = append(samples, sample{"go " + m[1], d, ns})
	}
	return samples
}

func parsePeer(out string) (samples []sample) {
	for line := range strings.Lines(out) {
		var s sample
		if n, _ := fmt.Sscan(line, &s.name, &s.d, &s.ns); n == 3 {
			s.name += " C"
			samples = append(samples, s)
		}
	}
	return samples
}

func add(times map[string]map[int][]float64, samples []sample) {
	for _, s := range samples {
		if times[s.name] == nil {
			times[s.name] = map[int][]float64{}
		}
		times[s.name][s.d] = append(times[s.name][s.d], s.ns)
	}
}

func quartile(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(xs))[len(xs)/4]
}

// printTable shows a row a contender: nanoseconds, and in brackets the ratio to each C library.
func printTable(times map[string]map[int][]float64) {
	var names []string
	for name := range times {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Printf("%-16s", "ns a comparison")
	for _, d := range dimensions {
		fmt.Printf("%10d", d)
	}
	fmt.Println()
	row := func(label string, value func(d int) float64, format string) {
		fmt.Printf("%-16s", label)
		for _, d := range dimensions {
			fmt.Printf(format, value(d))
		}
		fmt.Println()
	}
	for _, name := range names {
		row(name, func(d int) float64 { return quartile(times[name][d]) }, "%10.1f")
	}
	for _, lib := range libraries {
		c := times[lib.name+" C"]
		if c == nil {
			continue
		}
		fmt.Printf("\nratio to %s\n", lib.name)
		for _, name := range names {
			row(name, func(d int) float64 { return quartile(times[name][d]) / quartile(c[d]) }, "%10.2f")
		}
	}
}
