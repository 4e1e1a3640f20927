package zhenni_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// What is wrong with a session is said with the field.
func TestNewSessionNamesTheField(t *testing.T) {
	for field, c := range map[string]struct {
		kind  zhenni.SessionKind
		spoil func(*zhenni.Session)
	}{
		"kind":               {zhenni.SessionCounter, func(s *zhenni.Session) { s.Kind = 99 }},
		"without id":         {zhenni.SessionCounter, func(s *zhenni.Session) { s.ID = zhenni.SessionID{} }},
		"party, service":     {zhenni.SessionCounter, func(s *zhenni.Session) { s.Purpose = "Two Words" }},
		"asker":              {zhenni.SessionCounter, func(s *zhenni.Session) { s.Asker = holderA }},
		"code":               {zhenni.SessionCounter, func(s *zhenni.Session) { s.Code = 100 }},
		"seats: 0":           {zhenni.SessionCounter, func(s *zhenni.Session) { s.Seats = nil }},
		"seats: 2":           {zhenni.SessionCounter, func(s *zhenni.Session) { s.Seats = make([]zhenni.Seat, 2) }},
		"seats[0]: who asks": {zhenni.SessionPerson, func(s *zhenni.Session) { s.Seats[0].Credential = s.Asker }},
		"seats[0]: a session of kind kiosk names": {zhenni.SessionKiosk, func(s *zhenni.Session) {}},
		"quorum": {zhenni.SessionCounter, func(s *zhenni.Session) { s.Quorum = 2 }},
		"tries":  {zhenni.SessionCounter, func(s *zhenni.Session) { s.Tries = 4 }},
		"seats[0]: a session of kind remote names": {zhenni.SessionRemote, func(s *zhenni.Session) { s.Seats[0].Credential = zhenni.CredentialID{} }},
		"remote: a":         {zhenni.SessionRemote, func(s *zhenni.Session) { s.Remote = nil }},
		"remote message":    {zhenni.SessionRemote, func(s *zhenni.Session) { s.Remote.Message = strings.Repeat("真", 65) }},
		"remote notify":     {zhenni.SessionRemote, func(s *zhenni.Session) { s.Remote.Notify = "two words" }},
		"payment: a":        {zhenni.SessionPayment, func(s *zhenni.Session) { s.Payment = nil }},
		"payment amount":    {zhenni.SessionPayment, func(s *zhenni.Session) { s.Payment.Amount = 0 }},
		"payment payee":     {zhenni.SessionPayment, func(s *zhenni.Session) { s.Payment.Payee = "a\u202eb" }},
		"payment reference": {zhenni.SessionPayment, func(s *zhenni.Session) { s.Payment.Reference = "" }},
		"payment currency":  {zhenni.SessionPayment, func(s *zhenni.Session) { s.Payment.Currency = "cny" }},
		"deadline":          {zhenni.SessionCounter, func(s *zhenni.Session) { s.Deadline = sessionNow.Add(3 * time.Minute) }},
		"due: a proof":      {zhenni.SessionCounter, func(s *zhenni.Session) { s.Due = sessionNow }},
		"due: want":         {zhenni.SessionLife, func(s *zhenni.Session) { s.Due = s.Deadline }},
	} {
		s := sessionOf(c.kind)
		if c.kind == zhenni.SessionLife || c.kind == zhenni.SessionRemote {
			s.Seats[0].Credential = holderA
		}
		c.spoil(&s)
		if _, err := zhenni.NewSession(s, sessionNow); !errors.Is(err, zhenni.ErrBadValue) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	twice := sessionOf(zhenni.SessionGroup, holderA, holderA)
	if _, err := zhenni.NewSession(twice, sessionNow); err == nil || !strings.Contains(err.Error(), "seats[0]") {
		t.Errorf("one credential in two seats: %v", err)
	}
}

// The hash of a payment is of its fields, not of how they are joined.
func TestPaymentHash(t *testing.T) {
	p := zhenni.Payment{Payee: "水务局", Reference: "2026-11", Amount: 1230, Currency: "CNY"}
	seen := map[[32]byte]string{p.Hash(): "itself"}
	for name, change := range map[string]func(*zhenni.Payment){
		"payee": func(p *zhenni.Payment) { p.Payee += "2" }, "reference": func(p *zhenni.Payment) { p.Reference += "1" },
		"amount": func(p *zhenni.Payment) { p.Amount++ }, "currency": func(p *zhenni.Payment) { p.Currency = "EUR" },
		"boundary": func(p *zhenni.Payment) { p.Payee += "2"; p.Reference = p.Reference[1:] },
	} {
		other := p
		change(&other)
		if of, taken := seen[other.Hash()]; taken {
			t.Errorf("%s has the hash of %s", name, of)
		}
		seen[other.Hash()] = name
	}
}

// Each reminder is sent once, when it is due, and none after the day.
func TestReminders(t *testing.T) {
	life := sessionOf(zhenni.SessionLife, holderA)
	life.Due, life.Deadline = sessionNow.Add(10*24*time.Hour), sessionNow.Add(40*24*time.Hour)
	s, err := zhenni.NewSession(life, sessionNow)
	if err != nil {
		t.Fatal(err)
	}
	remind := zhenni.SessionEvent{Kind: zhenni.EventReminded}
	for _, before := range zhenni.Reminders {
		at, more := s.NextReminder()
		if !more || !at.Equal(s.Due.Add(-before)) {
			t.Fatalf("%s, %v: want %s before", at, more, before)
		}
		if _, err := s.Next(remind, at.Add(-time.Nanosecond)); !errors.Is(err, zhenni.ErrSessionStep) {
			t.Errorf("too early: %v", err)
		}
		if s, err = s.Next(remind, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, more := s.NextReminder(); more {
		t.Error("a reminder after the last")
	}
	if _, err := s.Next(remind, s.ChangedAt); !errors.Is(err, zhenni.ErrSessionStep) {
		t.Errorf("one more: %v", err)
	}
}
