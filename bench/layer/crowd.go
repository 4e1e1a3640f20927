package layer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"zhenni"
	"zhenni/engine"
	"zhenni/engine/accuracy"
)

// crowd is synthetic people whose rows are held in memory, laid out as an arena lays its rows out: a line for a header,
// then whole lines of elements. It is the store that an arena is filled from, and what the arena is measured beside. Of a
// large crowd several credentials are of one person, whose row is there once for each: what is measured depends on where
// rows lie, and making a person takes longer than measuring one. Once made it is only read.
type crowd struct {
	population accuracy.Population
	// count is the number of credentials, numbered from 0; credential i is of person i modulo people.
	count, people int
	stride        int
	rows          []int8
}

// tenant is the one of everybody in the crowd.
const tenant zhenni.TenantID = 1

// Of so many credentials one person has one on average, up to a bound: enough people that no two batches are alike.
const (
	credentialsEach = 16
	mostPeople      = 1 << 13
)

// newCrowd makes so many credentials, on that many threads. release gives their memory back.
func newCrowd(ctx context.Context, count, dim, threads int, seed uint64) (c *crowd, release func() error, err error) {
	c = &crowd{population: accuracy.Population{Seed: seed, Dim: dim}, count: count, stride: rowStride(dim)}
	c.people = min(count/credentialsEach, mostPeople)
	memory, release, err := reserve(count * c.stride)
	if err != nil {
		return nil, nil, err
	}
	c.rows = signed(memory)
	if err = spread(ctx, c.people, threads, c.enrol); err == nil {
		err = spread(ctx, count, threads, c.repeat)
	}
	if err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return c, release, nil
}

// settle makes a crowd and an empty arena with room for all of it. Both are given back when b is closed.
func (b *Bench) settle(ctx context.Context, count, dim, threads int, seed uint64) (*crowd, *engine.Arena, error) {
	c, release, err := newCrowd(ctx, count, dim, threads, seed)
	if err != nil {
		return nil, nil, err
	}
	b.atClose(release)
	arena, err := c.newArena()
	if err != nil {
		return nil, nil, err
	}
	b.atClose(arena.Close)
	return c, arena, nil
}

// enrol makes the first credentials of people.
func (c *crowd) enrol(first, last int) error {
	embedding := make([]float32, c.dim())
	for i := first; i < last; i++ {
		c.population.Reference(i, embedding)
		if _, err := engine.Prepare(c.row(i), embedding); err != nil {
			return fmt.Errorf("person %d: %w", i, err)
		}
	}
	return nil
}

// repeat makes the other credentials of people.
func (c *crowd) repeat(first, last int) error {
	for i := max(first, c.people); i < last; i++ {
		copy(c.row(i), c.row(i%c.people))
	}
	return nil
}

func (c *crowd) dim() int { return c.population.Dim }

// rowStride is the bytes of a row in an arena and here.
func rowStride(dim int) int { return lineBytes + (dim+lineBytes-1)/lineBytes*lineBytes }

// spreadPart is how many things one goroutine takes at a time.
const spreadPart = 1 << 12

// spread calls work for parts of [0, n) on that many threads, until one fails or ctx ends.
func spread(ctx context.Context, n, threads int, work func(first, last int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parts := make(chan int)
	var working sync.WaitGroup
	for range threads {
		working.Go(func() {
			for first := range parts {
				if err := work(first, min(first+spreadPart, n)); err != nil {
					cancel(err)
				}
			}
		})
	}
	for first := 0; first < n && ctx.Err() == nil; first += spreadPart {
		parts <- first
	}
	close(parts)
	working.Wait()
	return context.Cause(ctx)
}

// at is where the elements of a credential lie among the rows.
func (c *crowd) at(i int) int { return i*c.stride + lineBytes }

func (c *crowd) row(i int) []int8 {
	at := c.at(i)
	return c.rows[at : at+c.dim() : at+c.dim()]
}

// id is that of credential i: bits that are as good as drawn, and the number, so that no map of them is held.
func (c *crowd) id(i int) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint64(id[:8], scatter(uint64(i)+c.population.Seed<<32))
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	return id
}

// scatter is the finaliser of SplitMix64: one to one, and even.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (c *crowd) reference(i int, row []int8) zhenni.Reference {
	norm, _ := engine.CheckRow(row) // the arena holds it against the rule once more
	return zhenni.Reference{ID: c.id(i), Tenant: tenant, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: norm}
}

// Reference implements [engine.Store].
func (c *crowd) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	i := binary.BigEndian.Uint64(id[8:])
	if i >= uint64(c.count) || c.id(int(i)) != id {
		return zhenni.Reference{}, zhenni.ErrNotFound
	}
	copy(row, c.row(int(i)))
	return c.reference(int(i), row), nil
}

// References implements [engine.Store].
func (c *crowd) References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error {
	var found []int
	for i := range c.count {
		if slot := c.id(i).Slot(); first <= slot && slot <= last {
			found = append(found, i)
		}
	}
	c.ascending(found)
	for _, i := range found {
		if err := visit(c.reference(i, c.row(i))); err != nil {
			return err
		}
	}
	return nil
}

// ascending puts credentials in the order of their ids.
func (c *crowd) ascending(credentials []int) {
	slices.SortFunc(credentials, func(a, b int) int {
		x, y := c.id(a), c.id(b)
		return bytes.Compare(x[:], y[:])
	})
}

// rule is the threshold of the crowd.
func (c *crowd) rule() (zhenni.Threshold, error) {
	return Rule(c.dim())
}

// Rule is the threshold at which one non-mated comparison of unrelated directions in a million matches.
func Rule(dim int) (zhenni.Threshold, error) {
	return zhenni.NewThreshold(4.75 / math.Sqrt(float64(dim)))
}

// newArena makes an arena with room for everybody, whatever segment they fall into.
func (c *crowd) newArena() (*engine.Arena, error) {
	const slots = 2 * 8 // of the index, a row
	mean := float64(c.count) / engine.Segments
	capacity := int64(mean + 8*math.Sqrt(mean) + 16)
	return engine.NewArena(c.dim(), capacity*engine.Segments*int64(c.stride+slots))
}

// warm fills the arena with everybody, on that many threads.
func (c *crowd) warm(ctx context.Context, arena *engine.Arena, threads int) error {
	if err := Warm(ctx, arena, c, threads); err != nil {
		return err
	}
	if s := arena.Stats(); s.Rows != int64(c.count) {
		return fmt.Errorf("%w: the arena holds %d of %d rows", zhenni.ErrCorrupt, s.Rows, c.count)
	}
	return nil
}

// Warm fills the arena from a store, each segment until it is full, on that many threads. It ends early with ctx, between
// two segments.
func Warm(ctx context.Context, arena *engine.Arena, store engine.Store, threads int) error {
	segments := make(chan int, engine.Segments)
	for i := range engine.Segments {
		segments <- i
	}
	close(segments)
	errs := make([]error, threads)
	var working sync.WaitGroup
	for t := range threads {
		working.Go(func() {
			m := engine.NewMatcher(arena, store, 0)
			for segment := range segments {
				if errs[t] = errors.Join(context.Cause(ctx), m.Warm(segment)); errs[t] != nil {
					return
				}
			}
		})
	}
	working.Wait()
	return errors.Join(errs...)
}
