package scale

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"

	"zhenni/bench/capacity"
	"zhenni/bench/result"
	"zhenni/engine"
	"zhenni/storage"
)

// Place is where bytes are: of the memory of a step's process, or of the disk.
type Place struct {
	// Where is the step, or "disk".
	Where, Name string
	Bytes       int64
	// Of is how many credentials the bytes are shared by.
	Of int64
	// Part says that the bytes are among those of a place before it.
	Part bool
}

// Each is the bytes of one credential.
func (p Place) Each() float64 { return float64(p.Bytes) / float64(p.Of) }

// measurement is the place as a result file has it.
func (p Place) measurement() result.Measurement {
	return once(p.Where+"/"+p.Name, result.Bytes, float64(p.Bytes))
}

// The places that a finding or a test looks for.
const (
	placeHot  = "a hot credential: arena and page tables"
	placeCold = "a cold credential: index"
)

// hotPlaces is where the memory of the hot step is.
func (j *job) hotPlaces(arena *engine.Arena, rows *slab) []Place {
	runtime.GC()
	stats := arena.Stats()
	places := &places{where: "hot", of: stats.Rows}
	resident := places.ofArena(arena, rows.first)
	tables := places.ofProcess(j.Folder)
	if resident > 0 {
		places.part(placeHot, resident+tables)
	}
	return places.list
}

// coldPlaces is where the memory of the cold step is.
func (j *job) coldPlaces(store *storage.Store, arena *engine.Arena) []Place {
	runtime.GC()
	places := &places{where: "cold", of: j.people.Size}
	stats, _ := store.ColdStats()
	places.ofArena(arena, nil)
	places.ofProcess(j.Folder)
	places.part(placeCold, stats.Index)
	return places.list
}

// places collects what is there: a place that holds nothing is left out.
type places struct {
	where string
	of    int64
	list  []Place
}

func (p *places) add(name string, bytes int64) {
	if bytes > 0 {
		p.list = append(p.list, Place{Where: p.where, Name: name, Bytes: bytes, Of: p.of})
	}
}

func (p *places) part(name string, bytes int64) {
	if p.add(name, bytes); bytes > 0 {
		p.list[len(p.list)-1].Part = true
	}
}

// ofArena adds the rows and the index, and returns what the system holds of the mapping that a row lies in.
func (p *places) ofArena(arena *engine.Arena, row *int8) (resident int64) {
	stats := arena.Stats()
	p.add("arena rows", stats.Bytes-stats.Rows*capacity.IndexBytes)
	p.add("arena index", stats.Capacity*capacity.IndexBytes)
	if row == nil {
		return 0
	}
	for _, m := range readMaps() {
		if m.first <= address(row) && address(row) < m.last {
			p.part("arena, as the system holds it", m.resident)
			p.part("arena, on huge pages", m.huge)
			return m.resident
		}
	}
	return 0
}

// ofProcess adds what is not the arena, and returns the bytes of the page tables.
func (p *places) ofProcess(folder string) (tables int64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(heap)
	objects := int64(heap[0].Value.Uint64())
	p.add("Go heap: indexes, memtables, the questions", objects)
	p.add("Go runtime beside it", int64(heap[1].Value.Uint64()-heap[2].Value.Uint64())-objects)
	mapped := map[string]int64{}
	for _, m := range readMaps() {
		if kind, inside := kindOf(folder, m.path); inside {
			mapped[kind] += m.resident
		}
	}
	for _, kind := range []string{"base", "view"} {
		p.add("Badger, mapped files of "+kind, mapped[kind])
	}
	tables, _ = result.KernelBytes("/proc/self/status", "VmPTE")
	p.add("page tables", tables)
	all, _ := result.KernelBytes("/proc/self/status", "VmRSS")
	p.part("all that the system holds of the process, page tables aside", all)
	return tables
}

// kindOf is the part of the store that a file belongs to, and whether it is one of the store's.
func kindOf(folder, path string) (kind string, inside bool) {
	inner, inside := strings.CutPrefix(path, filepath.Join(folder, storeDir)+string(filepath.Separator))
	kind, _, _ = strings.Cut(inner, string(filepath.Separator))
	return kind, inside
}

// diskPlaces is what the files of a store take, by kind.
func diskPlaces(folder string, of int64, use func(path string) float64) ([]Place, error) {
	entries, err := os.ReadDir(filepath.Join(folder, storeDir))
	if err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	places := &places{where: "disk", of: of}
	for _, entry := range entries {
		places.add(entry.Name(), int64(use(filepath.Join(folder, storeDir, entry.Name()))))
	}
	return places.list, nil
}

// mapping is a range of addresses, and what the system holds of it.
type mapping struct {
	first, last    uintptr
	path           string
	resident, huge int64
}

// readMaps returns the mappings of this process; none where the system does not tell.
func readMaps() (maps []mapping) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 3 {
			continue
		}
		if from, to, isRange := strings.Cut(words[0], "-"); isRange && !strings.HasSuffix(words[0], ":") {
			m := mapping{first: parseAddress(from), last: parseAddress(to)}
			if len(words) > 5 {
				m.path = strings.Join(words[5:], " ")
			}
			maps = append(maps, m)
			continue
		}
		kilobytes, _ := strconv.ParseInt(words[1], 10, 64)
		switch last := &maps[len(maps)-1]; words[0] {
		case "Rss:":
			last.resident = kilobytes << 10
		case "AnonHugePages:":
			last.huge = kilobytes << 10
		}
	}
	return maps
}

func parseAddress(text string) uintptr {
	n, _ := strconv.ParseUint(text, 16, 64)
	return uintptr(n)
}
