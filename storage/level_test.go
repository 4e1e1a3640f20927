package storage

import (
	"testing"

	"zhenni"
)

// A reference says at what level its credential was issued, from the view and from the cold tier.
func TestReferencesHaveTheirLevel(t *testing.T) {
	for _, c := range []Cold{ColdNone, ColdMade} {
		opts := testOptions(t)
		opts.MemTable, opts.Cold = minMemTable, c
		s := openStore(t, opts)
		want := map[zhenni.CredentialID]zhenni.Level{}
		for i := 1; i <= 4; i++ {
			e := testEnrol(i)
			e.Level = zhenni.Level(1 + i%2)
			want[e.ID] = e.Level
			mustApply(t, s, e)
		}
		for id, level := range want {
			refs, errs := []zhenni.Reference{{Row: make([]int8, testModel.Dim)}}, []error{nil}
			s.ReferenceMany([]zhenni.CredentialID{id}, refs, errs)
			one, err := s.Reference(id, make([]int8, testModel.Dim))
			if err != nil || errs[0] != nil || one.Level != level || refs[0].Level != level {
				t.Errorf("cold %v: %v and %v, %v, %v; want %v", c, one.Level, refs[0].Level, err, errs[0], level)
			}
			tier := s.cold.tier.Load()
			if (tier != nil) != (c == ColdMade) {
				t.Fatal("not the tier asked for")
			}
			if tier == nil {
				continue
			}
			tier.Read([]zhenni.CredentialID{id}, refs, errs)
			if errs[0] != nil || refs[0].Level != level {
				t.Errorf("the tier says %v, %v; want %v", refs[0].Level, errs[0], level)
			}
		}
	}
}
