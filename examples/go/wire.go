package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

var server = cmp.Or(os.Getenv("ZHENNI_URL"), "http://127.0.0.1:8080")

const (
	// patience is how long a request is sent again while that may help.
	patience = time.Minute
	// longestAnswer is how many bytes of an answer are read.
	longestAnswer = 1 << 24
)

// client gives up on who is silent. What follows a session is cut after ten minutes, and goes on.
var client = &http.Client{Transport: patient(), Timeout: 10 * time.Minute}

func patient() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 45 * time.Second
	return transport
}

// fail says why there is no answer.
func fail(why ...any) {
	fmt.Fprintln(os.Stderr, why...)
	os.Exit(2)
}

// setting returns what a variable says: an empty one would leave what it says unchecked.
func setting(variable string) string {
	value := os.Getenv(variable)
	if value == "" {
		fail(variable, "is not set")
	}
	return value
}

// read returns what is in the file that a variable names.
func read(variable string) string {
	text, err := os.ReadFile(setting(variable))
	if err != nil {
		fail(variable+":", err)
	}
	return strings.TrimSpace(string(text))
}

// caller is a relying party.
type caller struct {
	party string
	// prove says in a request who asks, each time that it is sent.
	prove func(request *http.Request, body []byte)
}

// byKey is the party of an API key, zk_PARTY_SECRET.
func byKey() *caller {
	key := read("ZHENNI_API_KEY_FILE")
	party, is := strings.CutPrefix(key[:max(0, len(key)-44)], "zk_")
	if !is || party == "" {
		fail("ZHENNI_API_KEY_FILE: no API key")
	}
	return &caller{party, func(request *http.Request, _ []byte) { request.Header.Set("Authorization", "Bearer "+key) }}
}

// fields are those of a head, beside who asks.
type fields map[string]string

// once names what is asked, so that it is asked once, however often it is sent.
func once(transaction string) fields { return fields{"Idempotency-Key": quoted(transaction)} }

func quoted(text string) string { return `"` + text + `"` }

// drawn is a transaction that nobody used.
func drawn() string { return strings.ToLower(rand.Text()) }

// send does a request, again while that may help, and returns the answer.
func (c *caller) send(method, path string, body []byte, head fields) *http.Response {
	response, refused := c.try(method, path, body, head)
	if refused != "" {
		fail(method, path, refused)
	}
	return response
}

// try is send, and returns why there is no answer; the response is then none or one that is read. What was lost on the way may have
// arrived: the same Idempotency-Key gets the same answer.
func (c *caller) try(method, path string, body []byte, head fields) (*http.Response, string) {
	for until := time.Now().Add(patience); ; {
		request, err := http.NewRequest(method, server+path, bytes.NewReader(body))
		if err != nil {
			fail(err)
		}
		for name, value := range head {
			request.Header.Set(name, value)
		}
		c.prove(request, body)
		response, err := client.Do(request)
		if err == nil && response.StatusCode < 400 {
			return response, ""
		}
		why, pause := fmt.Sprint(err), 1
		if err == nil {
			problem, _ := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
			_ = response.Body.Close()
			why, pause = response.Status+" "+string(problem), retryAfter(response)
			if !bytes.Contains(problem, []byte(`"retryable":true`)) {
				until = time.Time{}
			}
		}
		if time.Until(until) < time.Duration(pause)*time.Second {
			return response, why
		}
		time.Sleep(time.Duration(pause) * time.Second)
	}
}

func retryAfter(response *http.Response) int {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil {
		return 1
	}
	return seconds
}

// ask sends a document, nil for none, and reads the one that answers.
func (c *caller) ask(method, path string, document, answer any, head fields) {
	var body []byte
	if document != nil {
		body, _ = json.Marshal(document) // texts and numbers have a written form
		if head == nil {
			head = fields{}
		}
		head["Content-Type"] = "application/json"
	}
	readDocument(c.send(method, path, body, head), answer)
}

func readDocument(response *http.Response, answer any) {
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, longestAnswer)).Decode(answer); err != nil {
		fail(response.Request.URL.Path, err)
	}
}

// session is one as who asks sees it. Which fields it has is told by its kind.
type session struct {
	Session, Outcome string
	Confirmed        bool
	Opened, Answered int
	Links, Seats     []string
	Code, Next       string
	CodeRight        bool   `json:"code_right"`
	SharedWaiting    bool   `json:"shared_waiting"`
	QRKey            string `json:"qr_key"`
	AskerToken       string `json:"asker_token"`
	Now              time.Time
	Transaction      string // names the next capture
	Results          []string
}

func (s *session) path() string { return "/v1/sessions/" + s.Session }

// step brings the next thing to a session. What was lost on the way may have arrived, and is refused then: the session says how it is.
func (c *caller) step(s *session, what string, document any, head fields) {
	body, _ := json.Marshal(document) // texts and numbers have a written form
	head["Content-Type"] = "application/json"
	response, refused := c.try("POST", s.path()+what, body, head)
	switch {
	case refused == "":
		readDocument(response, s)
	case response != nil && response.StatusCode == http.StatusConflict:
		c.ask("GET", s.path(), nil, s, nil)
	default:
		fail(what, refused)
	}
}

// follow hears a session as it is, and whenever it changes, until it has its outcome, by server-sent events.
func (c *caller) follow(s *session, heard func()) {
	for has := ""; s.Outcome == "live"; {
		response := c.send("GET", s.path()+"/events", nil, fields{"Last-Event-ID": has})
		id := ""
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if name, is := strings.CutPrefix(lines.Text(), "id: "); is {
				id = name
			}
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is && json.Unmarshal([]byte(data), s) == nil {
				has = id // what was cut before its end was not heard
				heard()
			}
		}
		_ = response.Body.Close()
	}
}

// ended says how a session ended, once the signed result of each who was confirmed holds, and so many are there.
func (c *caller) ended(s *session, wanted int, bound ...string) {
	if !s.Confirmed {
		fmt.Println("not confirmed:", s.Outcome)
		os.Exit(1)
	}
	c.ask("GET", s.path()+"/results", nil, s, nil)
	yes := map[string]bool{}
	for _, result := range s.Results {
		if said := c.check(result, append(bound, "--session", s.Session)...); said.Outcome == "match" {
			yes[said.Transaction] = true
		}
	}
	if len(yes) < wanted {
		fail("the results say otherwise than the session")
	}
	fmt.Println("confirmed")
}

// said is what a signed result says.
type said struct {
	Outcome, Transaction string
	Items                int
}

// check has the signature of a result checked, and by whom, for whom and of what it is. A program of this module may ask zhenni/receipt.
func (c *caller) check(result string, bound ...string) (s said) {
	args := []string{
		"verify-result", "--json", "--jwks", setting("ZHENNI_JWKS"), "--issuer", setting("ZHENNI_RESULT_ISSUER"), "--audience", c.party, "-",
	}
	command := exec.Command("zhenni", append(args, bound...)...)
	command.Stdin, command.Stderr = strings.NewReader(result), os.Stderr
	text, err := command.Output()
	if err != nil || json.Unmarshal(text, &s) != nil {
		fail("the result does not hold:", err)
	}
	return s
}
