package scale

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/engine"
	"zhenni/storage"
)

// Scale is one run. The zero value of a field has no meaning, unless said otherwise.
type Scale struct {
	// Dir is an existing folder on the disk to measure. A folder is made in it, and removed at the end.
	Dir string
	// Credentials is how many are enrolled, 4,096 or more.
	Credentials int64
	// Dim is the dimension of the model, 128 to zhenni.MaxDim.
	Dim int
	// Hot is the share of the credentials that the arena is to hold, 0 to 1; 0 leaves the step out. What does not fit into
	// memory is said, and not held.
	Hot float64
	// ColdShare is the share that the arena holds while the others are read from the cold tier, above 0, below 1.
	ColdShare float64
	// Threads is the number of matchers, Batch how many items each is given at a time.
	Threads, Batch int
	// Questions is how many different comparisons there are about each population, rounded up to whole batches. Their rows are
	// to be far more than the caches hold.
	Questions int
	// Rounds of so much Time are measured of each case.
	Rounds int
	Time   time.Duration
	Seed   uint64
	// Keep leaves the folder behind.
	Keep bool
	// Program is this program, with the argument that makes it call [Serve]. Without it the steps run in this process, and
	// what is said of memory is of all of them.
	Program []string
}

// Bounds of a run.
const (
	leastCredentials = 1 << 12
	mostCredentials  = 1 << 31
	leastDim         = 128
	leastBatch       = 64
	mostBatch        = 1 << 14
)

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (s Scale) Validate() error {
	info, err := os.Stat(s.Dir)
	switch {
	case err != nil || !info.IsDir():
		return fmt.Errorf("%w: %q is no folder to measure in", zhenni.ErrBadValue, s.Dir)
	case s.Credentials < leastCredentials || s.Credentials > mostCredentials:
		return fmt.Errorf("%w: %d credentials: want %d–%d", zhenni.ErrBadValue, s.Credentials, leastCredentials, int64(mostCredentials))
	case s.Dim < leastDim || s.Dim > zhenni.MaxDim:
		return fmt.Errorf("%w: dimension %d: want %d–%d", zhenni.ErrBadValue, s.Dim, leastDim, zhenni.MaxDim)
	case !(s.Hot >= 0 && s.Hot <= 1) || !(s.ColdShare > 0 && s.ColdShare < 1):
		return fmt.Errorf("%w: %v of the credentials hot, %v while cold: want shares, the second above 0 and below 1", zhenni.ErrBadValue, s.Hot, s.ColdShare)
	case s.Threads < 1 || s.Threads > engine.Segments:
		return fmt.Errorf("%w: %d threads: want 1–%d", zhenni.ErrBadValue, s.Threads, engine.Segments)
	case s.Batch < leastBatch || s.Batch > mostBatch || s.Questions < 1 || s.Questions > mostCredentials:
		return fmt.Errorf("%w: %d questions in batches of %d: want 1–%d in %d–%d", zhenni.ErrBadValue, s.Questions, s.Batch, int64(mostCredentials), leastBatch, mostBatch)
	case s.Rounds < 1 || s.Rounds > result.MaxRounds || s.Time <= 0:
		return fmt.Errorf("%w: %d rounds of %v: want 1–%d of some time", zhenni.ErrBadValue, s.Rounds, s.Time, result.MaxRounds)
	}
	return nil
}

// The files in the folder of a run: those of a store are in package storage.
const (
	rootFile   = "root.key"
	storeDir   = "store"
	coldFolder = "cold"
	coldRows   = "rows"
)

const modelID = "scale"

// openStore opens the store in the folder of a run, made where there is none.
func (s Scale) openStore(folder string, cold storage.Cold) (*storage.Store, error) {
	root, err := storage.OpenKeyFile(filepath.Join(folder, rootFile))
	if err != nil {
		return nil, err
	}
	return storage.Open(storage.Options{
		Dir: filepath.Join(folder, storeDir), Model: zhenni.Model{ID: modelID, Dim: s.Dim, Factor: zhenni.FactorFace}, Root: root,
		Cold: cold, ScrubRate: -1, // a walk in the background is another load
	})
}
