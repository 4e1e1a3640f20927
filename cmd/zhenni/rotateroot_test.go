package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
	"zhenni/storage"
)

// openedBy opens a store with its audit log and its ledger by a root key, all or none, and closes them.
func openedBy(dir string, root storage.RootKey) error {
	store, err := openRecorded(storage.Options{Dir: dir, Root: root, Reserve: 1}, auditOptions{dir: filepath.Join(dir, "audit")})
	if err != nil {
		return err
	}
	ledger, err := openLedger(ledgerConfig{dir: filepath.Join(dir, "ledger")}, store, nil)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	return errors.Join(ledger.Close(), store.Close())
}

// servedStore is a store that a server made, with one answer that it gave to the request it returns with it.
func servedStore(t *testing.T) (store string, ask asker, request, answer string) {
	t.Helper()
	store = filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key")
	ask = asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier"))}
	ids := enrolPeople(t, newTestClient(t, server.url, ask.key), 3)
	request = strings.Replace(question(ids[0], 0), "{", `{"transaction":"t-1",`, 1)
	status, answer := ask.do(t, "POST", "/v1/verifications", "application/json", request)
	if status != 200 || !strings.Contains(answer, `"match"`) {
		t.Fatal(status, answer)
	}
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	return store, ask, request, answer
}

// After a crash at any step one of the two root keys opens the store with all that lies beside it, and a second run leaves
// them to the next one, under which answers replay and proofs open.
//
// FAULTS: A15 S1
func TestRootRotationOfAServedStore(t *testing.T) {
	t.Parallel()
	store, ask, request, answer := servedStore(t)
	old, err := storage.OpenKeyFile(store + ".key")
	if err != nil {
		t.Fatal(err)
	}
	next, err := storage.CreateKeyFile(store+".key2", nil)
	if err != nil {
		t.Fatal(err)
	}
	rotation := func(dir string) rootRotation {
		return rootRotation{
			store: storage.Options{Dir: dir, Root: old, Reserve: 1}, next: next,
			log: auditOptions{dir: filepath.Join(dir, "audit")}, ledger: filepath.Join(dir, "ledger"), history: filepath.Join(dir, "history"),
		}
	}
	var images []string
	r := rotation(store)
	r.step = func() {
		image := filepath.Join(t.TempDir(), fmt.Sprint(len(images)))
		if err := os.CopyFS(image, os.DirFS(store)); err != nil {
			t.Fatal(err)
		}
		images = append(images, image)
	}
	if err := r.run(); err != nil {
		t.Fatal(err)
	}
	if len(images) != 6 {
		t.Errorf("%d steps", len(images))
	}
	t.Run("images", func(t *testing.T) {
		for i, image := range images {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				endsWithNext(t, rotation(image))
			})
		}
	})
	servesAsBefore(t, store, ask, request, answer)
}

// endsWithNext expects an image to open by one of the two keys, and to be ended by a second run.
func endsWithNext(t *testing.T, r rootRotation) {
	t.Helper()
	dir := r.store.Dir
	err := openedBy(dir, r.store.Root)
	if errors.Is(err, zhenni.ErrWrongKey) {
		err = openedBy(dir, r.next)
	}
	if err == nil {
		err = r.run()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := openedBy(dir, r.next); err != nil {
		t.Errorf("rotated again: %v", err)
	}
	if err := openedBy(dir, r.store.Root); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("the old root: %v", err)
	}
}

// servesAsBefore serves a store by its second key.
func servesAsBefore(t *testing.T, store string, ask asker, request, answer string) {
	t.Helper()
	key := []string{"--store", store, "--key-file", store + ".key2"}
	if code, _, notes := runCommand(t, "rp", "list", "--store", store); code != exitEnvironment {
		t.Errorf("the old root: exit code %d, %s", code, notes)
	}
	server := startProcess(t, store, "--key-file", store+".key2")
	ask.url = server.url
	status, header, text := ask.full(t, "POST", "/v1/verifications", "application/json", request)
	if status != 200 || text != answer || header.Get("Replayed") != "true" {
		t.Errorf("not replayed: %d %v %s, was %s", status, header, text, answer)
	}
	b := bulk{dir: filepath.Dir(store)}
	fetchProof(t, ask, "/v1/verifications/t-1/proof", b.path("proof.json"))
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	write(t, b.path("log.pub"), mustRun(t, "audit", "key", "--store", store))
	var shown provenEvent
	if verifyProofFile(t, b, &shown); shown.Outcome != "match" {
		t.Errorf("%+v", shown)
	}
	if text := mustRun(t, append([]string{"check"}, key...)...); !strings.Contains(text, "Nothing is wrong") {
		t.Error(text)
	}
}

// Nothing is made where there is no store, and nothing changed by keys of something else.
func TestRootRotationRefuses(t *testing.T) {
	dir := t.TempDir()
	root, err := storage.CreateKeyFile(filepath.Join(dir, "none.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rootRotation{store: storage.Options{Dir: filepath.Join(dir, "none"), Root: root}, next: root, log: auditOptions{dir: filepath.Join(dir, "audit")}}
	if err := r.run(); err == nil {
		t.Error("no store, and rotated")
	}
	if _, err := os.Stat(r.log.dir); err == nil {
		t.Error("an audit log was made")
	}
}
