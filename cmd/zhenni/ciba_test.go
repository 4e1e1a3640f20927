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
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway/webhook"
	sdk "zhenni/holder"
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
		"--webhook-allow", "127.0.0.0/8", "--webhook-ca", cert,
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

// waiting is what the phone finds in its inbox, which it asks for by a nonce that its device signs.
func (w *remoteWorld) waiting() (items []waitingItem) {
	w.t.Helper()
	nonce := strings.ToLower(rand.Text())
	shown, err := w.phone.Possession(sdk.Question{
		Credential: w.phone.Credential, Capture: sha256.Sum256([]byte(nonce)), Transaction: "inbox." + nonce, Party: "holder",
	}, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	var inbox struct{ Sessions []waitingItem }
	w.ask("/v1/holder/sessions", "Accept", "application/json",
		fmt.Sprintf(`{"credential":%q,"evidence":%q,"nonce":%q}`, w.phone.Credential, shown, nonce), &inbox)
	return inbox.Sessions
}

// waitingItem is a session in an inbox, and the link by which its seat is opened.
type waitingItem struct{ Kind, Party, Service, Purpose, Link string }

// confirm answers the one request that waits for the phone, which a party made: it finds it in the inbox, opens the seat, sees the
// message, and shows a face, of the holder or of another. Nothing waits after it.
func (w *remoteWorld) confirm(party string, person int) {
	w.t.Helper()
	items := w.waiting()
	if len(items) != 1 || items[0].Kind != "remote" || items[0].Party != party || items[0].Service != "door" || items[0].Purpose != "enter" {
		w.t.Fatalf("the inbox has %+v", items)
	}
	link := strings.Split(items[0].Link, ".")
	if len(link) != 3 {
		w.t.Fatalf("the link is %q", items[0].Link)
	}
	token := zhenni.SessionToken(sha256.Sum256([]byte(rand.Text())))
	shown, err := w.phone.Possession(sdk.Question{
		Credential: w.phone.Credential, Capture: sha256.Sum256(token[:]), Transaction: "session." + link[0] + "." + link[1] + ".open", Party: items[0].Party,
	}, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	seat := "/v1/sessions/" + link[0] + "/seats/" + link[1]
	var seen struct{ Kind, Message, Service string }
	w.ask(seat+"/open", "Session-Token", link[2],
		fmt.Sprintf(`{"credential":%q,"phone":%q,"evidence":%q}`, w.phone.Credential, token, shown), &seen)
	if seen.Kind != "remote" || seen.Message != "W4-SCT" || seen.Service != "door" {
		w.t.Errorf("the phone shows %+v", seen)
	}
	for answered := (struct{ Outcome string }{"live"}); answered.Outcome == "live"; {
		w.ask(seat+"/answer", "Session-Token", token.String(), fmt.Sprintf(`{"probe_float32":%q}`, face(person, 1)), &answered)
	}
	if items := w.waiting(); len(items) != 0 {
		w.t.Errorf("after the answer the inbox has %+v", items)
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
		w.confirm(c.party, 0)
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
	stranger.next()
	w.confirm("hotel", 1)
	if said := stranger.next(); said.Error != "access_denied" {
		t.Errorf("another's face: %+v", said)
	}
}

// Where clients are pinged is looked at before the server serves: an address inside is refused, but for a network that is allowed.
func TestPingEndpointsAreOutside(t *testing.T) {
	many := cibaFlags{}
	for i := range 257 {
		many.CIBAPing = append(many.CIBAPing, fmt.Sprintf("p%d=https://bank.example/ping", i))
	}
	inside := webhook.ClientConfig{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for name, c := range map[string]struct {
		flags cibaFlags
		reach webhook.ClientConfig
		says  string
	}{
		"private":      {cibaFlags{[]string{"bank=https://10.1.2.3/ping"}}, webhook.ClientConfig{}, "not public"},
		"metadata":     {cibaFlags{[]string{"bank=https://169.254.169.254/latest"}}, inside, "not public"},
		"another":      {cibaFlags{[]string{"bank=https://10.2.0.1/ping"}}, inside, "not public"},
		"plain":        {cibaFlags{[]string{"bank=http://bank.example/ping"}}, inside, "https"},
		"user":         {cibaFlags{[]string{"bank=https://a:b@bank.example/ping"}}, inside, "no user"},
		"twice":        {cibaFlags{[]string{"bank=https://bank.example/a", "bank=https://bank.example/b"}}, inside, "each party once"},
		"too many":     {many, inside, "at most 256"},
		"allowed":      {cibaFlags{[]string{"bank=https://10.1.2.3/ping", "hotel=https://hotel.example/ping"}}, inside, ""},
		"public, none": {cibaFlags{}, webhook.ClientConfig{}, ""},
	} {
		got, err := c.flags.ciba("https://zhenni.example", c.reach)
		if c.says == "" && (err != nil || len(got.ping) != len(c.flags.CIBAPing)) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
