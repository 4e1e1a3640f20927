package sessions

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"zhenni"
)

func subject(n byte) zhenni.SubjectHandle { return zhenni.SubjectHandle{n} }

func report1(t *testing.T, s *Store, by byte, at time.Time) bool {
	t.Helper()
	barred, err := s.Report(context.Background(), subject(by), subject(200), at)
	if err != nil {
		t.Fatal(err)
	}
	return barred
}

// Who is reported by so many persons within a month asks no more until somebody lifts it: not by the reports of one person, nor by
// old ones, and through a restart and a snapshot.
func TestReportsBar(t *testing.T) {
	o := testOptions(t)
	o.Bar = 3
	s := open(t, o)
	for day, by := range []byte{1, 1, 1, 2} {
		if report1(t, s, by, testNow.Add(time.Duration(day)*24*time.Hour)) {
			t.Fatalf("barred on day %d", day)
		}
	}
	late := testNow.Add(ReportWindow + 72*time.Hour + time.Hour)
	if report1(t, s, 3, late) || s.Barred(subject(200)) {
		t.Fatal("barred by reports of long ago")
	}
	report1(t, s, 4, late)
	if !report1(t, s, 5, late) || !s.Barred(subject(200)) || s.Barred(subject(5)) {
		t.Fatal("not barred by the third person")
	}
	if err := s.Sweep(context.Background(), late.Add(2*ReportWindow)); err != nil || !s.Barred(subject(200)) {
		t.Fatalf("time lifts it: %v", err)
	}
	if err := s.log.Snapshot(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, o)
	defer closeStore(t, s)
	all := s.Reported(10)
	if !s.Barred(subject(200)) || len(all) != 1 || !all[0].Barred || all[0].Reports != 3 {
		t.Fatalf("after a restart: %+v", all)
	}
	for _, name := range []string{"", "00", all[0].Person[:63] + "A"} {
		if err := s.Lift(context.Background(), name); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := s.Lift(context.Background(), all[0].Person); err != nil || s.Barred(subject(200)) || len(s.Reported(10)) != 0 {
		t.Errorf("lifted: %v, %+v", err, s.Reported(10))
	}
}

// Reports that come at once count each, and those that count no more are forgotten.
func TestReportsAtOnce(t *testing.T) {
	s := open(t, testOptions(t))
	defer closeStore(t, s)
	var all sync.WaitGroup
	for by := range byte(DefaultBar) {
		all.Go(func() {
			if _, err := s.Report(context.Background(), subject(by), subject(200), testNow); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if !s.Barred(subject(200)) {
		t.Errorf("%+v", s.Reported(1))
	}
	if _, err := s.Report(context.Background(), subject(1), subject(201), testNow); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(context.Background(), testNow.Add(ReportWindow+time.Hour)); err != nil || len(s.Reported(9)) != 1 {
		t.Errorf("%v, %+v", err, s.Reported(9))
	}
}

// A pair says who does not want to be asked, and by whom, and nothing of either without the key.
//
// FAULTS: Z11
func TestPairs(t *testing.T) {
	o := testOptions(t)
	s := open(t, o)
	defer closeStore(t, s)
	other := &Store{opts: Options{Key: bytes.Repeat([]byte{8}, 32)}}
	p := s.Pair(subject(1), subject(2))
	if p != s.Pair(subject(1), subject(2)) || p == s.Pair(subject(2), subject(1)) || p == other.Pair(subject(1), subject(2)) ||
		s.person(subject(1)) == other.person(subject(1)) {
		t.Error("a pair is not of its two and of the key")
	}
}

// FuzzReports: reports are read only in the form in which they are written.
func FuzzReports(f *testing.F) {
	f.Add(appendReports(nil, &reports{of: person{1}, barred: true, by: []report{{person{2}, 3}}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeReports(b)
		if err != nil {
			if !errors.Is(err, zhenni.ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if !bytes.Equal(appendReports(nil, r), b) {
			t.Errorf("%x is read as %+v", b, r)
		}
		if again, err := decodeReports(appendReports(nil, r)); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%v", err)
		}
	})
}
