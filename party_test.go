package zhenni_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

func TestAPIKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := zhenni.APIKey{Party: rapid.StringMatching(`[a-z0-9._-]{1,64}`).Draw(t, "party")}
		copy(key.Secret[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "secret"))
		parsed, err := zhenni.ParseAPIKey(key.String())
		if err != nil || parsed != key {
			t.Fatalf("came back as %v, %v", parsed, err)
		}
	})
}

func TestParseAPIKeyRefusesAndRepeatsNothing(t *testing.T) {
	good := zhenni.APIKey{Party: "hotel", Secret: [32]byte{1, 2, 3}}.String()
	for name, s := range map[string]string{
		"empty":            "",
		"no prefix":        strings.TrimPrefix(good, "zk_"),
		"other prefix":     "xk_" + strings.TrimPrefix(good, "zk_"),
		"no party":         "zk__" + good[len(good)-43:],
		"upper-case party": strings.Replace(good, "hotel", "Hotel", 1),
		"short":            good[:len(good)-1],
		"long":             good + "A",
		"bad alphabet":     good[:len(good)-2] + "+/",
		"not canonical":    good[:len(good)-1] + "B",
	} {
		_, err := zhenni.ParseAPIKey(s)
		if !errors.Is(err, zhenni.ErrBadKey) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), good[len(good)-20:len(good)-4]) {
			t.Errorf("%s: the error repeats the secret", name)
		}
	}
}

func TestAdmits(t *testing.T) {
	key := zhenni.APIKey{Party: "hotel", Secret: [32]byte{1}}
	party := zhenni.RelyingParty{ID: "hotel", KeyHash: key.Hash()}
	if !party.Admits(key) {
		t.Error("its own key is refused")
	}
	other := key
	other.Secret[31] ^= 1
	if party.Admits(other) {
		t.Error("a key with one bit changed is admitted")
	}
	other = key
	other.Party = "bank"
	if party.Admits(other) {
		t.Error("the key of another party is admitted")
	}
	if (zhenni.RelyingParty{ID: "hotel"}).Admits(zhenni.APIKey{Party: "hotel"}) {
		t.Error("a party without a key admits the zero key")
	}
}

func TestRoles(t *testing.T) {
	both := zhenni.RoleIssuer | zhenni.RoleVerifier
	if !both.Has(zhenni.RoleIssuer) || !both.Has(both) {
		t.Error("a set lacks its parts")
	}
	if zhenni.RoleVerifier.Has(zhenni.RoleIssuer) || zhenni.RoleVerifier.Has(both) || zhenni.Role(0).Has(zhenni.RoleVerifier) {
		t.Error("a role includes one it was not given")
	}
}

// FAULTS: L10 L11
func TestRelyingPartyValidate(t *testing.T) {
	good := zhenni.RelyingParty{ID: "front-desk", Name: "政务窗口 No. 3", Tenant: 1, Roles: zhenni.RoleVerifier}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*zhenni.RelyingParty){
		"no id":              func(p *zhenni.RelyingParty) { p.ID = "" },
		"id with a space":    func(p *zhenni.RelyingParty) { p.ID = "front desk" },
		"long name":          func(p *zhenni.RelyingParty) { p.Name = strings.Repeat("a", 201) },
		"line break":         func(p *zhenni.RelyingParty) { p.Name = "desk\r\nlevel=ERROR" },
		"escape sequence":    func(p *zhenni.RelyingParty) { p.Name = "desk\x1b[2J" },
		"right-to-left mark": func(p *zhenni.RelyingParty) { p.Name = "desk\u202egnp" },
		"invalid UTF-8":      func(p *zhenni.RelyingParty) { p.Name = "desk\xff" },
		"no tenant":          func(p *zhenni.RelyingParty) { p.Tenant = 0 },
		"no role":            func(p *zhenni.RelyingParty) { p.Roles = 0 },
		"a purpose unnamed":  func(p *zhenni.RelyingParty) { p.Services = []string{"open:"} },
		"a purpose of two":   func(p *zhenni.RelyingParty) { p.Services = []string{"open:a:b"} },
		"a grant twice":      func(p *zhenni.RelyingParty) { p.Services = []string{"open:a", "open:a"} },
		"too much of grants": func(p *zhenni.RelyingParty) {
			for i := range 300 {
				p.Services = append(p.Services, fmt.Sprintf("%064d:%064d", i, i))
			}
		},
		"a role not in words": func(p *zhenni.RelyingParty) { p.Roles |= 1 << 7 },
	} {
		p := good
		change(&p)
		if err := p.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A grant is of a service, under every purpose or under the one that it names, and is taken apart in one way wherever it is read.
func TestGrants(t *testing.T) {
	for grant, want := range map[string]struct {
		service, purpose string
		narrowed, valid  bool
	}{
		"stay": {service: "stay", valid: true}, "stay:check-in": {"stay", "check-in", true, true}, "stay:": {service: "stay", narrowed: true},
		":check-in": {purpose: "check-in", narrowed: true}, "stay:check-in:now": {"stay", "check-in:now", true, false}, "": {},
	} {
		service, purpose, narrowed := zhenni.CutGrant(grant)
		if service != want.service || purpose != want.purpose || narrowed != want.narrowed || zhenni.ValidGrant(grant) != want.valid {
			t.Errorf("%q: %q, %q, %v, %v", grant, service, purpose, narrowed, zhenni.ValidGrant(grant))
		}
	}
	party := zhenni.RelyingParty{Services: []string{"stay", "pay:transfer", "pay:refund"}}
	for asked, want := range map[[2]string][2]bool{
		{"stay", "anything"}: {true, true}, {"pay", "transfer"}: {true, true}, {"pay", "refund"}: {true, true}, {"pay", "loan"}: {true, false},
		{"pay", ""}: {true, false}, {"pay:transfer", "transfer"}: {}, {"", ""}: {}, {"sta", "y"}: {},
	} {
		if atAll, under := party.MayAsk(asked[0], asked[1]); atAll != want[0] || under != want[1] {
			t.Errorf("%q: %v, %v", asked, atAll, under)
		}
	}
}
