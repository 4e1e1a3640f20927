package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// freeAddress is an address that nobody listens on, of those that no system gives to whoever asks for any.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("there is no free port from 20000 to 32000")
	return ""
}

// keyPair makes a key with the command for it, and returns the files of both halves.
func keyPair(t *testing.T, name string) (private, public string) {
	t.Helper()
	dir := t.TempDir()
	private, public = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".jwk")
	if err := os.WriteFile(public, []byte(mustRun(t, "rp", "keys", "new", private)), 0o600); err != nil {
		t.Fatal(err)
	}
	return private, public
}

// An operator whom the socket knows keeps parties over HTTP, by the same commands; what it changes outlives the server, which shows
// nothing of it on its public address.
//
// FAULTS: Z9
func TestPartiesOverHTTP(t *testing.T) {
	t.Parallel()
	store, address := filepath.Join(t.TempDir(), "store"), freeAddress(t)
	server := startProcess(t, store, "--create-key", "--operator-listen", address)
	private, public := keyPair(t, "ops")
	mustRun(t, "rp", "add", "ops", "--store", store, "--tenant", "4", "--role", "operator", "--jwks", public)
	rp := func(args ...string) []string {
		return append(append([]string{"rp"}, args...), "--store", store, "--operator-url", "http://"+address, "--operator-key", private)
	}
	_, one := keyPair(t, "one")
	_, two := keyPair(t, "two")
	mustRun(t, rp("add", "hotel", "--tenant", "4", "--role", "verifier", "--jwks", one, "--service", "check-in", "--sector", "hotels")...)
	mustRun(t, rp("keys", "set", "hotel", "--jwks", two, "--grace", "1h")...)
	mustRun(t, rp("suspend", "hotel")...)
	if list := mustRun(t, rp("list")...); !strings.Contains(list, "regular, suspended") || !strings.Contains(list, "hotel") {
		t.Error(list)
	}
	for want, cases := range map[int][][]string{
		exitNotSo: {
			{"rp", "list", "--operator-url", server.url, "--operator-key", private}, // the public address has no such route
			rp("remove", "nobody"), rp("add", "hotel", "--tenant", "4", "--role", "issuer", "--jwks", two),
		},
		exitUsage: {
			rp("add", "desk", "--tenant", "4", "--role", "verifier"), rp("add", "desk", "--tenant", "5", "--role", "verifier", "--jwks", one),
			rp("add", "desk", "--tenant", "4", "--role", "verifier", "--evaluation", "--jwks", one),
		},
		exitEnvironment: {rp("remove", "ops")},
	} {
		for _, args := range cases {
			if code, _, notes := runCommand(t, args...); code != want {
				t.Errorf("%q: exit code %d, want %d: %s", args, code, want, notes)
			}
		}
	}
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	if list := mustRun(t, "rp", "list", "--store", store); !strings.Contains(list, "regular, suspended") {
		t.Error(list)
	}
	startProcess(t, store, "--operator-listen", address)
	mustRun(t, rp("resume", "hotel")...)
	mustRun(t, rp("remove", "hotel")...)
	if list := mustRun(t, rp("list")...); strings.Contains(list, "hotel") || !strings.Contains(list, "ops") {
		t.Error(list)
	}
}
