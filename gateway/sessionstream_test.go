package gateway

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// An event is one of a stream.
type streamEvent struct{ id, data string }

// follow opens a stream and returns its events as they come. It ends with the stream.
func (o *office) follow(path, token, last string) <-chan streamEvent {
	o.t.Helper()
	rq, err := http.NewRequest("GET", "http://"+o.addr+path, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	rq.Header.Set(tokenField, token)
	if last != "" {
		rq.Header.Set("Last-Event-ID", last)
	}
	client := &http.Client{Transport: &http.Transport{}}
	response, err := client.Do(rq)
	if err != nil {
		o.t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != mediaStream {
		o.t.Fatalf("%s %s", response.Status, response.Header.Get("Content-Type"))
	}
	events := make(chan streamEvent)
	go func() {
		defer close(events)
		defer response.Body.Close()
		readEvents(response.Body, events)
	}()
	return events
}

func readEvents(from io.Reader, events chan<- streamEvent) {
	var e streamEvent
	for lines := bufio.NewScanner(from); lines.Scan(); {
		switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if e.data != "" {
				events <- e
			}
			e = streamEvent{}
		}
	}
}

func outcomeOf(t *testing.T, e streamEvent) string {
	t.Helper()
	var document struct{ Outcome string }
	if err := json.Unmarshal([]byte(e.data), &document); err != nil {
		t.Fatalf("%q: %v", e.data, err)
	}
	return document.Outcome
}

// Both sides see each change as it comes, and whoever comes back with the id of the last event misses nothing and is told
// nothing twice; the stream ends with the session.
func TestBothSidesFollow(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	path := "/v1/sessions/" + b.id + "/events"
	clerk := o.follow(path, b.AskerToken, "")
	first := <-clerk
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	phone := o.follow("/v1/sessions/"+b.id+"/seats/0/events", phoneToken.String(), "")
	if e := <-phone; !strings.Contains(e.data, `"state":"opened"`) {
		t.Errorf("%q", e.data)
	}
	opened := <-clerk
	if first.id == opened.id || !strings.Contains(opened.data, `"opened":1`) {
		t.Errorf("%q, %q", first, opened)
	}
	back := o.follow(path, b.AskerToken, opened.id) // it has this one, and waits for the next
	o.at("POST", b.id, "/seats/0/decline", phoneToken.String(), "")
	for name, events := range map[string]<-chan streamEvent{"clerk": clerk, "phone": phone, "back": back} {
		if e := <-events; outcomeOf(t, e) != "refused" {
			t.Errorf("%s: %q", name, e.data)
		}
		if e, more := <-events; more {
			t.Errorf("%s: after the end %q", name, e.data)
		}
	}
	if e := <-o.follow(path, b.AskerToken, ""); outcomeOf(t, e) != "refused" {
		t.Errorf("who comes late: %q", e.data)
	}
}

// A client that prefers to wait is answered when the session changes, or that it did not.
func TestWaitingForAChange(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	a := wantStatus(t, o.at("GET", b.id, "", b.AskerToken, ""), 200)
	tag := "If-None-Match: " + a.header.Get("ETag")
	wantStatus(t, o.at("GET", b.id, "", b.AskerToken, "", tag), 304)
	changed := make(chan answer)
	go func() { changed <- o.at("GET", b.id, "", b.AskerToken, "", tag, "Prefer: wait=30") }()
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	select {
	case a := <-changed:
		if a.status != 200 || member[int](t, a, "opened") != 1 {
			t.Errorf("%d %s", a.status, a.body)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits on")
	}
}

// A server that shuts down ends its streams, so that nobody keeps it.
//
// FAULTS: R9
func TestStreamsEndWithTheServer(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	events := o.follow("/v1/sessions/"+b.id+"/events", b.AskerToken, "")
	<-events
	if err := o.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, more := <-events; more {
		t.Errorf("%q", e)
	}
}

// There are as many who follow a session as the bound says, and no more.
//
// FAULTS: O4
func TestFollowersAreBounded(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	for range 8 {
		<-o.follow("/v1/sessions/"+b.id+"/events", b.AskerToken, "")
	}
	if a := o.at("GET", b.id, "/events", b.AskerToken, ""); a.status != 503 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Whoever has a link, or took a picture of the screen, can keep nobody on the other side from following, and nobody from looking.
//
// FAULTS: O3 O4
func TestFollowersOfASeatKeepNobodyOut(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	seat := "/seats/0"
	for range 8 {
		<-o.follow("/v1/sessions/"+b.id+seat+"/events", b.token, "")
	}
	a := wantStatus(t, o.at("GET", b.id, seat, b.token, ""), 200)
	if a := o.at("GET", b.id, seat, b.token, "", "If-None-Match: "+a.header.Get("ETag"), "Prefer: wait=30"); a.status != 503 {
		t.Errorf("a ninth who waits: %d %s", a.status, a.body)
	}
	wantStatus(t, o.at("GET", b.id, "", b.AskerToken, "", "Prefer: wait=30"), 200)
	if e := <-o.follow("/v1/sessions/"+b.id+"/events", b.AskerToken, ""); outcomeOf(t, e) != "live" {
		t.Errorf("who asks: %q", e.data)
	}
}

// Who follows a seat by its link sees no more of it once a phone has taken it: neither its digits nor what becomes of it.
//
// FAULTS: Z3
func TestLinksSeeNothingOfTheSeatThatIsTaken(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	path := "/v1/sessions/" + b.id + "/seats/0/events"
	link := o.follow(path, b.token, "")
	if e := <-link; !strings.Contains(e.data, `"state":"waiting"`) {
		t.Errorf("%q", e.data)
	}
	waiting := wantStatus(t, o.at("GET", b.id, "/seats/0", b.token, ""), 200)
	tag := "If-None-Match: " + waiting.header.Get("ETag")
	answered := make(chan answer)
	go func() { answered <- o.at("GET", b.id, "/seats/0", b.token, "", tag, "Prefer: wait=30") }()
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	if e, more := <-link; more {
		t.Errorf("by the link: %q", e.data)
	}
	if a := <-answered; a.status != 409 {
		t.Errorf("who waits with the link: %d %s", a.status, a.body)
	}
}

// A stream that panics ends, and nothing else does: no handler stands above it.
//
// FAULTS: R1 R3
func TestPanicEndsItsStream(t *testing.T) {
	o := startOffice(t, nil)
	stream := &sessionStream{server: o.server, until: time.Now().Add(time.Minute)} // without a view
	stream.id = zhenni.SessionID{1}
	o.book.all[stream.id] = zhenni.Session{ID: stream.id}
	if n, err := stream.Read(make([]byte, 100)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
}

// A stream that waited for longer than an answer may take to be written ends as it should, not by a connection that breaks.
func TestStreamsEndInOrderHoweverLongTheyWaited(t *testing.T) {
	long := time.Now().Add(-time.Hour)
	for name, stream := range map[string]*sessionStream{"has said all": {ended: true}, "has stayed its time": {until: long}} {
		stream.conn = &conn{answerBy: long}
		if n, err := stream.Read(make([]byte, 100)); n != 0 || err != io.EOF || !stream.conn.answerBy.IsZero() {
			t.Errorf("%s: %d, %v, to be written by %v", name, n, err, stream.conn.answerBy)
		}
	}
}

// Sessions outlive the services and the circle that they were begun with: a server that starts without them shows them, and no person asks.
//
// FAULTS: R1
func TestSessionsOutliveTheirSettings(t *testing.T) {
	c := startCircle(t)
	b := c.ask(credentialA, "")
	for i := range c.server.served {
		c.server.served[i].policy.Catalogue = nil
	}
	c.server.config.Persons = Persons{}
	if a := wantStatus(t, c.at("GET", b.id, "/seats/0", b.token, ""), 200); member[string](t, a, "state") != "waiting" {
		t.Errorf("%s", a.body)
	}
	if a := c.openAs(credentialB, b.id, b.token); a.status != 409 || member[string](t, a, "code") != "session_ended" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
