package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/gateway/httpsig"
	"zhenni/identity"
)

// lifeWorld is a server in a process of its own, the parties around one person, and the transcript of what they do.
type lifeWorld struct {
	issueWorld
	t       *testing.T
	server  *process
	started []string // flags of the server
	keys    map[string]string
	bank    *httpsig.Signer // signs the requests of the party bank, which has no API key
	sent    int             // transactions so far
	names   []string        // ids of credentials, each followed by what the transcript calls it
}

// The tenants of the world: the credentials, and the references that the registry holds.
const (
	lifeTenant      = "1"
	referenceTenant = "9"
)

// walletService asks for the device beside the face.
const walletService = `{"version":"life","services":[{
  "id": "wallet", "zh": "钱包", "en": "Wallet", "category": "payment", "purposes": ["pay"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": true, "fmr": 1e-5
}]}`

// startLife makes the secrets, starts the server and adds the parties, all by the command line.
func startLife(t *testing.T, flags ...string) *lifeWorld {
	w := &lifeWorld{issueWorld: newIssueWorld(t), t: t, keys: map[string]string{}}
	catalogue, pem := w.beside("services.json"), w.beside("bank.pem")
	write(t, catalogue, walletService)
	w.started = append(w.flags(), append(flags, "--catalogue", catalogue, "--reference-tenant", lifeTenant+"="+referenceTenant)...)
	w.server = startProcess(t, w.store, w.started...)
	w.say("zhenni serve --reference-tenant %s=%s", lifeTenant, referenceTenant)
	for _, p := range [][]string{
		{"registry", "--tenant", referenceTenant, "--role", "issuer"},
		{"app", "--tenant", lifeTenant, "--role", "issuer"},
		{"desk", "--tenant", lifeTenant, "--role", "terminal"},
		{"clerk", "--tenant", lifeTenant, "--role", "verifier"},
		{"wallet", "--tenant", lifeTenant, "--role", "verifier", "--service", "wallet"},
	} {
		w.keys[p[0]] = strings.TrimSpace(w.command(append([]string{"rp", "add"}, p...)...))
	}
	write(t, w.beside("bank.jwk"), mustRun(t, "rp", "keys", "new", pem))
	w.command("rp", "add", "bank", "--tenant", lifeTenant, "--role", "verifier", "--jwks", w.beside("bank.jwk"))
	document, err := os.ReadFile(pem)
	if err != nil {
		t.Fatal(err)
	}
	if w.bank, err = httpsig.ParseSigner(document); err != nil {
		t.Fatal(err)
	}
	return w
}

// beside is a file or folder beside the store.
func (w *lifeWorld) beside(name string) string { return filepath.Join(filepath.Dir(w.store), name) }

// command runs a command of zhenni on the store of the world.
func (w *lifeWorld) command(args ...string) string {
	w.t.Helper()
	w.say("zhenni %s", strings.ReplaceAll(strings.Join(args, " "), filepath.Dir(w.store)+"/", ""))
	return mustRun(w.t, append(args, "--store", w.store)...)
}

// say adds a line to the transcript.
func (w *lifeWorld) say(format string, args ...any) { fmt.Fprintf(w.t.Output(), format+"\n", args...) }

// restart kills the server where it still runs, and starts it again.
func (w *lifeWorld) restart() {
	w.t.Helper()
	w.server.kill(w.t)
	w.server = startProcess(w.t, w.store, w.started...)
}

// A lifeQuestion is a request that may be sent again.
type lifeQuestion struct {
	party, method, path, body, transaction string
	about                                  string // what the transcript says of the body
}

// next is a question under a transaction of its own.
func (w *lifeWorld) next(party, method, path string) lifeQuestion {
	w.sent++
	return lifeQuestion{party: party, method: method, path: path, transaction: fmt.Sprintf("t-%d", w.sent)}
}

// try sends a question; wrote is called once it is on its way.
func (w *lifeWorld) try(q lifeQuestion, wrote func()) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(w.t.Context(), q.method, w.server.url+q.path, strings.NewReader(q.body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Transaction-Id", q.transaction)
	if q.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if key := w.keys[q.party]; key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	} else if err := w.sign(q, request); err != nil {
		return 0, "", err
	}
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { wrote() }}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

// sign signs a request as the bank, with a nonce of its own.
func (w *lifeWorld) sign(q lifeQuestion, request *http.Request) error {
	r := &httpsig.Request{
		Method: []byte(q.method), Authority: []byte(request.URL.Host), Path: []byte(q.path), Body: []byte(q.body),
		Fields: []httpsig.Field{
			{Name: "content-type", Value: []byte(request.Header.Get("Content-Type"))},
			{Name: "transaction-id", Value: []byte(q.transaction)},
		},
	}
	if err := w.bank.Sign(r, httpsig.Stamp{Created: time.Now(), Nonce: rand.Text()}); err != nil {
		return err
	}
	for name, value := range map[string][]byte{
		"Content-Digest": r.ContentDigest, "Signature-Input": r.SignatureInput, "Signature": r.Signature,
	} {
		if len(value) > 0 {
			request.Header.Set(name, string(value))
		}
	}
	return nil
}

// ask sends a question and returns the answer, which has to have a status and a text in it.
func (w *lifeWorld) ask(q lifeQuestion, want int, says string) string {
	w.t.Helper()
	status, text, err := w.try(q, func() {})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.heard(q, "", status, text, want, says)
}

// insist sends a question, kills the server as soon as it is written, and sends it twice more to the one that is started
// then: whatever became of the first, all answers that came are one.
func (w *lifeWorld) insist(q lifeQuestion, want int, says string) string {
	w.t.Helper()
	written, answered := make(chan struct{}), make(chan string, 1)
	go func() {
		var once sync.Once
		status, text, err := w.try(q, func() { once.Do(func() { close(written) }) })
		if err != nil {
			text, status = "", 0
		}
		answered <- fmt.Sprint(status, text)
	}()
	select {
	case <-written:
	case first := <-answered:
		w.t.Fatalf("not sent: %s", first)
	}
	w.server.kill(w.t)
	first := <-answered
	w.server = startProcess(w.t, w.store, w.started...)
	status, text, err := w.try(q, func() {})
	again, same, failed := w.try(q, func() {})
	if err != nil || failed != nil || again != status || same != text || first != "0" && first != fmt.Sprint(status, text) {
		w.t.Fatalf("%s %s: before the kill %s, after it %d %s (%v), then %d %s (%v)", q.method, q.path, first, status, text, err, again, same, failed)
	}
	return w.heard(q, "kill -9, sent again: ", status, text, want, says)
}

// heard tells of an answer, holds it to what it has to be and returns the id of the credential that is in it.
func (w *lifeWorld) heard(q lifeQuestion, how string, status int, text string, want int, says string) (id string) {
	w.t.Helper()
	if found := credentialOf.FindStringSubmatch(text); found != nil {
		id = found[1]
	}
	asked := strings.NewReplacer(w.names...).Replace(strings.TrimSuffix(q.method+" "+q.path+" ("+q.about, " ("))
	if q.about != "" {
		asked += ")"
	}
	w.say("   %-8s %s -> %s%d %s", q.party, asked, how, status, told(w.t, text))
	if status != want || !strings.Contains(text, says) {
		w.t.Fatalf("%s %s: want %d %s: %s", q.method, q.path, want, says, text)
	}
	return id
}

// told is what the transcript shows of an answer.
func told(t *testing.T, text string) string {
	var members map[string]any
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	words := []string{}
	for _, name := range []string{"code", "level", "status", "locked", "outcome", "reason"} {
		numbered := name == "status" && members["code"] != nil
		asked := name == "level" && members["outcome"] != nil // the service's
		if word := members[name]; word != nil && !numbered && !asked {
			words = append(words, fmt.Sprint(word))
		}
	}
	return strings.Join(words, " ")
}

// name gives a credential what the transcript calls it.
func (w *lifeWorld) name(id, name string) string {
	w.names = append(w.names, id, name)
	return id
}

// face is a capture of a person, base64 of float32; no two samples are alike, and sample -1 is the photograph.
func face(person, sample int) string {
	return base64.StdEncoding.EncodeToString(faceBytes(person, sample))
}

func faceBytes(person, sample int) []byte {
	embedding := make([]float32, people.Dim)
	if sample < 0 {
		people.Reference(person, embedding)
	} else {
		people.Probe(person, sample, embedding)
	}
	raw := make([]byte, 0, 4*len(embedding))
	for _, x := range embedding {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return raw
}

// device is the key of a device of the person.
func device(n byte) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{n})
	return ed25519.NewKeyFromSeed(seed[:])
}

// deviceFields are the two fields of a device's key, under a prefix.
func deviceFields(prefix string, n byte) string {
	public := device(n).Public().(ed25519.PublicKey)
	return fmt.Sprintf(`"%[1]salgorithm":"ed25519","%[1]skey":%[2]q`, prefix, base64.StdEncoding.EncodeToString(public))
}

// issued is an issue of a party to the person, with more fields.
func (w *lifeWorld) issued(party, about, fields string) lifeQuestion {
	w.t.Helper()
	q := w.next(party, "POST", "/v1/credentials")
	q.about, q.body = about, w.sealed(q, canaryNumber, fields)
	return q
}

// sealed is the body of an issue to the person of an ID number, with more fields.
func (w *lifeWorld) sealed(q lifeQuestion, number, fields string) string {
	w.t.Helper()
	sealed, err := identity.Seal(w.to, canaryName, number, q.party+"/"+q.transaction)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf(`{"identity":%q,"region":"330100",%s}`, sealed, fields)
}

// shown is a verification by the face of a person.
func (w *lifeWorld) shown(party, id string, person int) lifeQuestion {
	q := w.next(party, "POST", "/v1/verifications")
	q.about = id + ", face of " + personName[person]
	q.body = fmt.Sprintf(`{"credential":%q,"probe_float32":%q}`, id, face(person, w.sent))
	return q
}

// paid is a verification by the wallet, which a device signs too.
func (w *lifeWorld) paid(id string, by byte) lifeQuestion {
	w.t.Helper()
	q := w.next("wallet", "POST", "/v1/verifications")
	subject, err := zhenni.ParseCredentialID(id)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := evidence.Sign(evidence.Claims{
		Kind: evidence.Possession, Subject: subject, Capture: sha256.Sum256(faceBytes(holder, w.sent)),
		Transaction: q.transaction, Party: q.party, IssuedAt: time.Now().Unix(),
	}, device(by))
	if err != nil {
		w.t.Fatal(err)
	}
	q.about = fmt.Sprintf("%s, face of holder, device %d", id, by)
	q.body = fmt.Sprintf(`{"credential":%q,"probe_float32":%q,"service":"wallet","purpose":"pay","evidence":[%q]}`, id, face(holder, w.sent), token)
	return q
}
