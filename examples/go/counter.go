package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// counter has a citizen scan a code on the screen, and the clerk type the two digits that the phone shows; both see the result. It
// prints what the code on the screen says, a line for each second, and reads the digits from standard input.
func counter([]string) {
	clerk, begun := byKey(), session{}
	clerk.ask("POST", "/v1/sessions", map[string]any{"kind": "counter", "service": "visit", "purpose": "register"}, &begun,
		once(drawn()))
	ahead, view := time.Until(begun.Now), begun
	for ; view.Outcome == "live" && view.Opened == 0; clerk.ask("GET", begun.path(), nil, &view, nil) {
		fmt.Println(onScreen(begun, time.Now().Add(ahead)))
		time.Sleep(time.Second)
	}
	if view.Outcome == "live" {
		clerk.step(&view, "/code", map[string]any{"code": typed()}, fields{})
	}
	clerk.follow(&view, func() {})
	clerk.ended(&view, 1)
}

// typed returns the two digits that are typed.
func typed() (code string) {
	fmt.Println("The two digits on the phone:")
	if _, err := fmt.Scanln(&code); err != nil {
		fail(err)
	}
	return code
}

// onScreen is what the code of a second says, by the clock of the server: it is good for five seconds, and once.
func onScreen(begun session, now time.Time) string {
	key, err := base64.RawURLEncoding.DecodeString(begun.QRKey)
	if err != nil {
		fail(err)
	}
	mac := hmac.New(sha256.New, key)
	_ = binary.Write(mac, binary.BigEndian, now.Unix())
	return server + "/s#" + begun.Session + ".0." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
