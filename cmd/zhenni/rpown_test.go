package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A relying party rotates its own keys from the command line, over the public address: it shows that it has the next one, the one before
// is taken in grace, and one that others have seen is not taken from the answer on. Nobody adds a key that signs for somebody else.
//
// FAULTS: A15
func TestOwnKeys(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key")
	old, public := keyPair(t, "old")
	mustRun(t, "rp", "add", "hotel", "--store", store, "--tenant", "1", "--role", "verifier", "--jwks", public)
	own := func(by string, args ...string) []string {
		flags := []string{"rp", "keys", "own", args[0], "--url", server.url, "--signing-key-file", by}
		if args[0] == "retire" {
			flags = append(append(flags, args[2:]...), "--", args[1]) // an id may begin with a dash
			return flags
		}
		return append(flags, args[1:]...)
	}
	kid := func(public string) string {
		text, err := os.ReadFile(public)
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`"kid":"([^"]*)"`).FindStringSubmatch(string(text))[1]
	}
	has := func(by string, want ...string) {
		t.Helper()
		shown := mustRun(t, own(by, "list")...)
		for _, id := range want {
			if !strings.Contains(shown, id) {
				t.Errorf("%s is not there:\n%s", id, shown)
			}
		}
		if strings.Count(strings.TrimSpace(shown), "\n") != len(want) {
			t.Errorf("want %d keys:\n%s", len(want), shown)
		}
	}
	next, nextPublic := filepath.Join(t.TempDir(), "next.pem"), filepath.Join(t.TempDir(), "next.jwk")
	write(t, nextPublic, mustRun(t, "rp", "keys", "new", next, "--algorithm", "p256"))
	has(old, kid(public))
	if shown := mustRun(t, own(old, "add", next, "--replace", "--grace", "1h")...); !strings.Contains(shown, "open") || strings.Count(shown, "Z\n") != 1 {
		t.Errorf("one is retired:\n%s", shown)
	}
	has(old, kid(public), kid(nextPublic))
	server.kill(t)
	server = startProcess(t, store)
	has(next, kid(public), kid(nextPublic))
	mustRun(t, own(next, "retire", kid(public), "--grace", "0s")...)
	for want, cases := range map[int][][]string{
		exitUsage: {
			own(next, "add", nextPublic), own(next, "retire", "no-key"), own(next, "retire", "../../parties"),
			{"rp", "keys", "own", "retire", "--url", server.url, "--", kid(public)},
		},
		exitNotSo: {own(next, "retire", strings.Repeat("A", 43))},
	} {
		for _, args := range cases {
			if code, _, notes := runCommand(t, args...); code != want {
				t.Errorf("%q: exit code %d, want %d: %s", args, code, want, notes)
			}
		}
	}
}
