package holder

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/identity"
)

// The code of an offer is another every step, and what a phone answers is taken while it is new. It is of the phone, of the capture and of
// that transaction.
//
// FAULTS: B11 A9
func TestOfferIsAnsweredWhileItIsShown(t *testing.T) {
	capture, now := sha256.Sum256([]byte("capture")), time.Unix(1_700_000_000, 0)
	key, err := identity.NewPrivateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, signed := range []bool{false, true} {
		offer, err := NewOffer("desk", capture, signed)
		if err != nil {
			t.Fatal(err)
		}
		phone, err := NewPhone(zhenni.KeyP256)
		if err != nil {
			t.Fatal(err)
		}
		a, err := phone.Accept(offer.Code(now), key.Public(), "王", "11010519491231002X", now)
		if err != nil {
			t.Fatal(err)
		}
		q, err := offer.Question(a.Transaction, now.Add(OfferLife-OfferStep))
		if err != nil || q.Capture != capture || q.Party != "desk" || (q.Nonce != "") != signed {
			t.Fatalf("%+v, %v", q, err)
		}
		for _, at := range []time.Time{now.Add(OfferLife + OfferStep), now.Add(-OfferStep)} {
			if _, err := offer.Question(a.Transaction, at); !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("shown at %s, taken at %s: %v", now, at, err)
			}
		}
		if offer.Code(now) == offer.Code(now.Add(OfferStep)) {
			t.Error("the code does not change")
		}
		var i Issue
		if err := i.Accepted(a); err != nil || i.Device != phone.Public() || i.Sealed == "" || len(i.Evidence) != 1 {
			t.Errorf("%+v, %v", i, err)
		}
		_, err = evidence.Open([]byte(i.Evidence[0]), i.Device, evidence.Expected{
			Capture: capture, Transaction: a.Transaction, Party: "desk", Nonce: q.Nonce, MaxAge: time.Minute,
		}, now)
		if err != nil {
			t.Error(err)
		}
	}
}

// FAULTS: L4
func TestOffersThatAreNone(t *testing.T) {
	offer, err := NewOffer("desk", [sha256.Size]byte{1}, true)
	if err != nil {
		t.Fatal(err)
	}
	phone, err := NewPhone(zhenni.KeyEd25519)
	if err != nil {
		t.Fatal(err)
	}
	code := offer.Code(time.Unix(1_700_000_000, 0))
	for _, bad := range []string{
		"", "zhenni", strings.TrimPrefix(code, offerPrefix), code + "/more", code[:strings.LastIndexByte(code, '/')+1],
		strings.Replace(code, "desk", "Desk", 1), strings.Replace(code, "issue-", "Issue ", 1), strings.Replace(code, "AQAA", "AQA", 1),
	} {
		if _, err := phone.Accept(bad, identity.PublicKey{}, "a", "b", time.Unix(1, 0)); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := NewOffer("No Party", [sha256.Size]byte{}, false); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a party that is none: %v", err)
	}
	if err := (&Offer{Party: "desk", Capture: []byte{1}, Secret: make([]byte, 32)}).Validate(); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("half a capture: %v", err)
	}
	key := phone.Commitment()
	good := Acceptance{Identity: "x", Possession: "x", Device: phone.Public().Append(nil), Rotation: key[:]}
	both := Issue{Probe: Probe{1}, Reference: Probe{2}}
	if err := both.Accepted(good); err != nil || both.Rotation != key {
		t.Errorf("a template that the phone has rotated: %x, %v", both.Rotation, err)
	}
	for _, i := range []Issue{{}, {Probe: Probe{1}}, {Reference: Probe{2}}} {
		if err := i.Accepted(good); !errors.Is(err, zhenni.ErrBadValue) || !i.Rotation.IsZero() {
			t.Errorf("rotated, and no template beside the capture: %v", err)
		}
	}
	for _, rotation := range [][]byte{key[1:], append(key[:], 1), make([]byte, len(key))} {
		bad, i := good, Issue{Probe: Probe{1}, Reference: Probe{2}}
		if bad.Rotation = rotation; !errors.Is(i.Accepted(bad), zhenni.ErrBadValue) || !i.Rotation.IsZero() {
			t.Errorf("the commitment %x is taken", rotation)
		}
	}
	var i Issue
	if err := i.Accepted(Acceptance{Identity: "x", Possession: "x"}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("no device: %v", err)
	}
}
