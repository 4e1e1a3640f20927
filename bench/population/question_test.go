package population

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"zhenni"
)

// The frequencies of ranks follow the law, for every exponent and also where n is a whole country.
func TestRanksFollowZipf(t *testing.T) {
	const draws = 200_000
	for _, n := range []int64{10, 1_400_000_000} {
		for _, s := range []float64{0, 0.5, 1, 1.5} {
			r, random := newRanks(n, s), rand.New(rand.NewPCG(1, 1))
			counts := map[int64]float64{}
			for range draws {
				k := r.draw(random)
				if k < 0 || k >= n {
					t.Fatalf("rank %d of %d", k, n)
				}
				counts[k]++
			}
			total := harmonic(float64(n), s)
			for k := range min(n, 5) {
				want := draws * math.Pow(float64(k+1), -s) / total
				if diff := math.Abs(counts[k] - want); diff > 5*math.Sqrt(want)+1 {
					t.Errorf("s=%v, n=%d: rank %d drawn %v times, want %.1f", s, n, k, counts[k], want)
				}
			}
		}
	}
}

// harmonic is Σ k⁻ˢ for k from 1 to n, by Euler and Maclaurin from 1000 on.
func harmonic(n, s float64) (sum float64) {
	const exact = 1000
	for k := 1.0; k <= min(n, exact); k++ {
		sum += math.Pow(k, -s)
	}
	if n <= exact {
		return sum
	}
	integral := math.Log(n / exact)
	if s != 1 {
		integral = (math.Pow(n, 1-s) - math.Pow(exact, 1-s)) / (1 - s)
	}
	return sum + integral + (math.Pow(n, -s)-math.Pow(exact, -s))/2
}

func newRound(n, dim int) *Round {
	return &Round{IDs: make([]zhenni.CredentialID, n), Rows: make([]int8, n*dim), Kinds: make([]Kind, n), Subjects: make([]int64, n)}
}

// Every question is what it says: its claim, its probe and its kind fit together, and nothing else is asked.
func TestQuestionsAreWhatTheySay(t *testing.T) {
	p := Population{Seed: 3, Size: 900, Dim: 16, Tenants: 3, Revoked: 30}
	q, err := NewQuestions(p, Skew{Zipf: 1}, Mix{Mated: 0.4, Unknown: 0.2, Revoked: 0.1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var seen [Kinds]float64
	const n = 4000
	r := newRound(n, p.Dim)
	q.Fill(r)
	for range 2 {
		for i, id := range r.IDs {
			kind, subject := r.Kinds[i], r.Subjects[i]
			claimed, known := p.Subject(id)
			seen[kind]++
			switch {
			case known != (kind != Unknown),
				kind == Mated && (claimed != subject || claimed >= p.Size-p.Revoked),
				kind == NonMated && (claimed == subject || claimed >= p.Size-p.Revoked),
				kind == Revoked && (claimed != subject || claimed < p.Size-p.Revoked),
				known && p.Tenant(claimed) != r.Tenant, p.Tenant(subject) != r.Tenant:
				t.Fatalf("question %d of kind %d: %d claims to be %d (%v)", i, kind, subject, claimed, known)
			}
		}
		q.Reclaim(r)
	}
	for kind, share := range map[Kind]float64{Mated: 0.4, NonMated: 0.3, Unknown: 0.2, Revoked: 0.1} {
		if got := seen[kind] / (2 * n); math.Abs(got-share) > 0.03 {
			t.Errorf("share of kind %d: %v, want %v", kind, got, share)
		}
	}
}

func TestHotCredentialAndHotTenantGetTheirShares(t *testing.T) {
	p := Population{Seed: 3, Size: 5000, Dim: 8, Tenants: 5}
	q, err := NewQuestions(p, Skew{Hot: 0.5, HotTenant: 0.6}, Mix{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	first, total, hot := 0.0, 0.0, 0.0
	r := newRound(20, p.Dim)
	for range 1000 {
		q.Fill(r)
		if r.Tenant == 1 {
			first++
		}
		counts := map[zhenni.CredentialID]float64{}
		for _, id := range r.IDs {
			counts[id]++
			total++
		}
		hot += counts[p.ID(q.member(r.Tenant, 0))]
	}
	if math.Abs(first/1000-0.6) > 0.05 || math.Abs(hot/total-0.5) > 0.02 {
		t.Errorf("first tenant %v of requests, hot credentials %v of questions, want 0.6 and 0.5", first/1000, hot/total)
	}
}

// Ranks reach every member of every tenant, once.
func TestRanksAreMembers(t *testing.T) {
	p := Population{Seed: 3, Size: 700, Dim: 8, Tenants: 7, Revoked: 7}
	q, err := NewQuestions(p, Skew{}, Mix{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for tenant := range 7 {
		for rank := range q.active.n {
			subject := q.member(zhenni.TenantID(1+tenant), rank)
			if seen[subject] || subject >= p.Size-p.Revoked {
				t.Fatalf("subject %d twice, or revoked", subject)
			}
			seen[subject] = true
		}
	}
	if len(seen) != 693 {
		t.Errorf("%d subjects of 693", len(seen))
	}
}

func TestQuestionsRefuseWhatCanNotBe(t *testing.T) {
	p := Population{Size: 10, Dim: 8}
	for name, err := range map[string]error{
		"shares above one": second(NewQuestions(p, Skew{}, Mix{Mated: 0.9, Unknown: 0.2}, 0)),
		"none revoked":     second(NewQuestions(p, Skew{}, Mix{Revoked: 0.1}, 0)),
		"negative":         second(NewQuestions(p, Skew{}, Mix{Mated: -0.1}, 0)),
		"skew":             second(NewQuestions(p, Skew{Zipf: -1}, Mix{}, 0)),
		"hot":              second(NewQuestions(p, Skew{Hot: 2}, Mix{}, 0)),
		"population":       second(NewQuestions(Population{}, Skew{}, Mix{}, 0)),
	} {
		if !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ *Questions, err error) error { return err }

func TestTallyTellsWhatNoThresholdExplains(t *testing.T) {
	var tally, other Tally
	tally.Note(Mated, zhenni.Match)
	tally.Note(Unknown, zhenni.NoMatch)
	other.Note(Revoked, zhenni.Match)
	other.Note(NonMated, zhenni.RefusedUnavailable)
	tally.Add(other)
	want := map[string]int64{"mated_match": 1, "unknown_no_match": 1, "revoked_match": 1, "non_mated_refused": 1}
	got := tally.Counts()
	for name, n := range want {
		if got[name] != n || len(got) != len(want) {
			t.Errorf("counts %v", got)
		}
	}
	if tally.Impossible() != 1 {
		t.Errorf("%d impossible answers, want 1", tally.Impossible())
	}
}

// What the load generator does for a request must stay small beside what the server does.
func BenchmarkReclaim(b *testing.B) {
	for name, skew := range map[string]Skew{"uniform": {}, "zipf": {Zipf: 1}} {
		b.Run(name, func(b *testing.B) {
			q, err := NewQuestions(Population{Size: 1 << 27, Dim: 8}, skew, Mix{Mated: 0.5}, 0)
			if err != nil {
				b.Fatal(err)
			}
			r := newRound(1024, 8)
			q.Fill(r)
			for b.Loop() {
				q.Reclaim(r)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/item")
		})
	}
}
