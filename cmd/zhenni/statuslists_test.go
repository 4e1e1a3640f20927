package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/receipt"
	"zhenni/statuslist"
	"zhenni/storage"
)

const testListURI = "https://id.example.org/status-lists"

// listsWorld is a store whose server issues credentials and publishes which of them stand.
type listsWorld struct {
	issueWorld
	dir    string
	server *process
	ask    asker
}

func (w *listsWorld) start(t *testing.T) {
	t.Helper()
	w.server = startProcess(t, w.store, append(w.flags(), "--result-key", filepath.Join(w.dir, "result.key"),
		"--pseudonym-root", filepath.Join(w.dir, "pseudonyms.key"), "--status-lists", filepath.Join(w.dir, "lists"),
		"--status-list-uri", testListURI, "--status-list-every", "1s")...)
	w.ask.url = w.server.url
}

func newListsWorld(t *testing.T) *listsWorld {
	t.Helper()
	w := &listsWorld{issueWorld: newIssueWorld(t), dir: t.TempDir()}
	mustRun(t, "keys", "new-result-key", filepath.Join(w.dir, "result.key"))
	mustRun(t, "keys", "new-pseudonym-root", filepath.Join(w.dir, "pseudonyms.key"))
	w.start(t)
	w.ask.key = strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", w.store, "--tenant", "1", "--role", "issuer"))
	return w
}

// place is where the issuer is told that a credential is.
func (w *listsWorld) place(t *testing.T, id string) int {
	t.Helper()
	var told struct {
		URI   string `json:"status_list_uri"`
		Index *int   `json:"status_list_idx"`
	}
	status, text := w.ask.do(t, "GET", "/v1/credentials/"+id, "", "")
	if err := json.Unmarshal([]byte(text), &told); status != 200 || err != nil || told.URI != testListURI+"/1" || told.Index == nil {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	return *told.Index
}

// list is list 1 as a relying party reads it, by the keys that the server publishes; nil where it is not there yet.
func (w *listsWorld) list(t *testing.T) *statuslist.List {
	t.Helper()
	_, jwks := w.ask.do(t, "GET", "/.well-known/jwks.json", "", "")
	status, body := w.ask.do(t, "GET", "/status-lists/1", "", "")
	if status == 404 {
		return nil
	}
	token, err := statuslist.Read([]byte(body), testListURI+"/1", time.Now(), listKeys(t, jwks))
	if err != nil {
		t.Fatalf("%d: %v", status, err)
	}
	return token.List
}

// listKeys reads a JSON Web Key Set as somebody who has nothing of this program but the format.
func listKeys(t *testing.T, jwks string) statuslist.Keys {
	t.Helper()
	var set struct {
		Keys []struct{ Kid, Crv, X, Y string }
	}
	if err := json.Unmarshal([]byte(jwks), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", jwks, err)
	}
	keys := statuslist.Keys{}
	for _, k := range set.Keys {
		point, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil {
			t.Fatal(err)
		}
		algorithm := zhenni.KeyEd25519
		if k.Crv == "P-256" {
			y, err := base64.RawURLEncoding.DecodeString(k.Y)
			if err != nil {
				t.Fatal(err)
			}
			algorithm, point = zhenni.KeyP256, slices.Concat([]byte{4}, point, y)
		}
		if keys[k.Kid], err = zhenni.NewPublicKey(algorithm, point); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// await returns once the list says of every index what it should. It fails after many times as long as that may take.
func (w *listsWorld) await(t *testing.T, want map[int]statuslist.Value) {
	t.Helper()
	tick, over := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		if list := w.list(t); list != nil {
			got := map[int]statuslist.Value{}
			for index := range want {
				got[index], _ = list.Value(index)
			}
			if maps.Equal(got, want) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("the list does not come to say %v", want)
		}
	}
}

func (w *listsWorld) change(t *testing.T, id, to string) {
	t.Helper()
	if status, text := w.ask.do(t, "POST", "/v1/credentials/"+id+"/"+to, "", ""); status != 200 {
		t.Fatalf("%s: %d %s", to, status, text)
	}
}

// What becomes of credentials is in the list that anybody may fetch, under the index that the issuer is told, across kills
// right behind an acknowledged change: the next start finds it in the store. Nobody else's entry changes. How much later a
// list says it is stated, and not what a verification goes by.
//
// FAULTS: C2 C14 R3
func TestServePublishesStatusLists(t *testing.T) {
	t.Parallel()
	w := newListsWorld(t)
	first := w.issue(t, w.ask, "t-1", "", 201)
	a := w.place(t, first)
	w.await(t, map[int]statuslist.Value{a: statuslist.Valid})
	w.change(t, first, "suspend")
	w.await(t, map[int]statuslist.Value{a: statuslist.Suspended})
	w.server.kill(t)

	w.start(t)
	w.await(t, map[int]statuslist.Value{a: statuslist.Suspended})
	w.change(t, first, "resume")
	w.await(t, map[int]statuslist.Value{a: statuslist.Valid})
	second := w.issue(t, w.ask, "t-2", `,"issue":"reenrolment"`, 201)
	b := w.place(t, second)
	w.await(t, map[int]statuslist.Value{a: statuslist.Invalid, b: statuslist.Valid}) // superseded
	w.change(t, second, "revoke")
	w.server.kill(t)

	w.start(t)
	all := map[int]statuslist.Value{a: statuslist.Invalid, b: statuslist.Invalid}
	w.await(t, all)
	w.change(t, second, "erase")
	if w.place(t, second) != b {
		t.Error("an erased credential has another index")
	}
	if err := w.server.terminate(t); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	w.await(t, all)
	list := w.list(t)
	if text := overSocket(t, adminSocket(w.store), "/metrics"); !strings.Contains(text, "\nzhenni_status_lists 1\n") || !strings.Contains(text, "\nzhenni_status_list_failures_total 0\n") {
		t.Error("the metrics tell something else than one list and no failure")
	}
	if err := w.server.terminate(t); err != nil {
		t.Fatal(err)
	}
	w.checkOthers(t, list, all)
}

// checkOthers finds nobody in a list but those who are in it, and the decoys.
func (w *listsWorld) checkOthers(t *testing.T, list *statuslist.List, known map[int]statuslist.Value) {
	t.Helper()
	store, err := storeFlags{Store: w.store}.open(true, &output{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	decoys := map[int]bool{}
	for index := range store.SpareIndices(1) {
		decoys[int(index)] = true
	}
	if len(decoys) != statuslist.Decoys || list.Len() != statuslist.Entries {
		t.Errorf("%d decoys, %d entries", len(decoys), list.Len())
	}
	for i := range list.Len() {
		if v, _ := list.Value(i); v != known[i] && !decoys[i] {
			t.Errorf("entry %d, which is nobody's, is %d", i, v)
		}
	}
}

// Flags of the lists that do not fit, or not together, are refused before anything is served.
func TestStatusListFlagsHaveToFit(t *testing.T) {
	dir := t.TempDir()
	for _, algorithm := range []string{"ed25519", "sm2"} {
		mustRun(t, "keys", "new-result-key", filepath.Join(dir, algorithm), "--algorithm", algorithm)
	}
	good := statusListFlags{
		StatusLists: filepath.Join(dir, "lists"), StatusListURI: testListURI,
		StatusListEvery: time.Second, StatusListTTL: time.Minute, StatusListLife: time.Hour,
	}
	results := receiptFlags{ResultKey: filepath.Join(dir, "ed25519")}
	store := &recordedStore{Store: &storage.Store{}}
	if c, err := good.config(results, store); err != nil || c.Dir != good.StatusLists || c.Cover == nil {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := (statusListFlags{}).config(receiptFlags{}, store); err != nil || c.Dir != "" {
		t.Errorf("none: %+v, %v", c, err)
	}
	for name, change := range map[string]func(*statusListFlags, *receiptFlags){
		"no key":        func(_ *statusListFlags, r *receiptFlags) { r.ResultKey = "" },
		"a key of SM2":  func(_ *statusListFlags, r *receiptFlags) { r.ResultKey = filepath.Join(dir, "sm2") },
		"no URI":        func(f *statusListFlags, _ *receiptFlags) { f.StatusListURI = "" },
		"no folder":     func(f *statusListFlags, _ *receiptFlags) { f.StatusLists = "" },
		"a path":        func(f *statusListFlags, _ *receiptFlags) { f.StatusListURI = "/lists" },
		"too often":     func(f *statusListFlags, _ *receiptFlags) { f.StatusListEvery = time.Millisecond },
		"short of life": func(f *statusListFlags, _ *receiptFlags) { f.StatusListLife = time.Minute },
	} {
		f, r := good, results
		change(&f, &r)
		var exit *exitError
		if _, err := f.config(r, store); !errors.As(err, &exit) || exit.code != exitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A list that a key of results signed reads under that key, by either algorithm.
func TestListsAreSignedWithTheResultKey(t *testing.T) {
	for _, algorithm := range []receipt.Algorithm{receipt.Ed25519, receipt.ES256} {
		secret, err := receipt.NewSecret(algorithm, nil)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := receipt.NewSigner(algorithm, secret)
		if err != nil {
			t.Fatal(err)
		}
		list, err := statuslist.NewList(2, 8)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now().Truncate(time.Second)
		token, err := statuslist.Token{URI: testListURI, IssuedAt: now, List: list}.Sign(listSigner{signer})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := statuslist.Read(token, testListURI, now, listKeys(t, string(receipt.Keys{signer.Key()}.JWKS()))); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}
