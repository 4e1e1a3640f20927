package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/gateway/httpsig"
)

// secret adds what the file of a secret holds, as it is written and as what that is of.
func (c canaries) secret(t *testing.T, name, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Fields(string(content)) {
		if len(line) < 32 {
			continue
		}
		c.bytes(fmt.Sprintf("%s, word %d", name, i), []byte(line))
		if raw, err := hex.DecodeString(line); err == nil {
			c.bytes(fmt.Sprintf("%s, word %d, decoded", name, i), raw)
		}
	}
}

// A watched life is a server that a person, an issuer, a terminal and a verifier meet at, with everything that was answered.
type watchedLife struct {
	asker
	world    issueWorld
	found    canaries
	answers  bytes.Buffer
	terminal ed25519.PrivateKey
	device   ed25519.PrivateKey
}

// tell sends a request and keeps the answer, head and body.
func (l *watchedLife) tell(t *testing.T, by, method, path, body string, want int) string {
	t.Helper()
	media := ""
	if body != "" {
		media = "application/json"
	}
	status, header, text := asker{l.url, by}.full(t, method, path, media, body)
	_ = header.Write(&l.answers)
	l.answers.WriteString(text)
	if status != want {
		t.Errorf("%s %s: %d, want %d: %s", method, path, status, want, text)
	}
	return text
}

// key makes a key of Ed25519 whose secret is never to be found.
func (l *watchedLife) newKey(t *testing.T, name string) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l.found.bytes("the private key of the "+name, private.Seed())
	return private
}

// asksWithEvidence is a verification for a service, with a terminal's word that the person lives and the device's that it is here.
func (l *watchedLife) asksWithEvidence(t *testing.T, hotel, id, transaction string, probe []byte) {
	t.Helper()
	parsed, err := zhenni.ParseCredentialID(id)
	if err != nil {
		t.Fatal(err)
	}
	claims := evidence.Claims{
		Kind: evidence.Liveness, Level: zhenni.LivenessActive, Terminal: "kiosk",
		Subject: parsed, Capture: sha256.Sum256(probe), Transaction: transaction, Party: "hotel", IssuedAt: time.Now().Unix(),
	}
	live, err := evidence.Sign(claims, l.terminal)
	if err != nil {
		t.Fatal(err)
	}
	claims.Kind, claims.Level, claims.Terminal = evidence.Possession, zhenni.LivenessNone, ""
	held, err := evidence.Sign(claims, l.device)
	if err != nil {
		t.Fatal(err)
	}
	document := fmt.Sprintf(`{"credential":%q,"transaction":%q,"service":"gov.residence-permit","purpose":"apply","captured_at":%q,"evidence":[%q,%q],"probe_int8":%q}`,
		id, transaction, time.Now().UTC().Format("2006-01-02T15:04:05Z"), live, held, base64.StdEncoding.EncodeToString(probe))
	answer := l.tell(t, hotel, "POST", "/v1/verifications", document, 200)
	if !strings.Contains(answer, `"outcome":"match"`) || !strings.Contains(answer, `"result":"`) {
		t.Errorf("with evidence: %s", answer)
	}
}

// opensSession asks for a session key, whose secret is never to be found.
func (l *watchedLife) opensSession(t *testing.T, keyFile string) {
	t.Helper()
	document, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := httpsig.ParseSigner(document)
	if err != nil {
		t.Fatal(err)
	}
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := private.PublicKey().Bytes()
	body := []byte(`{"public_key":"` + base64.StdEncoding.EncodeToString(public) + `"}`)
	r := &httpsig.Request{
		Method: []byte("POST"), Authority: []byte(strings.TrimPrefix(l.url, "http://")), Path: []byte("/v1/session-keys"), Body: body,
		Fields: []httpsig.Field{{Name: "content-type", Value: []byte("application/json")}},
	}
	if err := signer.Sign(r, httpsig.Stamp{Created: time.Now(), Nonce: "nonce-of-the-canary"}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), "POST", l.url+string(r.Path), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{
		"Content-Type": r.Fields[0].Value, "Content-Digest": r.ContentDigest, "Signature-Input": r.SignatureInput, "Signature": r.Signature,
	} {
		request.Header.Set(name, string(value))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var given struct {
		KeyID     string `json:"key_id"`
		PublicKey []byte `json:"public_key"`
	}
	if err := json.NewDecoder(response.Body).Decode(&given); err != nil || response.StatusCode != 201 {
		t.Fatal(response.StatusCode, err)
	}
	secret, err := httpsig.SessionSecret(private, public, given.PublicKey, given.KeyID)
	if err != nil {
		t.Fatal(err)
	}
	l.found.bytes("the secret of a session", secret)
}

// startWatched starts a server of everything, with its parties, and returns the keys of hotel and desk.
func startWatched(t *testing.T, l *watchedLife, secrets string) (server *process, desk, hotel string) {
	t.Helper()
	result, pseudonyms := filepath.Join(secrets, "result.key"), filepath.Join(secrets, "pseudonyms.key")
	mustRun(t, "keys", "new-result-key", result)
	mustRun(t, "keys", "new-pseudonym-root", pseudonyms)
	flags := append(l.world.flags(), "--history", "make", "--result-key", result, "--pseudonym-root", pseudonyms,
		"--log-json", "--log-level", "debug", "--metrics-listen", "127.0.0.1:0")
	server = startProcess(t, l.world.store, flags...)
	l.url = server.url
	for name, path := range map[string]string{
		"the root of identities": l.world.root, "the key of identities": l.world.key, "the key of results": result, "the root of pseudonyms": pseudonyms,
		"the root key": l.world.store + ".key",
	} {
		l.found.secret(t, name, path)
	}
	add := func(args ...string) string {
		return strings.TrimSpace(mustRun(t, append([]string{"rp", "add", "--store", l.world.store, "--tenant", "1"}, args...)...))
	}
	for name, key := range map[string]*string{"desk": &desk, "hotel": &hotel} {
		*key = add(map[string][]string{
			"desk": {"desk", "--role", "issuer,terminal,verifier"}, "hotel": {"hotel", "--role", "verifier", "--service", "gov.residence-permit"},
		}[name]...)
		l.found.text("the API key of "+name, (*key)[len("zk_"+name+"_"):])
	}
	jwk := filepath.Join(secrets, "kiosk.jwk")
	public := base64.RawURLEncoding.EncodeToString(l.terminal.Public().(ed25519.PublicKey))
	write(t, jwk, `{"kty":"OKP","crv":"Ed25519","x":"`+public+`"}`)
	add("kiosk", "--role", "terminal", "--jwks", jwk)
	write(t, filepath.Join(secrets, "signer.jwk"), mustRun(t, "rp", "keys", "new", filepath.Join(secrets, "signer.pem")))
	add("signer", "--role", "verifier", "--jwks", filepath.Join(secrets, "signer.jwk"))
	return server, desk, hotel
}

// lives is the life of one credential, with what goes wrong in it.
func (l *watchedLife) lives(t *testing.T, desk, hotel string) {
	t.Helper()
	row := bytes.Repeat([]byte{9, 250, 3, 77}, 128)
	l.found.bytes("the reference of a person", row[:12])
	device := fmt.Sprintf(`,"level":"full","device_algorithm":"ed25519","device_key":%q`,
		base64.StdEncoding.EncodeToString(l.device.Public().(ed25519.PublicKey)))
	issued := l.tell(t, desk, "POST", "/v1/credentials", l.world.document(t, "t-1", device), 201)
	id := credentialOf.FindStringSubmatch(issued)[1]
	l.tell(t, desk, "POST", "/v1/credentials", l.world.document(t, "t-1", device), 201)
	l.tell(t, desk, "POST", "/v1/credentials", l.world.document(t, "t-2", device), 409)
	l.tell(t, desk, "POST", "/v1/credentials", strings.Replace(l.world.document(t, "t-3", ""), "t-3", "t-4", 1), 422)
	l.tell(t, desk, "POST", "/v1/credentials", l.world.document(t, "t-5", `,"name":"`+canaryName+`"`), 400)

	probe := append([]byte{13}, row[1:]...)
	l.asksWithEvidence(t, hotel, id, "t-6", probe)
	stranger := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{5, 3, 77, 9}, 128))
	l.tell(t, desk, "POST", "/v1/verifications", fmt.Sprintf(`{"credential":%q,"probe_int8":%q}`, id, stranger), 200)
	l.tell(t, desk, "POST", "/v1/verifications", `{"credential":"`+canaryNumber+`","probe_int8":"`+stranger+`"}`, 400)
	of := "/v1/credentials/" + id
	l.tell(t, desk, "GET", of, "", 200)
	l.tell(t, desk, "GET", of+"/history", "", 200)
	l.tell(t, desk, "POST", of+"/lock", `{"factor":"face"}`, 200)
	l.tell(t, desk, "POST", of+"/unlock", `{"factor":"face"}`, 200)
	l.tell(t, desk, "GET", "/v1/credentials/"+canaryNumber, "", 404)
	l.tell(t, desk, "POST", of+"/report-loss", "", 200)
	next := credentialOf.FindStringSubmatch(l.tell(t, desk, "POST", "/v1/credentials", l.world.document(t, "t-7", `,"level":"full","issue":"card"`), 201))[1]
	l.tell(t, desk, "POST", "/v1/credentials/"+next+"/erase", "", 200)
}

// After the life of a credential under everything that a server can do, neither the name nor the number of its person, nor any
// secret of the server, of a party, a terminal or a device, is in an answer, to whomever, in the log at its most talkative, in
// the metrics, on the operator's socket, in the arguments or the environment of the process, in any file of the store or of a
// backup, or in a core file: there is none.
//
// FAULTS: B2 L11 Z11
func TestNothingOfAPersonLeavesTheProcess(t *testing.T) {
	t.Parallel()
	l := &watchedLife{world: newIssueWorld(t), found: canaries{}}
	l.found.text("the name", canaryName)
	l.found.text("the number", canaryNumber)
	l.terminal, l.device = l.newKey(t, "terminal"), l.newKey(t, "device")
	secrets := t.TempDir()
	server, desk, hotel := startWatched(t, l, secrets)
	l.lives(t, desk, hotel)
	l.opensSession(t, filepath.Join(secrets, "signer.pem"))
	l.found.secret(t, "the key that signs requests", filepath.Join(secrets, "signer.pem"))

	l.found.scan(t, "the answers", l.answers.Bytes())
	for _, path := range []string{"/log/checkpoint", "/.well-known/jwks.json", "/status-lists/0", "/readyz"} {
		l.found.scan(t, path, get(t, server.url+path))
	}
	for _, path := range []string{"/metrics", "/admin/stats", "/admin/limits", "/admin/relying-parties", "/debug/pprof/goroutine?debug=2"} {
		l.found.scan(t, path, []byte(overSocket(t, adminSocket(l.world.store), path)))
	}
	for _, file := range []string{"cmdline", "environ"} {
		if content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", server.cmd.Process.Pid, file)); err == nil {
			l.found.scan(t, file, content)
		}
	}
	backup := t.TempDir()
	mustRun(t, "backup", filepath.Join(backup, "backup"), "--store", l.world.store, "--keys-copy", filepath.Join(backup, "keys"))
	if files := l.found.scanFolder(t, l.world.store) + l.found.scanFolder(t, backup); files < 20 {
		t.Errorf("only %d files were read", files)
	}
	if err := server.cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	server.ended <- <-server.ended
	if server.notes.Len() < 1000 {
		t.Errorf("the log has %d bytes", server.notes.Len())
	}
	l.found.scan(t, "the log", server.notes.Bytes())
	if cores, _ := filepath.Glob("core*"); cores != nil {
		t.Errorf("core files: %v", cores)
	}
	l.found.scanFolder(t, l.world.store)
}
