package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	sdk "zhenni/holder"
	"zhenni/storage/sessions"
)

// enterService takes a face, and nothing beside it.
const enterService = `{"version":"ciba","services":[{
  "id": "door", "zh": "门", "en": "Door", "category": "access", "purposes": ["enter"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-5
}]}`

// remoteWorld is a server with TLS, two clients of OpenID Connect, one of them pinged, and the phone of one person.
type remoteWorld struct {
	t          *testing.T
	dir, store string
	server     *process
	started    []string
	http       *http.Client
	phone      *sdk.Phone
	issuer     string
	registry   string
	// pings are the bodies that the endpoint of the bank was told.
	pings chan string
}

func startRemote(t *testing.T) *remoteWorld {
	t.Helper()
	dir := t.TempDir()
	w := &remoteWorld{t: t, dir: dir, store: filepath.Join(dir, "store"), pings: make(chan string, 4)}
	cert, key := w.in("cert.pem"), w.in("tls.key")
	writeCertificate(t, cert, key)
	t.Setenv("SSL_CERT_FILE", cert) // the server trusts the endpoint of the bank by it
	authorities, pem := x509.NewCertPool(), readFile(t, cert)
	authorities.AppendCertsFromPEM(pem)
	w.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}, Timeout: 20 * time.Second}
	mustRun(t, "keys", "new-result-key", w.in("result.key"))
	mustRun(t, "keys", "new-pseudonym-root", w.in("pseudonyms.key"))
	write(t, w.in("services.json"), enterService)
	w.issuer = "https://" + freeAddress(t)
	w.started = []string{
		"--listen", strings.TrimPrefix(w.issuer, "https://"), "--issuer", w.issuer, "--tls-cert", cert, "--tls-key", key, "--create-key",
		"--result-key", w.in("result.key"), "--pseudonym-root", w.in("pseudonyms.key"), "--catalogue", w.in("services.json"),
		"--sessions", "make", "--ciba-ping", "bank=" + w.endpoint(cert, key) + "/ping",
	}
	w.server = startProcess(t, w.store, w.started...)
	for client, algorithm := range map[string]string{"hotel": "ed25519", "bank": "p256"} {
		write(t, w.in(client+".jwk"), mustRun(t, "rp", "keys", "new", w.in(client+".pem"), "--algorithm", algorithm))
		mustRun(t, "rp", "add", client, "--tenant", "1", "--role", "verifier", "--service", "door", "--jwks", w.in(client+".jwk"), "--store", w.store)
	}
	w.registry = strings.TrimSpace(mustRun(t, "rp", "add", "registry", "--tenant", "1", "--role", "issuer", "--store", w.store))
	w.enrol()
	return w
}

func (w *remoteWorld) in(name string) string { return filepath.Join(w.dir, name) }

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// endpoint is where the bank is told.
func (w *remoteWorld) endpoint(cert, key string) string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, rq *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(rq.Body, 1<<12))
		rw.WriteHeader(http.StatusNoContent)
		w.pings <- rq.Header.Get("Authorization") + " " + string(body)
	})}
	go func() { _ = server.ServeTLS(l, cert, key) }()
	w.t.Cleanup(func() { _ = server.Close() })
	return "https://" + l.Addr().String()
}

// ask sends a document and returns the answer.
func (w *remoteWorld) ask(path, field, value, document string, into any) {
	w.t.Helper()
	request, err := http.NewRequest("POST", w.issuer+path, strings.NewReader(document))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set(field, value)
	if document != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := w.http.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 || json.Unmarshal(text, into) != nil {
		w.t.Fatalf("%s: %d %s %v", path, response.StatusCode, text, err)
	}
}

// enrol gives the person of the phone a credential, and the credential the phone.
func (w *remoteWorld) enrol() {
	w.t.Helper()
	var err error
	if w.phone, err = sdk.NewPhone(zhenni.KeyEd25519); err != nil {
		w.t.Fatal(err)
	}
	var enrolled struct{ Credential zhenni.CredentialID }
	key := "Bearer " + w.registry
	w.ask("/v1/enrolments", "Authorization", key, fmt.Sprintf(`{"reference_float32":%q}`, face(0, -1)), &enrolled)
	w.phone.Credential = enrolled.Credential
	public, _ := w.phone.Public().Ed25519()
	w.ask("/v1/credentials/"+enrolled.Credential.String()+"/move-device", "Authorization", key,
		fmt.Sprintf(`{"to_algorithm":"ed25519","to_key":%q}`, base64.StdEncoding.EncodeToString(public)), &struct{}{})
}

// link is the token of a session's seat. A copy of the sessions stands in for the phone's inbox: it says what the server would.
func (w *remoteWorld) link(id zhenni.SessionID) zhenni.Session {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "sessions")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(w.store, "sessions"))); err != nil {
		w.t.Fatal(err)
	}
	root, err := keyFlags{}.root(w.store, false, &output{notes: io.Discard, results: io.Discard})
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := sessions.Key.Open(dir, root, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	store, err := sessions.Open(sessions.Options{Dir: dir, Key: key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	session, there := store.Session(id)
	if !there {
		w.t.Fatal("the session is not there")
	}
	return session
}

// confirm answers a request as the phone: it opens the seat, sees the message, and shows a face, of the holder or of another.
func (w *remoteWorld) confirm(request string, person int) {
	w.t.Helper()
	id, err := zhenni.ParseSessionID(request[:32])
	if err != nil {
		w.t.Fatal(err)
	}
	session := w.link(id)
	token := zhenni.SessionToken(sha256.Sum256([]byte(rand.Text())))
	shown, err := w.phone.Possession(sdk.Question{
		Credential: w.phone.Credential, Capture: sha256.Sum256(token[:]), Transaction: "session." + id.String() + ".0.open", Party: session.Party,
	}, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	seat := "/v1/sessions/" + id.String() + "/seats/0"
	var seen struct{ Kind, Message, Service string }
	w.ask(seat+"/open", "Session-Token", session.SeatToken(0).String(),
		fmt.Sprintf(`{"credential":%q,"phone":%q,"evidence":%q}`, w.phone.Credential, token, shown), &seen)
	if seen.Kind != "remote" || seen.Message != "W4-SCT" || seen.Service != "door" {
		w.t.Errorf("the phone shows %+v", seen)
	}
	for answered := (struct{ Outcome string }{"live"}); answered.Outcome == "live"; {
		w.ask(seat+"/answer", "Session-Token", token.String(), fmt.Sprintf(`{"probe_float32":%q}`, face(person, 1)), &answered)
	}
}

// stockClient is openid-client in a process of its own, of which each line is something that it came to know.
type stockClient struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	notes bytes.Buffer
}

// client starts the stock client of a party.
func (w *remoteWorld) client(packages, party, ping string) *stockClient {
	w.t.Helper()
	asked, err := json.Marshal(map[string]string{
		"issuer": w.issuer, "client": party, "key": w.in(party + ".pem"), "jwk": w.in(party + ".jwk"), "hint": w.phone.Credential.String(),
		"scope": "openid service:door purpose:enter", "message": "W4-SCT", "ping": ping,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	c := &stockClient{t: w.t, cmd: exec.Command("node", filepath.Join(packages, "client.mjs"), string(asked))}
	c.cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+w.in("cert.pem"))
	c.cmd.Stderr = &c.notes
	stdout, err := c.cmd.StdoutPipe()
	if err == nil {
		c.stdin, err = c.cmd.StdinPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	c.lines = bufio.NewScanner(stdout)
	w.t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	return c
}

// next is the next thing that the client says.
func (c *stockClient) next() (said struct {
	Issuer  string         `json:"issuer"`
	Request string         `json:"auth_req_id"`
	Claims  map[string]any `json:"claims"`
	Again   string         `json:"again"`
	Error   string         `json:"error"`
}) {
	c.t.Helper()
	if !c.lines.Scan() {
		_ = c.cmd.Wait()
		c.t.Fatalf("the client ended: %s", &c.notes)
	}
	c.t.Log("openid-client: ", c.lines.Text())
	if err := json.Unmarshal(c.lines.Bytes(), &said); err != nil {
		c.t.Fatal(err)
	}
	return said
}

// openid-client completes CIBA against zhenni serve with TLS: it discovers, proves itself by private_key_jwt with a key of either
// kind, asks, polls or is pinged, and takes the ID token, whose signature it verifies by the published keys; once. make ciba
// installs it and says where.
func TestStockClientCompletesCIBA(t *testing.T) {
	packages := os.Getenv("ZHENNI_OPENID_CLIENT")
	if packages == "" {
		t.Skip("ZHENNI_OPENID_CLIENT names no folder with openid-client: make ciba")
	}
	w := startRemote(t)
	names := map[string]bool{}
	for _, c := range []struct{ party, ping string }{{"hotel", ""}, {"bank", "8d67dc78-7faa-4d41-aabd-67707b374255"}} {
		stock := w.client(packages, c.party, c.ping)
		if said := stock.next(); said.Issuer != w.issuer {
			t.Fatalf("%+v", said)
		}
		request := stock.next().Request
		w.confirm(request, 0)
		if c.ping != "" {
			if told := <-w.pings; told != "Bearer "+c.ping+` {"auth_req_id":"`+request+`"}` {
				t.Errorf("the bank was told %q", told)
			}
			_, _ = io.WriteString(stock.stdin, "\n")
		}
		said := stock.next()
		if said.Claims["aud"] != c.party || said.Claims["iss"] != w.issuer || said.Claims["acr"] != "lite" || said.Claims["urn:openid:params:jwt:claim:auth_req_id"] != request {
			t.Fatalf("%+v", said)
		}
		names[fmt.Sprint(said.Claims["sub"])] = true
		if said := stock.next(); said.Again != "invalid_grant" {
			t.Errorf("collected again: %+v", said)
		}
	}
	if len(names) != 2 {
		t.Errorf("two clients know the person by %v", names)
	}
	stranger := w.client(packages, "hotel", "")
	stranger.next()
	w.confirm(stranger.next().Request, 1)
	if said := stranger.next(); said.Error != "access_denied" {
		t.Errorf("another's face: %+v", said)
	}
}
