package capacity

import (
	"fmt"
	"math"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/engine"
)

// Profile is what one node on one machine was measured to cost. All costs of computing include the load generator's on the
// same cores: what is planned by it errs to the safe side.
type Profile struct {
	// Dim is the dimension of a template, Cores those of the machine, Cache its last level in bytes, Memory its bytes.
	Dim, Cores, Cache, Memory float64
	// Bulk is the processor time of an item of a bulk request, Single that of a single one (Request is 0); BulkBusy and
	// SingleBusy are how much of the cores the highest rate of either kept busy, in (0, 1].
	Bulk, Single         Cost
	BulkBusy, SingleBusy float64
	// Tail is the p99 of single requests while bulk is asked too.
	Tail Tail
	// Heap is what a node takes of memory without its arena, by credentials; View, Log and Keys are its disk by credentials.
	Heap, View, Log, Keys Line
	// Leaf is what a request takes of the audit log; Answer and AnswerItem what a single answer and an item of a bulk answer take
	// of the ledger. Bytes.
	Leaf, Answer, AnswerItem float64
}

// Layer is the layer of the result file that keeps a profile.
const Layer = "capacity"

type field struct {
	name, unit string
	value      *float64
}

// fields name every number of a profile. Those that may be 0 are left out of a file then.
func (p *Profile) fields() []field {
	ns, ms, b := result.Nanoseconds, result.Milliseconds, result.Bytes
	return []field{
		{"dim", "elements", &p.Dim}, {"cores", "cores", &p.Cores}, {"cache", b, &p.Cache}, {"memory", b, &p.Memory},
		{"bulk/item", ns, &p.Bulk.Item}, {"bulk/request", ns, &p.Bulk.Request}, {"bulk/miss", ns, &p.Bulk.Miss}, {"bulk/busy", "share", &p.BulkBusy},
		{"single/item", ns, &p.Single.Item}, {"single/miss", ns, &p.Single.Miss}, {"single/busy", "share", &p.SingleBusy},
		{"tail/base", ms, &p.Tail.Base}, {"tail/queue", ms, &p.Tail.Queue},
		{"heap/base", b, &p.Heap.Base}, {"heap/credential", b, &p.Heap.Slope},
		{"view/base", b, &p.View.Base}, {"view/credential", b, &p.View.Slope},
		{"log/base", b, &p.Log.Base}, {"log/credential", b, &p.Log.Slope},
		{"keys/base", b, &p.Keys.Base}, {"keys/credential", b, &p.Keys.Slope},
		{"leaf", b, &p.Leaf}, {"answer", b, &p.Answer}, {"answer/item", b, &p.AnswerItem},
	}
}

// Measurements returns the profile as measurements of a result file, of one round each.
func (p Profile) Measurements() []result.Measurement {
	var list []result.Measurement
	for _, f := range p.fields() {
		if *f.value > 0 {
			list = append(list, result.Measurement{Name: f.name, Unit: f.unit, Rounds: []float64{*f.value}})
		}
	}
	return list
}

// ProfileOf reads a profile from a result file: [zhenni.ErrBadValue] where it is of another layer or does not make one.
func ProfileOf(run *result.Run) (Profile, error) {
	var p Profile
	if run.Layer != Layer {
		return p, fmt.Errorf("%w: a result of the layer %q, want %q", zhenni.ErrBadValue, run.Layer, Layer)
	}
	for _, f := range p.fields() {
		if m := run.Find(f.name); m != nil {
			*f.value = m.Median()
		}
	}
	return p, p.Validate()
}

// Validate returns [zhenni.ErrBadValue] with the first field that no plan can be made without.
func (p Profile) Validate() error {
	for name, value := range map[string]float64{
		"dim": p.Dim, "cores": p.Cores, "cost of a bulk item": p.Bulk.Item + p.Bulk.Miss, "cost of a single one": p.Single.Item + p.Single.Miss,
		"busy share of bulk": p.BulkBusy, "busy share of singles": p.SingleBusy, "p99": p.Tail.Base + p.Tail.Queue,
	} {
		if !(value > 0) || math.IsInf(value, 0) {
			return fmt.Errorf("%w: a profile whose %s is %v", zhenni.ErrBadValue, name, value)
		}
	}
	return nil
}

// lineBytes and IndexBytes are how the arena of package engine lays rows out.
const (
	lineBytes  = 64
	IndexBytes = 16
)

// RowBytes returns what a hot credential takes of the arena: a header of a cache line, its elements in whole lines, two
// slots of the index.
func RowBytes(dim float64) float64 {
	return lineBytes + math.Ceil(dim/lineBytes)*lineBytes + IndexBytes
}

// ArenaFor returns the budget that holds so many credentials with the segments filled as unevenly as chance does: ids are
// random, so a segment's share is a Poisson number, and four standard deviations above its mean are passed by one
// of 64 segments in one node of 500. What does not fit is read from the store when it is asked for.
func ArenaFor(credentials, dim float64) int64 {
	mean := credentials / engine.Segments
	return int64(engine.Segments * math.Ceil(mean+4*math.Sqrt(mean)) * RowBytes(dim))
}

// working is what rows and index take that verifications really read.
func (p Profile) working(credentials float64) float64 { return credentials * RowBytes(p.Dim) }

// BulkRate returns the items a second that one node answers at most, in requests of so many items.
func (p Profile) BulkRate(credentials, items float64) float64 {
	return p.Cores * p.BulkBusy * 1e9 / p.Bulk.At(p.working(credentials), items, p.Cache)
}

// SingleRate returns the single verifications a second that one node answers at most.
func (p Profile) SingleRate(credentials float64) float64 {
	return p.Cores * p.SingleBusy * 1e9 / p.Single.At(p.working(credentials), 1, p.Cache)
}

// MemoryFor returns the bytes a node of so many credentials takes, all of them hot.
func (p Profile) MemoryFor(credentials float64) float64 {
	return float64(ArenaFor(credentials, p.Dim)) + p.Heap.At(credentials)
}

// DiskFor returns the bytes of the store of so many credentials, without what it records.
func (p Profile) DiskFor(credentials float64) float64 {
	return p.View.At(credentials) + p.Log.At(credentials) + p.Keys.At(credentials)
}
