package capacity

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"time"

	"zhenni"
	"zhenni/storage/ledger"
)

// Demand is what is asked of an installation.
type Demand struct {
	// PerDay is verifications a day, Credentials how many are enrolled; both above 0.
	PerDay      float64 `json:"verifications_per_day"`
	Credentials float64 `json:"credentials"`
	// PeakFactor is the busiest second over the mean one, at least 1.
	PeakFactor float64 `json:"peak_factor"`
	// BulkShare is the share of verifications that come in bulk, in [0, 1], in requests of Batch items.
	BulkShare float64 `json:"bulk_share"`
	Batch     float64 `json:"batch_items"`
	// P99 is the goal for single verifications.
	P99 float64 `json:"p99_ms"`
	// Days is how long the audit log keeps its entries.
	Days float64 `json:"retention_days"`
	// Sessions says that the server has sessions.
	Sessions bool `json:"sessions"`
}

// Validate returns [zhenni.ErrBadValue] with the first field out of range.
func (d Demand) Validate() error {
	for _, f := range []struct {
		name             string
		value, low, high float64
	}{
		{"verifications a day", d.PerDay, 1, 1e13}, {"credentials", d.Credentials, 1, 1e11}, {"peak factor", d.PeakFactor, 1, 1e5},
		{"bulk share", d.BulkShare, 0, 1}, {"batch", d.Batch, 1, zhenni.MaxBatchItems}, {"p99", d.P99, 1e-3, 60e3}, {"days", d.Days, 1, 36500},
	} {
		if !(f.value >= f.low && f.value <= f.high) {
			return fmt.Errorf("%w: %s %v: want %v–%v", zhenni.ErrBadValue, f.name, f.value, f.low, f.high)
		}
	}
	return nil
}

// requests returns the requests a day: each is a leaf of the audit log and an answer of the ledger.
func (d Demand) requests() float64 { return d.PerDay * (1 - d.BulkShare + d.BulkShare/d.Batch) }

// AnswersKept is how long the ledger keeps an answer: where there are sessions every one as long as those of a session, since it
// does not tell them apart.
func (d Demand) AnswersKept() time.Duration {
	if d.Sessions {
		return zhenni.SessionRecordKept
	}
	return ledger.DefaultKeep
}

// keptDays is that in days.
func (d Demand) keptDays() float64 { return d.AnswersKept().Hours() / 24 }

// MaxLoad is the share of its highest rate that a node is planned for at the peak, whatever the p99 allows: what is left is
// for what no plan knows.
const MaxLoad = 0.8

// memoryShare is how much of a machine's memory a node is planned to take; the rest is the page cache of the view.
const memoryShare = 0.8

// answerEntry is what the ledger has in memory of an answer, spareSegments what it has on disk beside the answers kept: two segments
// written to or ready, and one that goes as a whole.
const (
	answerEntry   = 48
	spareSegments = 3 * 32 << 20
)

// answersMemory is what so many answers take on a node. The ledger has room for a power of two of them, and goes round in it.
func answersMemory(answers float64) float64 {
	return answerEntry * math.Exp2(math.Ceil(math.Log2(answers)))
}

// ErrP99 is a goal that no load is low enough for.
var ErrP99 = errors.New("capacity: no load is low enough for this p99")

// Plan is what a demand needs. Bytes and rates are of all nodes together unless said otherwise.
type Plan struct {
	Demand Demand `json:"demand"`
	// Bulk and Singles are items and requests a second at the peak.
	Bulk    float64 `json:"bulk_per_second"`
	Singles float64 `json:"singles_per_second"`
	// Load is the share of its highest rate that each node works at in the peak, Allowed the most that the p99 leaves, P99 what
	// is predicted at Load.
	Load    float64 `json:"load"`
	Allowed float64 `json:"allowed_load"`
	P99     float64 `json:"p99_ms"`
	// Nodes is the largest of NodesForRate, NodesForMemory and NodesForAnswers, which no ledger keeps more than [ledger.MaxAnswers]
	// of; Cores are those of all of them.
	Nodes           float64 `json:"nodes"`
	NodesForRate    float64 `json:"nodes_for_rate"`
	NodesForMemory  float64 `json:"nodes_for_memory"`
	NodesForAnswers float64 `json:"nodes_for_answers"`
	Cores           float64 `json:"cores"`
	// Arena, Heap and Answers are the memory of one node.
	Arena   float64 `json:"arena_bytes"`
	Heap    float64 `json:"heap_bytes"`
	Answers float64 `json:"answers_memory_bytes"`
	// KeptAnswers and KeptBytes are what --answers and --answers-bytes of one node have to be at the least, for the oldest answers not
	// to go early; KeptDays is how long they are kept.
	KeptAnswers float64 `json:"kept_answers"`
	KeptBytes   float64 `json:"kept_answers_bytes"`
	KeptDays    float64 `json:"kept_answers_days"`
	// View, Log, Keys, Audit and Ledger are disk; the last two after Demand.Days and after KeptDays.
	View   float64 `json:"view_bytes"`
	Log    float64 `json:"log_bytes"`
	Keys   float64 `json:"keys_bytes"`
	Audit  float64 `json:"audit_bytes"`
	Ledger float64 `json:"ledger_bytes"`
	// In and Out are network bytes a second at the peak.
	In  float64 `json:"in_bytes_per_second"`
	Out float64 `json:"out_bytes_per_second"`
	// Assumptions are everything above that was not measured.
	Assumptions []string `json:"assumptions"`
}

// Memory returns the bytes of memory of one node.
func (p *Plan) Memory() float64 { return p.Arena + p.Heap + p.Answers }

// Disk returns the bytes of disk of all nodes.
func (p *Plan) Disk() float64 { return p.View + p.Log + p.Keys + p.Audit + p.Ledger }

// NewPlan predicts what the demand needs of nodes like the one of the profile: [zhenni.ErrBadValue], [ErrP99].
func (p Profile) NewPlan(d Demand) (*Plan, error) {
	if err := errors.Join(d.Validate(), p.Validate()); err != nil {
		return nil, err
	}
	peak := d.PerDay / 86400 * d.PeakFactor
	plan := &Plan{Demand: d, Bulk: peak * d.BulkShare, Singles: peak * (1 - d.BulkShare), Allowed: min(MaxLoad, p.Tail.Load(d.P99))}
	if d.BulkShare == 1 {
		plan.Allowed = MaxLoad
	}
	if !(plan.Allowed > 0) {
		return nil, fmt.Errorf("%w: %.3g ms asked, %.3g ms measured of a node with little to do", ErrP99, d.P99, p.Tail.Base)
	}
	p.nodes(plan)
	p.bytes(plan)
	plan.assume(p)
	return plan, nil
}

// load is the share of its highest rate that a node works at when it is one of n.
func (p Profile) load(plan *Plan, n float64) float64 {
	credentials := plan.Demand.Credentials / n
	return (plan.Bulk/p.BulkRate(credentials, plan.Demand.Batch) + plan.Singles/p.SingleRate(credentials)) / n
}

// nodes finds how many nodes carry the rate, and how many hold the rows. A node of fewer credentials is no slower, so the
// first number that carries the rate is found from the one that a single node's load asks for, downwards.
func (p Profile) nodes(plan *Plan) {
	d := plan.Demand
	n := math.Ceil(p.load(plan, 1) / plan.Allowed)
	for n > 1 && p.load(plan, n-1) <= plan.Allowed {
		n--
	}
	plan.NodesForRate, plan.NodesForMemory = max(n, 1), p.nodesForMemory(d)
	plan.NodesForAnswers = max(1, math.Ceil(d.requests()*d.keptDays()/ledger.MaxAnswers))
	plan.Nodes = max(plan.NodesForRate, plan.NodesForMemory, plan.NodesForAnswers)
	plan.Cores = plan.Nodes * p.Cores
	plan.Load = p.load(plan, plan.Nodes)
	plan.P99 = p.Tail.At(plan.Load)
}

// nodesForMemory is the least number of nodes that hold rows and answers: between those of a table of answers that is just full,
// and of one of twice the size.
func (p Profile) nodesForMemory(d Demand) float64 {
	room := p.Memory*memoryShare - p.Heap.Base
	if room <= 0 {
		return 1
	}
	rows, answers := p.MemoryFor(d.Credentials)-p.Heap.Base, d.requests()*d.keptDays()
	least, most := math.Ceil((rows+answers*answerEntry)/room), math.Ceil((rows+2*answers*answerEntry)/room)
	more := sort.Search(int(most-least), func(more int) bool {
		n := least + float64(more)
		return rows/n+answersMemory(answers/n) <= room
	})
	return max(1, least+float64(more))
}

// Sizes on the wire that follow from the formats and were not measured.
const (
	idBytes       = 16
	bulkOverhead  = 1000 // head of a request, Arrow's schema and framing, and of the answer
	bulkOutcome   = 2    // an item's outcome and reason, a dictionary index each
	singleRequest = 320  // head and members of a request but for its probe
	singleAnswer  = 520  // head and body of an answer
	packets       = 1.04 // Ethernet, IP and TCP heads at full segments
)

func (p Profile) bytes(plan *Plan) {
	d := plan.Demand
	each := d.Credentials / plan.Nodes
	requests := d.requests()
	plan.Arena, plan.Heap = float64(ArenaFor(each, p.Dim)), p.Heap.At(each)
	plan.KeptDays = d.keptDays()
	plan.KeptAnswers = math.Ceil(requests * plan.KeptDays / plan.Nodes)
	plan.Answers = answersMemory(plan.KeptAnswers)
	plan.View, plan.Log, plan.Keys = plan.Nodes*p.View.At(each), plan.Nodes*p.Log.At(each), plan.Nodes*p.Keys.At(each)
	plan.Audit = requests * d.Days * p.Leaf
	plan.Ledger = d.PerDay * plan.KeptDays * ((1-d.BulkShare)*p.Answer + d.BulkShare*p.AnswerItem)
	plan.KeptBytes = math.Ceil(plan.Ledger/plan.Nodes) + spareSegments
	plan.In = packets * (plan.Bulk*(idBytes+p.Dim+bulkOverhead/2/d.Batch) + plan.Singles*(singleRequest+math.Ceil(p.Dim/3)*4))
	plan.Out = packets * (plan.Bulk*(bulkOutcome+bulkOverhead/2/d.Batch) + plan.Singles*singleAnswer)
}

func (p *Plan) assume(profile Profile) {
	d := p.Demand
	p.Assumptions = []string{
		fmt.Sprintf("The busiest second has %g times the verifications of the mean one; bulk comes in requests of %g items, as Arrow with int8 probes, singles as JSON.", d.PeakFactor, d.Batch),
		fmt.Sprintf("A node is the machine that was measured, %g cores, and the load generator's share of them counts as the node's: an upper bound.", profile.Cores),
		"Bulk and singles share a node in proportion: the loads add.",
		fmt.Sprintf("The p99 of singles follows a queue, %.3g ms + %.3g ms × u/(1−u) at load u, fitted to three loads of the same mix; no node is planned above %g %% of its highest rate.", profile.Tail.Base, profile.Tail.Queue, 100*MaxLoad),
		"Every credential is hot: its row is in the arena. Claims are spread evenly; skew is cheaper, since the cache then holds what is asked for.",
		fmt.Sprintf("Beyond a cache of %.0f MiB a row costs a read of memory of %.3g ns of a core.", profile.Cache/(1<<20), profile.Bulk.Miss),
		fmt.Sprintf("A node takes %g %% of its machine's %.1f GiB, the rest is page cache.", 100*memoryShare, profile.Memory/(1<<30)),
		fmt.Sprintf("The audit log keeps %g days (--audit-retention).", d.Days),
		p.keeping(),
		fmt.Sprintf("A node keeps that many with --answers %.0f and --answers-bytes %.0fMiB, or more; with less the oldest go first. The table of answers in memory is a power of two of %d bytes.",
			p.KeptAnswers, math.Ceil(p.KeptBytes/(1<<20)), answerEntry),
		"A single answer is recorded in a group with those that wait for the disk beside it; asked alone it takes 1 KiB.",
		"Changes, backups, snapshots under way (up to once more the view) and spare nodes are not in it.",
		"Network is computed from the formats, without TLS; it was not measured.",
	}
	if p.Nodes > 1 {
		p.Assumptions = append(p.Assumptions, "More than one node means as many stores, each with its part of the credentials and asked by who knows which: nothing here divides them yet.")
	}
}

// keeping says how long answers are kept, and why.
func (p *Plan) keeping() string {
	if p.Demand.Sessions {
		return fmt.Sprintf("There are sessions, so the ledger keeps every answer %.4g days, whatever share of them is of sessions; "+
			"the sessions themselves, and what a result of one is longer by, are not in it.", p.KeptDays)
	}
	with := Demand{Sessions: true}
	return fmt.Sprintf("There are no sessions, and the ledger keeps answers %.4g day; with sessions it keeps every one %.4g days (--sessions).", p.KeptDays, with.keptDays())
}
