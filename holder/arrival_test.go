package holder

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/evidence"
)

// A guest's phone signs for the hotel and the token that it drew, seals its rotation key for this arrival there, and is in the session from
// then on; the same file is the same arrival.
//
// FAULTS: B8
func TestArriving(t *testing.T) {
	engine, opener := newEngine(t)
	phone := newPhone(t, zhenni.KeyEd25519)
	phone.Credential = own
	var body map[string]string
	session, party := testSession, "hotel"
	seats, err := NewSeats("http://zhenni.example", server(func(r *http.Request, text string) (int, string) {
		body = nil
		if err := json.Unmarshal([]byte(text), &body); err != nil || r.Method+r.URL.Path != "POST/v1/arrivals" || r.Header.Get("Session-Token") != "" {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		return 201, `{"session":"` + session + `","seat":0,"party":"` + party + `","state":"opened","outcome":"live","code":"07"}`
	}))
	if err != nil {
		t.Fatal(err)
	}
	seat, err := NewArrival("https://id.example/a#hotel")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(seat)
	if err != nil {
		t.Fatal(err)
	}
	v, err := seats.Arrive(t.Context(), seat, phone, Arrival{Engine: &engine, Service: "stay"}, testNow)
	if err != nil || v.Code != "07" || seat.Session.String() != testSession || seat.Shown != seat.token.String() {
		t.Fatalf("%+v, %v", v, err)
	}
	name := seat.arrivalName()
	key, err := opener.OpenRotation(body["rotation_key"], "hotel/"+name)
	if err != nil || rotation.Key(key) != phone.rotation {
		t.Errorf("the rotation key: %v", err)
	}
	if _, err := opener.OpenRotation(body["rotation_key"], "bank/"+name); err == nil {
		t.Error("the rotation key is good for another party")
	}
	if _, err := evidence.Open([]byte(body["evidence"]), phone.Public(), evidence.Expected{
		Subject: own, Capture: sha256.Sum256(seat.token[:]), Transaction: name, Party: "hotel", MaxAge: time.Minute,
	}, testNow); err != nil {
		t.Errorf("the evidence: %v", err)
	}
	if body["party"] != "hotel" || body["phone"] != seat.token.String() || body["service"] != "stay" || body["purpose"] != "" {
		t.Errorf("%v", body)
	}
	var again Seat
	if err := json.Unmarshal(kept, &again); err != nil || again.Hotel() != "hotel" || again.arrivalName() != name {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := seats.Arrive(t.Context(), &again, phone, Arrival{}, testNow); err != nil || again != *seat || body["rotation_key"] != "" {
		t.Errorf("again: %+v, %v", again, err)
	}
	for what, other := range map[string][2]string{"session": {strings.Repeat("1", 32), "hotel"}, "hotel": {testSession, "bank"}} {
		session, party = other[0], other[1]
		if _, err := seats.Arrive(t.Context(), seat, phone, Arrival{}, testNow); !errors.Is(err, zhenni.ErrUnavailable) || seat.Session.String() != testSession {
			t.Errorf("the answer of another %s is taken: %v", what, err)
		}
	}
	for _, printed := range []string{"", "#", "Hotel", "hotel/1"} {
		if _, err := NewArrival(printed); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q: %v", printed, err)
		}
	}
}

// A seat at a hotel is kept before it has a session and after; a file that was changed is none.
func TestArrivalsAreKept(t *testing.T) {
	seat, err := NewArrival("hotel")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		text, err := json.Marshal(seat)
		if err != nil {
			t.Fatal(err)
		}
		var again Seat
		if err := json.Unmarshal(text, &again); err != nil || again != *seat {
			t.Errorf("%s: %+v, %v", text, again, err)
		}
		for _, changed := range []string{strings.Replace(string(text), `"hotel":"hotel"`, `"hotel":"A hotel"`, 1), strings.Replace(string(text), seat.token.String(), "x", 1)} {
			if err := json.Unmarshal([]byte(changed), &again); !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("%s: %v", changed, err)
			}
		}
		if err := seat.arrived(&SeatView{Session: testSession, Party: "hotel"}); err != nil {
			t.Fatal(err)
		}
	}
}

// The device of a hotel claims the guest by the digits, and sees how many wait.
func TestClaiming(t *testing.T) {
	asked := []string{}
	c := newClient(t, func(r *http.Request, body string) (int, string) {
		asked = append(asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+body))
		if r.Method == http.MethodGet {
			return 200, `{"waiting":3}`
		}
		if strings.Contains(body, "07") {
			return 200, `{"session":"` + testSession + `","kind":"hotel","outcome":"live","transaction":"try-0"}`
		}
		return 404, refused(CodeNoArrival)
	})
	if n, err := c.Guests(t.Context()); err != nil || n != 3 {
		t.Errorf("%d, %v", n, err)
	}
	if v, err := c.Claim(t.Context(), "07"); err != nil || v.Transaction != "try-0" || v.Kind != zhenni.SessionHotel {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := c.Claim(t.Context(), "08"); !IsRefused(err, CodeNoArrival) || v.Session != "" {
		t.Errorf("%+v, %v", v, err)
	}
	if want := `[GET /v1/arrivals POST /v1/arrivals/claim {"code":"07"} POST /v1/arrivals/claim {"code":"08"}]`; fmt.Sprint(asked) != want {
		t.Errorf("%v", asked)
	}
}
