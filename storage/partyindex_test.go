package storage

import (
	"errors"
	"testing"

	"zhenni"
)

// Whoever has a key or a certificate is found by it, before and after a restart, until the party has it no more.
//
// FAULTS: A3 A13
func TestPartiesAreFoundByWhatTheyHave(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	p := fullParty(t).RelyingParty
	first, second, hash := p.Keys[0].Public, p.Keys[1].Public, p.Certificates[0].Hash
	mustApply(t, s, zhenni.PutRelyingParty{Party: p})
	finds := func(want bool, key zhenni.PublicKey) {
		t.Helper()
		found, k, ok := s.PartyOfKey([]byte(key.ID()))
		if ok != want || want && (found.ID != p.ID || k.Public != key) || !want && found.ID != "" {
			t.Fatalf("key: %v, %+v, %+v", ok, found, k)
		}
	}
	shows := func(want bool) {
		t.Helper()
		found, c, ok := s.PartyOfCertificate(hash)
		if ok != want || want && (found.ID != p.ID || c.Hash != hash) || !want && found.ID != "" {
			t.Fatalf("certificate: %v, %+v, %+v", ok, found, c)
		}
	}
	for range 2 {
		finds(true, first)
		finds(true, second)
		finds(false, testPublicKey(t, 9))
		shows(true)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	p.Keys = p.Keys[1:]
	mustApply(t, s, zhenni.PutRelyingParty{Party: p})
	finds(false, first)
	finds(true, second)
	mustApply(t, s, zhenni.RemoveRelyingParty{ID: p.ID})
	finds(false, second)
	shows(false)
	p.ID = "its-successor"
	mustApply(t, s, zhenni.PutRelyingParty{Party: p})
	finds(true, second)
	shows(true)
}

// A key or a certificate belongs to one party: a signature names nothing else.
//
// FAULTS: A3
func TestNoTwoPartiesHaveOneKey(t *testing.T) {
	s := openStore(t, testOptions(t))
	p := fullParty(t).RelyingParty
	keys, shown := p, p
	keys.ID, keys.Certificates = "keys", nil
	shown.ID, shown.Keys = "shown", nil
	mustApply(t, s, zhenni.PutRelyingParty{Party: p})
	for _, other := range []zhenni.RelyingParty{keys, shown} {
		if r := apply(t, s, zhenni.PutRelyingParty{Party: other}); !errors.Is(r.Err, zhenni.ErrExists) {
			t.Errorf("%s: %v", other.ID, r.Err)
		}
	}
	mustApply(t, s, zhenni.RemoveRelyingParty{ID: p.ID}, zhenni.PutRelyingParty{Party: keys})
	if found, _, ok := s.PartyOfKey([]byte(p.Keys[0].Public.ID())); !ok || found.ID != "keys" {
		t.Errorf("%v %+v", ok, found)
	}
	if r := apply(t, s, zhenni.PutRelyingParty{Party: p}); !errors.Is(r.Err, zhenni.ErrExists) {
		t.Errorf("put back beside who has its key now: %v", r.Err)
	}
}

func TestFindingAPartyAllocatesNothing(t *testing.T) {
	s := openStore(t, testOptions(t))
	p := fullParty(t).RelyingParty
	mustApply(t, s, zhenni.PutRelyingParty{Party: p})
	id := []byte(p.Keys[1].Public.ID())
	if n := testing.AllocsPerRun(100, func() { s.PartyOfKey(id); s.PartyOfCertificate(p.Certificates[0].Hash) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
