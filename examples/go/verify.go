package main

import (
	"fmt"
	"os"
)

// verify asks one thing: is this probe the person behind this credential? A probe is a file of float32, the least significant byte first.
func verify(args []string) {
	probe, err := os.ReadFile(args[1])
	if err != nil {
		fail(err)
	}
	clerk, transaction := byKey(), drawn() // keep it with your own case before you send it: whoever asks again asks once
	var answer struct{ Outcome, Reason, Result string }
	clerk.ask("POST", "/v1/verifications", map[string]any{
		"credential": args[0], "probe_float32": probe, "service": "door", "purpose": "enter",
	}, &answer, once(transaction))
	if answer.Outcome == "refused" {
		fail("no verdict:", answer.Reason)
	}
	if said := clerk.check(answer.Result); said.Transaction != transaction || said.Outcome != answer.Outcome {
		fail("the result is of another verification")
	}
	fmt.Println(answer.Outcome)
	if answer.Outcome != "match" {
		os.Exit(1)
	}
}
