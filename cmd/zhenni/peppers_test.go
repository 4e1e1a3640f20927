package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// An operator who exchanged the pepper sees when nothing is under the old one: on the metrics, over a kill, and in the stopped store.
// Without the old one while a PIN is under it, that is said.
func TestPepperMayBeDropped(t *testing.T) {
	t.Parallel()
	c := &counter{issueWorld: newIssueWorld(t)}
	dir := filepath.Dir(c.store)
	old, next := filepath.Join(dir, "pins1.key"), filepath.Join(dir, "pins2.key")
	mustRun(t, "keys", "new-pepper", old)
	mustRun(t, "keys", "new-pepper", next, "--number", "2")
	var server *process
	serve := func(flags ...string) {
		t.Helper()
		server = startProcess(t, c.store, append(c.flags(), flags...)...)
		c.desk.url, c.hotel.url = server.url, server.url
	}
	sees := func(what string, want ...string) {
		t.Helper()
		text := ""
		for range 1000 { // the first count may be under way
			if text = overSocket(t, adminSocket(c.store), "/metrics"); strings.Contains(text, "\nzhenni_pins{") {
				break
			}
		}
		for _, line := range want {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("%s: the metrics have not %s", what, line)
			}
		}
	}
	stopped := func(want string) {
		t.Helper()
		if err := server.terminate(t); err != nil {
			t.Fatal(err)
		}
		if shown := strings.Join(strings.Fields(mustRun(t, "keys", "peppers", "--store", c.store, "--json")), ""); shown != want {
			t.Errorf("the stopped store: %s, want %s", shown, want)
		}
	}
	serve("--pin-pepper", old)
	c.addDesk(t)
	c.hotel.key = strings.TrimSpace(mustRun(t, "rp", "add", "hotel", "--store", c.store, "--tenant", "1", "--role", "verifier", "--service", "gov.household-registration"))
	id := c.issue(t, c.desk, "t-1", `,"level":"full"`, 201)
	c.setPIN(t, id, "p-1", canaryPIN, 200)
	server.kill(t)

	serve("--pin-pepper", next)
	sees("too early", `zhenni_pins{pepper="1"} 1`, `zhenni_pins{pepper="2"} 0`)
	stopped(`{"peppers":[{"pepper":1,"pins":1}]}`)
	if !strings.Contains(server.notes.String(), "under a pepper that is not held") {
		t.Error("that the old pepper is still wanted is not said")
	}

	serve("--pin-pepper", next, "--pin-pepper-before", old)
	sees("exchanged", `zhenni_pins{pepper="1"} 1`, `zhenni_pins{pepper="2"} 0`)
	if got := c.enter(t, id, "v-1", canaryPIN); got != "match" {
		t.Error(got)
	}
	stopped(`{"peppers":[{"pepper":2,"pins":1}]}`)

	serve("--pin-pepper", next, "--pin-pepper-before", old)
	sees("used", `zhenni_pins{pepper="1"} 0`, `zhenni_pins{pepper="2"} 1`)
	server.kill(t)
	serve("--pin-pepper", next)
	if got := c.enter(t, id, "v-2", canaryPIN); got != "match" {
		t.Errorf("with the old one dropped: %s", got)
	}
}
