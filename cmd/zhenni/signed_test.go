package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"zhenni/gateway/httpsig"
)

// A relying party makes its key, is added by it, enrols and verifies with signed requests, and shows no secret to anybody.
// A request of its that is sent again after the server was killed is refused; new ones are taken at once.
//
// FAULTS: A1 A11
func TestSignedFromKeyToVerification(t *testing.T) {
	b := bulk{dir: t.TempDir(), mapping: ""}
	store := b.path("store")
	server := startProcess(t, store, "--create-key")
	jwk := mustRun(t, "rp", "keys", "new", b.path("hotel.pem"))
	if err := os.WriteFile(b.path("hotel.jwk"), []byte(jwk), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "rp", "add", "hotel", "--store", store, "--tenant", "1", "--role", "issuer,verifier", "--jwks", b.path("hotel.jwk"))
	writeSet(t, b.path("enrol"), 3, enrolment, subjectName)
	writeSet(t, b.path("probes"), 3, 0, subjectName)
	signed := []string{"--url", server.url, "--signing-key-file", b.path("hotel.pem")}
	mustRun(t, append([]string{"enrol", b.path("enrol"), "--map", b.path("map.csv")}, signed...)...)
	answers := mustRun(t, append([]string{"verify", b.path("probes"), "--map", b.path("map.csv"), "--out", b.path("out.csv"), "--json", "--content-digest", "blake3"}, signed...)...)
	if !strings.Contains(answers, `"match": 3`) {
		t.Error(answers)
	}
	if code, _, notes := runCommand(t, "rp", "keys", "new", b.path("hotel.pem")); code != exitEnvironment {
		t.Errorf("a key is written over: exit code %d, %s", code, notes)
	}
	asksBySession(t, server.url, b.path("hotel.pem"))
	replayAcrossKill(t, server, store, b.path("hotel.pem"))
}

// asksBySession asks for a session key and by it.
func asksBySession(t *testing.T, server, keyFile string) {
	t.Helper()
	client, err := serverFlags{URL: server, SigningKeyFile: keyFile}.client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.OpenSession(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, dim, err := client.Model(); err != nil || dim == 0 {
			t.Fatalf("%d, %v", dim, err)
		}
	}
	if err := client.OpenSession(); err == nil {
		t.Error("a session key is given for a session key")
	}
}

func replayAcrossKill(t *testing.T, server *process, store, keyFile string) {
	t.Helper()
	document, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := httpsig.ParseSigner(document)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(server.url)
	if err != nil {
		t.Fatal(err)
	}
	first := signedGet(t, signer, address.Host, "nonce-before-the-kill")
	if status := send(t, server.url, first); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	server.kill(t)
	again := startProcess(t, store)
	if status := send(t, again.url, first); status != http.StatusUnauthorized {
		t.Errorf("sent again after the kill: status %d", status)
	}
	if status := send(t, again.url, signedGet(t, signer, address.Host, "nonce-after-the-kill")); status != http.StatusOK {
		t.Errorf("a new one: status %d", status)
	}
}

// signedGet signs GET /v1/profiles for a host, wherever it is sent.
func signedGet(t *testing.T, signer *httpsig.Signer, host, nonce string) *httpsig.Request {
	t.Helper()
	r := &httpsig.Request{Method: []byte("GET"), Authority: []byte(host), Path: []byte("/v1/profiles")}
	if err := signer.Sign(r, httpsig.Stamp{Created: time.Now(), Nonce: nonce}); err != nil {
		t.Fatal(err)
	}
	return r
}

func send(t *testing.T, server string, r *httpsig.Request) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", server+string(r.Path), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = string(r.Authority)
	request.Header.Set("Signature-Input", string(r.SignatureInput))
	request.Header.Set("Signature", string(r.Signature))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}
