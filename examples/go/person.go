package main

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"time"
)

// possession is what a phone signs: that it is the device of the credential, for one question. The members are in this order.
type possession struct {
	Kind        string `json:"kind"`
	Credential  string `json:"sub"`
	Capture     string `json:"capture"`
	Transaction string `json:"txn"`
	Party       string `json:"aud"`
	IssuedAt    int64  `json:"iat"`
	KeyID       string `json:"kid"`
}

// person is the app of who asks another: is it really you? The other opens the link, types the two digits that are read out to them
// on another way, such as a call, and shows their face. Nothing is signed for who asks: it is for their eyes.
func person(args []string) {
	key, party, transaction := readKey(), setting("ZHENNI_PARTY"), "person."+drawn()
	var phone [32]byte
	_, _ = rand.Read(phone[:]) // never fails
	capture := sha256.Sum256(phone[:])
	evidence := key.token(`{"alg":"EdDSA","typ":"zhenni-evidence"}`, possession{
		"possession", args[0], b64url.EncodeToString(capture[:]), transaction, party, time.Now().Unix(), key.id,
	})
	view, token := session{}, ""
	app := &caller{party, func(request *http.Request, _ []byte) {
		if token != "" {
			request.Header.Set("Session-Token", token)
		}
	}}
	app.ask("POST", "/v1/person-sessions", map[string]any{
		"credential": args[0], "phone": b64url.EncodeToString(phone[:]), "evidence": evidence, "transaction": transaction,
	}, &view, nil)
	token = view.AskerToken
	fmt.Println("Send them: " + server + "/s#" + view.Links[0])
	fmt.Println("Call them, and read out:", view.Code)
	app.follow(&view, func() { fmt.Println("opened by", view.Opened, "the digits are right:", view.CodeRight) })
	if view.SharedWaiting { // what the other let be seen: it is shown once, and kept nowhere
		var shared struct{ Name string }
		app.ask("GET", view.path()+"/shared", nil, &shared, nil)
		fmt.Println("They are", shared.Name)
	}
	if !view.Confirmed {
		fmt.Println("not confirmed:", view.Outcome)
		os.Exit(1)
	}
	fmt.Println("confirmed")
}
