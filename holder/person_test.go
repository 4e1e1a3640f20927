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
	"zhenni/evidence"
)

// Who asks another person signs for the party on whose behalf they do, and whom they expect leaves the phone sealed for this question.
//
// FAULTS: Z11
func TestAskingAPerson(t *testing.T) {
	const expected = "阿卜杜拉"
	engine, opener := newEngine(t)
	phone := newPhone(t, zhenni.KeyEd25519)
	phone.Credential = own
	var body map[string]any
	seats, _ := newSeats(t, func(r *http.Request, text string) (int, string) {
		if strings.Contains(text, expected) {
			t.Errorf("in the clear: %s", text)
		}
		body = nil
		if err := json.Unmarshal([]byte(text), &body); err != nil || r.URL.Path != "/v1/person-sessions" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		return 201, `{"session":"` + testSession + `","kind":"person","outcome":"live","code":"42","asker_token":"` + linkToken + `","links":["` + testSession + ".0." + linkToken + `"]}`
	})
	b, err := seats.AskPerson(t.Context(), phone, "x-1", PersonAsking{Party: "square", Expected: expected, Engine: engine, Name: "张三", Longest: time.Hour}, testNow)
	if err != nil || b.Code != "42" || len(b.Links) != 1 || b.AskerToken != linkToken {
		t.Fatalf("%+v, %v", b, err)
	}
	name, err := opener.OpenName(fmt.Sprint(body["expected"]), "square/person.x-1")
	if err != nil || name.Reveal() != expected {
		t.Errorf("the expected name: %v", err)
	}
	token, ok := zhenni.ParseSessionToken([]byte(fmt.Sprint(body["phone"])))
	if _, err := evidence.Open([]byte(fmt.Sprint(body["evidence"])), phone.Public(), evidence.Expected{
		Subject: own, Capture: sha256.Sum256(token[:]), Transaction: "person.x-1", Party: "square", MaxAge: time.Minute,
	}, testNow); err != nil || !ok {
		t.Errorf("the evidence: %v", err)
	}
	if body["transaction"] != "person.x-1" || body["name"] != "张三" || body["expires_in_s"] != 3600.0 || body["credential"] != own.String() {
		t.Errorf("%v", body)
	}
	if _, err := seats.AskPerson(t.Context(), phone, "x-2", PersonAsking{Party: "square"}, testNow); err != nil || len(body) != 4 {
		t.Errorf("%v, %v", body, err)
	}
	for name, ask := range map[string]func() error{
		"another transaction": func() error {
			_, err := seats.AskPerson(t.Context(), phone, "X", PersonAsking{Party: "square"}, testNow)
			return err
		},
		"sealed to nobody": func() error {
			_, err := seats.AskPerson(t.Context(), phone, "x", PersonAsking{Party: "square", Expected: expected}, testNow)
			return err
		},
		"without a credential": func() error {
			_, err := seats.AskPerson(t.Context(), &Phone{key: phone.key}, "x", PersonAsking{Party: "square"}, testNow)
			return err
		},
	} {
		if err := ask(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who asks without an account is known by the token of the session, in all that is asked of it, and shows no key beside it.
func TestAskersWithoutAnAccount(t *testing.T) {
	asked := []string{}
	transport := server(func(r *http.Request, _ string) (int, string) {
		if r.Header.Get("Session-Token") != linkToken || r.Header.Get("Authorization") != "" || r.Header.Get("Signature") != "" {
			t.Errorf("%s as %v", r.URL.Path, r.Header)
		}
		asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/v1/sessions/"+testSession))
		if strings.HasSuffix(r.URL.Path, "shared") {
			return 200, `{"session":"` + testSession + `","name":"李*","selfie":"/9g="}`
		}
		return 200, `{"session":"` + testSession + `","outcome":"completed","confirmed":true,"shared":["name"],"shared_waiting":true,"back":"b"}`
	})
	token, _ := zhenni.ParseSessionToken([]byte(linkToken))
	c, err := NewClient(ClientConfig{URL: "http://x", Asker: token, APIKey: appKey, Transport: transport, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := zhenni.ParseSessionID(testSession)
	for _, ask := range []func() (SessionView, error){
		func() (SessionView, error) { return c.Session(t.Context(), id) },
		func() (SessionView, error) { return c.Cancel(t.Context(), id) },
	} {
		if v, err := ask(); err != nil || !v.Confirmed || !v.SharedWaiting || len(v.Shared) != 1 || v.Back != "b" {
			t.Errorf("%+v, %v", v, err)
		}
	}
	if shared, err := c.Shared(t.Context(), id); err != nil || shared.Name != "李*" || len(shared.Selfie) != 2 {
		t.Errorf("%+v, %v", shared, err)
	}
	if fmt.Sprint(asked) != "[GET  POST /cancel GET /shared]" {
		t.Errorf("%v", asked)
	}
}

// Each thing that is let see goes with its own consent, and nothing goes without. Asked back is by the phone in the seat.
//
// FAULTS: Z11
func TestConsentByField(t *testing.T) {
	got := ""
	seats, seat := newSeats(t, func(r *http.Request, body string) (int, string) {
		if r.Header.Get("Session-Token") == "" {
			t.Error("asked by nobody")
		}
		got = strings.TrimPrefix(r.URL.Path, "/v1/sessions/"+testSession+"/seats/0") + " " + body
		return 200, seatAnswer(`,"asker":"张*三","shared":["name"]`)
	})
	for want, a := range map[string]Answer{
		`/answer {}`: {},
		`/answer {"name":"李四","share":["name"]}`:                          {Name: "李四"},
		`/answer {"selfie":"AQI=","share":["selfie"]}`:                    {Selfie: []byte{1, 2}},
		`/answer {"name":"李四","selfie":"AQI=","share":["name","selfie"]}`: {Name: "李四", Selfie: []byte{1, 2}},
	} {
		v, err := seats.Answer(t.Context(), seat, SeatView{Transaction: "try-0"}, a)
		if err != nil || got != want || v.Asker != "张*三" || len(v.Shared) != 1 {
			t.Errorf("%s, want %s: %+v, %v", got, want, v, err)
		}
	}
	for want, name := range map[string]string{"/ask-back ": "", `/ask-back {"name":"李四"}`: "李四"} {
		if _, err := seats.AskBack(t.Context(), seat, name); err != nil || got != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
}
