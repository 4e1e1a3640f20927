package main

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/identity"
)

// Who has no reference is one credential, whoever asks in whichever transaction, and none that is issued; each sealing is known by
// what it was sealed under.
//
// FAULTS: Z2 A18
func TestIdentifiedStandsForTheSubject(t *testing.T) {
	key, err := identity.NewPrivateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i, err := newIdentities(bytes.Repeat([]byte{1}, identity.RootSize), key)
	if err != nil {
		t.Fatal(err)
	}
	identify := func(number, party, transaction string) gateway.Identified {
		t.Helper()
		sealed, err := identity.Seal(key.Public(), "张三", number, party+"/"+transaction)
		if err != nil {
			t.Fatal(err)
		}
		who, err := i.Identify([]byte(sealed), party, transaction, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if under, err := identity.Sealing(sealed); err != nil || who.Sealing != under {
			t.Errorf("known by %x, want %x, %v", who.Sealing, under, err)
		}
		return who
	}
	first, again, other := identify(canaryNumber, "app", "t-1"), identify(canaryNumber, "desk", "t-2"), identify(nobodysNumber, "app", "t-1")
	if first.Absent != again.Absent || first.Absent == other.Absent || first.Absent == (zhenni.CredentialID{}) {
		t.Errorf("%s, %s; another's %s", first.Absent, again.Absent, other.Absent)
	}
	if first.Absent == first.Credential || first.Sealing == again.Sealing {
		t.Errorf("%+v, %+v", first, again)
	}
}
