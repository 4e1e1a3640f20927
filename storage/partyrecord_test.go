package storage

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"zhenni"
)

func testPublicKey(t testing.TB, seed byte) zhenni.PublicKey {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// testGenerator is a key on P-256: the generator of the curve.
func testGenerator(t testing.TB) zhenni.PublicKey {
	t.Helper()
	curve := elliptic.P256().Params()
	point := append(append([]byte{4}, curve.Gx.FillBytes(make([]byte, 32))...), curve.Gy.FillBytes(make([]byte, 32))...)
	key, err := zhenni.NewPublicKey(zhenni.KeyP256, point)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// fullParty has something of everything.
func fullParty(t testing.TB) party {
	p := goldenParty
	p.Keys = []zhenni.PartyKey{{Public: testPublicKey(t, 1), NotAfter: testTime.Add(time.Hour)}, {Public: testGenerator(t)}}
	p.Certificates = []zhenni.PartyCertificate{{Hash: [32]byte{9}, NotAfter: testTime}}
	p.Roles |= zhenni.RoleTerminal | zhenni.RoleAuditor | zhenni.RoleOperator
	p.Sector, p.Services = "hotels", []string{"check-in", "counter.17"}
	p.Quota = zhenni.Quota{PerMinute: 600, PerDay: 1 << 40}
	return p
}

func TestGoldenParties(t *testing.T) {
	full := fullParty(t)
	golden(t, "party2", full.appendBody(nil))
	for name, want := range map[string]party{"party": goldenParty, "party2": full} {
		got, err := decodeParty("hotel-1", header{generation: 3}, fromGolden(t, name))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads as %+v, %v", name, got, err)
		}
	}
}

func TestPartyOfTheFirstFormKeepsItsBounds(t *testing.T) {
	first := fromGolden(t, "party")
	for name, body := range map[string][]byte{
		"short": first[:partyHeadSize-1], "long": append(bytes.Clone(first), make([]byte, maxPartyName)...), "evaluation": set(first, 1, 2),
	} {
		if _, err := decodeParty("x", header{}, body); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPartyRefusesWhatNobodyWrote(t *testing.T) {
	full := fullParty(t)
	whole := full.appendBody(nil)
	for n := range whole {
		if _, err := decodeParty("hotel-1", header{}, whole[:n]); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	for name, change := range map[string]func(*party){
		"no role":         func(p *party) { p.Roles = 0 },
		"long name":       func(p *party) { p.Name = strings.Repeat("x", maxPartyName+1) },
		"sector":          func(p *party) { p.Sector = "Hotels" },
		"key twice":       func(p *party) { p.Keys[1] = p.Keys[0] },
		"zero key":        func(p *party) { p.Keys[0].Public = zhenni.PublicKey{} },
		"nine keys":       func(p *party) { p.Keys = manyKeys(t, zhenni.MaxPartyKeys+1) },
		"certificate":     func(p *party) { p.Certificates[0].Hash = [32]byte{} },
		"service twice":   func(p *party) { p.Services[1] = p.Services[0] },
		"service unnamed": func(p *party) { p.Services[1] = "" },
		"purpose unnamed": func(p *party) { p.Services[1] = "check-in:" },
	} {
		p := party{RelyingParty: ownParty(full.RelyingParty)}
		change(&p)
		if _, err := decodeParty("hotel-1", header{}, p.appendBody(nil)); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	key := testPublicKey(t, 1)
	at := bytes.Index(whole, key.Append(nil))
	if _, err := decodeParty("hotel-1", header{}, set(whole, at, 7)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a key of no algorithm: %v", err)
	}
}

func manyKeys(t testing.TB, n int) (keys []zhenni.PartyKey) {
	for i := range n {
		keys = append(keys, zhenni.PartyKey{Public: testPublicKey(t, byte(i))})
	}
	return keys
}

// The largest party there can be is stored, read back after a restart, and not the caller's memory any more.
func TestLargestPartyReadsBack(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	p := fullParty(t).RelyingParty
	p.ID, p.Name, p.Sector = strings.Repeat("i", 64), strings.Repeat("n", maxPartyName), strings.Repeat("s", 64)
	p.Keys, p.Services, p.Suspended = manyKeys(t, zhenni.MaxPartyKeys), nil, true
	for i := range zhenni.MaxPartyKeys {
		p.Certificates = append(p.Certificates[:i], zhenni.PartyCertificate{Hash: [32]byte{byte(i + 1)}})
	}
	for i := range zhenni.MaxPartyServices / 2 {
		p.Services = append(p.Services, fmt.Sprintf("%064d", i), fmt.Sprintf("%030d:%033d", i, i))
	}
	mustApply(t, s, zhenni.PutRelyingParty{Party: p})
	want := ownParty(p)
	p.Keys[0], p.Certificates[0], p.Services[0] = zhenni.PartyKey{}, zhenni.PartyCertificate{}, "changed"
	for range 2 {
		if got, ok := s.RelyingParty(p.ID); !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v %+v", ok, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}

// A record as an earlier build wrote it serves, and takes the second form with its next change.
func TestPartyChangesForm(t *testing.T) {
	old, err := decodeParty("hotel-1", header{generation: 3}, fromGolden(t, "party"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeParty("hotel-1", header{generation: 3}, old.appendBody(nil))
	if err != nil || !reflect.DeepEqual(again, old) {
		t.Errorf("%+v, %v", again, err)
	}
	if hex.EncodeToString(old.appendBody(nil)[:1]) != "02" {
		t.Error("an old form is written")
	}
}
