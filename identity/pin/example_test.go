package pin_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log"
	"time"

	"zhenni"
	"zhenni/identity/pin"
)

// A PIN is chosen at a terminal, and given at a counter a day later.
func Example() {
	pepper, err := pin.NewPepper(1, bytes.Repeat([]byte{1}, pin.PepperSize))
	if err != nil {
		log.Fatal(err)
	}
	peppers, err := pin.NewPeppers(pepper)
	if err != nil {
		log.Fatal(err)
	}
	checker, err := pin.NewChecker(pin.Config{Peppers: peppers, Params: pin.DefaultParams(), Concurrent: 2}, rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	binding := pin.Binding{Credential: zhenni.CredentialID{7}, Generation: 1}
	stored := choose(checker, binding, "５８２０４９１７")

	given, err := pin.Parse([]byte("58204917"))
	if err != nil {
		log.Fatal(err)
	}
	defer given.Forget()
	turn, err := checker.Admit()
	if err != nil {
		log.Fatal(err)
	}
	defer turn.End()
	attempts, err := zhenni.PINAttempts{}.Begin(time.Now()) // and durable, before the PIN is looked at
	if err != nil {
		log.Fatal(err)
	}
	right, err := turn.Check(given, binding, stored)
	fmt.Println(right, err, attempts.Begun, given)
	// Output: true <nil> 1 [redacted]
}

// choose makes the verifier of a PIN that is not too easy.
func choose(checker *pin.Checker, binding pin.Binding, text string) pin.Verifier {
	chosen, err := pin.Parse([]byte(text))
	if err != nil {
		log.Fatal(err)
	}
	defer chosen.Forget()
	if err := chosen.Weak(time.Date(1987, time.March, 5, 0, 0, 0, 0, time.UTC)); err != nil {
		log.Fatal(err)
	}
	turn, err := checker.Admit()
	if err != nil {
		log.Fatal(err)
	}
	defer turn.End()
	var salt [pin.SaltSize]byte
	if _, err := rand.Read(salt[:]); err != nil {
		log.Fatal(err)
	}
	verifier, err := turn.Make(chosen, binding, salt)
	if err != nil {
		log.Fatal(err)
	}
	return verifier
}
