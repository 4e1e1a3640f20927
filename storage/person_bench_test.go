package storage

import (
	"testing"
)

// BenchmarkPerson reads a credential that was issued: for a match, which opens status and template, and whole, with the person.
func BenchmarkPerson(b *testing.B) {
	s := openStore(b, testOptions(b))
	e := testIssue(b, 1)
	mustApply(b, s, e)
	row := make([]int8, len(e.Row))
	for name, read := range map[string]func() error{
		"match": func() error { _, err := s.Reference(e.ID, row); return err },
		"whole": func() error { _, err := s.Credential(e.ID); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
