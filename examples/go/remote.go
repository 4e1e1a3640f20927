package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const grant = "urn:openid:params:grant-type:ciba"

// remote asks a person who is elsewhere, on the own phone: OpenID Connect CIBA, by polling. The credential is the login_hint. Any client
// library of OpenID Connect does the same.
func remote(args []string) {
	key, message := readKey(), rand.Text()[:4]
	var begun struct {
		Request  string `json:"auth_req_id"`
		Interval int
	}
	if err := key.post("/bc-authorize", url.Values{
		"scope": {"openid service:door purpose:enter"}, "login_hint": {args[0]}, "binding_message": {message}, "requested_expiry": {"120"},
	}, &begun); err != "" {
		fail(err)
	}
	fmt.Printf("The phone shows %s.\n", message)
	var tokens struct {
		ID string `json:"id_token"`
	}
	for err := "authorization_pending"; err != ""; {
		time.Sleep(time.Duration(begun.Interval) * time.Second)
		switch err = key.post("/token", url.Values{"grant_type": {grant}, "auth_req_id": {begun.Request}}, &tokens); err {
		case "", "authorization_pending", "slow_down":
		case "access_denied", "expired_token":
			fmt.Println("not confirmed:", err)
			os.Exit(1)
		default:
			fail(err)
		}
	}
	fmt.Println("confirmed:", openToken(tokens.ID, begun.Request))
}

// post sends a form with who asks (RFC 7523), and returns the error that answers, empty for none.
func (k signingKey) post(path string, form url.Values, answer any) string {
	party, now := setting("ZHENNI_PARTY"), time.Now().Unix()
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", k.token(`{"alg":"EdDSA","typ":"JWT","kid":"`+k.id+`"}`, map[string]any{
		"iss": party, "sub": party, "aud": setting("ZHENNI_RESULT_ISSUER"), "iat": now, "exp": now + 60, "jti": rand.Text(),
	}))
	response, err := client.PostForm(server+path, form)
	if err != nil {
		fail(path, err)
	}
	defer response.Body.Close()
	switch decoder := json.NewDecoder(io.LimitReader(response.Body, longestAnswer)); {
	case response.StatusCode == http.StatusServiceUnavailable:
		return "authorization_pending" // it is at its limit: nothing happened, ask again
	case response.StatusCode != http.StatusOK:
		var refused struct{ Error string }
		if err := decoder.Decode(&refused); err != nil || refused.Error == "" {
			fail(path, response.Status, err)
		}
		return refused.Error
	default:
		if err := decoder.Decode(answer); err != nil {
			fail(path, err)
		}
	}
	return ""
}

// openToken returns whom an ID token names, once its signature holds, by a key of the issuer's that was kept, and it is of this request.
func openToken(token, request string) string {
	var head struct{ Alg, Kid string }
	var claims struct {
		Iss, Aud, Sub string
		Exp           int64
		Request       string `json:"urn:openid:params:jwt:claim:auth_req_id"`
	}
	var keys struct {
		Keys []struct{ Kid, Crv, X string }
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || json.Unmarshal([]byte(read("ZHENNI_JWKS")), &keys) != nil {
		fail("no ID token, or no keys")
	}
	for i, into := range []any{&head, &claims} {
		if text, err := b64url.DecodeString(parts[i]); err != nil || json.Unmarshal(text, into) != nil {
			fail("no ID token")
		}
	}
	signature, _ := b64url.DecodeString(parts[2])
	for _, key := range keys.Keys {
		x, _ := b64url.DecodeString(key.X)
		if key.Kid == head.Kid && key.Crv == "Ed25519" && strings.HasPrefix(head.Alg, "Ed") && len(x) == ed25519.PublicKeySize &&
			ed25519.Verify(x, []byte(parts[0]+"."+parts[1]), signature) && claims.Iss == setting("ZHENNI_RESULT_ISSUER") &&
			claims.Aud == setting("ZHENNI_PARTY") && claims.Exp > time.Now().Unix() && claims.Request == request {
			return claims.Sub
		}
	}
	fail("the ID token does not hold, or is of another request")
	return ""
}
