package scale

import (
	"sort"

	"zhenni"
	"zhenni/bench/population"
	"zhenni/engine"
)

// people are who is enrolled. Their ids are those of a population; of a large one several credentials are of one person, whose
// template is there once for each: what is measured depends on where rows lie, and making a person takes longer than
// measuring one. They are only read.
type people struct {
	population.Population
	// persons is how many there are: credential i is of person i modulo persons.
	persons int64
	rows    []int8  // of the persons
	norms   []int32 // of the rows
	// first is the first credential of each segment, and the end of the last.
	first [engine.Segments + 1]int64
}

// mostPersons is enough that no two batches are alike.
const mostPersons = 1 << 13

// persons is how many people there are: as many as one segment has credentials of the smallest population asked about, so that
// each has one there.
func (s Scale) persons() int64 {
	hot := float64(s.Credentials)
	if s.Hot > 0 {
		hot *= s.Hot
	}
	return min(mostPersons, max(2, int64(hot/populationStep/engine.Segments)))
}

// tenant is the one of everybody.
const tenant zhenni.TenantID = 1

func (s Scale) people() (*people, error) {
	p := &people{Population: population.Population{Seed: s.Seed, Size: s.Credentials, Dim: s.Dim}}
	p.persons = s.persons()
	p.rows, p.norms = make([]int8, p.persons*int64(s.Dim)), make([]int32, p.persons)
	embedding := make([]float32, s.Dim)
	for i := range p.persons {
		p.Reference(i, embedding)
		var err error
		if p.norms[i], err = engine.Prepare(p.row(i), embedding); err != nil {
			return nil, err
		}
	}
	for segment := range p.first {
		p.first[segment] = int64(sort.Search(int(p.Size), func(i int) bool { return engine.SegmentOf(p.ID(int64(i))) >= segment }))
	}
	return p, nil
}

// row is the template of credential i.
func (p *people) row(i int64) []int8 {
	at := i % p.persons * int64(p.Dim)
	return p.rows[at : at+int64(p.Dim) : at+int64(p.Dim)]
}

// norm is that of its row.
func (p *people) norm(i int64) int32 { return p.norms[i%p.persons] }

// run is how many credentials of a segment are among n of them, which are the first of every segment alike: rows that lie side
// by side where an arena was warmed.
func (p *people) run(segment int, n int64) int64 {
	return min(p.first[segment+1]-p.first[segment], (n+engine.Segments-1)/engine.Segments)
}
