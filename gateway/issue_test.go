package gateway

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/identity"
)

// applyLive does to a record of the fake node what a command about its life does by the table.
func (n *fakeNode) applyLive(command zhenni.Command) zhenni.Result {
	change := func(id zhenni.CredentialID, tenant zhenni.TenantID, by func(zhenni.Credential) (zhenni.Credential, error)) zhenni.Result {
		record, ok := n.records[id]
		if !ok || record.Tenant != tenant {
			return zhenni.Result{Err: zhenni.ErrNotFound}
		}
		changed, err := by(record)
		n.records[id] = changed
		return zhenni.Result{Credential: changed, Err: err}
	}
	type credential = zhenni.Credential
	switch c := command.(type) {
	case zhenni.MoveDevice:
		return change(c.ID, c.Tenant, func(r credential) (credential, error) { return r.WithDevice(c.From, c.To, c.At) })
	case zhenni.LockFactors:
		return change(c.ID, c.Tenant, func(r credential) (credential, error) { return r.WithLock(c.Factors, c.Locked, c.At) })
	case zhenni.ReportLoss:
		return change(c.ID, c.Tenant, func(r credential) (credential, error) { return r.Lost(c.At) })
	case zhenni.Renew:
		return change(c.ID, c.Tenant, func(r credential) (credential, error) { return r.RenewedUntil(c.ValidUntil, c.At) })
	}
	return n.applyPIN(command)
}

// fakeIdentities knows one person by the text "sealed" and another by "other"; every other text is a fault. What follows a
// "#" is another text under the same key and nonce. Of a transaction it makes an id.
type fakeIdentities struct {
	live zhenni.Credential
	// all are the credentials of that person with each tenant.
	all    map[zhenni.TenantID][]zhenni.CredentialID
	allErr error
}

var errNoIdentity = errors.New("no identity")

func (f *fakeIdentities) Identify(sealed []byte, party, transaction string, _ time.Time) (who Identified, err error) {
	person, _, _ := strings.Cut(string(sealed), "#")
	who.Sealing = sha256.Sum256([]byte(person))
	switch person {
	case "sealed":
		who.Subject = zhenni.SubjectHandle{0xab}
	case "other":
		who.Subject = zhenni.SubjectHandle{0xac}
	case "broken":
		return who, errNoIdentity
	default:
		return who, identity.SealedOpen
	}
	copy(who.Credential[:], party+"/"+transaction)
	who.NameTag, who.Absent = zhenni.NameTag{0xcd}, zhenni.CredentialID{0xee, who.Subject[0]}
	return who, nil
}

func (f *fakeIdentities) Subject(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (zhenni.Credential, error) {
	if f.live.Tenant != tenant || subject != (zhenni.SubjectHandle{0xab}) {
		return zhenni.Credential{}, zhenni.ErrNotFound
	}
	return f.live, nil
}

func (f *fakeIdentities) SubjectCredentials(_ context.Context, tenant zhenni.TenantID, subject zhenni.SubjectHandle) ([]zhenni.CredentialID, error) {
	if subject != (zhenni.SubjectHandle{0xab}) {
		return nil, nil
	}
	return f.all[tenant], f.allErr
}

// issuing is a server that issues to one person, with a terminal beside the parties of every fixture.
func issuing(t *testing.T, changes ...func(*Config)) (*fixture, *fakeIdentities) {
	identities := &fakeIdentities{}
	f := start(t, func(c *Config) {
		c.Identities, c.Subjects = identities, identities
		for _, change := range changes {
			change(c)
		}
	})
	f.node.parties["terminal"] = zhenni.RelyingParty{
		ID: "terminal", Tenant: 1, Roles: zhenni.RoleTerminal, KeyHash: keyOf("terminal").Hash(),
	}
	return f, identities
}

// deviceFields are the fields of a device's key, under a prefix.
func deviceFields(t *testing.T, prefix string, n byte) (fields string, key zhenni.PublicKey) {
	t.Helper()
	public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, public)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`"%salgorithm":"ed25519","%skey":"%s"`, prefix, prefix, base64.StdEncoding.EncodeToString(public)), key
}

func issueDocument(t *testing.T, more string) string {
	device, _ := deviceFields(t, "device_", 1)
	return `{"identity":"sealed","region":"330100","valid_until":"2030-01-31T00:00:00Z",` + device + `,"reference_int8":"` +
		int8Probe(testDim, true) + `"` + more + `}`
}

// What an issue asks for, and of whom; each answer is as described.
//
// FAULTS: C8 Z1 Z4
func TestIssue(t *testing.T) {
	doc := loadDescription(t)
	f, identities := issuing(t)
	for name, c := range map[string]struct {
		party, transaction, body string
		status                   int
	}{
		"lite by an issuer":     {"issuer", "t-1", issueDocument(t, ""), 201},
		"lite by a terminal":    {"terminal", "t-2", issueDocument(t, ""), 201},
		"full by a terminal":    {"terminal", "t-3", issueDocument(t, `,"level":"full"`), 201},
		"full by an issuer":     {"issuer", "t-4", issueDocument(t, `,"level":"full"`), 403},
		"by card, by an issuer": {"issuer", "t-5", issueDocument(t, `,"issue":"card"`), 403},
		"by a verifier":         {"verifier", "t-6", issueDocument(t, ""), 403},
		"by nobody":             {"", "t-7", issueDocument(t, ""), 401},
		"unnamed":               {"issuer", "", issueDocument(t, ""), 400},
		"another level":         {"issuer", "t-8", issueDocument(t, `,"level":"FULL"`), 400},
		"another issue":         {"issuer", "t-8", issueDocument(t, `,"issue":"new"`), 400},
		"with a status":         {"issuer", "t-8", issueDocument(t, `,"status":"active"`), 400},
		"with a subject":        {"issuer", "t-8", issueDocument(t, `,"subject":"x"`), 400},
		"ended":                 {"issuer", "t-8", strings.Replace(issueDocument(t, ""), "2030", "2010", 1), 400},
		"region of letters":     {"issuer", "t-8", strings.Replace(issueDocument(t, ""), "330100", "33010x", 1), 400},
		"half a device":         {"issuer", "t-8", strings.Replace(issueDocument(t, ""), `"device_algorithm":"ed25519",`, "", 1), 400},
		"not a key":             {"issuer", "t-8", strings.Replace(issueDocument(t, ""), "ed25519", "p256", 1), 400},
		"a key of padding":      {"issuer", "t-8", regexp.MustCompile(`"device_key":"[^"]*"`).ReplaceAllLiteralString(issueDocument(t, ""), `"device_key":"="`), 400},
		"no identity":           {"issuer", "t-8", strings.Replace(issueDocument(t, ""), `"identity":"sealed",`, "", 1), 400},
		"another identity":      {"issuer", "t-8", strings.Replace(issueDocument(t, ""), "sealed", "opened", 1), 422},
		"identities are down":   {"issuer", "t-8", strings.Replace(issueDocument(t, ""), "sealed", "broken", 1), 503},
		"no reference":          {"issuer", "t-8", `{"identity":"sealed"}`, 422},
		"a short commitment":    {"issuer", "t-8", issueDocument(t, `,"rotation_commitment":"AAAA"`), 400},
		"one of zeros":          {"issuer", "t-8", issueDocument(t, `,"rotation_commitment":"`+commitmentText(0)+`"`), 400},
		"a number for it":       {"issuer", "t-8", issueDocument(t, `,"rotation_commitment":7`), 400},
	} {
		var extra []string
		if c.transaction != "" {
			extra = append(extra, "Transaction-Id: "+c.transaction)
		}
		a := f.call("POST", "/v1/credentials", c.party, mediaJSON, []byte(c.body), extra...)
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		if a.status != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, a.status, c.status, a.body)
		}
		if bytes.Contains(a.body, []byte(`"sealed"`)) || bytes.Contains(a.body, []byte("abcd")) {
			t.Errorf("%s: the answer shows the identity: %s", name, a.body)
		}
	}
	identities.live = zhenni.Credential{ID: testID(9), Tenant: 1}
	f.call("POST", "/v1/credentials", "terminal", mediaJSON, []byte(issueDocument(t, `,"level":"full"`)), "Transaction-Id: t-9")
	last := f.node.applied[len(f.node.applied)-1].(zhenni.Enrol)
	_, device := deviceFields(t, "device_", 1)
	if last.Replaces != testID(9) || last.Device != device || last.Region != 330100 || last.Subject.IsZero() || last.Tenant != 1 {
		t.Errorf("%+v", last)
	}
}

// commitmentText is the commitment to a rotation key as requests have it.
func commitmentText(n byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{n}, 32))
}

// An issuer who says so issues a rotated credential, and is shown that it is one, in whatever answer has the credential; not by which key.
// What is held against a photograph is not rotated.
func TestIssueOfARotatedTemplate(t *testing.T) {
	doc := loadDescription(t)
	f, _ := issuing(t)
	for n, want := range map[string]zhenni.RotationCommitment{
		"": {}, `,"rotation_commitment":"` + commitmentText(5) + `"`: zhenni.RotationCommitment(bytes.Repeat([]byte{5}, 32)),
	} {
		a := f.call("POST", "/v1/credentials", "issuer", mediaJSON, []byte(issueDocument(t, n)), "Transaction-Id: t-"+itoa(len(n)))
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		last := f.node.applied[len(f.node.applied)-1].(zhenni.Enrol)
		if a.status != 201 || last.Rotation != want || bytes.Contains(a.body, []byte(`"rotated":true`)) == want.IsZero() {
			t.Errorf("%s: %d %s, %x", n, a.status, a.body, last.Rotation)
		}
		if bytes.Contains(a.body, []byte(commitmentText(5))) {
			t.Errorf("the answer shows by which key: %s", a.body)
		}
	}
	p := startProving(t, noLimits, nil)
	a := p.ask("issuer", "t-1", true, `,"rotation_commitment":"`+commitmentText(5)+`"`)
	if a.status != 400 || !bytes.Contains(a.body, []byte("goes with a reference")) {
		t.Errorf("the probe for a rotated template: %d %s", a.status, a.body)
	}
	p.wantCounts("refused", 0, 0, 0)
	a = p.ask("issuer", "t-2", true, `,"rotation_commitment":"`+commitmentText(5)+`","reference_float32":"`+float32Probe(testDim, 9)+`"`)
	if a.status != 201 || !bytes.Contains(a.body, []byte(`"rotated":true`)) {
		t.Errorf("with a template of its own: %d %s", a.status, a.body)
	}
}

// An issue that lost against another, or whose transaction was used for another, is a conflict.
//
// FAULTS: C4 C8
func TestIssueConflicts(t *testing.T) {
	f, _ := issuing(t)
	for err, code := range map[error]string{zhenni.ErrIllegalChange: "illegal_change", zhenni.ErrExists: "transaction_reused"} {
		f.node.applyErr = err
		a := f.call("POST", "/v1/credentials", "issuer", mediaJSON, []byte(issueDocument(t, "")), "Transaction-Id: t-1")
		if a.status != 409 || !bytes.Contains(a.body, []byte(code)) {
			t.Errorf("%v: %d %s", err, a.status, a.body)
		}
	}
}

// A server without identities issues nothing.
func TestIssueWithoutIdentities(t *testing.T) {
	f := start(t, nil)
	a := f.call("POST", "/v1/credentials", "issuer", mediaJSON, []byte(issueDocument(t, "")), "Transaction-Id: t-1")
	if a.status != 404 || f.node.asked() != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// lifeRoute is a route about the life of a credential, with a body that it takes.
type lifeRoute struct {
	path, body string
	terminal   bool // whether a terminal may
}

func lifeRoutes(t *testing.T) []lifeRoute {
	from, _ := deviceFields(t, "from_", 1)
	to, _ := deviceFields(t, "to_", 2)
	return []lifeRoute{
		{"move-device", "{" + from + "," + to + "}", true},
		{"lock", `{"factor":"face"}`, true},
		{"unlock", `{"factor":"face"}`, true},
		{"renew", `{"valid_until":"2031-01-31T00:00:00Z"}`, false},
		{"suspend", "", false},
		{"resume", "", false},
		{"report-loss", "", true},
	}
}

func livingRecord(t *testing.T) zhenni.Credential {
	_, device := deviceFields(t, "", 1)
	return zhenni.Credential{
		ID: testID(1), Tenant: 1, Level: zhenni.LevelFull, Status: zhenni.StatusActive, Generation: 1, EnrolledAt: time.Unix(1, 0),
		ChangedAt: time.Unix(1, 0), ValidUntil: time.Unix(1800000000, 0), Device: device, Region: 330100,
	}
}

// Each route of the life of a credential against every role and the other tenant: who may not is told so, and what is
// another tenant's is answered like what is not there, byte for byte.
//
// FAULTS: Z1 Z2 Z4
func TestLifeByRoleAndRoute(t *testing.T) {
	doc := loadDescription(t)
	f, _ := issuing(t)
	for _, rt := range lifeRoutes(t) {
		media := ""
		if rt.body != "" {
			media = mediaJSON
		}
		described := "/v1/credentials/{id}/" + rt.path
		call := func(party string, id zhenni.CredentialID) answer {
			a := f.call("POST", "/v1/credentials/"+id.String()+"/"+rt.path, party, media, []byte(rt.body), "Transaction-Id: t-1")
			checkDescribed(t, doc, "POST", described, a)
			return a
		}
		for party, want := range map[string]int{"issuer": 200, "both": 200, "terminal": 403, "verifier": 403, "other": 404, "": 401} {
			if party == "terminal" && rt.terminal {
				want = 200
			}
			f.node.records[testID(1)] = livingRecord(t)
			if rt.path == "resume" {
				suspended := livingRecord(t)
				suspended.Status = zhenni.StatusSuspended
				f.node.records[testID(1)] = suspended
			}
			if a := call(party, testID(1)); a.status != want {
				t.Errorf("%s as %q: %d, want %d: %s", rt.path, party, a.status, want, a.body)
			}
		}
		theirs, nobodys := call("other", testID(1)), call("other", testID(2))
		if theirs.status != nobodys.status || !bytes.Equal(theirs.body, nobodys.body) {
			t.Errorf("%s: another tenant's %s, nobody's %s", rt.path, theirs.body, nobodys.body)
		}
	}
}

// What a route of the life of a credential does not take is refused, and nothing is changed.
//
// FAULTS: L4
func TestLifeRefusesOtherBodies(t *testing.T) {
	f, _ := issuing(t)
	f.node.records[testID(1)] = livingRecord(t)
	for _, c := range []struct{ path, media, body string }{
		{"suspend", mediaJSON, "{}"}, {"report-loss", mediaJSON, "{}"}, {"lock", mediaJSON, "{}"}, {"lock", mediaJSON, `{"factor":"iris"}`},
		{"lock", mediaJSON, `{"factor":"face","tenant":2}`}, {"lock", "text/plain", `{"factor":"face"}`}, {"renew", mediaJSON, "{}"},
		{"renew", mediaJSON, `{"valid_until":"2001-01-01T00:00:00Z"}`}, {"renew", mediaJSON, `{"valid_until":7}`},
		{"move-device", mediaJSON, `{"to_algorithm":"rsa","to_key":"AA=="}`}, {"move-device", mediaJSON, `{"to_key":"AA=="}`},
		{"move-device", mediaJSON, `{"from_algorithm":"ed25519"}`},
	} {
		a := f.call("POST", "/v1/credentials/"+testID(1).String()+"/"+c.path, "issuer", c.media, []byte(c.body))
		if a.status != 400 && a.status != 415 || f.node.asked() != 0 {
			t.Errorf("%s %s: %d %s", c.path, c.body, a.status, a.body)
		}
	}
}
