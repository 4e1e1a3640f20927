package main

import (
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
	"zhenni/storage"
	"zhenni/storage/audit"
)

// changeLeaves returns the leaves of changes in a log by the number of their commit, in order.
func changeLeaves(t *testing.T, log *auditLog) map[uint64][]audit.Leaf {
	t.Helper()
	leaves := map[uint64][]audit.Leaf{}
	for i := range log.Size() {
		entry, err := log.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := audit.ParseLeaf(entry)
		if err != nil {
			t.Fatal(err)
		}
		if leaf.Kind == audit.KindChange {
			leaves[leaf.Number] = append(leaves[leaf.Number], leaf)
		}
	}
	return leaves
}

// Every credential of one request for many enrolments has a leaf of its own in one commit, and an erasure has one that
// opens as the status erased.
//
// FAULTS: R12
func TestEnrolmentsAndErasureHaveLeaves(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key")
	ask := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer"))}
	ids := enrolPeople(t, newTestClient(t, server.url, ask.key), 5)
	if status, text := ask.do(t, "POST", "/v1/credentials/"+ids[2].String()+"/erase", "", ""); status != 200 || !strings.Contains(text, "erased") {
		t.Fatal(status, text)
	}
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	root, err := storage.OpenKeyFile(store + ".key")
	if err != nil {
		t.Fatal(err)
	}
	s, err := openRecorded(storage.Options{Dir: store, Root: root}, auditOptions{dir: filepath.Join(store, "audit")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	leaves := changeLeaves(t, s.audit)
	opens := func(commit uint64, id zhenni.CredentialID, status zhenni.Status) bool {
		c, err := s.Credential(id)
		if err != nil {
			t.Fatal(err)
		}
		generation := c.Generation
		if status == zhenni.StatusActive {
			generation = 1
		}
		for i, leaf := range leaves[commit] {
			o := s.audit.changes.Opening(commit, i, zhenni.Change{Tenant: 1, Credential: id, Status: status, Generation: generation})
			if o.Commitment() == leaf.Hash {
				return true
			}
		}
		return false
	}
	last := s.Commit()
	if len(leaves[last]) != 1 || !opens(last, ids[2], zhenni.StatusErased) || opens(last, ids[2], zhenni.StatusRevoked) {
		t.Errorf("the erasure: %d leaves", len(leaves[last]))
	}
	for _, id := range ids {
		if !opens(last-1, id, zhenni.StatusActive) {
			t.Errorf("%s has no leaf in the commit of the enrolments", id)
		}
	}
	if n := len(leaves[last-1]); n != 1+len(ids) { // the tenant got its key
		t.Errorf("%d leaves of 5 enrolments", n)
	}
}
