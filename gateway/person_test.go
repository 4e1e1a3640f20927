package gateway

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
)

// A asks B for B by name: B sees who asks, types what A reads out and shows the face; A sees that it is B, and what B shares, once.
func TestPersonAsksPerson(t *testing.T) {
	c := startCircle(t)
	b := c.ask(credentialA, c.expecting(nameOfB)+`,"name":"`+nameOfA+`"`)
	if len(b.Links) != 1 || len(b.Code) != 2 || b.QRKey != "" || b.Kind != zhenni.SessionPerson {
		t.Fatalf("%+v", b)
	}
	link := wantStatus(t, c.at("GET", b.id, "/seats/0", b.token, ""), 200)
	if member[string](t, link, "asker") != "张*三" || member[string](t, link, "party_name") != "真你" || member[string](t, link, "code") != "" {
		t.Errorf("%s", link.body)
	}
	wantStatus(t, c.openAs(credentialB, b.id, b.token), 200)
	if a := c.seat(b, "/answer", showing(true, "")); a.status != 409 || c.node.asked() != 0 {
		t.Errorf("before the code: %d %s", a.status, a.body)
	}
	wantStatus(t, c.seat(b, "/code", `{"code":"`+b.Code+`"}`), 200)
	if a := c.seen(b); !member[bool](t, a, "code_right") {
		t.Errorf("%s", a.body)
	}
	answer := wantStatus(t, c.seat(b, "/answer", showing(true, `,"share":["name","selfie"],"name":"`+nameOfB+`","selfie":"`+selfie(t, 16, "")+`"`)), 200)
	seen := c.seen(b)
	if !member[bool](t, answer, "confirmed") || !member[bool](t, seen, "confirmed") || !member[bool](t, seen, "shared_waiting") ||
		len(member[[]string](t, answer, "shared")) != 2 {
		t.Fatalf("%s %s", answer.body, seen.body)
	}
	for _, side := range []string{string(seen.body), string(answer.body), string(link.body)} {
		for _, id := range []int{credentialA, credentialB} {
			if strings.Contains(side, testID(id).String()) {
				t.Errorf("a side is told a credential: %s", side)
			}
		}
	}
	shared := wantStatus(t, c.at("GET", b.id, "/shared", b.AskerToken, ""), 200)
	if member[string](t, shared, "name") != "李*" || member[string](t, shared, "selfie") == "" {
		t.Errorf("%s", shared.body)
	}
	wantStatus(t, c.at("GET", b.id, "/shared", b.AskerToken, ""), 410)
	if a := c.seen(b); member[bool](t, a, "shared_waiting") || len(member[[]string](t, a, "shared")) != 2 {
		t.Errorf("after it was shown: %s", a.body)
	}
}

// Asked again under its transaction a session is the same; under it nothing else is asked, and nobody else's device asks.
func TestPersonAsksAgain(t *testing.T) {
	c := startCircle(t)
	document := c.asking(credentialA, "person.x", "")
	first := c.read(wantStatus(t, c.post("/v1/person-sessions", document), 201))
	c.wait(time.Second)
	again := c.read(wantStatus(t, c.post("/v1/person-sessions", c.asking(credentialA, "person.x", "")), 201))
	if first.link != again.link || first.AskerToken != again.AskerToken || first.Code != again.Code {
		t.Errorf("%+v, and again %+v", first, again)
	}
	other := c.read(wantStatus(t, c.post("/v1/person-sessions", c.asking(credentialB, "person.x", "")), 201))
	if other.id == first.id {
		t.Error("two persons have one session")
	}
	if a := c.post("/v1/person-sessions", c.asking(credentialA, "person.x", `,"name":"`+nameOfA+`"`)); a.status != 409 {
		t.Errorf("otherwise: %d %s", a.status, a.body)
	}
	c.node.mu.Lock()
	suspended := c.node.records[testID(credentialC)]
	suspended.Status = zhenni.StatusSuspended
	c.node.records[testID(credentialC)] = suspended
	c.node.mu.Unlock()
	for name, document := range map[string]string{
		"another's":  strings.Replace(document, testID(credentialA).String(), testID(credentialB).String(), 1),
		"unknown":    strings.Replace(document, testID(credentialA).String(), testID(77).String(), 1),
		"suspended":  c.asking(credentialC, "person.y", ""),
		"of another": strings.Replace(document, "person.x", "person.y", 1),
	} {
		if a := c.post("/v1/person-sessions", document); a.status != 403 || member[string](t, a, "code") != "holder_refused" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, status := range map[string]int{`,"expected":"x"`: 422, `,"name":"3"`: 400, `,"expires_in_s":5`: 400, `,"more":"x"`: 400} {
		if a := c.post("/v1/person-sessions", c.asking(credentialA, "person.z", name)); a.status != status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := c.post("/v1/person-sessions", c.asking(credentialA, "other.x", "")); a.status != 400 {
		t.Errorf("under a transaction of something else: %d %s", a.status, a.body)
	}
}

// A person of another name than is expected looks to who asks, to the byte, like a face that does not match; the name that B's page
// shows of who asks is only ever the asker's own.
//
// FAULTS: Z11
func TestAnotherNameIsNoMatch(t *testing.T) {
	c := startCircle(t)
	end := func(expected string, match bool) (asker, holder string) {
		b := c.ask(credentialA, c.expecting(expected))
		c.arrive(credentialB, b)
		var last answer
		for range zhenni.MaxTries {
			if last = c.seat(b, "/answer", showing(match, `,"share":["name"],"name":"`+nameOfB+`"`)); member[string](t, last, "outcome") != "live" {
				break
			}
		}
		hide := func(a answer) string { return strings.ReplaceAll(string(a.body), b.id, "") }
		return hide(c.seen(b)), hide(last)
	}
	wrongForA, wrongForB := end("王五", true)
	mismatchForA, mismatchForB := end(nameOfB, false)
	if wrongForA != mismatchForA || wrongForB != mismatchForB || !strings.Contains(wrongForA, `"confirmed":false`) {
		t.Errorf("%s\n%s\n%s\n%s", wrongForA, mismatchForA, wrongForB, mismatchForB)
	}
	if right, _ := end(nameOfB, true); !strings.Contains(right, `"confirmed":true`) {
		t.Errorf("%s", right)
	}
	b := c.ask(credentialA, `,"name":"王五"`)
	if a := c.at("GET", b.id, "/seats/0", b.token, ""); member[string](t, a, "asker") != "" {
		t.Errorf("B is shown another's name: %s", a.body)
	}
}

// What is shared is consented to by field, right, and of somebody who is confirmed; a picture is nothing but a picture.
//
// FAULTS: Z11
func TestSharing(t *testing.T) {
	c := startCircle(t)
	b := c.ask(credentialA, "")
	c.arrive(credentialB, b)
	asked := c.node.asked()
	for _, extra := range []string{
		`,"share":["name"]`, `,"name":"李四"`, `,"share":["name","number"],"name":"李四"`, `,"share":["selfie"],"selfie":"AAAA"`,
		`,"share":["selfie"],"selfie":"` + selfie(t, maxSelfieSide+1, "") + `"`, `,"share":["name"],"name":"3"`,
		`,"share":["selfie"],"selfie":"` + strings.Repeat("A", 100<<10) + `"`,
	} {
		if a := c.seat(b, "/answer", showing(true, extra)); a.status != 400 {
			t.Errorf("%.60s: %d %s", extra, a.status, a.body)
		}
	}
	if c.node.asked() != asked {
		t.Error("a face was compared before what is shared was read")
	}
	a := wantStatus(t, c.seat(b, "/answer", showing(true, `,"share":["name","selfie"],"name":"王五","selfie":"`+selfie(t, 16, "where it was taken")+`"`)), 200)
	if got := member[[]string](t, a, "shared"); len(got) != 1 || got[0] != "selfie" {
		t.Errorf("another's name is shared: %s", a.body)
	}
	if a := c.at("GET", b.id, "/shared", phoneToken.String(), ""); a.status != 404 {
		t.Errorf("B fetches it: %d", a.status)
	}
	shared := wantStatus(t, c.at("GET", b.id, "/shared", b.AskerToken, ""), 200)
	raw, err := base64.StdEncoding.DecodeString(member[string](t, shared, "selfie"))
	if err != nil || bytes.Contains(raw, []byte("taken")) || member[string](t, shared, "name") != "" {
		t.Errorf("%v %s", err, shared.body)
	}
	late := c.ask(credentialA, "")
	c.arrive(credentialB, late)
	wantStatus(t, c.seat(late, "/answer", showing(true, `,"share":["name"],"name":"`+nameOfB+`"`)), 200)
	c.wait(relayTime)
	wantStatus(t, c.at("GET", late.id, "/shared", late.AskerToken, ""), 410)
	none := c.ask(credentialA, "")
	wantStatus(t, c.at("GET", none.id, "/shared", none.AskerToken, ""), 404)
	counter := c.begin(counterDocument)
	wantStatus(t, c.open(counter.id, c.scan(counter, 0)), 200)
	if a := c.at("POST", counter.id, "/seats/0/answer", phoneToken.String(), showing(true, `,"share":["name"],"name":"`+nameOfA+`"`)); a.status != 400 {
		t.Errorf("at a counter: %d %s", a.status, a.body)
	}
}

// What was shared, and either name, is in no file and no log after it was shown.
//
// FAULTS: L4 L11
func TestNothingSharedIsWritten(t *testing.T) {
	record := t.TempDir()
	answers := openLedger(t, record, &leafLog{})
	c := startCircle(t, func(config *Config) { config.Ledger = answers })
	b := c.ask(credentialA, c.expecting(nameOfB)+`,"name":"`+nameOfA+`"`)
	c.arrive(credentialB, b)
	picture := selfie(t, 32, "")
	wantStatus(t, c.seat(b, "/answer", showing(true, `,"share":["name","selfie"],"name":"`+nameOfB+`","selfie":"`+picture+`"`)), 200)
	wantStatus(t, c.at("GET", b.id, "/shared", b.AskerToken, ""), 200)
	raw, _ := base64.StdEncoding.DecodeString(picture)
	canaries := [][]byte{[]byte(nameOfA), []byte(nameOfB), []byte("李*"), []byte("张*三"), raw[len(raw)-64:], []byte(picture[:64])}
	found := func(where string, text []byte) {
		for _, canary := range canaries {
			if bytes.Contains(text, canary) {
				t.Errorf("%s holds %q", where, canary)
			}
		}
	}
	found("the log", c.log.Bytes())
	if err := answers.Close(); err != nil { // which makes a segment meanwhile
		t.Fatal(err)
	}
	files := 0
	for _, dir := range []string{c.dir, record} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			text, err := os.ReadFile(path)
			found(path, text)
			return err
		})
		if err != nil || files == 0 {
			t.Errorf("%d files, %v", files, err)
		}
	}
}

// A person asks as often as one may, however many ask at once, and is asked so.
func TestDailyCaps(t *testing.T) {
	c := startCircle(t)
	for range asksPerNamePerDay {
		c.ask(credentialA, c.expecting(nameOfB))
	}
	expected := c.expecting(nameOfB)
	if a := c.post("/v1/person-sessions", c.asking(credentialA, c.next(), expected)); a.status != 429 {
		t.Errorf("a sixth time towards one name: %d %s", a.status, a.body)
	}
	documents := make([]string, 2*asksPerDay)
	for i := range documents {
		documents[i] = c.asking(credentialA, c.next(), "")
	}
	var begun sync.Map
	var all sync.WaitGroup
	for i, document := range documents {
		all.Go(func() {
			switch a := c.call("POST", "/v1/person-sessions", "", mediaJSON, []byte(document)); a.status {
			case 201:
				begun.Store(i, true)
			case 429:
			default:
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	all.Wait()
	n := asksPerNamePerDay
	begun.Range(func(any, any) bool { n++; return true })
	if n != asksPerDay {
		t.Errorf("%d sessions in a day", n)
	}
	c.wait(personDay)
	c.ask(credentialA, c.expecting(nameOfB))
}

// Who was asked as often as one may opens nothing more, and whoever asks sees somebody who has not looked yet.
//
// FAULTS: Z11
func TestOpenedNoMoreThanOneMay(t *testing.T) {
	c := startCircle(t)
	for i := range opensPerDay + 1 {
		if i%asksPerDay == 0 {
			c.person(100+i, "赵六")
		}
		b := c.ask(100+i/asksPerDay*asksPerDay, "")
		a := c.openAs(credentialB, b.id, b.token)
		if want := map[bool]int{false: 200, true: 429}[i == opensPerDay]; a.status != want {
			t.Fatalf("%d: %d %s", i, a.status, a.body)
		}
		if i == opensPerDay {
			if seen := c.seen(b); member[int](t, seen, "opened") != 0 {
				t.Errorf("who asks sees it: %s", seen.body)
			}
		}
	}
}

// Whoever was blocked asks in vain, by whatever session, and sees what anybody sees who is declined.
//
// FAULTS: Z11
func TestBlocked(t *testing.T) {
	c := startCircle(t)
	declined := c.ask(credentialA, "")
	wantStatus(t, c.at("POST", declined.id, "/seats/0/decline", declined.token, ""), 200)
	b := c.ask(credentialA, "")
	if a := c.at("POST", b.id, "/seats/0/decline", b.token, `{"also":["block"]}`); a.status != 409 {
		t.Errorf("blocked by nobody: %d %s", a.status, a.body)
	}
	wantStatus(t, c.openAs(credentialB, b.id, b.token), 200)
	wantStatus(t, c.seat(b, "/decline", `{"also":["block"]}`), 200)
	again := c.ask(credentialA, "")
	if a := wantStatus(t, c.openAs(credentialB, again.id, again.token), 200); member[string](t, a, "outcome") != "refused" {
		t.Errorf("%s", a.body)
	}
	if a := wantStatus(t, c.at("GET", again.id, "/seats/0", phoneToken.String(), ""), 200); member[string](t, a, "outcome") != "refused" {
		t.Errorf("who blocks, and asks again what became of it: %s", a.body)
	}
	one, other := strings.ReplaceAll(string(c.seen(declined).body), declined.id, ""), strings.ReplaceAll(string(c.seen(again).body), again.id, "")
	if one != other {
		t.Errorf("declined %s\nblocked %s", one, other)
	}
	free := c.ask(credentialA, "")
	if a := wantStatus(t, c.openAs(credentialC, free.id, free.token), 200); member[string](t, a, "outcome") != "live" {
		t.Errorf("for everybody: %s", a.body)
	}
	back := c.ask(credentialB, "")
	if a := wantStatus(t, c.openAs(credentialA, back.id, back.token), 200); member[string](t, a, "outcome") != "live" {
		t.Errorf("in both directions: %s", a.body)
	}
}

// What was begun by a phone that was reported lost since is opened by nobody.
func TestAskerOfALostPhone(t *testing.T) {
	c := startCircle(t)
	b := c.ask(credentialA, `,"name":"`+nameOfA+`"`)
	c.node.mu.Lock()
	lost := c.node.records[testID(credentialA)]
	lost.Status = zhenni.StatusSuspended
	c.node.records[testID(credentialA)] = lost
	c.node.mu.Unlock()
	if a := c.openAs(credentialB, b.id, b.token); a.status != 409 || member[string](t, a, "code") != "session_ended" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Who is reported by several persons asks no more until an operator lifts it; after the answer a report counts as well.
func TestReported(t *testing.T) {
	c := startCircle(t)
	admin := NewAdmin(nil, nil, c.logger())
	admin.Persons(keptSessions{c.host, c.store})
	for n, by := range []int{credentialB, credentialB, credentialC} {
		b := c.ask(credentialA, "")
		c.arrive(by, b)
		if n == 1 {
			wantStatus(t, c.seat(b, "/answer", showing(true, "")), 200)
		}
		want := map[bool]string{false: "refused", true: "completed"}[n == 1]
		if a := wantStatus(t, c.seat(b, "/decline", `{"also":["report"]}`), 200); member[string](t, a, "outcome") != want {
			t.Errorf("%s", a.body)
		}
	}
	if a := c.post("/v1/person-sessions", c.asking(credentialA, c.next(), "")); a.status != 403 || member[string](t, a, "code") != "person_barred" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	c.ask(credentialB, "")
	reported := keptSessions{c.host, c.store}.Reported(10)
	if len(reported) != 1 || !reported[0].Barred {
		t.Fatalf("%+v", reported)
	}
	if status := operatorCalls(t, admin, "POST", "/admin/reported-persons/"+strings.Repeat("0", 64)+"/lift"); status != 404 {
		t.Errorf("lifted for nobody: %d", status)
	}
	if status := operatorCalls(t, admin, "POST", "/admin/reported-persons/"+reported[0].Person+"/lift"); status != 200 {
		t.Errorf("not lifted: %d", status)
	}
	c.ask(credentialA, "")
}

// Who was asked asks back: in one session, whose link is on the page of who asked and good for them alone.
func TestAskedBack(t *testing.T) {
	c := startCircle(t)
	b := c.ask(credentialA, "")
	if a := c.at("POST", b.id, "/seats/0/ask-back", b.token, ""); a.status != 409 {
		t.Errorf("before it is opened: %d %s", a.status, a.body)
	}
	c.arrive(credentialB, b)
	wantStatus(t, c.seat(b, "/answer", showing(true, "")), 200)
	back := c.read(wantStatus(t, c.seat(b, "/ask-back", `{"name":"`+nameOfB+`"}`), 201))
	again := c.read(wantStatus(t, c.seat(b, "/ask-back", `{"name":"`+nameOfB+`"}`), 201))
	if len(back.Links) != 0 || back.id == b.id || back.id != again.id || back.AskerToken != again.AskerToken {
		t.Fatalf("%+v %+v", back, again)
	}
	link := member[string](t, c.seen(b), "back")
	token := link[strings.LastIndex(link, ".")+1:]
	if !strings.HasPrefix(link, back.id+".0.") {
		t.Fatalf("%q", link)
	}
	if a := c.openAs(credentialC, back.id, token); a.status != 409 {
		t.Errorf("opened by another: %d %s", a.status, a.body)
	}
	if a := wantStatus(t, c.openAs(credentialA, back.id, token), 200); member[string](t, a, "asker") != "李*" {
		t.Errorf("%s", a.body)
	}
	if a := c.seat(back, "/ask-back", ""); a.status != 409 {
		t.Errorf("back and forth: %d %s", a.status, a.body)
	}
	wantStatus(t, c.seat(back, "/code", `{"code":"`+back.Code+`"}`), 200)
	wantStatus(t, c.seat(back, "/answer", showing(true, "")), 200)
	holder := wantStatus(t, c.at("GET", b.id, "/seats/0", phoneToken.String(), ""), 200)
	if own := member[backDocument](t, holder, "back"); own.AskerToken != back.AskerToken || !member[bool](t, c.seen(back), "confirmed") {
		t.Errorf("%s", holder.body)
	}
}

func operatorCalls(t *testing.T, a *Admin, method, path string) int {
	t.Helper()
	w := httptest.NewRecorder()
	a.server.Handler.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
	return w.Code
}
