package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni/gateway/webhook"
)

// hook is a TLS server that takes messages.
type hook struct {
	*httptest.Server
	ca string
	// got has every message that came, and answers what each is answered.
	got     chan message
	answers chan int
}

type message struct {
	id, stamp, signature string
	body                 []byte
}

func startHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{got: make(chan message, 16), answers: make(chan int, 16), ca: filepath.Join(t.TempDir(), "ca.pem")}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		h.got <- message{q.Header.Get(webhook.FieldID), q.Header.Get(webhook.FieldTimestamp), q.Header.Get(webhook.FieldSignature), body}
		w.WriteHeader(<-h.answers)
	}))
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.StartTLS()
	t.Cleanup(h.Close)
	t.Cleanup(func() { close(h.answers) }) // whoever still waits is answered
	if err := os.WriteFile(h.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// next is the next message, which the secret signed.
func (h *hook) next(t *testing.T, secret webhook.Secret) message {
	t.Helper()
	select {
	case m := <-h.got:
		if err := webhook.Verify(m.id, m.stamp, m.signature, m.body, time.Now(), secret); err != nil {
			t.Error(err)
		}
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("no message in half a minute")
		return message{}
	}
}

// ask posts a document of a party and returns a member of the answer.
func ask(t *testing.T, url, key, document, member string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	if document != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s %v", url, response.StatusCode, body, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	text, _ := answer[member].(string)
	return text
}

// endSession begins a session and takes it back: one that has ended.
func endSession(t *testing.T, url, key string) string {
	t.Helper()
	id := ask(t, url+"/v1/sessions", key, `{"kind":"counter","service":"gov.household-move","purpose":"apply"}`, "session")
	if outcome := ask(t, url+"/v1/sessions/"+id+"/cancel", key, "", "outcome"); outcome != "cancelled" {
		t.Fatal(outcome)
	}
	return id
}

// The server is killed with a message in hand that nobody answered: after a restart it comes again, once, under the same id, and not
// after another.
//
// FAULTS: C10 C11
func TestWebhookSurvivesAKill(t *testing.T) {
	t.Parallel()
	h, store := startHook(t), filepath.Join(t.TempDir(), "store")
	flags := []string{"--sessions", "make", "--webhook-allow", "127.0.0.0/8", "--webhook-ca", h.ca}
	first := startProcess(t, store, append(flags, "--create-key")...)
	key := strings.TrimSpace(mustRun(t, "rp", "add", "office", "--store", store, "--tenant", "1", "--role", "verifier", "--service", "gov.household-move"))
	written := strings.TrimSpace(mustRun(t, "rp", "webhook", "set", "office", h.URL+"/hook", "--store", store, "--event", "session.ended"))
	secret, err := webhook.ParseSecret(written)
	if err != nil {
		t.Fatal(err)
	}
	id := endSession(t, first.url, key)
	before := h.next(t, secret)
	first.kill(t)
	h.answers <- 200 // nobody hears

	second := startProcess(t, store, flags...)
	again := h.next(t, secret)
	h.answers <- 204
	if again.id != before.id || !bytes.Equal(again.body, before.body) || !strings.Contains(string(again.body), id) {
		t.Errorf("%s %s, then %s %s", before.id, before.body, again.id, again.body)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(readMetrics(t, store), `zhenni_webhook_messages_total{event="delivered"} 1`) {
		<-tick.C // the test ends with its deadline
	}
	second.kill(t)

	third := startProcess(t, store, flags...)
	other := endSession(t, third.url, key)
	h.answers <- 204
	if m := h.next(t, secret); m.id == before.id || !strings.Contains(string(m.body), other) {
		t.Errorf("told again of what was taken: %s", m.body)
	}
	if err := third.terminate(t); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(third.notes.Bytes(), []byte(written)) || bytes.Contains(first.notes.Bytes(), []byte(written)) {
		t.Error("the log shows a secret")
	}
}

// readMetrics reads the metrics on the operator's socket.
func readMetrics(t *testing.T, store string) string {
	t.Helper()
	admin := newAdminClient(adminSocket(store))
	response, err := admin.http.Get("http://admin/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What an operator does with a webhook, from its first message to its last.
func TestOperatorKeepsWebhooks(t *testing.T) {
	t.Parallel()
	h, store := startHook(t), filepath.Join(t.TempDir(), "store")
	first := startProcess(t, store, "--create-key", "--sessions", "make", "--webhook-allow", "127.0.0.0/8", "--webhook-ca", h.ca)
	mustRun(t, "rp", "add", "office", "--store", store, "--tenant", "1", "--role", "verifier")
	for _, args := range [][]string{{"show"}, {"test"}, {"remove"}, {"dead-letters"}, {"redeliver"}} {
		args = append([]string{"rp", "webhook", args[0], "office"}, "--store", store)
		if args[2] == "redeliver" {
			args = append(args, "msg_0")
		}
		if code, _, notes := runCommand(t, args...); code != exitNotSo {
			t.Errorf("%q: exit code %d, %s", args, code, notes)
		}
	}
	for _, bad := range [][]string{
		{"office", "http://example.com/"}, {"office", "https://10.0.0.1/"}, {"office", "https://169.254.169.254/latest"},
		{"office", h.URL, "--event", "session.waiting"}, {"office", h.URL, "--host", "b.example/c"},
	} {
		args := append([]string{"rp", "webhook", "set", "--store", store}, bad...)
		if code, _, notes := runCommand(t, args...); code != exitUsage {
			t.Errorf("%q: exit code %d, %s", args, code, notes)
		}
	}
	written := strings.TrimSpace(mustRun(t, "rp", "webhook", "set", "office", h.URL+"/hook", "--store", store))
	secret, err := webhook.ParseSecret(written)
	if err != nil {
		t.Fatal(err)
	}
	h.answers <- 200
	mustRun(t, "rp", "webhook", "test", "office", "--store", store)
	h.next(t, secret)
	h.answers <- 500
	if code, _, _ := runCommand(t, "rp", "webhook", "test", "office", "--store", store); code != exitNotSo {
		t.Errorf("a message that is not taken: exit code %d", code)
	}
	if shown := mustRun(t, "rp", "webhook", "show", "office", "--store", store, "--json"); !strings.Contains(shown, h.URL) || strings.Contains(shown, "whsec_") {
		t.Error(shown)
	}
	mustRun(t, "rp", "webhook", "remove", "office", "--store", store)
	if err := first.terminate(t); err != nil {
		t.Fatal(err)
	}
}
