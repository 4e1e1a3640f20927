package sessions

import (
	"context"
	"slices"
	"testing"
	"time"

	"zhenni"
)

// Whoever waits at a hotel is among its arrivals until the end, after a start anew and from a snapshot too; nobody else is.
//
// FAULTS: Z3
func TestArrivals(t *testing.T) {
	o := testOptions(t)
	s := open(t, o)
	hotel := func(n uint64, party string) zhenni.Session {
		session := counterSession(t, n)
		session.Kind, session.Party, session.Keyed = zhenni.SessionHotel, party, true
		put(t, s, session)
		return session
	}
	left, stays := hotel(1, "inn"), hotel(2, "inn")
	hotel(3, "lodge")
	put(t, s, counterSession(t, 4))
	gone := next(t, left, zhenni.SessionEvent{Kind: zhenni.EventCancelled})
	put(t, s, gone)
	check := func(when string) {
		t.Helper()
		got := s.Arrivals("inn")
		if len(got) != 1 || got[0].ID != stays.ID || !got[0].Keyed || len(s.Arrivals("lodge")) != 1 || len(s.Arrivals("office")) != 0 {
			t.Errorf("%s: %+v", when, got)
		}
	}
	check("as it is")
	closeStore(t, s)
	s = open(t, o)
	check("after a start")
	if err := s.log.Snapshot(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, o)
	defer closeStore(t, s)
	check("from a snapshot")
}

// What ended first is forgotten first: no proof of life is kept without the one that followed it.
func TestWhatEndedFirstIsForgottenFirst(t *testing.T) {
	s := open(t, testOptions(t))
	defer closeStore(t, s)
	var want []zhenni.SessionID
	for n := range uint64(20) {
		session := counterSession(t, n*7%20+1)
		put(t, s, session)
		ended, err := session.Next(zhenni.SessionEvent{Kind: zhenni.EventCancelled}, testNow.Add(time.Duration(n)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, ended)
		want = append(want, ended.ID)
	}
	if got := s.machine.due(testNow.Add(time.Hour)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := s.Sweep(context.Background(), testNow.Add(48*time.Hour)); err != nil || len(s.All()) != 0 {
		t.Errorf("%v, %d are left", err, len(s.All()))
	}
}
