package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// assertion is a client assertion of the hotel, of now.
func (w *remoteWorld) assertion() string {
	w.t.Helper()
	block, _ := pem.Decode(readFile(w.t, w.in("hotel.pem")))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	var public struct{ Kid string }
	if err := json.Unmarshal(readFile(w.t, w.in("hotel.jwk")), &public); err != nil {
		w.t.Fatal(err)
	}
	now := time.Now().Unix()
	head := fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, public.Kid)
	claims := fmt.Sprintf(`{"iss":"hotel","sub":"hotel","aud":%q,"iat":%d,"exp":%d,"jti":%q}`, w.issuer, now, now+60, rand.Text())
	message := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return message + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key.(ed25519.PrivateKey), []byte(message)))
}

// post sends a form as the hotel and returns what it was answered.
func (w *remoteWorld) post(path, assertion string, more map[string]string) (said struct {
	Request string `json:"auth_req_id"`
	ID      string `json:"id_token"`
	Error   string `json:"error"`
}) {
	w.t.Helper()
	form := url.Values{"client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	for name, value := range more {
		form.Set(name, value)
	}
	response, err := w.http.Post(w.issuer+path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
		w.t.Fatal(err)
	}
	return said
}

// kill ends the server with SIGKILL and starts it again.
func (w *remoteWorld) kill() {
	w.t.Helper()
	w.server.kill(w.t)
	w.server = startProcess(w.t, w.store, w.started...)
}

// A request outlives kill -9 at each of its steps, its tokens are handed out once all the same, and an assertion that was used before
// is not taken after.
//
// FAULTS: A11 C11
func TestCIBAOutlivesKills(t *testing.T) {
	t.Parallel()
	w := startRemote(t)
	collect := func(request string) map[string]string {
		return map[string]string{"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": request}
	}
	used := w.assertion()
	wanted := map[string]string{
		"scope": "openid service:door purpose:enter", "login_hint": w.phone.Credential.String(), "binding_message": "W4-SCT",
	}
	request := w.post("/bc-authorize", used, wanted).Request
	w.kill()
	if said := w.post("/bc-authorize", used, wanted); said.Error != "invalid_client" {
		t.Errorf("the assertion again: %+v", said)
	}
	if said := w.post("/token", w.assertion(), collect(request)); said.Error != "authorization_pending" {
		t.Errorf("after the first kill: %+v", said)
	}
	w.confirm("hotel", 0)
	w.kill()
	if said := w.post("/token", w.assertion(), collect(request)); said.ID == "" {
		t.Errorf("after the second kill: %+v", said)
	}
	w.kill()
	if said := w.post("/token", w.assertion(), collect(request)); said.Error != "invalid_grant" {
		t.Errorf("collected again after the third kill: %+v", said)
	}
}
