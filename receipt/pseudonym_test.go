package receipt

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

func drawParty(t *rapid.T, label string) zhenni.RelyingParty {
	p := zhenni.RelyingParty{ID: name().Draw(t, label), Tenant: zhenni.TenantID(rapid.Uint32Range(1, 3).Draw(t, label+" tenant"))}
	if rapid.Bool().Draw(t, label+" has a sector") {
		p.Sector = name().Draw(t, label+" sector")
	}
	return p
}

// domain is what two parties share if they may know a person by the same name.
func domain(p zhenni.RelyingParty) [3]any {
	if p.Sector != "" {
		return [3]any{p.Tenant, "sector", p.Sector}
	}
	return [3]any{p.Tenant, "party", p.ID}
}

// Two parties know a person by the same pseudonym if they are of one sector, and only then; two persons never have one
// pseudonym; another root makes everybody new.
func TestPseudonyms(t *testing.T) {
	p, rotated := testPseudonyms(t, 1), testPseudonyms(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		one, two := drawParty(t, "one"), drawParty(t, "two")
		if rapid.Bool().Draw(t, "of one tenant") {
			two.Tenant = one.Tenant
		}
		switch rapid.IntRange(0, 3).Draw(t, "kin") {
		case 1:
			two.Sector = one.Sector
		case 2:
			two.Sector = one.ID // a sector of the name of a party
		}
		handle := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "handle"))
		id := zhenni.CredentialID(handle[:16])
		name := p.OfSubject(one, handle)
		if same := name == p.OfSubject(two, handle); same != (domain(one) == domain(two)) {
			t.Fatalf("%+v, %+v: same %v", one, two, same)
		}
		if same := p.OfCredential(one, id) == p.OfCredential(two, id); same != (domain(one) == domain(two)) {
			t.Fatalf("%+v, %+v: same %v", one, two, same)
		}
		other := handle
		other[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		if !validPseudonym(name) || name == p.OfSubject(one, other) || name == rotated.OfSubject(one, handle) || name == p.OfCredential(one, id) {
			t.Fatal(name)
		}
	})
}

// The pseudonyms are frozen: who has met somebody meets the same again after an upgrade.
// The values were computed by other means.
func TestPseudonymsAreFrozen(t *testing.T) {
	p := testPseudonyms(t, 1)
	party := zhenni.RelyingParty{ID: "bank", Tenant: 1}
	sector := zhenni.RelyingParty{ID: "bank", Tenant: 1, Sector: "finance"}
	for want, got := range map[string]string{
		"p24UxT4_9X-08lTHlUPN50JWXo-xgGHVJkOU3DQPIRI": p.OfSubject(party, [32]byte{1}),
		"i9zpupejkbUnKJ_2LccbIzBDTAVRseYRawUT_0jTNAw": p.OfSubject(sector, [32]byte{1}),
		"eB45UZq7EnT3zGkFqlTNmN93gkX12GJEilV8mP4AIj8": p.OfCredential(party, zhenni.CredentialID{1}),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A root is known again by its check, which is no pseudonym.
func TestRootsAreKnownAgain(t *testing.T) {
	one, two := testPseudonyms(t, 1), testPseudonyms(t, 2)
	if one.Check() != testPseudonyms(t, 1).Check() || one.Check() == two.Check() || one.Check() == [16]byte{} {
		t.Errorf("%x, %x", one.Check(), two.Check())
	}
}

func TestRootsThatMakeNoPseudonyms(t *testing.T) {
	for _, root := range [][]byte{nil, make([]byte, 32), bytes.Repeat([]byte{1}, 31), bytes.Repeat([]byte{1}, 33)} {
		if p, err := NewPseudonyms(root); p != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d bytes: %v", len(root), err)
		}
	}
}
