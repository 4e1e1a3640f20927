package accuracy

import (
	"fmt"
	"strconv"
	"strings"
)

// reason says, for people, why a target is not supported, who the errors come from and what is supported.
func (s search) reason(set *Set, found candidate, grid []float64, supported float64) string {
	parts := append([]string{fmt.Sprintf("the data does not support a false match rate of %s", decimal(found.point.Target))}, found.lacks()...)
	if text := s.concentration(set, found.point.Target, grid); text != "" {
		parts = append(parts, text)
	}
	if supported > 0 {
		parts = append(parts, fmt.Sprintf("the strictest decade it supports is %s", decimal(supported)))
	} else {
		parts = append(parts, "it supports no decade")
	}
	return strings.Join(parts, "; ")
}

// lacks lists the conditions that a candidate fails.
func (c candidate) lacks() []string {
	var lacks []string
	if !c.bounded() {
		lacks = append(lacks, fmt.Sprintf("no threshold has an upper bound that low over %d comparisons", c.point.Comparisons))
	}
	if c.point.PersonPairs < MinPersonPairs {
		lacks = append(lacks, fmt.Sprintf("%s there, from %s, want %d",
			count(c.point.Errors, "error"), count(c.point.PersonPairs, "pair of persons", "pairs of persons"), MinPersonPairs))
	}
	if expected := c.effective * c.point.Target; c.inflation > 0 && expected < MinExpectedErrors {
		lacks = append(lacks, fmt.Sprintf("%d comparisons count as %.0f (variance inflation %.0f), which promise %.2g errors, want %d",
			c.point.Comparisons, c.effective, c.inflation, expected, MinExpectedErrors))
	}
	return lacks
}

// concentration names the pair of persons with most errors at the strictest decade, not below target, that has at
// least [MinPersonPairs] errors.
func (s search) concentration(set *Set, target float64, grid []float64) string {
	for _, f := range grid {
		k := rank(f, s.scores.NonMated)
		if f < target || k < MinPersonPairs || k > len(s.scores.Highest) {
			continue
		}
		most, by := 0, [2]int32{}
		for persons, n := range s.bootstrap.pairCounts(s.scores.Highest[:k]) {
			if n > most || n == most && (persons[0] < by[0] || persons[0] == by[0] && persons[1] < by[1]) {
				most, by = n, persons
			}
		}
		return fmt.Sprintf("%d of the %d errors at %s come from one pair of persons (%s and %s)",
			most, k, decimal(f), set.names[by[0]], set.names[by[1]])
	}
	return ""
}

// count is n with its noun; the plural is the noun with an s unless it is given.
func count(n int64, noun string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case len(plural) > 0:
		return fmt.Sprintf("%d %s", n, plural[0])
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// decimal writes a rate as people do: 1e-6, 2.5e-4.
func decimal(rate float64) string {
	return strings.Replace(strconv.FormatFloat(rate, 'e', -1, 64), "e-0", "e-", 1)
}
