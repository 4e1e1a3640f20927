package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// newOwnKey is a key with what a party shows to have it.
func newOwnKey(t testing.TB, party string, seed byte) (signer *httpsig.Signer, member string) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize))
	signer, err := httpsig.NewEd25519Signer(private)
	if err != nil {
		t.Fatal(err)
	}
	shown := ed25519.Sign(private, PossessionText(party, publicKeyOf(t, signer)))
	return signer, `"keys":[` + jwkOf(t, signer) + `],"possession":"` + base64.StdEncoding.EncodeToString(shown) + `"`
}

// ownKeys are the keys that a party is told it has.
func ownKeys(t testing.TB, a answer) (ids []string) {
	t.Helper()
	var p struct {
		Keys []struct {
			JWK struct{ KID string }
		}
	}
	if err := json.Unmarshal(a.body, &p); err != nil || a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, k := range p.Keys {
		ids = append(ids, k.JWK.KID)
	}
	return ids
}

// A party rotates its own key: with grace, so that what it has in hand under the old one is still taken; at once where others may
// have it. An operator does so where operators are.
//
// FAULTS: A15
func TestPartyRotatesItsKey(t *testing.T) {
	o := startOperated(t).described(t)
	for party, f := range map[string]*fixture{"verifier": o.fixture, "operator": &o.operator} {
		old := o.signers[party]
		next, member := newOwnKey(t, party, 70)
		if party == "operator" {
			next, member = newOwnKey(t, party, 71)
		}
		ask := func(by *httpsig.Signer, method, path, body string) answer { return o.askOf(f, by, method, path, body) }
		if ids := ownKeys(t, ask(old, "POST", "/v1/party/keys", "{"+member+`,"grace_seconds":60}`)); len(ids) != 2 {
			t.Errorf("%s has %q", party, ids)
		}
		for _, by := range []*httpsig.Signer{old, next} {
			if a := ask(by, "GET", "/v1/party", ""); a.status != 200 {
				t.Errorf("in grace: %d %s", a.status, a.body)
			}
		}
		o.ahead.Add(61)
		if a := ask(old, "GET", "/v1/party", ""); a.status != 401 {
			t.Errorf("after grace: %d %s", a.status, a.body)
		}
		third, member := newOwnKey(t, party, 72)
		if party == "operator" {
			third, member = newOwnKey(t, party, 73)
		}
		ownKeys(t, ask(next, "POST", "/v1/party/keys", "{"+member+"}"))
		if ids := ownKeys(t, ask(third, "POST", "/v1/party/keys/"+next.Key().ID()+"/retire", "")); !slices.Contains(ids, third.Key().ID()) {
			t.Errorf("%s has %q", party, ids)
		}
		o.ahead.Add(1) // a clock of whole seconds: the key ends with this one
		if a := ask(next, "GET", "/v1/party", ""); a.status != 401 {
			t.Errorf("a key that others have: %d %s", a.status, a.body)
		}
		if a := ask(third, "POST", "/v1/party/keys/"+old.Key().ID()+"/retire", ""); a.status != 404 {
			t.Errorf("a key that has ended: %d %s", a.status, a.body)
		}
	}
}

// A new key is a party's where it shows that it holds it, and only then; and only for itself.
//
// FAULTS: A3 A19 Z5
func TestNewKeyShowsPossession(t *testing.T) {
	o := startOperated(t).described(t)
	_, mine := newOwnKey(t, "verifier", 70)
	_, foreign := newOwnKey(t, "issuer", 70)
	_, other := newOwnKey(t, "verifier", 71)
	keys, _, _ := strings.Cut(mine, `,"possession"`)
	_, shown, _ := strings.Cut(other, `,"possession"`)
	before := o.done()
	for name, tt := range map[string]struct{ body, code string }{
		"none":                       {"{" + keys + "}", "possession_not_proved"},
		"for another party":          {"{" + foreign + "}", "possession_not_proved"},
		"by another key":             {"{" + keys + `,"possession"` + shown + "}", "possession_not_proved"},
		"cut":                        {strings.Replace("{"+mine+"}", `=="`, `"`, 1), "possession_not_proved"},
		"two keys":                   {"{" + strings.Replace(mine, "[", "["+jwkOf(t, nistSigner(t, 4))+",", 1) + "}", "bad_item"},
		"a party named":              {"{" + mine + `,"party":"issuer"}`, "bad_item"},
		"a tenant named":             {"{" + mine + `,"tenant":2}`, "bad_item"},
		"grace for ever":             {"{" + mine + `,"grace_seconds":31622401}`, "bad_item"},
		"no key":                     {"{}", "bad_item"},
		"another party's key, shown": {"{" + strings.Replace(mine, jwkOf(t, edwardsSigner(t, 70)), jwkOf(t, o.signers["issuer"]), 1) + "}", "possession_not_proved"},
	} {
		if a := o.askOf(o.fixture, o.signers["verifier"], "POST", "/v1/party/keys", tt.body); a.code() != tt.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if did := o.done().since(before); did.applied != 0 {
		t.Errorf("%d changes were made", did.applied)
	}
}

// A party that was suspended, or lost the key that it signs with, meanwhile, changes nothing of itself.
func TestOwnChangeOfASuspendedParty(t *testing.T) {
	o := startOperated(t)
	_, member := newOwnKey(t, "verifier", 70)
	o.must(200, "POST", "/v1/parties/verifier/suspend", "")
	if a := o.askOf(o.fixture, o.signers["verifier"], "POST", "/v1/party/keys", "{"+member+"}"); a.code() != "party_suspended" {
		t.Errorf("%d %s", a.status, a.body)
	}
	rq := &request{server: o.server, party: zhenni.RelyingParty{ID: "verifier", Tenant: 1}}
	if err := o.server.editOwn(rq, "", o.server.rotation(zhenni.KeyChange{})); err == nil {
		t.Error("a party suspended after it was admitted changes itself")
	}
}

// What the reader finds of the objects in a list is what lies in it, and what it does not find is not JSON.
//
// FAULTS: L2 L3 L4 L12
func FuzzPartyDocument(f *testing.F) {
	f.Add([]byte(`{"id":"hotel","roles":["verifier"],"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}],"per_day":9}`))
	f.Add([]byte(`{"keys":[{"a":"\"]}"},{"b":[{}]}],"certificates":["` + strings.Repeat("ab", 32) + `"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := slices.Clone(body)
		fields := partyFields()
		if parseDocument(body, fields[:]) != nil {
			return
		}
		for _, document := range fields[partyKeys].items {
			if len(document) < 2 || document[0] != '{' || document[len(document)-1] != '}' {
				t.Fatalf("%q is taken for an object", document)
			}
		}
		if p, err := readParty(&fields, zhenni.RelyingParty{ID: "ops", Tenant: 7, Roles: zhenni.RoleOperator}); err == nil {
			if !json.Valid(sent) || p.Tenant != 7 || p.Evaluation || p.Suspended || p.Roles.Has(zhenni.RoleOperator) || p.KeyHash != [32]byte{} || p.Validate() != nil {
				t.Fatalf("%q makes %+v", sent, p)
			}
		}
	})
}
