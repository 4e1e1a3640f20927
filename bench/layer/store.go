package layer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/storage"
)

// Store is the system of record beside a flat file of the same rows and beside its disk. In credentials a second:
//
//	get/hot        Reference of random credentials by all threads, everything in the page cache; limit: file/hot
//	file/hot       the same rows copied out of a mapped file
//	get/cold       Reference by one thread, each after what the system holds of the store's files was dropped; limit:
//	               disk/read/depth=1
//	file/cold      the same of the mapped file; limit: disk/read/depth=1
//	put/callers=N  Apply of one enrolment by each of N callers; limit: disk/sync, which callers together may exceed: one
//	               commit serves all that wait
//	import         a whole import into a new store; limit: file/write
//	file/write     the same rows written to a new file and synced
//
// Of the disk, in operations a second: disk/read/depth=N reads 4 KiB at random places of the file around the page cache,
// with so many reads under way, and disk/sync overwrites 4 KiB of a file durably. Where the system has no such reads, or can
// not drop what it holds, those measurements and limits are left out.
type Store struct {
	// Dir is an existing folder on the disk to measure. A folder is made in it and removed by Close.
	Dir string
	// Credentials is how many the store to read from holds, and Imported how many an import brings; 4,096 or more.
	Credentials, Imported int
	// Dim is a dimension from 128 to zhenni.MaxDim.
	Dim int
	// Threads is how many read at once, and how many seal an import.
	Threads int
	// Callers are numbers of callers of Apply, 1 to 256.
	Callers []int
	Seed    uint64
}

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (s Store) Validate() error {
	if info, err := os.Stat(s.Dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: %q is no folder to measure in", zhenni.ErrBadValue, s.Dir)
	}
	for _, n := range s.Callers {
		if err := within(span{"number of callers", n, 1, storage.DefaultQueue}); err != nil {
			return err
		}
	}
	return within(
		span{"Credentials", s.Credentials, leastSubjects, mostSubjects}, span{"Imported", s.Imported, leastSubjects, s.Credentials},
		span{"Dim", s.Dim, leastDim, zhenni.MaxDim}, span{"Threads", s.Threads, 1, mostThreads},
	)
}

// Needs is the bytes of memory that the store takes from Open to Close: one row a credential, and the memtables of three
// stores.
func (s Store) Needs() int64 {
	return int64(s.Credentials)*int64(rowStride(s.Dim)+8) + 3*5*storage.DefaultMemTable
}

// Disk is about the bytes that the files take.
func (s Store) Disk() int64 {
	return int64(s.Credentials+s.Imported)*int64(2*rowStride(s.Dim)+512) + 3*8*storage.DefaultMemTable
}

// Open makes a store and a file of the crowd, and a store to put into.
func (s Store) Open(ctx context.Context) (*Bench, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	b := &Bench{}
	return b.opened(s.open(ctx, b))
}

// storeBench is what the cases of the store share.
type storeBench struct {
	Store
	dir      string
	root     storage.RootKey
	crowd    *crowd
	imported []int // the credentials of an import, in order of id
	full     *storage.Store
	file     *rowsFile
	puts     *storage.Store
	put      atomic.Int64 // the number of the next credential to put
}

func (s Store) open(ctx context.Context, b *Bench) error {
	dir, err := newFolder(s.Dir)
	if err != nil {
		return fmt.Errorf("layer: %w", err)
	}
	b.atClose(func() error { return os.RemoveAll(dir) })
	sb := &storeBench{Store: s, dir: dir}
	if sb.root, err = storage.CreateKeyFile(filepath.Join(dir, "root.key"), nil); err != nil {
		return err
	}
	crowd, release, err := newCrowd(ctx, s.Credentials, s.Dim, s.Threads, s.Seed)
	if err != nil {
		return err
	}
	b.atClose(release)
	sb.crowd, sb.imported = crowd, crowd.sorted(s.Imported)
	if sb.full, err = sb.openStore(b, "full"); err != nil {
		return err
	}
	if err := sb.load(ctx, sb.full, crowd.sorted(s.Credentials)); err != nil {
		return err
	}
	if sb.file, err = writeRows(filepath.Join(dir, "rows"), crowd); err != nil {
		return err
	}
	b.atClose(sb.file.Close)
	if sb.puts, err = sb.openStore(b, "puts"); err != nil {
		return err
	}
	sb.getCases(b)
	sb.putCases(b)
	return sb.diskCases(b)
}

// newFolder makes a folder and returns its path as the system knows it: what is mapped of it is found by that.
func newFolder(in string) (string, error) {
	in, err := filepath.Abs(in)
	if err != nil {
		return "", err
	}
	if in, err = filepath.EvalSymlinks(in); err != nil {
		return "", err
	}
	return os.MkdirTemp(in, "zhenni-bench-")
}

// sorted are the first n credentials in order of id, as an import takes them.
func (c *crowd) sorted(n int) []int {
	credentials := make([]int, n)
	for i := range credentials {
		credentials[i] = i
	}
	c.ascending(credentials)
	return credentials
}

const storeModel = "bench"

func (s *storeBench) newStore(name string) (*storage.Store, error) {
	return storage.Open(storage.Options{
		Dir: filepath.Join(s.dir, name), Model: zhenni.Model{ID: storeModel, Dim: s.Dim, Factor: zhenni.FactorFace}, Root: s.root,
		ScrubRate: -1, // a walk in the background is another load
	})
}

func (s *storeBench) openStore(b *Bench, name string) (*storage.Store, error) {
	store, err := s.newStore(name)
	if err == nil {
		b.atClose(store.Close)
	}
	return store, err
}

// enrolment is the command that enrols credential i; more of them than the crowd has repeat its rows.
func (s *storeBench) enrolment(i int) zhenni.Enrol {
	return zhenni.Enrol{
		ID: s.crowd.id(i), Tenant: tenant, Level: zhenni.LevelFull, Model: storeModel, Row: s.crowd.row(i % s.crowd.count),
		At: time.Unix(1_800_000_000, 0),
	}
}

func (s *storeBench) load(ctx context.Context, store *storage.Store, credentials []int) error {
	im, err := store.NewImport(ctx, storage.ImportOptions{Workers: s.Threads})
	if err != nil {
		return err
	}
	for _, i := range credentials {
		if err := im.Add(s.enrolment(i)); err != nil {
			return errors.Join(err, im.Abort())
		}
	}
	if err := im.Commit(); err != nil {
		return err
	}
	if n := store.Count(); n != int64(len(credentials)) {
		return fmt.Errorf("%w: %d of %d credentials were imported", zhenni.ErrCorrupt, n, len(credentials))
	}
	return nil
}

// rate is a measurement in things a second.
func rate(name, limit string) result.Measurement {
	return result.Measurement{Name: name, Unit: result.PerSecond, Limit: limit}
}

// getter reads random credentials. One goroutine uses it.
type getter struct {
	*storeBench
	random *rand.Rand
	row    []int8
	_      [lineBytes]byte
}

func (s *storeBench) getters(n int) []*getter {
	getters := make([]*getter, n)
	for t := range getters {
		getters[t] = &getter{storeBench: s, random: rand.New(rand.NewPCG(s.Seed, uint64(t))), row: make([]int8, s.Dim)}
	}
	return getters
}

// stored gets one credential from the store, and holds the first elements of its row against the crowd's.
func (g *getter) stored() (int, error) {
	i := g.random.IntN(g.crowd.count)
	r, err := g.full.Reference(g.crowd.id(i), g.row)
	if err != nil {
		return 0, err
	}
	return 1, g.same(i, r.Row)
}

// flatGets is how many rows are got from the mapped file between two looks at the clock.
const flatGets = 64

func (g *getter) flats() (int, error) {
	for range flatGets {
		if _, err := g.flat(); err != nil {
			return 0, err
		}
	}
	return flatGets, nil
}

// flat gets one row from the mapped file.
func (g *getter) flat() (int, error) {
	i := g.random.IntN(g.crowd.count)
	at := g.crowd.at(i)
	copy(g.row, g.file.rows[at:at+len(g.row)])
	return 1, g.same(i, g.row)
}

func (g *getter) same(i int, row []int8) error {
	if [lineBytes]int8(row) != [lineBytes]int8(g.crowd.row(i)) {
		return fmt.Errorf("%w: credential %d is not as it was enrolled", zhenni.ErrCorrupt, i)
	}
	return nil
}

func (s *storeBench) getCases(b *Bench) {
	getters := s.getters(s.Threads)
	b.add(rate("get/hot", "file/hot"), func(ctx context.Context, about time.Duration) (result.Sample, error) {
		// The walk brings every page in, and lets the store trust every slot: from then on a read is no walk.
		if err := s.full.References(0, zhenni.Slots-1, func(zhenni.Reference) error { return nil }); err != nil {
			return result.Sample{}, err
		}
		return Press(ctx, s.Threads, about, func(t int) (int, error) { return getters[t].stored() })
	})
	b.add(rate("file/hot", ""), func(ctx context.Context, about time.Duration) (result.Sample, error) {
		s.file.touch()
		sample, err := Press(ctx, s.Threads, about, func(t int) (int, error) { return getters[t].flats() })
		return result.Sample{Value: sample.Value, Counts: sample.Counts}, err
	})
}

func (s *storeBench) putCases(b *Bench) {
	for _, callers := range s.Callers {
		m := rate(fmt.Sprintf("put/callers=%d", callers), "disk/sync")
		m.Sweep, m.X = "callers", float64(callers)
		b.add(m, func(ctx context.Context, about time.Duration) (result.Sample, error) {
			return Press(ctx, callers, about, func(int) (int, error) { return s.putOne(ctx) })
		})
	}
	b.add(rate("import", "file/write"), func(ctx context.Context, _ time.Duration) (result.Sample, error) { return s.importOnce(ctx) })
	b.add(rate("file/write", ""), func(context.Context, time.Duration) (result.Sample, error) { return s.writeOnce() })
}

func (s *storeBench) putOne(ctx context.Context) (int, error) {
	results, err := s.puts.Apply(ctx, []zhenni.Command{s.enrolment(int(s.put.Add(1) - 1))})
	if err != nil {
		return 0, err
	}
	return len(results), results[0].Err
}

// importOnce imports into a new store, which is removed again.
func (s *storeBench) importOnce(ctx context.Context) (result.Sample, error) {
	store, err := s.newStore("imported")
	if err != nil {
		return result.Sample{}, err
	}
	begun := time.Now()
	err = s.load(ctx, store, s.imported)
	took := time.Since(begun)
	err = errors.Join(err, store.Close(), os.RemoveAll(filepath.Join(s.dir, "imported")))
	return result.Sample{Value: float64(len(s.imported)) / took.Seconds()}, err
}

// writeOnce writes the rows of an import to a new file, which is removed again.
func (s *storeBench) writeOnce() (_ result.Sample, err error) {
	f, err := os.Create(filepath.Join(s.dir, "written"))
	if err != nil {
		return result.Sample{}, fmt.Errorf("layer: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	begun := time.Now()
	if _, err = f.Write(unsigned(s.crowd.rows[:len(s.imported)*s.crowd.stride])); err == nil {
		err = f.Sync()
	}
	return result.Sample{Value: float64(len(s.imported)) / time.Since(begun).Seconds()}, err
}
