package evidence_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// A hotel's own device captures a face; its terminal says that the guest was alive, for this check-in and no other.
func Example() {
	terminal := ed25519.NewKeyFromSeed(make([]byte, 32))
	probe, now := []byte("the bytes of the probe"), time.Unix(1_700_000_000, 0)
	claims := evidence.Claims{
		Kind: evidence.Liveness, Level: zhenni.LivenessActive, Subject: zhenni.CredentialID{15: 7}, Capture: sha256.Sum256(probe),
		Transaction: "check-in-1", Party: "hotel", Terminal: "hotel", IssuedAt: now.Unix(),
	}
	token, err := evidence.Sign(claims, terminal)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, terminal.Public().(ed25519.PublicKey))
	if err != nil {
		fmt.Println(err)
		return
	}
	want := evidence.Expected{
		Subject: claims.Subject, Capture: claims.Capture, Transaction: "check-in-1", Party: "hotel", MaxAge: time.Minute,
	}
	seen, err := evidence.Open(token, key, want, now.Add(time.Second))
	fmt.Println(seen.Kind, seen.Level, err)

	want.Capture = sha256.Sum256([]byte("another face"))
	_, err = evidence.Open(token, key, want, now.Add(time.Second))
	fmt.Println(errors.Is(err, evidence.ErrCapture))
	// Output:
	// liveness active <nil>
	// true
}
