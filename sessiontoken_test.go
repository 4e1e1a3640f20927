package zhenni_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// A code is good in the second in which it was on the screen and in the four after it; one that was photographed and is shown six
// seconds later is not, nor one of a second to come.
//
// FAULTS: A9
func TestCodesOnAScreen(t *testing.T) {
	s, other := begun(t, zhenni.SessionCounter), begun(t, zhenni.SessionCounter)
	other.ID[0]++
	shown := zhenni.SessionQR(s.QRKey(), sessionNow.Unix())
	for seconds := int64(-10); seconds <= 10; seconds++ {
		at := sessionNow.Add(time.Duration(seconds) * time.Second)
		if got, want := s.IsScanned(shown, at), seconds >= 0 && seconds < zhenni.SessionQRSeconds; got != want {
			t.Errorf("%d seconds later: %v", seconds, got)
		}
		if other.IsScanned(shown, at) {
			t.Errorf("%d seconds later it opens another session", seconds)
		}
	}
	for bit := range 8 * len(shown) {
		changed := shown
		changed[bit/8] ^= 1 << (bit % 8)
		if s.IsScanned(changed, sessionNow) {
			t.Errorf("with bit %d changed it is good", bit)
		}
	}
}

// A page makes the same codes from the same key.
func TestCodeVector(t *testing.T) {
	got := zhenni.SessionQR(zhenni.SessionToken(sha256.Sum256([]byte("key"))), 1_800_000_000)
	if want := "510e06d15941c32c887713d92f358379"; hex.EncodeToString(got[:]) != want {
		t.Errorf("%x, want %s", got, want)
	}
}

// Every door of a session has a token of its own, which opens no other door and no other session.
//
// FAULTS: Z3
func TestTokensOpenOneDoor(t *testing.T) {
	s := begun(t, zhenni.SessionGroup, holderA, holderB)
	s, err := s.Next(openedBy(0, holderA, phoneA), sessionNow)
	if err != nil {
		t.Fatal(err)
	}
	other := s
	other.ID[3]++
	doors := []func(zhenni.Session, zhenni.SessionToken) bool{
		func(s zhenni.Session, k zhenni.SessionToken) bool { return s.IsAsker(k) },
		func(s zhenni.Session, k zhenni.SessionToken) bool { return s.IsInvited(0, k) },
		func(s zhenni.Session, k zhenni.SessionToken) bool { return s.IsInvited(1, k) },
		func(s zhenni.Session, k zhenni.SessionToken) bool { return s.IsPhone(0, k) },
	}
	tokens := []zhenni.SessionToken{s.AskerToken(), s.SeatToken(0), s.SeatToken(1), phoneA}
	for i, door := range doors {
		for j, token := range tokens {
			if door(s, token) != (i == j) {
				t.Errorf("token %d at door %d: %v", j, i, i != j)
			}
			if j < 3 && door(other, token) {
				t.Errorf("token %d at door %d of another session", j, i)
			}
		}
	}
	if s.IsPhone(1, zhenni.SessionToken{}) || s.IsPhone(2, phoneA) || s.IsInvited(-1, s.SeatToken(0)) || s.IsAsker(s.QRKey()) {
		t.Error("a door that nobody has a token for is open")
	}
}

func TestTokensHaveOneForm(t *testing.T) {
	token := zhenni.SessionToken(sha256.Sum256([]byte("token")))
	if got, ok := zhenni.ParseSessionToken([]byte(token.String())); !ok || got != token {
		t.Errorf("%v, %s", ok, got)
	}
	text := token.String()
	for _, bad := range []string{"", text[1:], text + "A", text[:42] + "=", text[:42] + "\n", "+" + text[1:], strings.Repeat("_", 43)} {
		if _, ok := zhenni.ParseSessionToken([]byte(bad)); ok {
			t.Errorf("%q is read", bad)
		}
	}
	id := zhenni.SessionID{1, 2, 15: 9}
	if got, err := zhenni.ParseSessionID(id.String()); err != nil || got != id {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := zhenni.ParseSessionID(strings.ToUpper("ab" + id.String()[2:])); err == nil {
		t.Error("an id in capitals is read")
	}
}

// Who asks can not tell a credential that is of no use from a face that did not match, sees no try, and of a group nobody's
// answer before the end.
//
// FAULTS: Z11
func TestAskersSeeOutcomesOnly(t *testing.T) {
	open, err := begun(t, zhenni.SessionPayment).Next(openedBy(0, holderA, phoneA), sessionNow)
	if err != nil {
		t.Fatal(err)
	}
	unusable, _ := open.Next(zhenni.SessionEvent{Kind: zhenni.EventUnusable}, sessionNow)
	once, _ := open.Next(answered(0, zhenni.NoMatch)(open), sessionNow)
	twice, _ := once.Next(answered(0, zhenni.NoMatch)(once), sessionNow)
	if !open.ForAsker().Equal(once.ForAsker()) {
		t.Errorf("a try shows: %+v", once.ForAsker())
	}
	if !unusable.ForAsker().Equal(twice.ForAsker()) || unusable.ForAsker().Confirmed {
		t.Errorf("%+v, %+v", unusable.ForAsker(), twice.ForAsker())
	}
	if unusable.ForSeat(0).End != zhenni.SessionCredentialUnusable || twice.ForSeat(0).End != zhenni.SessionCompleted {
		t.Error("the holder is not told")
	}
}

// FAULTS: Z11
func TestGroupsAreHiddenUntilTheEnd(t *testing.T) {
	group := sessionOf(zhenni.SessionGroup, holderA, holderB, holderC)
	group.Quorum, group.Tries = 2, 1
	start, err := zhenni.NewSession(group, sessionNow)
	if err != nil {
		t.Fatal(err)
	}
	after := func(o zhenni.Outcome) zhenni.Session {
		s, err := start.Next(openedBy(0, holderA, phoneA), sessionNow)
		if err == nil {
			s, err = s.Next(answered(0, o)(s), sessionNow)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	yes, no := after(zhenni.Match), after(zhenni.NoMatch)
	if !yes.ForAsker().Equal(no.ForAsker()) || yes.ForAsker().Answered != 1 || yes.ForAsker().Seats != nil {
		t.Errorf("%+v, %+v", yes.ForAsker(), no.ForAsker())
	}
	if yes.ForSeat(1).State != no.ForSeat(1).State || yes.ForSeat(0).State != zhenni.SeatConfirmed {
		t.Error("a member sees another's answer, or not the own")
	}
	ended, err := no.Next(zhenni.SessionEvent{Kind: zhenni.EventDeclined, Seat: 2}, sessionNow)
	want := []zhenni.SeatState{zhenni.SeatNotConfirmed, zhenni.SeatWaiting, zhenni.SeatDeclined}
	if err != nil || ended.End != zhenni.SessionQuorumFailed || !slices.Equal(ended.ForAsker().Seats, want) {
		t.Errorf("%+v, %v", ended.ForAsker(), err)
	}
}

// The digits are on one side until the other has typed them, and never on both.
func TestCodesAreOnOneSide(t *testing.T) {
	for kind := zhenni.SessionCounter; kind <= zhenni.SessionKiosk; kind++ {
		s, err := begun(t, kind).Next(openedBy(0, holderA, phoneA), sessionNow)
		if err != nil {
			t.Fatal(err)
		}
		_, asker := s.CodeForAsker()
		phone := s.ForSeat(0)
		if asker != phone.CodeWanted || phone.CodeShown != s.AskerTypesCode() || asker && phone.CodeShown {
			t.Errorf("%s: asker %v, phone %+v", kind, asker, phone)
		}
		if !asker && !phone.CodeShown {
			continue
		}
		s, err = s.Next(zhenni.SessionEvent{Kind: zhenni.EventCode, Code: 42}, sessionNow)
		if v := s.ForSeat(0); err != nil || v.CodeShown || v.CodeWanted || v.Code != 0 || !s.ForAsker().CodeRight {
			t.Errorf("%s: typed: %+v, %v", kind, v, err)
		}
	}
}
