package storage

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"zhenni"
)

// A stop outlives restarts, changes of the party and its keys, and a second stop; only a lift ends it.
//
// FAULTS: B3
func TestStoppedPartyStaysStopped(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	p := fullParty(t).RelyingParty
	mustApply(t, s, zhenni.PutRelyingParty{Party: p}, zhenni.StopRelyingParty{ID: p.ID, At: testTime})
	mustApply(t, s, zhenni.StopRelyingParty{ID: p.ID, At: testTime.AddDate(1, 0, 0)})
	p.Name = "renamed"
	mustApply(t, s, zhenni.PutRelyingParty{Party: p})
	p.Stopped = testTime
	for range 2 {
		if got, _ := s.RelyingParty(p.ID); !reflect.DeepEqual(got, p) {
			t.Fatalf("%+v, want %+v", got, p)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	mustApply(t, s, zhenni.LiftRelyingParty{ID: p.ID})
	if got, _ := s.RelyingParty(p.ID); !got.Stopped.IsZero() {
		t.Errorf("lifted: %+v", got)
	}
	for what, command := range map[string]zhenni.Command{
		"lift twice": zhenni.LiftRelyingParty{ID: p.ID}, "lift nobody": zhenni.LiftRelyingParty{ID: "x"}, "stop nobody": zhenni.StopRelyingParty{ID: "x", At: testTime},
	} {
		if r := apply(t, s, command); !errors.Is(r.Err, zhenni.ErrNotFound) {
			t.Errorf("%s: %v", what, r.Err)
		}
	}
}

func TestStoppedPartyReadsBack(t *testing.T) {
	stopped := fullParty(t)
	stopped.Stopped = testTime
	body := stopped.appendBody(nil)
	golden(t, "party-stopped", body)
	if got, err := decodeParty("hotel-1", header{generation: 3}, body); err != nil || !reflect.DeepEqual(got, stopped) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, broken := range map[string][]byte{
		"no time": body[:len(body)-timeSize], "a first form that is stopped": set(body, 0, partyStopped),
		"stopped at no time": appendTime(bytes.Clone(body[:len(body)-timeSize]), time.Time{}),
	} {
		if _, err := decodeParty("hotel-1", header{}, broken); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
