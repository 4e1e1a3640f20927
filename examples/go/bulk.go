package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// most is how many items a request takes.
const most = 65_536

// bulk asks many things in one request: NDJSON in, the outcomes in the same order out. A file has an id a line, the other as many vectors
// of float32, the least significant byte first. It is a no where some were not decided.
func bulk(args []string) {
	ids, err := os.ReadFile(args[0])
	if err != nil {
		fail(err)
	}
	credentials := strings.Fields(string(ids))
	clerk, transaction := byKey(), drawn() // keep it with the file before you send it: sent again, it gets the stored answer
	response := clerk.send("POST", "/v1/verification-batches", questions(credentials, args[1]), fields{
		"Content-Type": "application/x-ndjson", "Service": "door", "Purpose": "enter", "Idempotency-Key": quoted(transaction),
	})
	defer response.Body.Close()
	if said := clerk.check(response.Header.Get("Result")); said.Transaction != transaction || said.Items != len(credentials) {
		fail("the result is of another batch")
	}
	undecided, outcomes := 0, json.NewDecoder(io.LimitReader(response.Body, longestAnswer))
	for i, credential := range credentials {
		var answer struct {
			Item            int
			Outcome, Reason string
		}
		if err := outcomes.Decode(&answer); err != nil || answer.Item != i {
			fail("an outcome is missing:", i, err)
		}
		if answer.Outcome == "refused" {
			undecided++
		}
		fmt.Println(credential, answer.Outcome, answer.Reason)
	}
	if undecided > 0 {
		os.Exit(1)
	}
}

// questions are the lines of a batch.
func questions(credentials []string, path string) []byte {
	probes, err := os.ReadFile(path)
	if n := len(credentials); err != nil || n == 0 || n > most || len(probes)%n != 0 {
		fail("the probes are not as many as the credentials, or are more than one request takes:", err)
	}
	var body bytes.Buffer
	lines, size := json.NewEncoder(&body), len(probes)/len(credentials)
	for i, credential := range credentials {
		_ = lines.Encode(map[string]any{"item": i, "credential": credential, "probe_float32": probes[size*i : size*(i+1)]})
	}
	return body.Bytes()
}
