package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "zhenni/holder"
)

// An export of several pages says of each gap that one of them has.
func TestGapsOfAllPages(t *testing.T) {
	gap := func(hour int) sdk.HistoryGap {
		return sdk.HistoryGap{From: time.Unix(int64(hour)*3600, 0).UTC(), To: time.Unix(int64(hour)*3600+60, 0).UTC(), Cause: "damaged"}
	}
	gaps := []sdk.HistoryGap{}
	for _, page := range [][]sdk.HistoryGap{{gap(3), gap(2)}, {gap(2)}, nil, {gap(1)}} {
		gaps = withGaps(gaps, page)
	}
	if want := []sdk.HistoryGap{gap(3), gap(2), gap(1)}; !slices.Equal(gaps, want) {
		t.Errorf("%v, want %v", gaps, want)
	}
}

// A holder exports who asked about the own credential, by the phone alone and page by page; another phone exports nothing.
//
// FAULTS: Z11
func TestHistoryByHand(t *testing.T) {
	t.Parallel()
	w := newIssueWorld(t)
	in := func(name string) string { return filepath.Join(filepath.Dir(w.store), name) }
	write(t, in("me.json"), fmt.Sprintf(`{"name":%q,"number":%q}`, canaryName, canaryNumber))
	write(t, in("engine.jwk"), mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key))
	write(t, in("photo"), string(faceBytes(holder, -1)))
	server := startProcess(t, w.store, append(w.flags(), "--history", "make")...)
	write(t, in("app.key"), mustRun(t, "rp", "add", "app", "--store", w.store, "--tenant", "1", "--role", "issuer"))
	bank := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "bank", "--store", w.store, "--tenant", "1", "--role", "verifier"))}
	mustRun(t, "holder", "keys", "--keys", in("phone.keys"))
	id := strings.TrimSpace(mustRun(t, "holder", "issue", "--keys", in("phone.keys"), "--url", server.url, "--api-key-file", in("app.key"),
		"--identity", in("me.json"), "--engine-key", in("engine.jwk"), "--reference", in("photo"), "--region", "330100", "--transaction", "issue-1"))
	const asked = 103 // more than a page
	for range asked {
		body := fmt.Sprintf(`{"credential":%q,"probe_float32":%q}`, id, face(holder, 1))
		if status, text := bank.do(t, "POST", "/v1/verifications", "application/json", body); status != 200 {
			t.Fatal(status, text)
		}
	}
	export := func(flags ...string) (page struct {
		Entries []map[string]string
		Next    string
		Since   string
	}) {
		t.Helper()
		text := mustRun(t, append([]string{"holder", "history", "--keys", in("phone.keys"), "--url", server.url}, flags...)...)
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatal(text, err)
		}
		return page
	}
	whole := export()
	if len(whole.Entries) != asked || whole.Next != "" || whole.Since == "" || whole.Entries[0]["party"] != "bank" || whole.Entries[0]["outcome"] != "match" {
		t.Errorf("%d entries: %v", len(whole.Entries), whole)
	}
	part := export("--most", "1")
	if rest := export("--from", part.Next); len(part.Entries) != 100 || len(rest.Entries) != asked-100 {
		t.Errorf("%d entries, then %d", len(part.Entries), len(rest.Entries))
	}
	link := mustRun(t, "holder", "history", "--keys", in("phone.keys"), "--url", server.url, "--link")
	if !regexp.MustCompile(`/me#[0-9a-f]{32}\.[a-z0-9_-]{1,58}\.[\w-]+\.[\w-]+\.[\w-]+\n$`).MatchString(link) {
		t.Errorf("an address that the page does not read: %s", link)
	}
	mustRun(t, "holder", "keys", "--keys", in("other.keys"), "--credential", id)
	if code, text, notes := runCommand(t, "holder", "history", "--keys", in("other.keys"), "--url", server.url); code != exitNotSo || strings.Contains(text, "bank") {
		t.Errorf("another phone: exit code %d: %s %s", code, text, notes)
	}
}
