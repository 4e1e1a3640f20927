package population

import (
	"fmt"
	"math/rand/v2"

	"zhenni"
	"zhenni/simd"
)

// Kind is what a question is, and thereby what its answer must be.
type Kind uint8

// The kinds of question.
const (
	Mated    Kind = iota // a capture of the person behind the credential
	NonMated             // of somebody else
	Unknown              // a credential that does not exist: never a match
	Revoked              // a capture of the person, whose credential is revoked: never a match
	Kinds
)

// Mix is the shares of the kinds, each in [0, 1]; what is left is non-mated. Revoked takes a population that has some.
type Mix struct{ Mated, Unknown, Revoked float64 }

// Tally counts answers by the kind of their question.
type Tally struct {
	// Matched, Not and Refused count yes, no and no verdict.
	Matched, Not, Refused [Kinds]int64
}

// Note counts one answer.
func (t *Tally) Note(kind Kind, outcome zhenni.Outcome) {
	switch outcome {
	case zhenni.Match:
		t.Matched[kind]++
	case zhenni.NoMatch:
		t.Not[kind]++
	default:
		t.Refused[kind]++
	}
}

// Add counts the answers of other too.
func (t *Tally) Add(other Tally) {
	for k := range Kinds {
		t.Matched[k] += other.Matched[k]
		t.Not[k] += other.Not[k]
		t.Refused[k] += other.Refused[k]
	}
}

// Impossible counts answers that no threshold explains: a yes for a credential that does not exist or is revoked.
func (t *Tally) Impossible() int64 { return t.Matched[Unknown] + t.Matched[Revoked] }

// Counts returns the tally by name, without what did not happen.
func (t *Tally) Counts() map[string]int64 {
	counts := map[string]int64{}
	for k, name := range [Kinds]string{"mated", "non_mated", "unknown", "revoked"} {
		for verdict, n := range map[string]int64{"match": t.Matched[k], "no_match": t.Not[k], "refused": t.Refused[k]} {
			if n > 0 {
				counts[name+"_"+verdict] = n
			}
		}
	}
	return counts
}

// Questions draws questions. It is used by one goroutine; two with the same fields and number ask the same.
type Questions struct {
	population Population
	ids        numbering
	skew       Skew
	mix        Mix
	random     *rand.Rand
	active     ranks // the members of a tenant that are not revoked
	stride     int64
	embedding  []float32
}

// NewQuestions checks its arguments: [zhenni.ErrBadValue]. number tells the askers of one run apart.
func NewQuestions(p Population, skew Skew, mix Mix, number uint64) (*Questions, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := skew.Validate(); err != nil {
		return nil, err
	}
	if rest := 1 - mix.Mated - mix.Unknown - mix.Revoked; !(min(mix.Mated, mix.Unknown, mix.Revoked) >= 0 && rest > -1e-9) {
		return nil, fmt.Errorf("%w: shares of %+v: want them from 0, and at most 1 together", zhenni.ErrBadValue, mix)
	}
	if mix.Revoked > 0 && p.Revoked < int64(p.tenants()) {
		return nil, fmt.Errorf("%w: questions about revoked credentials, of which a population of %d tenants has %d", zhenni.ErrBadValue, p.tenants(), p.Revoked)
	}
	members := (p.Size - p.Revoked) / int64(p.tenants())
	return &Questions{
		population: p, ids: p.numbering(), skew: skew, mix: mix, random: rand.New(rand.NewPCG(p.Seed, scatter(number))),
		active: newRanks(members, skew.Zipf), stride: stride(members), embedding: make([]float32, p.Dim),
	}, nil
}

// Round is questions of one tenant in the form they are sent in. Whoever made it owns its slices.
type Round struct {
	Tenant zhenni.TenantID
	// IDs are what the questions claim, Rows the probes, Dim elements for each.
	IDs  []zhenni.CredentialID
	Rows []int8
	// Kinds and Subjects are the truth: what each question is, and whom its probe is of.
	Kinds    []Kind
	Subjects []int64
}

// Fill draws a round anew, tenant and probes included.
func (q *Questions) Fill(r *Round) {
	r.Tenant = zhenni.TenantID(1 + q.skew.tenant(q.random, q.population.tenants()))
	q.Refresh(r, 0, len(r.IDs))
}

// Refresh draws the questions from … to−1 of a round anew, with their probes.
func (q *Questions) Refresh(r *Round, from, to int) {
	dim := q.population.Dim
	for i := from; i < to; i++ {
		r.Kinds[i] = q.kind()
		subject := q.prober(r.Kinds[i], r.Tenant)
		// Capture 0 is left to whoever enrols; a probe is never the capture that was enrolled.
		q.population.Probe(subject, 1+int64(q.random.Uint32()>>1), q.embedding)
		simd.Quantize(r.Rows[i*dim:(i+1)*dim], q.embedding, 0)
		r.IDs[i], r.Subjects[i] = q.population.ID(subject), subject
		q.claim(r, i)
	}
}

// prober draws whose capture is sent. Who claims to be somebody else may be anybody.
func (q *Questions) prober(kind Kind, tenant zhenni.TenantID) int64 {
	switch kind {
	case Mated:
		return q.member(tenant, q.rank())
	case Revoked:
		return q.revoked(tenant)
	}
	return q.member(tenant, q.random.Int64N(q.active.n))
}

// Reclaim draws the claims of the questions that are not of the person anew, so that the comparisons of a run differ though
// its probes come again.
func (q *Questions) Reclaim(r *Round) {
	for i := range r.IDs {
		q.claim(r, i)
	}
}

// claim puts another credential under a probe that is not mated.
func (q *Questions) claim(r *Round, i int) {
	if r.Kinds[i] != NonMated && r.Kinds[i] != Unknown {
		return
	}
	rank := q.rank()
	claimed := q.member(r.Tenant, rank)
	if claimed == r.Subjects[i] {
		claimed = q.member(r.Tenant, (rank+1)%q.active.n)
	}
	r.IDs[i] = q.ids.id(claimed)
	if r.Kinds[i] == Unknown {
		r.IDs[i] = unknown(r.IDs[i])
	}
}

func (q *Questions) kind() Kind {
	u := q.random.Float64()
	switch {
	case u < q.mix.Mated:
		return Mated
	case u < q.mix.Mated+q.mix.Unknown:
		return Unknown
	case u < q.mix.Mated+q.mix.Unknown+q.mix.Revoked:
		return Revoked
	}
	return NonMated
}

// rank draws the place, in how often it is asked about, of the credential a question claims.
func (q *Questions) rank() int64 {
	if q.skew.Hot > 0 && q.random.Float64() < q.skew.Hot {
		return 0
	}
	return q.active.draw(q.random)
}

// member scatters the ranks over the members of a tenant, and these over the subjects.
func (q *Questions) member(tenant zhenni.TenantID, rank int64) int64 {
	member := uint64(rank) * uint64(q.stride) % uint64(q.active.n) // both factors are below MaxSize, 2³²
	return int64(member)*int64(q.population.tenants()) + int64(tenant-1)
}

// revoked draws a subject of a tenant whose credential is revoked.
func (q *Questions) revoked(tenant zhenni.TenantID) int64 {
	tenants, p := int64(q.population.tenants()), q.population
	first := p.Size - p.Revoked
	first += ((int64(tenant-1)-first)%tenants + tenants) % tenants
	return first + tenants*q.random.Int64N((p.Size-1-first)/tenants+1)
}
