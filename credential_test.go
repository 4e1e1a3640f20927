package zhenni_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

func TestCredentialIDHasOneWrittenForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id zhenni.CredentialID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		parsed, err := zhenni.ParseCredentialID(id.String())
		if err != nil || parsed != id {
			t.Fatalf("%s came back as %s, %v", id, parsed, err)
		}
	})
}

// FAULTS: L10
func TestParseCredentialIDRefusesOtherSpellings(t *testing.T) {
	const good = "00112233445566778899aabbccddeeff"
	for name, s := range map[string]string{
		"empty":      "",
		"short":      good[:31],
		"long":       good + "0",
		"upper case": "00112233445566778899AABBCCDDEEFF",
		"full width": "00112233445566778899aabbccddee\uff46",
		"prefix":     "0x112233445566778899aabbccddeeff",
		"space":      " 0112233445566778899aabbccddeeff",
		"hyphens":    "00112233-4455-6677-8899-aabbccdd",
		"NUL":        "0011223344556677889900bbccddeef\x00",
	} {
		if _, err := zhenni.ParseCredentialID(s); !errors.Is(err, zhenni.ErrBadCredentialID) {
			t.Errorf("%s: %q gave %v", name, s, err)
		}
	}
}

func TestUnmarshalCredentialIDAllocatesNothing(t *testing.T) {
	text := []byte("00112233445566778899aabbccddeeff")
	var id zhenni.CredentialID
	if n := testing.AllocsPerRun(100, func() { _ = id.UnmarshalText(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSlotIsTheFirstFourteenBits(t *testing.T) {
	for _, c := range []struct {
		first, second byte
		want          zhenni.Slot
	}{
		{0, 0, 0}, {0, 3, 0}, {0, 4, 1}, {1, 0, 64}, {0x80, 0, 8192}, {0xff, 0xfb, 16382}, {0xff, 0xff, 16383},
	} {
		id := zhenni.CredentialID{c.first, c.second, 0xff, 0xff}
		if got := id.Slot(); got != c.want {
			t.Errorf("%x… is in slot %d, want %d", id[:2], got, c.want)
		}
	}
}

// Every pair of states, the legal ones listed: what the table does not name is refused and changes nothing.
func TestLegalChangesExhaustively(t *testing.T) {
	const a, s, u, r, x, e = zhenni.StatusActive, zhenni.StatusSuspended, zhenni.StatusSuperseded, zhenni.StatusRevoked,
		zhenni.StatusExpired, zhenni.StatusErased
	legal := map[[2]zhenni.Status]bool{
		{a, s}: true, {a, u}: true, {a, r}: true, {a, x}: true,
		{s, a}: true, {s, u}: true, {s, r}: true, {s, x}: true,
		{a, e}: true, {s, e}: true, {u, e}: true, {r, e}: true, {x, e}: true,
	}
	at := time.Unix(1_800_000_000, 0)
	for from := zhenni.Status(0); from <= e+1; from++ {
		for to := zhenni.Status(0); to <= e+1; to++ {
			before := zhenni.Credential{Status: from, Generation: 7}
			after, err := before.WithStatus(to, at)
			if legal[[2]zhenni.Status{from, to}] {
				want := zhenni.Credential{Status: to, Generation: 8, ChangedAt: at}
				if err != nil || after != want {
					t.Errorf("%s to %s: %+v, %v", from, to, after, err)
				}
				continue
			}
			if !errors.Is(err, zhenni.ErrIllegalChange) || after != before {
				t.Errorf("%s to %s: %+v, %v; want it refused", from, to, after, err)
			}
		}
	}
}

func TestEnumerationsRoundTripAsText(t *testing.T) {
	type all struct {
		Level  zhenni.Level
		Status zhenni.Status
		Factor zhenni.Factor
	}
	in := all{zhenni.LevelFull, zhenni.StatusRevoked, zhenni.FactorVoice}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Level":"full","Status":"revoked","Factor":"voice"}`
	if string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
	var out all
	if err := json.Unmarshal(data, &out); err != nil || out != in {
		t.Errorf("came back as %+v, %v", out, err)
	}
	if _, err := json.Marshal(all{}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a value without a written form gave %v", err)
	}
	if err := json.Unmarshal([]byte(`{"Level":"FULL"}`), &out); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("an unknown word gave %v", err)
	}
}
