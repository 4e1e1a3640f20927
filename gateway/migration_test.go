package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// secondProfile is of a further model, whose embeddings have the dimension of those of the first.
func secondProfile(t testing.TB) zhenni.Profile {
	t.Helper()
	profile := testProfile(t, testDim, true)
	profile.Model.ID, profile.FMRTarget = "second-1", 1e-5
	profile, err := profile.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

// answerOf is what a request is answered, read.
func (w *tenants) answerOf(q sent, party string) (status int, answer map[string]any) {
	w.t.Helper()
	status, text, _ := w.raw(q, party)
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		w.t.Fatalf("%s %s: %v: %s", q.method, q.path, err, text)
	}
	return status, answer
}

func (w *tenants) verifiedBy(id, probe, model string) map[string]any {
	w.t.Helper()
	q := sent{"POST", "/v1/verifications", mediaJSON, `{"credential":"` + id + `","probe_int8":"` + probe + `"}`, []string{"Model: " + model}}
	if model == "" {
		q.fields = nil
	}
	status, answer := w.answerOf(q, "verifier")
	if status != 200 {
		w.t.Fatalf("by %q: %d %v", model, status, answer)
	}
	return answer
}

// putSecond gives a credential a template of the second model.
func (w *tenants) putSecond(id, reference string) (int, map[string]any) {
	return w.answerOf(sent{"POST", "/v1/credentials/" + id + "/templates", mediaJSON, `{"model":"second-1","reference_int8":"` + reference + `"}`, nil}, "issuer")
}

// A credential is verified by the model that a request names, in its head or in its document, else by the first; the answer
// names the profile of that one. With no template of it the answer is that of a credential that is not there, and the row of
// the other model is not what the probe is compared with, though it would match.
//
// FAULTS: L9
func TestModelsBesideEachOther(t *testing.T) {
	w := startTenants(t)
	first, second := w.server.config.Profile.ID, w.server.config.Beside[0].ID
	id := w.make(own)
	verdict := func(probe, model, profile, want string) {
		t.Helper()
		answer := w.verifiedBy(id, probe, model)
		if answer["outcome"] != want || answer["profile"] != profile {
			t.Errorf("by %q: %v, want %s by %s", model, answer, want, profile)
		}
	}
	verdict(matedProbe, "", first, "match")
	verdict(matedProbe, "test-model", first, "match")
	verdict(matedProbe, "second-1", second, "no_match")
	if status, answer := w.putSecond(id, strangeOne); status != 200 || answer["generation"] != 1.0 {
		t.Fatal(status, answer)
	}
	verdict(matedProbe, "second-1", second, "no_match")
	verdict(strangeOne, "", first, "no_match")
	near := nearStrange()
	verdict(near, "second-1", second, "match")
	verdict(near, "test-model", first, "no_match")
	for _, spelled := range []string{`"model":"second-1"`, `"model":"test-model"`} {
		body := `{` + spelled + `,"credential":"` + id + `","probe_int8":"` + near + `"}`
		_, answer := w.answerOf(sent{"POST", "/v1/verifications", mediaJSON, body, nil}, "verifier")
		if (answer["outcome"] == "match") != strings.Contains(spelled, "second") {
			t.Errorf("%s: %v", spelled, answer)
		}
	}
	w.apply(zhenni.ChangeStatus{ID: zhenni.CredentialID(parsed(t, id)), Tenant: 1, To: zhenni.StatusRevoked, At: testNow()})
	verdict(matedProbe, "", first, "no_match")
	verdict(near, "second-1", second, "no_match")
}

// nearStrange is a probe that matches strangeOne and is not the same.
func nearStrange() string {
	row := decoded(strangeOne)
	row[0]++
	return base64.StdEncoding.EncodeToString(row)
}

// A model that is not served, one that head and document name differently, and one that is no name are refused, wherever
// they are named; in bulk the head names it, and each format is answered by it.
func TestNamingAModel(t *testing.T) {
	w := startTenants(t)
	id := w.make(own)
	document := func(model string) string {
		return `{"credential":"` + id + `","probe_int8":"` + matedProbe + `"` + model + `}`
	}
	for name, q := range map[string]sent{
		"not served, in the head":     {"POST", "/v1/verifications", mediaJSON, document(""), []string{"Model: third-1"}},
		"not served, in the document": {"POST", "/v1/verifications", mediaJSON, document(`,"model":"third-1"`), nil},
		"differently":                 {"POST", "/v1/verifications", mediaJSON, document(`,"model":"second-1"`), []string{"Model: test-model"}},
		"the other way":               {"POST", "/v1/verifications", mediaJSON, document(`,"model":"test-model"`), []string{"Model: second-1"}},
		"a number":                    {"POST", "/v1/verifications", mediaJSON, document(`,"model":1`), nil},
		"in bulk":                     {"POST", "/v1/verification-batches", mediaNDJSON, document("") + "\n", []string{"Model: third-1"}},
	} {
		if status, answer := w.answerOf(q, "verifier"); status != 400 || answer["code"] != "model_mismatch" {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	for name, q := range map[string]sent{
		"none":    {"POST", "/v1/credentials/" + id + "/templates", mediaJSON, `{"reference_int8":"` + matedProbe + `"}`, nil},
		"unknown": {"GET", "/v1/models/third-1/pending", "", "", nil},
	} {
		if status, answer := w.answerOf(q, "issuer"); status != 400 || answer["code"] != "model_mismatch" {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	if status, _ := w.putSecond(id, strangeOne); status != 200 {
		t.Fatal("no template was put")
	}
	line := `{"credential":"` + id + `","probe_int8":"` + nearStrange() + `"}` + "\n"
	for model, want := range map[string]string{"second-1": `"match"`, "test-model": `"no_match"`} {
		_, text, _ := w.raw(sent{"POST", "/v1/verification-batches", mediaNDJSON, line, []string{"Model: " + model}}, "verifier")
		at := slices.IndexFunc(w.server.served, func(v served) bool { return v.profile.Model.ID == model })
		if !strings.Contains(text, `"outcome":`+want) || !strings.Contains(text, w.server.served[at].profile.ID) {
			t.Errorf("in bulk by %s: %s", model, text)
		}
	}
	if status, answer := w.answerOf(sent{method: "GET", path: "/v1/profiles"}, "issuer"); status != 200 || len(answer["profiles"].([]any)) != 2 {
		t.Errorf("profiles: %d %v", status, answer)
	}
}

// A request sent again under its transaction is the same only by the same model.
//
// FAULTS: A16
func TestModelIsPartOfWhatIsAsked(t *testing.T) {
	w := startTenants(t)
	body := `{"credential":"` + w.make(own) + `","probe_int8":"` + matedProbe + `"}`
	ask := func(model string) (int, map[string]any) {
		return w.answerOf(sent{"POST", "/v1/verifications", mediaJSON, body, []string{"Transaction-Id: t-1", "Model: " + model}}, "verifier")
	}
	if status, answer := ask("test-model"); status != 200 || answer["outcome"] != "match" {
		t.Fatal(status, answer)
	}
	if status, answer := ask("second-1"); status != 409 {
		t.Errorf("by another model: %d %v", status, answer)
	}
	if status, answer := ask("test-model"); status != 200 || answer["outcome"] != "match" {
		t.Errorf("again: %d %v", status, answer)
	}
}

// The issuer reads how far the migration of its own tenant is, and whose templates are missing, page by page.
func TestMigrationQueue(t *testing.T) {
	w := startTenants(t)
	w.make(foreign)
	var all []string
	for range 5 {
		all = append(all, w.make(own))
	}
	progress := func(done int) {
		t.Helper()
		_, answer := w.answerOf(sent{method: "GET", path: "/v1/models/second-1/migration"}, "issuer")
		if fmt.Sprint(answer["total"], answer["done"], answer["pending"]) != fmt.Sprint(5, done, 5-done) {
			t.Errorf("%v, want %d of 5 done", answer, done)
		}
	}
	progress(0)
	for _, id := range all[:2] {
		if status, answer := w.putSecond(id, strangeOne); status != 200 {
			t.Fatal(answer)
		}
	}
	progress(2)
	var listed []string
	for path := "/v1/models/second-1/pending"; path != ""; {
		status, page := w.answerOf(sent{method: "GET", path: path}, "issuer")
		if status != 200 {
			t.Fatal(page)
		}
		for _, id := range page["pending"].([]any) {
			listed = append(listed, id.(string))
		}
		path = ""
		if next, more := page["next"]; more {
			path = "/v1/models/second-1/pending/" + next.(string)
		}
	}
	slices.Sort(all[2:])
	if !slices.Equal(listed, all[2:]) {
		t.Errorf("listed %v, want %v", listed, all[2:])
	}
	for name, want := range map[string]struct {
		reference string
		status    int
	}{"the same again": {strangeOne, 200}, "another": {matedProbe, 409}} {
		if status, answer := w.putSecond(all[0], want.reference); status != want.status {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}

func decoded(written string) []byte {
	row := make([]byte, testDim)
	if !decodeBase64(row, bytes.Clone([]byte(written))) {
		panic("no vector")
	}
	return row
}

// How far a migration is shows in the metrics once it was counted.
func TestMigrationMetrics(t *testing.T) {
	w := startTenants(t)
	ids := []string{w.make(own), w.make(own), w.make(own)}
	if status, answer := w.putSecond(ids[0], strangeOne); status != 200 {
		t.Fatal(answer)
	}
	shown := func() string {
		families, err := w.server.metrics.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				if family.GetName() == "zhenni_live_credentials" {
					all = append(all, fmt.Sprint(metric.GetLabel()[0].GetValue(), " ", metric.GetLabel()[1].GetValue(), " ", metric.GetGauge().GetValue()))
				}
			}
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	if before := shown(); before != "" {
		t.Errorf("before the first count: %s", before)
	}
	if err := w.server.countMigrations(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := shown(); after != "second-1 missing 2, second-1 there 1, test-model missing 0, test-model there 3" {
		t.Error(after)
	}
}

// A signature covers the model where it is not the one of requests that name none: whoever changed it on the way would change by
// which threshold is decided.
//
// FAULTS: A5
func TestSignatureCoversAFurtherModel(t *testing.T) {
	f := startSigning(t, func(c *Config) { c.Beside = []zhenni.Profile{secondProfile(t)} })
	for _, tt := range []struct {
		model   string
		covered bool
		status  int
	}{{"second-1", true, 200}, {"second-1", false, 401}, {"test-model", true, 200}, {"test-model", false, 200}} {
		var extra []httpsig.Field
		if tt.covered {
			extra = append(extra, httpsig.Field{Name: "model", Value: []byte(tt.model)})
		}
		q := f.question(f.hotel, f.stamp(), extra...)
		if !tt.covered {
			q.fields = append(q.fields, "Model: "+tt.model)
		}
		if a := f.send(q); a.status != tt.status {
			t.Errorf("%s, covered %v: %d %s", tt.model, tt.covered, a.status, a.body)
		}
	}
}
