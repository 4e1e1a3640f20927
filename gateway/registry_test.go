package gateway

import (
	"strings"
	"testing"

	"zhenni"
)

// What the socket suspends stays suspended, whatever takes its place, until the socket resumes it.
func TestSocketSuspends(t *testing.T) {
	operator, socket := startAdmin(t)
	const path = "/admin/relying-parties/new"
	party := `{"id":"new","name":"New","tenant":5,"roles":["issuer"],"evaluation":false,"key_sha256":"` + strings.Repeat("ab", 32) + `"}`
	for _, step := range []struct {
		method, path, body string
		status             int
		suspended          bool
	}{
		{"PUT", path, party, 200, false},
		{"POST", path + "/suspend", "", 200, true},
		{"POST", path + "/suspend", "", 200, true},
		{"PUT", path, party, 200, true},
		{"POST", path + "/keys", `{}`, 200, true},
		{"POST", path + "/resume", "", 200, false},
		{"POST", "/admin/relying-parties/absent/suspend", "", 404, false},
	} {
		status, answer := adminCall(t, socket, step.method, step.path, step.body)
		if p, _ := operator.RelyingParty("new"); status != step.status || p.Suspended != step.suspended {
			t.Errorf("%s %s: %d %s, suspended: %v", step.method, step.path, status, answer, p.Suspended)
		}
	}
}

// Two parties that differ in anything that is shown are of two versions, and a change that changes nothing is not stored.
func TestPartyVersions(t *testing.T) {
	p := zhenni.RelyingParty{ID: "p", Tenant: 1, Roles: zhenni.RoleVerifier}
	seen := map[string]bool{partyVersion(p): true}
	for _, change := range []func(*zhenni.RelyingParty){
		func(p *zhenni.RelyingParty) { p.Name = "n" }, func(p *zhenni.RelyingParty) { p.Suspended = true },
		func(p *zhenni.RelyingParty) { p.Services = []string{"a"} }, func(p *zhenni.RelyingParty) { p.Quota.PerDay = 1 },
		func(p *zhenni.RelyingParty) { p.Quota.PerMinute = 1 }, func(p *zhenni.RelyingParty) { p.Roles = zhenni.RoleIssuer },
		func(p *zhenni.RelyingParty) {
			p.Keys = []zhenni.PartyKey{{Public: publicKeyOf(t, edwardsSigner(t, 1))}}
		},
		func(p *zhenni.RelyingParty) {
			p.Keys = []zhenni.PartyKey{{Public: publicKeyOf(t, edwardsSigner(t, 1)), NotAfter: testNow()}}
		},
		func(p *zhenni.RelyingParty) { p.Certificates = []zhenni.PartyCertificate{{Hash: [32]byte{1}}} },
	} {
		q := p
		change(&q)
		if version := partyVersion(q); seen[version] {
			t.Errorf("%+v is of a version that another is of", q)
		} else {
			seen[version] = true
		}
	}
	node := newFakeNode()
	r := NewRegistry(&fakeOperator{fakeNode: node}, testNow)
	for _, suspended := range []bool{false, true, true} {
		if _, err := r.suspend(t.Context(), "verifier", suspended); err != nil {
			t.Fatal(err)
		}
	}
	if len(node.applied) != 1 {
		t.Errorf("%d changes are stored", len(node.applied))
	}
}
