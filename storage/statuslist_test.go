package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"zhenni"
)

// Every index of a list is given once, to credentials or to nobody, and the lists are permuted each in its own way.
func TestPlacesOfAListAreAPermutation(t *testing.T) {
	s := &Store{keys: storeKeys{place: bytes.Repeat([]byte{3}, keySize)}}
	seen := make([]bool, 1<<statusListBits)
	take := func(at uint32) {
		if at >= 1<<statusListBits || seen[at] {
			t.Fatalf("index %d is out of range or taken", at)
		}
		seen[at] = true
	}
	same := 0
	for place := range uint64(listPlaces) {
		at := s.statusIndex(place)
		take(at.Index())
		if at.List() != 1 {
			t.Fatalf("place %d is in list %d", place, at.List())
		}
		if place < 4096 && at.Index() == s.statusIndex(place+listPlaces).Index() {
			same++
		}
	}
	if next := s.statusIndex(listPlaces); next.List() != 2 || same > 16 {
		t.Errorf("after a full list comes list %d, and two agree at %d of 4096 places", next.List(), same)
	}
	bits := map[uint64]bool{}
	for at, random := range s.SpareIndices(1) {
		take(at)
		bits[random] = true
	}
	if slices.Contains(seen, false) || len(bits) != 1<<statusListBits/16 {
		t.Errorf("an index is nobody's and not spare; %d random numbers differ", len(bits))
	}
}

// The indices are frozen: they are in what holders were given.
func TestStatusIndicesAreFrozen(t *testing.T) {
	s := &Store{keys: storeKeys{place: bytes.Repeat([]byte{3}, keySize)}}
	var got []string
	for _, place := range []uint64{0, 1, listPlaces - 1, listPlaces} {
		at := s.statusIndex(place)
		got = append(got, fmt.Sprintf("%d/%d", at.List(), at.Index()))
	}
	for at, random := range s.SpareIndices(1) {
		got = append(got, fmt.Sprintf("%d %x", at, random))
		break
	}
	if want := []string{"1/362700", "1/547849", "1/180074", "2/151465", "628342 ce26d4088a99b33b"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func indicesOf(t *testing.T, s *Store) map[zhenni.StatusIndex]zhenni.Status {
	t.Helper()
	all := map[zhenni.StatusIndex]zhenni.Status{}
	err := s.StatusIndices(t.Context(), func(at zhenni.StatusIndex, status zhenni.Status) error {
		if _, twice := all[at]; twice {
			t.Errorf("index %d is there twice", at.Index())
		}
		all[at] = status
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Everybody who was issued a credential is visited with its status, who is erased too, and nobody else; and the recorder is
// told of each change where its status is published.
//
// FAULTS: C2
func TestStatusIndicesAreVisited(t *testing.T) {
	opts := testOptions(t)
	rec := &fakeRecorder{}
	opts.Recorder = rec
	s := openStore(t, opts)
	first, other := testIssue(t, 1), testIssue(t, 2)
	mustApply(t, s, first, other, testEnrol(9))
	next := testIssue(t, 1)
	next.ID, next.Replaces, next.Issue = testID(3), first.ID, zhenni.IssueReenrolment
	mustApply(t, s, next, zhenni.ReportLoss{ID: next.ID, Tenant: next.Tenant, At: testTime})
	mustApply(t, s, zhenni.Erase{ID: other.ID, Tenant: other.Tenant, At: testTime})
	want := map[zhenni.StatusIndex]zhenni.Status{}
	for _, id := range []zhenni.CredentialID{first.ID, other.ID, next.ID} {
		c, err := s.Credential(id)
		if err != nil {
			t.Fatal(err)
		}
		want[c.StatusIndex] = c.Status
	}
	if got := indicesOf(t, s); len(got) != 3 || !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	told := map[zhenni.StatusIndex]zhenni.Status{}
	for _, n := range slices.Sorted(maps.Keys(rec.commits)) {
		for _, c := range rec.commits[n] {
			if c.StatusIndex != 0 {
				told[c.StatusIndex] = c.Status
			}
		}
	}
	if !maps.Equal(told, want) {
		t.Errorf("the recorder was told %v, want %v", told, want)
	}
	stop := errors.New("stop")
	if err := s.StatusIndices(t.Context(), func(zhenni.StatusIndex, zhenni.Status) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.StatusIndices(ended, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.StatusIndices(t.Context(), nil); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Error(err)
	}
	opts.Recorder = nil
	if got := indicesOf(t, openStore(t, opts)); !maps.Equal(got, want) {
		t.Errorf("after a restart %v, want %v", got, want)
	}
}

// BenchmarkStatusIndices visits a store of 20,000 credentials whose slots were walked: those of nobody, and of people. At that
// size most of it is what each slot costs, and the difference is the opening of records.
func BenchmarkStatusIndices(b *testing.B) {
	for _, issued := range []bool{false, true} {
		b.Run(fmt.Sprintf("issued=%t", issued), func(b *testing.B) {
			const credentials = 20_000
			s := benchStore(b)
			for n := uint64(0); n < credentials; n += MaxCommands {
				var commands []zhenni.Command
				for i := n; i < min(n+MaxCommands, credentials); i++ {
					e := benchEnrol(i+1, credentials+2)
					if issued {
						binary.BigEndian.PutUint64(e.Subject[:], i+1)
					}
					commands = append(commands, e)
				}
				mustApply(b, s, commands...)
			}
			seen := 0
			for b.Loop() {
				seen = 0
				err := s.StatusIndices(b.Context(), func(zhenni.StatusIndex, zhenni.Status) error {
					seen++
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			if issued && seen != credentials || !issued && seen != 0 {
				b.Errorf("%d were visited", seen)
			}
		})
	}
}
