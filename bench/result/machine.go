package result

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"zhenni/simd"
)

// Machine is what the numbers were measured on. A fact that can not be read is left empty.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// Tier is the instruction set in use, Tiers those that the machine has.
	Tier     string   `json:"tier"`
	Tiers    []string `json:"tiers"`
	Governor string   `json:"governor,omitempty"`
	Memory   int64    `json:"memory_bytes,omitempty"`
	// HugePages is the kernel's setting of transparent huge pages.
	HugePages string `json:"huge_pages,omitempty"`
	Kernel    string `json:"kernel,omitempty"`
	Platform  string `json:"platform"`
	// Load is the load average of the last minute before the run: what else the machine was doing.
	Load float64 `json:"load"`
}

// Build is how the program was built and runs.
type Build struct {
	Go         string            `json:"go"`
	Settings   map[string]string `json:"settings"`
	MaxProcs   int               `json:"gomaxprocs"`
	GC         string            `json:"gogc,omitempty"`
	HeapLimit  int64             `json:"gomemlimit_bytes"`
	Executable string            `json:"version,omitempty"`
}

// ReadMachine reads the facts of this machine.
func ReadMachine() Machine {
	load, _, _ := strings.Cut(firstLine("/proc/loadavg"), " ")
	average, _ := strconv.ParseFloat(load, 64)
	memory, _ := KernelBytes("/proc/meminfo", "MemTotal")
	return Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Tier: simd.Tier(), Tiers: simd.Tiers(),
		Governor:  firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		Memory:    memory,
		HugePages: chosen(firstLine("/sys/kernel/mm/transparent_hugepage/enabled")),
		Kernel:    firstLine("/proc/sys/kernel/osrelease"),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		Load:      average,
	}
}

// ReadBuild reads the facts of this process, and the revision it was built from.
func ReadBuild() (b Build, commit string) {
	b = Build{Go: runtime.Version(), Settings: map[string]string{}, MaxProcs: runtime.GOMAXPROCS(0), GC: os.Getenv("GOGC"), HeapLimit: debug.SetMemoryLimit(-1)}
	commit = "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b, commit
	}
	b.Executable = info.Main.Version
	modified := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				modified = "+modified"
			}
		case "GOAMD64", "GOARM64", "-tags", "GOEXPERIMENT", "-race":
			b.Settings[s.Key] = s.Value
		}
	}
	return b, commit + modified
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// field returns the value of the first line "name : value".
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// KernelBytes returns the bytes of a line "name: n kB" of a file such as /proc/self/status, and false where there is none.
func KernelBytes(path, name string) (int64, bool) {
	kilobytes, err := strconv.ParseInt(strings.TrimSuffix(field(path, name), " kB"), 10, 64)
	return kilobytes << 10, err == nil
}

// chosen returns the word in brackets, as in "always [madvise] never".
func chosen(words string) string {
	_, rest, _ := strings.Cut(words, "[")
	word, _, _ := strings.Cut(rest, "]")
	return word
}
