package holder

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"zhenni"
)

const testSession = "0123456789abcdef0123456789abcdef"

var (
	linkToken = zhenni.SessionToken{1: 7}.String()
	scanProof = base64.RawURLEncoding.EncodeToString(make([]byte, zhenni.SessionQRSize))
)

// What lets a phone in is read as it is written, with the address of a page before it or without, and nothing else is.
//
// FAULTS: L4
func FuzzParseInvitation(f *testing.F) {
	for _, text := range []string{
		testSession + ".0." + linkToken, testSession + ".63." + linkToken, "https://id.example/s#" + testSession + "." + scanProof,
		testSession + ".64." + linkToken, testSession + ".00." + linkToken, testSession + ".0." + linkToken + "A", "", "#", "..",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		i, err := ParseInvitation(text)
		if err != nil {
			if !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("%v", err)
			}
			return
		}
		if again, err := ParseInvitation(i.String()); err != nil || again != i || i.Seat < 0 || i.Seat >= zhenni.MaxSeats {
			t.Errorf("%q is %v, and that is %v: %v", text, i, again, err)
		}
	})
}

// A phone that is asked for its seat again has the token that it drew, and a file that was changed is none.
func TestSeatsAreKept(t *testing.T) {
	i, err := ParseInvitation(testSession + ".2." + linkToken)
	if err != nil {
		t.Fatal(err)
	}
	seat := NewSeat(i)
	text, err := json.Marshal(seat)
	if err != nil {
		t.Fatal(err)
	}
	var again Seat
	if err := json.Unmarshal(text, &again); err != nil || again != *seat {
		t.Errorf("%+v, then %+v: %v", *seat, again, err)
	}
	if other := NewSeat(i); other.token == seat.token {
		t.Error("two phones have one token")
	}
	for _, changed := range []string{
		strings.Replace(string(text), seat.token.String(), "x", 1), strings.Replace(string(text), linkToken, "x", 1), "[]",
	} {
		if err := json.Unmarshal([]byte(changed), &again); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", changed, err)
		}
	}
}

// What a phone shows of a payment is what is signed: a view whose hash is of another one is none, nor is one of another seat.
//
// FAULTS: A16
func TestViewsOfAnotherPayment(t *testing.T) {
	seat := &Seat{Invitation: Invitation{Seat: 0}}
	seat.Session, _ = zhenni.ParseSessionID(testSession)
	p := zhenni.Payment{Payee: "水务局", Amount: 1230, Currency: "CNY", Reference: "2026-11"}
	hash := p.Hash()
	view := func(change func(*SeatView)) *SeatView {
		v := &SeatView{Session: testSession, Payment: &PaymentView{p.Payee, p.Amount, p.Currency, p.Reference, base64.RawURLEncoding.EncodeToString(hash[:])}}
		change(v)
		return v
	}
	if err := view(func(*SeatView) {}).check(seat); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*SeatView){
		"amount":  func(v *SeatView) { v.Payment.Amount = 1 },
		"payee":   func(v *SeatView) { v.Payment.Payee = "somebody" },
		"hash":    func(v *SeatView) { v.Payment.Hash = "" },
		"seat":    func(v *SeatView) { v.Seat = 1 },
		"session": func(v *SeatView) { v.Session = strings.Repeat("0", 32) },
	} {
		if err := view(change).check(seat); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
