package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/gateway"
)

// A store that --store names is the one that is asked and changed, although the environment names the socket, or the operator's address, of
// a server of another. Without --store, and with the environment's own, the environment holds; --admin-socket stands above both.
//
// FAULTS: L9
func TestStoreStandsAboveTheEnvironmentsSocket(t *testing.T) {
	const first = "profiles/synthetic-512.json"
	served, other := newMigration(t), newMigration(t)
	other.serve(first)
	if err := other.server.terminate(t); err != nil {
		t.Fatal(err)
	}
	served.serve(first)
	socket := adminSocket(served.store)
	t.Setenv("ZHENNI_ADMIN_SOCKET", socket)

	mustRun(t, "models", "add", "--store", other.store, "--profile", other.second)
	if !other.has(other.listed(), secondModel) || served.has(served.listed(), secondModel) {
		t.Error("the model was added to the store of the environment's socket")
	}
	mustRun(t, "rp", "add", "desk", "--store", other.store, "--tenant", "1", "--role", "verifier")
	if len(parties(t, "--store", other.store)) != 1 || len(parties(t, "--store", served.store)) != 0 {
		t.Error("the relying party was added to the store of the environment's socket")
	}
	copied := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", copied, "--store", other.store)
	mustRun(t, "backup", copied, "--store", other.store, "--verify") // by the root key of the other
	if code, _, notes := runCommand(t, "shards", "get", "--store", other.store); code != exitEnvironment || !strings.Contains(notes, adminSocket(other.store)) {
		t.Errorf("the shards of a store that is stopped: %d, %s", code, notes)
	}
	if len(parties(t, "--store", other.store, "--admin-socket", socket)) != 0 {
		t.Error("--admin-socket does not stand above --store")
	}

	t.Setenv("ZHENNI_STORE", other.store)
	for _, flags := range [][]string{nil, {"--store", other.store}, {"--store", other.store + "/"}} {
		if len(parties(t, flags...)) != 0 {
			t.Errorf("%q: the environment's socket is not asked", flags)
		}
	}
	if len(parties(t, "--store", served.store)) != 0 {
		t.Error("another store than the environment's")
	}

	t.Setenv("ZHENNI_OPERATOR_URL", "http://127.0.0.1:1")
	for _, flags := range [][]string{{"--store", served.store}, {"--admin-socket", socket}} {
		if len(parties(t, flags...)) != 0 {
			t.Errorf("%q: another list than the store's", flags)
		}
	}
	for _, flags := range [][]string{nil, {"--store", served.store, "--operator-ca", "none.pem"}} {
		if code, _, notes := runCommand(t, append([]string{"rp", "list"}, flags...)...); code != exitUsage || !strings.Contains(notes, "--operator-key") {
			t.Errorf("%q: the environment's operator's address is not asked: %d, %s", flags, code, notes)
		}
	}
}

// parties are what rp list says.
func parties(t *testing.T, flags ...string) []gateway.PartyRecord {
	t.Helper()
	var said struct {
		Parties []gateway.PartyRecord `json:"relying_parties"`
	}
	if err := json.Unmarshal([]byte(mustRun(t, append([]string{"rp", "list", "--json"}, flags...)...)), &said); err != nil {
		t.Fatal(err)
	}
	return said.Parties
}
