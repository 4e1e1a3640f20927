package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"zhenni"
)

// forgetting is a history that nothing is noted in.
type forgetting struct {
	History
	forgotten []zhenni.CredentialID
}

func (h *forgetting) Forget(_ context.Context, ids ...zhenni.CredentialID) error {
	h.forgotten = append(h.forgotten, ids...)
	return nil
}

func (h *forgetting) Stats() zhenni.HistoryStats { return zhenni.HistoryStats{} }

// erasing is an issuer's server with three credentials of one person, the last of them live, and the reference of the person.
func erasing(t *testing.T, change func(*Config)) (*fixture, *fakeIdentities) {
	f, identities := issuing(t, func(c *Config) {
		c.References = map[zhenni.TenantID]zhenni.TenantID{1: referenceTenant}
		if change != nil {
			change(c)
		}
	})
	put := func(n int, tenant zhenni.TenantID, status zhenni.Status) {
		f.node.records[testID(n)] = zhenni.Credential{
			ID: testID(n), Tenant: tenant, Level: zhenni.LevelFull, Status: status, Generation: 1, Subject: zhenni.SubjectHandle{0xab}, StatusIndex: 1,
		}
	}
	put(1, 1, zhenni.StatusSuperseded)
	put(2, 1, zhenni.StatusRevoked)
	put(3, 1, zhenni.StatusActive)
	put(4, referenceTenant, zhenni.StatusActive)
	put(5, 2, zhenni.StatusActive) // with another tenant
	identities.all = map[zhenni.TenantID][]zhenni.CredentialID{1: {testID(3), testID(2), testID(1)}, referenceTenant: {testID(4)}, 2: {testID(5)}}
	return f, identities
}

// erased are the credentials that are, by number.
func (f *fixture) erased() (numbers []int) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	for n := 1; n <= 5; n++ {
		if f.node.records[testID(n)].Status == zhenni.StatusErased {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// An erasure is of one credential, of all of its subject with the tenant, or of the reference of the subject besides, as is asked
// for; of no other tenant. Who asked about each is forgotten, and sent again it is answered likewise.
//
// FAULTS: Z1 C14
func TestErasureOfAPerson(t *testing.T) {
	doc := loadDescription(t)
	for _, c := range []struct {
		named int
		body  string
		want  []int
	}{
		{3, ``, []int{3}}, {3, `{}`, []int{3}}, {3, `{"also":[]}`, []int{3}}, {3, `{"also":["credentials"]}`, []int{1, 2, 3}},
		{1, `{"also":["credentials"]}`, []int{1, 2, 3}}, {2, `{"also":["reference"]}`, []int{2, 4}},
		{3, `{"also":["reference","credentials"]}`, []int{1, 2, 3, 4}},
	} {
		book := &forgetting{}
		f, _ := erasing(t, func(cfg *Config) { cfg.History = book })
		for range 2 {
			media := mediaJSON
			if c.body == "" {
				media = ""
			}
			a := f.call("POST", "/v1/credentials/"+testID(c.named).String()+"/erase", "issuer", media, []byte(c.body))
			checkDescribed(t, doc, "POST", "/v1/credentials/{id}/erase", a)
			if a.status != 200 || !strings.Contains(string(a.body), `"status":"erased"`) {
				t.Errorf("%s: %d %s", c.body, a.status, a.body)
			}
			if got := f.erased(); !slices.Equal(got, c.want) {
				t.Errorf("%s of %d: erased %v, want %v", c.body, c.named, got, c.want)
			}
		}
		for _, n := range c.want {
			if !slices.Contains(book.forgotten, testID(n)) {
				t.Errorf("%s: who asked about %d is not forgotten", c.body, n)
			}
		}
	}
}

// Where it can not be told what else there is of a subject, or one of them is not erased, the credential that is named stays: it
// alone says whose they are.
//
// FAULTS: C14
func TestErasureOfAPersonThatIsNotWhole(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fixture, *fakeIdentities)
		body   string
		status int
		says   string
	}{
		"not all are found":      {func(_ *fixture, i *fakeIdentities) { i.allErr = zhenni.ErrCorrupt }, `{"also":["credentials"]}`, 500, ""},
		"it takes too long":      {func(_ *fixture, i *fakeIdentities) { i.allErr = zhenni.ErrDeadline }, `{"also":["credentials"]}`, 503, ""},
		"one can not be changed": {func(f *fixture, _ *fakeIdentities) { delete(f.node.records, testID(2)) }, `{"also":["credentials"]}`, 404, ""},
		"nothing can be changed": {func(f *fixture, _ *fakeIdentities) { f.node.applyErr = errors.New("no disk") }, `{"also":["credentials"]}`, 500, ""},
		"whose it is is lost": {func(f *fixture, _ *fakeIdentities) {
			r := f.node.records[testID(3)]
			r.Subject = zhenni.SubjectHandle{}
			f.node.records[testID(3)] = r
		}, `{"also":["credentials"]}`, 503, "whose credential it is"},
		"references of two tenants": {func(f *fixture, _ *fakeIdentities) { f.server.config.References[2] = referenceTenant }, `{"also":["reference"]}`, 400, "for another tenant too"},
		"no references":             {func(f *fixture, _ *fakeIdentities) { delete(f.server.config.References, 1) }, `{"also":["reference"]}`, 400, "no references"},
		"something else":            {func(*fixture, *fakeIdentities) {}, `{"also":["everything"]}`, 400, "something other"},
		"another field":             {func(*fixture, *fakeIdentities) {}, `{"all":1}`, 400, ""},
	} {
		f, identities := erasing(t, nil)
		c.change(f, identities)
		a := f.call("POST", "/v1/credentials/"+testID(3).String()+"/erase", "issuer", mediaJSON, []byte(c.body))
		if a.status != c.status || !strings.Contains(string(a.body), c.says) || slices.Contains(f.erased(), 3) {
			t.Errorf("%s: %d %s, erased %v", name, a.status, a.body, f.erased())
		}
	}
	f, _ := erasing(t, nil)
	if a := f.call("POST", "/v1/credentials/"+testID(5).String()+"/erase", "issuer", mediaJSON, []byte(`{"also":["credentials"]}`)); a.status != 404 || f.erased() != nil {
		t.Errorf("another tenant's: %d %s, erased %v", a.status, a.body, f.erased())
	}
}
