package gateway

import (
	"testing"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// A party that an auditor names is part of what is signed.
//
// FAULTS: A5
func TestNamedPartyIsSigned(t *testing.T) {
	f := startSigning(t, func(c *Config) { c.Audit = &fakeLog{} })
	f.put(zhenni.RelyingParty{ID: "audit", Tenant: 1, Roles: zhenni.RoleAuditor, Keys: []zhenni.PartyKey{{Public: publicKeyOf(t, f.stranger)}}})
	proof := signedRequest{method: "GET", path: "/v1/verifications/t-1/proof", host: "x"}
	signed := signMessage(t, f.stranger, f.stamp(), proof, httpsig.Field{Name: "party", Value: []byte("verifier")})
	if a := f.send(signed); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	added := signMessage(t, f.stranger, f.stamp(), proof)
	added.fields = append(added.fields, "Party: verifier")
	if a := f.send(added); a.status != 401 && a.status != 400 {
		t.Errorf("added behind the signature: %d %s", a.status, a.body)
	}
	changed := signMessage(t, f.stranger, f.stamp(), proof, httpsig.Field{Name: "party", Value: []byte("hotel")}).with("party: hotel", "party: verifier")
	if a := f.send(changed); a.status != 401 {
		t.Errorf("changed behind the signature: %d %s", a.status, a.body)
	}
}
