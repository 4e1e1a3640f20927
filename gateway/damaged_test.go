package gateway

import (
	"strings"
	"testing"

	"zhenni"
)

// A record that does not open is unavailable to the issuer whose it is; to others it is as none, byte for byte.
//
// FAULTS: Z2 S14
func TestDamagedRecordTellsStrangersNothing(t *testing.T) {
	f := start(t, nil)
	f.node.damaged = map[zhenni.CredentialID]zhenni.TenantID{testID(1): 1, testID(2): 2, testID(3): 0}
	unknown := f.call("GET", "/v1/credentials/"+testID(9).String(), "issuer", "", nil, "Transaction-Id: t-1")
	for _, c := range []struct {
		who    int
		party  string
		status int
	}{{1, "issuer", 503}, {2, "issuer", 404}, {1, "other", 404}, {3, "issuer", 503}, {3, "other", 503}} {
		for _, change := range []string{"", "/revoke", "/suspend", "/erase"} {
			method := map[bool]string{true: "GET", false: "POST"}[change == ""]
			a := f.call(method, "/v1/credentials/"+testID(c.who).String()+change, c.party, "", nil, "Transaction-Id: t-1")
			if a.status != c.status {
				t.Errorf("%d%s, asked by %s: %d %s", c.who, change, c.party, a.status, a.body)
			}
			if c.status == 404 && string(a.body) != string(unknown.body) {
				t.Errorf("%d%s is told from none: %s", c.who, change, a.body)
			}
		}
	}
	if len(f.node.applied) > 0 || strings.Contains(string(unknown.body), "internal") {
		t.Errorf("%v, %s", f.node.applied, unknown.body)
	}
}
