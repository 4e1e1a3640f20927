package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"testing"
	"time"

	"zhenni"
)

// client is a form of a client of OpenID Connect, proved by the key of a party.
func (r *rehearsal) client(party string, form url.Values) (status int, a seen) {
	r.t.Helper()
	block, _ := pem.Decode(r.file("keys/" + party + ".pem"))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	private := parsed.(ed25519.PrivateKey)
	public, err := zhenni.NewPublicKey(zhenni.KeyEd25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		r.t.Fatal(err)
	}
	now := time.Now().Unix()
	part := func(v map[string]any) string {
		text, err := json.Marshal(v)
		if err != nil {
			r.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	message := part(map[string]any{"alg": "EdDSA", "kid": public.ID()}) + "." +
		part(map[string]any{"iss": party, "sub": party, "aud": r.written.Issuer, "iat": now, "exp": now + 60, "jti": rand.Text()})
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", message+"."+base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(message))))
	path := "/token"
	if form.Get("login_hint") != "" {
		path = "/bc-authorize"
	}
	response, a := r.ask("POST", path, "", []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	return response.StatusCode, a
}

// asksRemotely asks for a subject by CIBA.
func (r *rehearsal) asksRemotely(subject string) string {
	r.t.Helper()
	status, a := r.client("bank", url.Values{"scope": {"openid service:door purpose:enter"}, "login_hint": {r.credential(subject)}})
	if status != 200 || a.text("auth_req_id") == "" {
		r.t.Fatalf("%s: %d %v", subject, status, a)
	}
	return a.text("auth_req_id")
}

// collects waits for the end of a request, and collects what came of it.
func (r *rehearsal) collects(request string) (status int, a seen) {
	r.t.Helper()
	if a := r.ended(request[:32], "bank"); a.text("outcome") == "" {
		r.t.Fatalf("%v", a)
	}
	return r.client("bank", url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {request}})
}

// Who is asked from elsewhere answers by themselves, after a kill too; of each end a client learns what it learns of a person.
func TestPeopleOfASandboxAnswerFromElsewhere(t *testing.T) {
	t.Parallel()
	r := startSandbox(t)
	for subject, want := range map[string]string{
		"mated": "", "completed": "", "non-mated": "access_denied", "refused": "access_denied", "cancelled": "access_denied", "credential_unusable": "access_denied",
	} {
		if status, a := r.collects(r.asksRemotely(subject)); a.text("error") != want || (status == 200) != (want == "") || (a.text("id_token") == "") != (want != "") {
			t.Errorf("%s: %d %v", subject, status, a)
		}
	}
	if status, a := r.client("bank", url.Values{"scope": {"openid service:door purpose:enter"}, "login_hint": {r.credential("overloaded")}}); status != 503 || a.text("code") != "overloaded" {
		t.Errorf("a problem: %d %v", status, a)
	}
	request := r.asksRemotely("completed")
	r.server.kill(t)
	r.start()
	if status, a := r.collects(request); status != 200 || a.text("id_token") == "" {
		t.Errorf("after a kill: %d %v", status, a)
	}
}
