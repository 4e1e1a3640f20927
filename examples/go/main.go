// Command go has what a relying party does in each flow, as one writes it against the HTTP API with the standard library alone: wire.go, and a
// file for each flow, which is to be copied with it.
//
//	go build -o flow ./examples/go && ./flow payment CREDENTIAL
//
// Exit status 0 is a yes, 1 a no, 2 that there is no answer; go run would make 1 of both. What the environment says is in
// examples/README.md.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
)

// flows are what there is an example of: what it takes, and what runs it.
var flows = map[string]struct {
	takes string
	least int
	run   func(args []string)
}{
	"verify":  {"CREDENTIAL PROBE", 2, verify},
	"bulk":    {"CREDENTIALS PROBES", 2, bulk},
	"counter": {"", 0, counter},
	"hotel":   {"PROBE", 1, hotel},
	"person":  {"CREDENTIAL", 1, person},
	"group":   {"QUORUM CREDENTIAL CREDENTIAL...", 2, group},
	"payment": {"CREDENTIAL", 1, payment},
	"life":    {"CREDENTIAL", 1, life},
	"kiosk":   {"CREDENTIAL PROBE", 2, kiosk},
	"remote":  {"CREDENTIAL", 1, remote},
}

func main() {
	if len(os.Args) > 1 {
		if flow, known := flows[os.Args[1]]; known && len(os.Args)-2 >= flow.least {
			flow.run(os.Args[2:])
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(flows)) {
		fmt.Fprintln(os.Stderr, "flow", name, flows[name].takes)
	}
	os.Exit(2)
}
