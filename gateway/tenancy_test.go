package gateway

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"

	"zhenni"
)

// sent is a request.
type sent struct {
	method, path, media, body string
	fields                    []string
}

// A permission is who may use a route, and what they are told about each object.
type permission struct {
	// roles have the route, "" for all and nobody in particular.
	roles string
	// ask makes the request; the id is that of a credential, or of a transaction where the route is about one.
	ask func(id string) sent
	// told is the status for each object, without an entry the one for unknown; of a route about nothing it has own only.
	told map[object]int
	// transaction says that the route is about one.
	transaction bool
}

// about is a route about the credential in its path.
func about(roles, method, tail, body string, own_, suspended_, erased_ int) permission {
	media := ""
	if body != "" {
		media = mediaJSON
	}
	return permission{
		roles: roles,
		ask:   func(id string) sent { return sent{method, "/v1/credentials/" + id + tail, media, body, nil} },
		told:  map[object]int{own: own_, suspended: suspended_, erased: erased_, unknown: 404},
	}
}

// plainly is a route about nothing that belongs to anybody.
func plainly(roles string, status int, q sent) permission {
	return permission{roles: roles, ask: func(string) sent { return q }, told: map[object]int{own: status}}
}

// aboutTransaction is a route about the transaction in its path, of which one's own is the verifier's.
func aboutTransaction(roles, head, tail string) permission {
	return permission{roles: roles, transaction: true, told: map[object]int{own: 200, unknown: 404}, ask: func(id string) sent {
		return sent{method: "GET", path: head + id + tail}
	}}
}

// permissions are the rules of authorisation: a row for each public route. The operator has none of them.
func permissions(t *testing.T) map[string]permission {
	device, _ := deviceFields(t, "to_", 1)
	const credential, everyone = "/v1/credentials/{id}", "verifier issuer terminal auditor"
	reference, issued := `"reference_int8":"`+matedProbe+`"`, byte(0)
	verification := func(id string) string { return `{"credential":"` + id + `","probe_int8":"` + matedProbe + `"}` }
	table := map[string]permission{
		"POST /v1/enrolments":   plainly("issuer", 201, sent{method: "POST", path: "/v1/enrolments", media: mediaJSON, body: "{" + reference + "}"}),
		"POST /v1/session-keys": plainly(everyone, 403, sent{method: "POST", path: "/v1/session-keys", media: mediaJSON, body: `{}`}), // none for an API key
		"GET /v1/profiles":      plainly(everyone, 200, sent{method: "GET", path: "/v1/profiles"}),
		"POST /v1/verifications": {
			roles: "verifier", told: map[object]int{unknown: 200, malformed: 400},
			ask: func(id string) sent { return sent{"POST", "/v1/verifications", mediaJSON, verification(id), nil} },
		},
		"POST /v1/verification-batches": {
			roles: "verifier", told: map[object]int{unknown: 200},
			ask: func(id string) sent {
				return sent{"POST", "/v1/verification-batches", mediaNDJSON, verification(id) + "\n", nil}
			},
		},
		"POST /v1/credentials": {roles: "issuer terminal", told: map[object]int{own: 201}, ask: func(string) sent {
			issued++ // a capture is one person's
			capture := base64.StdEncoding.EncodeToString([]byte{100, 90, 80, 70, 60, 50, 40, issued})
			return sent{"POST", "/v1/credentials", mediaJSON, `{"identity":"sealed","region":"330100","reference_int8":"` + capture + `"}`, []string{"Transaction-Id: issue-1"}}
		}},
		"GET /v1/verifications/{id}/proof":                       aboutTransaction("verifier", "/v1/verifications/", "/proof"),
		"GET /v1/verifications/{id}/proof/{item}":                aboutTransaction("verifier", "/v1/verifications/", "/proof/0"),
		"GET /v1/parties/{party}/transactions/{id}/proof":        aboutTransaction("auditor", "/v1/parties/verifier/transactions/", "/proof"),
		"GET /v1/parties/{party}/transactions/{id}/proof/{item}": aboutTransaction("auditor", "/v1/parties/verifier/transactions/", "/proof/0"),
		"GET /v1/party":                    plainly(everyone, 200, sent{method: "GET", path: "/v1/party"}),
		"POST /v1/party/keys":              plainly(everyone, 403, sent{method: "POST", path: "/v1/party/keys", media: mediaJSON, body: `{}`}), // with an API key
		"POST /v1/party/keys/{key}/retire": plainly(everyone, 403, sent{method: "POST", path: "/v1/party/keys/x/retire"}),

		"GET " + credential:                       about("issuer", "GET", "", "", 200, 200, 200),
		"POST " + credential + "/revoke":          about("issuer", "POST", "/revoke", "", 200, 200, 409),
		"POST " + credential + "/erase":           about("issuer", "POST", "/erase", "", 200, 200, 200),
		"POST " + credential + "/suspend":         about("issuer", "POST", "/suspend", "", 200, 200, 409),
		"POST " + credential + "/resume":          about("issuer", "POST", "/resume", "", 200, 200, 409),
		"POST " + credential + "/renew":           about("issuer", "POST", "/renew", `{"valid_until":"2090-01-01T00:00:00Z"}`, 200, 409, 409),
		"POST " + credential + "/report-loss":     about("issuer terminal", "POST", "/report-loss", "", 200, 200, 409),
		"POST " + credential + "/move-device":     about("issuer terminal", "POST", "/move-device", "{"+device+"}", 200, 409, 409),
		"POST " + credential + "/lock":            about("issuer terminal", "POST", "/lock", `{"factor":"face"}`, 200, 200, 409),
		"POST " + credential + "/unlock":          about("issuer terminal", "POST", "/unlock", `{"factor":"face"}`, 200, 409, 409),
		"POST " + credential + "/pin":             about("issuer terminal", "POST", "/pin", `{"pin":"sealed","transaction":"pin-1"}`, 422, 422, 422),
		"POST " + credential + "/templates":       about("issuer terminal", "POST", "/templates", `{"model":"second-1",`+reference+"}", 200, 200, 409),
		"GET /v1/models/{model}/migration":        plainly("issuer", 200, sent{method: "GET", path: "/v1/models/second-1/migration"}),
		"GET /v1/models/{model}/pending":          plainly("issuer", 200, sent{method: "GET", path: "/v1/models/second-1/pending"}),
		"GET /v1/models/{model}/pending/{cursor}": plainly("issuer", 200, sent{method: "GET", path: "/v1/models/second-1/pending/" + strings.Repeat("0", 32)}),
		"POST " + credential + "/re-prove":        about("issuer", "POST", "/re-prove", "", 200, 200, 200),
		"GET " + credential + "/history":          about("issuer", "GET", "/history", "", 200, 200, 200),
		"GET " + credential + "/history/{cursor}": about("issuer", "GET", "/history/1700000000-1", "", 200, 200, 200),
		"POST " + credential + "/history/forget":  about("issuer", "POST", "/history/forget", "", 200, 200, 200),
	}
	table["POST /v1/holder/history"] = plainly("", 400, sent{method: "POST", path: "/v1/holder/history", media: mediaJSON, body: `{}`})
	maps.Copy(table, sessionPermissions())
	maps.Copy(table, webhookPermissions())
	for target, status := range map[string]int{
		"GET /log/checkpoint": 200, "GET /log/tile/{path}": 200, "POST /log/witness": 200, "GET /status-lists/{list}": 404,
		"GET /.well-known/jwks.json": 404, "GET /.well-known/identity-keys.json": 404, "GET /livez": 200, "GET /readyz": 200, "GET /openapi.json": 200,
	} {
		method, path, _ := strings.Cut(target, " ")
		q := sent{method: method, path: strings.NewReplacer("{path}", "0/000", "{list}", "0").Replace(path)}
		if method == "POST" {
			q.media, q.body = "text/plain", goodCosigned
		}
		table[target] = plainly("", status, q)
	}
	return table
}

// webhookPermissions are the rows of webhooks, of a server that has none.
func webhookPermissions() map[string]permission {
	const everyone, path = "verifier issuer terminal auditor", "/v1/party/webhook"
	return map[string]permission{
		"GET " + path:                   plainly(everyone, 404, sent{method: "GET", path: path}),
		"POST " + path:                  plainly(everyone, 403, sent{method: "POST", path: path, media: mediaJSON, body: `{}`}), // with an API key
		"GET " + path + "/dead-letters": plainly(everyone, 404, sent{method: "GET", path: path + "/dead-letters"}),
		"POST " + path + "/dead-letters/{message}/redeliver": plainly(everyone, 404, sent{method: "POST", path: path + "/dead-letters/msg_0/redeliver"}),
	}
}

// sessionPermissions are the rows of sessions, of a server that has none: what is told of them is in sessions_test.go.
func sessionPermissions() map[string]permission {
	table := map[string]permission{}
	const session = "/v1/sessions/{id}"
	for _, target := range []string{
		"POST /v1/sessions", "GET " + session, "GET " + session + "/events", "POST " + session + "/cancel", "POST " + session + "/code",
		"POST " + session + "/capture", "GET " + session + "/results", "GET " + session + "/seats/{seat}", "GET " + session + "/seats/{seat}/events",
		"POST " + session + "/seats/{seat}/open", "POST " + session + "/seats/{seat}/code", "POST " + session + "/seats/{seat}/answer",
		"POST " + session + "/seats/{seat}/decline", "POST /v1/person-sessions", "GET " + session + "/shared",
		"POST " + session + "/seats/{seat}/ask-back", "POST /v1/holder/sessions",
	} {
		method, path, _ := strings.Cut(target, " ")
		q := sent{method: method, path: strings.NewReplacer("{id}", strings.Repeat("0", 32), "{seat}", "0").Replace(path)}
		roles := "verifier"
		if strings.Contains(path, "/seats/") || strings.Contains(path, "/person-") || strings.HasSuffix(path, "/shared") || strings.Contains(path, "/holder/") {
			roles = ""
		}
		if method == "POST" && !strings.HasSuffix(path, "/cancel") && roles != "" {
			q.media, q.body = mediaJSON, `{"code":"00"}`
		}
		table[target] = plainly(roles, 404, q)
	}
	table["POST /v1/arrivals"] = plainly("", 404, sent{method: "POST", path: "/v1/arrivals", media: mediaJSON, body: `{}`})
	table["GET /v1/arrivals"] = plainly("verifier", 404, sent{method: "GET", path: "/v1/arrivals"})
	table["POST /v1/arrivals/claim"] = plainly("verifier", 404, sent{method: "POST", path: "/v1/arrivals/claim", media: mediaJSON, body: `{"code":"00"}`})
	for _, path := range []string{pathAuthorize, pathToken} { // whose clients prove who they are in the form: ciba_test.go
		table["POST "+path] = plainly("", 404, sent{method: "POST", path: path, media: mediaForm, body: "scope=openid"})
	}
	table["GET /.well-known/openid-configuration"] = plainly("", 404, sent{method: "GET", path: "/.well-known/openid-configuration"})
	return table
}

// Every role has exactly its routes; what it is told of another tenant's is what it is told of nothing, to the byte, and by the
// same work; and whom a route is not for learns nothing of any object, for no work at all.
//
// FAULTS: Z1 Z2 Z4 Z9
func TestRoleTimesOperationTimesObject(t *testing.T) {
	w, table := startTenants(t), permissions(t)
	w.askOnce("verifier", own)
	w.askOnce(everybody, foreign)
	for _, rt := range publicRoutes() {
		target := rt.method + " " + rt.path
		p, ruled := table[target]
		if !ruled {
			t.Errorf("%s: nobody has said who may use it, and what it tells of whom", target)
			continue
		}
		delete(table, target)
		for _, role := range append(rolesOfTenancy, "") {
			w.checkRole(target, p, role)
		}
	}
	for target := range maps.Keys(table) {
		t.Errorf("%s is no route", target)
	}
}

// askOnce has a party make the transaction of an object.
func (w *tenants) askOnce(party string, o object) {
	w.t.Helper()
	q := sent{"POST", "/v1/verifications", mediaJSON, `{"credential":"` + w.make(unknown) + `","probe_int8":"` + matedProbe + `"}`, []string{"Transaction-Id: " + transactionOf(o)}}
	if status, text, _ := w.raw(q, party); status != 200 {
		w.t.Fatal(text)
	}
}

// transactionOf is the transaction that stands for an object; those that nobody made are all alike.
func transactionOf(o object) string {
	switch o {
	case own:
		return "t-1"
	case foreign:
		return "t-2"
	case malformed:
		return "T-4"
	}
	return "t-3"
}

// checkRole holds what a role is told on a route to its row.
func (w *tenants) checkRole(target string, p permission, role string) {
	w.t.Helper()
	may := p.roles == "" || slices.Contains(strings.Fields(p.roles), role)
	var nothing string
	var nothingDone work
	for _, o := range []object{unknown, own, suspended, erased, foreign, foreignEnded, malformed} {
		_, concerned := p.told[unknown]
		if may && !concerned && o != own {
			continue
		}
		id := ""
		if p.transaction {
			id = transactionOf(o)
		} else {
			id = w.make(o)
		}
		status, text, did := w.raw(p.ask(id), role)
		want, told := p.told[o]
		switch {
		case !may && role == "":
			want = 401
		case !may:
			want = 403
		case !told:
			want = p.told[unknown]
		}
		if status != want {
			w.t.Errorf("%s as %q, %s: status %d, want %d: %s", target, role, o, status, want, text)
		}
		if o == unknown {
			nothing, nothingDone = text, did
		}
		if !may && (text != nothing && nothing != "" || did != work{}) {
			w.t.Errorf("%s as %q, %s: told\n%s\nwhich is not\n%s\nor by work: %+v", target, role, o, text, nothing, did)
		}
		same := o == foreign || o == foreignEnded || o == malformed && want == 404
		if may && same && (text != nothing || did != nothingDone && o != malformed) {
			w.t.Errorf("%s as %q, %s: told, by %+v\n%s\nand of nothing, by %+v\n%s", target, role, o, did, text, nothingDone, nothing)
		}
	}
}

// parsed are the bytes of an id.
func parsed(t *testing.T, written string) []byte {
	t.Helper()
	id, err := zhenni.ParseCredentialID(written)
	if err != nil {
		t.Fatal(err)
	}
	return id[:]
}

// A verification tells of a credential of another tenant, of one that has ended and of none what it tells of a stranger, in each
// form, with the mated probe and with another, alone and beside one's own; only of one's own and active it tells a match.
//
// FAULTS: Z1 Z2 Z10
func TestVerificationTellsNothingOfOthers(t *testing.T) {
	w := startTenants(t)
	line := func(id, probe string) string { return `{"credential":"` + id + `","probe_int8":"` + probe + `"}` }
	forms := map[string]func(id, mine, probe string) sent{
		"document": func(id, _, probe string) sent {
			return sent{"POST", "/v1/verifications", mediaJSON, line(id, probe), nil}
		},
		"lines": func(id, _, probe string) sent {
			return sent{"POST", "/v1/verification-batches", mediaNDJSON, line(id, probe) + "\n", nil}
		},
		"lines of two tenants": func(id, mine, probe string) sent {
			return sent{"POST", "/v1/verification-batches", mediaNDJSON, line(mine, matedProbe) + "\n" + line(id, probe) + "\n", nil}
		},
		"stream": func(id, _, _ string) sent {
			body := arrowBody(t, testDim, bytesOf(testDim), nil, 1)
			for at := 0; at+16 <= len(body); at += 8 { // where the one id lies
				if first := testID(0); bytes.Equal(body[at:at+16], first[:]) {
					copy(body[at:], parsed(t, id))
				}
			}
			return sent{"POST", "/v1/verification-batches", mediaArrow, string(body), nil}
		},
	}
	for form, ask := range forms {
		for _, probe := range []string{matedProbe, strangeOne} {
			mine := w.make(own)
			status, nothing, nothingDone := w.raw(ask(w.make(unknown), mine, probe), "verifier")
			if status != 200 {
				t.Fatal(form, status, nothing)
			}
			for _, o := range []object{suspended, erased, foreign, foreignEnded} {
				if _, text, did := w.raw(ask(w.make(o), mine, probe), "verifier"); text != nothing || did != nothingDone {
					t.Errorf("%s, %s: told by %+v\n%.900q\nwant, by %+v\n%.900q", form, o, did, text, nothingDone, nothing)
				}
			}
			_, text, did := w.raw(ask(w.make(own), mine, probe), "verifier")
			matches := form == "stream" || probe == matedProbe // that of the stream is near the row
			if (text != nothing) != matches || did != nothingDone {
				t.Errorf("%s, own: told by %+v %.900q", form, did, text)
			}
		}
	}
}

// There is no field by which a party acts for another, in another tenant or with more than it has: a document with one is
// refused, and a header field changes nothing, to the byte.
//
// FAULTS: Z5 Z7 L4
func TestNobodyActsForAnother(t *testing.T) {
	w := startTenants(t)
	id, table := w.make(foreign), permissions(t)
	words := []string{"tenant", "party", "rp", "on_behalf_of", "delegate", "sub_partner", "acting_for", "roles", "evaluation", "services", "subject"}
	for target, member := range map[string]string{
		"POST /v1/verifications": "verifier", "POST /v1/enrolments": "issuer", "POST /v1/credentials": "issuer", "POST /v1/session-keys": "verifier",
		"POST /v1/credentials/{id}/renew": "issuer", "POST /v1/credentials/{id}/move-device": "issuer", "POST /v1/credentials/{id}/lock": "issuer",
	} {
		q := table[target].ask(id)
		for _, word := range words {
			for _, value := range []string{"2", `"everybody"`} {
				with := q
				with.body = `{"` + word + `":` + value + "," + strings.TrimPrefix(q.body, "{")
				if q.body == "{}" {
					with.body = `{"` + word + `":` + value + "}"
				}
				if status, text, did := w.raw(with, member); status != 400 && status != 403 || did != (work{}) {
					t.Errorf("%s with %s: %d by %+v: %s", target, word, status, did, text)
				}
			}
		}
	}
	for _, target := range []string{"GET /v1/credentials/{id}", "POST /v1/verifications", "GET /v1/verifications/{id}/proof"} {
		q, member := table[target].ask(id), strings.Fields(table[target].roles)[0]
		_, plain, did := w.raw(q, member)
		for _, field := range []string{"Tenant", "X-Tenant", "Party", "On-Behalf-Of", "Delegate", "X-Forwarded-User", "X-Roles", "Evaluation"} {
			for _, value := range []string{"2", "everybody", "issuer"} {
				with := q
				with.fields = append(slices.Clone(q.fields), field+": "+value)
				if _, text, alike := w.raw(with, member); text != plain || alike != did {
					t.Errorf("%s with %s: %s is answered\n%s\nnot\n%s", target, field, value, text, plain)
				}
			}
		}
	}
}

// An auditor sees the proofs of the parties of the tenant, each by its name, and of no others.
//
// FAULTS: Z1 Z2
func TestAuditorSeesTheTenantsProofs(t *testing.T) {
	w := startTenants(t)
	w.askOnce("verifier", own)
	w.askOnce(everybody, foreign)
	ask := func(party, transaction string) sent {
		return sent{method: "GET", path: "/v1/parties/" + party + "/transactions/" + transaction + "/proof"}
	}
	if status, text, _ := w.raw(ask("verifier", transactionOf(own)), "auditor"); status != 200 {
		t.Error(text)
	}
	_, nothing, _ := w.raw(ask("verifier", "t-9"), "auditor")
	for what, q := range map[string]sent{
		"another tenant's party": ask(everybody, transactionOf(foreign)), "no party": ask("nobody", transactionOf(own)),
		"no name": ask("No.Name", transactionOf(own)), "another party's": ask("issuer", transactionOf(own)),
		"itself": ask("auditor", transactionOf(own)),
	} {
		if _, text, _ := w.raw(q, "auditor"); text != nothing {
			t.Errorf("%s: %s", what, text)
		}
	}
	if _, text, _ := w.raw(ask("verifier", transactionOf(own)), everybody); text != nothing {
		t.Errorf("an auditor of another tenant: %s", text)
	}
	if status, text, _ := w.raw(sent{method: "GET", path: "/v1/verifications/" + transactionOf(own) + "/proof"}, "auditor"); status != 403 {
		t.Errorf("as if it had asked itself: %s", text)
	}
}

// Whatever another tenant's party asks of a credential, and however often, neither bars it, nor shows in what its issuer is told,
// nor changes it.
//
// FAULTS: Z1 B5
func TestAnotherTenantLeavesNoTrace(t *testing.T) {
	w, table := startTenants(t), permissions(t)
	id := w.make(own)
	told := func() (all string) {
		for _, target := range []string{"GET /v1/credentials/{id}", "GET /v1/credentials/{id}/history"} {
			status, text, _ := w.raw(table[target].ask(id), "issuer")
			if status != 200 {
				t.Fatal(text)
			}
			all += text
		}
		return all
	}
	before := told()
	for target, p := range table {
		if !strings.Contains(target, "{id}") || p.transaction {
			continue
		}
		if status, text, _ := w.raw(p.ask(id), everybody); status != 404 {
			t.Errorf("%s: %s", target, text)
		}
	}
	q := table["POST /v1/verifications"].ask(id)
	for range 60 { // more than disable a credential
		if _, text, _ := w.raw(q, everybody); !strings.Contains(text, `"no_match"`) {
			t.Fatal(text)
		}
	}
	if after := told(); after != before {
		t.Errorf("the issuer is told\n%s\nnot\n%s", after, before)
	}
	if _, text, _ := w.raw(q, "verifier"); !strings.Contains(text, `"outcome":"match"`) {
		t.Errorf("its own verifier is told %s", text)
	}
}
