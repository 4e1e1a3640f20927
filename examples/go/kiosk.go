package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// kiosk has a person show the card; the terminal takes the face, for which a file stands. The terminal has no secret that is shared:
// it signs every request.
func kiosk(args []string) {
	key, view := readKey(), session{}
	terminal := &caller{setting("ZHENNI_PARTY"), key.signRequest}
	terminal.ask("POST", "/v1/sessions", map[string]any{"kind": "kiosk", "credential": args[0], "service": "gate", "purpose": "enter"}, &view,
		once(drawn()))
	terminal.capture(&view, args[1])
	terminal.ended(&view, 1)
}

// signRequest signs a request (RFC 9421) with a nonce of its own: it is taken once, within a minute.
func (k signingKey) signRequest(request *http.Request, body []byte) {
	covered := [][2]string{{"@method", request.Method}, {"@authority", request.URL.Host}, {"@path", request.URL.Path}, {"@query", "?"}}
	if len(body) > 0 {
		sum := sha256.Sum256(body)
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		request.Header.Set("Content-Digest", digest)
		covered = append(covered, [2]string{"content-digest", digest})
	}
	for _, name := range []string{"Idempotency-Key", "Transaction-Id"} {
		if transaction := request.Header.Get(name); transaction != "" {
			covered = append(covered, [2]string{strings.ToLower(name), transaction})
		}
	}
	var names, base strings.Builder
	for _, part := range covered {
		fmt.Fprintf(&names, " %q", part[0])
		fmt.Fprintf(&base, "%q: %s\n", part[0], part[1])
	}
	parameters := fmt.Sprintf("(%s);created=%d;nonce=%q;keyid=%q", names.String()[1:], time.Now().Unix(), rand.Text(), k.id)
	signature := k.sign(base.String() + `"@signature-params": ` + parameters)
	request.Header.Set("Signature-Input", "sig="+parameters)
	request.Header.Set("Signature", "sig=:"+base64.StdEncoding.EncodeToString(signature)+":")
}
