package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/bench"
)

// Every failed attempt that was answered is known after the process was killed in the middle of others; what bars a
// credential is a no like any other; a re-proof outlives a kill too.
//
// FAULTS: B1 R3
func TestFailedAttemptsSurviveKill(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	flags := []string{"--attempts-pause", "24h"}
	server := startProcess(t, store, append(flags, "--create-key")...)
	key := strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer", "--role", "verifier"))
	const tried, people = 6, 8
	ids := enrolPeople(t, newTestClient(t, server.url, key), people)
	client := newTestClient(t, server.url, key)
	for i, id := range ids[:tried] { // i non-matches of credential i
		for range i {
			if got := tryAs(t, client, id, people+1); got != zhenni.NoMatch {
				t.Fatalf("a stranger: %s", got.Verdict())
			}
		}
	}
	var busy sync.WaitGroup
	for range 4 {
		client := newTestClient(t, server.url, key)
		busy.Go(func() {
			for {
				if _, err := client.Verify(ids[people-1], probeOf(people+2)); err != nil {
					return
				}
			}
		})
	}
	server.kill(t)
	busy.Wait()
	server = startProcess(t, store, flags...)
	ask := asker{server.url, key}
	client = newTestClient(t, server.url, key)
	tryAs(t, client, ids[tried-2], people+1) // the fifth
	for i, id := range ids[:tried] {
		want := zhenni.Match
		if i >= tried-2 {
			want = zhenni.NoMatch
		}
		if got := tryAs(t, client, id, i); got != want {
			t.Errorf("credential %d, %d times failed: %s, want %s", i, i, got.Verdict(), want.Verdict())
		}
	}
	sameAnswers(t, ask, question(ids[tried-1], tried-1), question(ids[0], people+1))
	if status, _, text := ask.full(t, "POST", "/v1/credentials/"+ids[tried-1].String()+"/re-prove", "", ""); status != 200 {
		t.Fatalf("re-prove: %d %s", status, text)
	}
	for range 2 {
		client = newTestClient(t, server.url, key)
		if got := tryAs(t, client, ids[tried-1], tried-1); got != zhenni.Match {
			t.Errorf("a re-proved holder: %s", got.Verdict())
		}
		if got := tryAs(t, client, ids[tried-2], tried-2); got != zhenni.NoMatch {
			t.Errorf("another: %s", got.Verdict())
		}
		server.kill(t)
		server = startProcess(t, store, flags...)
	}
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	if report := mustRun(t, "check", "--store", store); !strings.Contains(report, "Nothing is wrong") {
		t.Error(report)
	}
}

// A relying party that finds nobody is stopped, until an operator lifts it.
//
// FAULTS: B3
func TestStoppedPartyIsLifted(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key", "--party-least", "4", "--party-alarm", "40", "--party-stop", "60")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier"))
	ids := enrolPeople(t, newTestClient(t, server.url, key), 3)
	ask := asker{server.url, key}
	want := func(status int, who, as int) {
		t.Helper()
		if got, _, text := ask.full(t, "POST", "/v1/verifications", "application/json", question(ids[who], as)); got != status {
			t.Fatalf("status %d, want %d: %s", got, status, text)
		}
	}
	want(200, 0, 0)
	want(200, 0, 50)
	want(200, 1, 51)
	want(429, 2, 52)
	want(429, 0, 0)
	if code, _, notes := runCommand(t, "rp", "lift", "nobody", "--store", store); code != 1 {
		t.Errorf("exit code %d: %s", code, notes)
	}
	server.kill(t)
	server = startProcess(t, store)
	ask.url = server.url
	want(429, 0, 0)
	if list := mustRun(t, "rp", "list", "--store", store); !strings.Contains(list, "stopped") {
		t.Error(list)
	}
	if said := mustRun(t, "rp", "lift", "desk", "--store", store); !strings.Contains(said, "desk may verify again") {
		t.Error(said)
	}
	want(200, 0, 0)
}

// A restart gives no party more than the rest of its quota, and all of them no more than the rest of their minute: what was
// used lies in the page cache, which a kill does not touch.
//
// FAULTS: B4
func TestKilledServerForgetsNoQuota(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier", "--per-day", "20"))
	begun := time.Now().UTC().YearDay()
	ids := enrolPeople(t, newTestClient(t, server.url, key), 8)
	answered, wrong := 8, []string(nil) // each enrolment is an item too
	for _, tries := range []int{5, 5, 5, 5} {
		for range tries {
			status, _, text := asker{server.url, key}.full(t, "POST", "/v1/verifications", "application/json", question(ids[0], 0))
			if answered++; status != map[bool]int{true: 200, false: 429}[answered <= 20] {
				wrong = append(wrong, fmt.Sprintf("item %d: status %d: %s", answered, status, text))
			}
		}
		server.kill(t)
		server = startProcess(t, store)
	}
	if time.Now().UTC().YearDay() != begun {
		t.Skip("the day of the quota has passed meanwhile")
	}
	if len(wrong) > 0 {
		t.Error(strings.Join(wrong, "\n"))
	}
}

// A server that is killed while nothing is verified any more verifies nothing until that minute has passed.
//
// FAULTS: B4
func TestKilledServerForgetsNoCap(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	flags := []string{"--create-key", "--non-matches-a-minute", "2"}
	server := startProcess(t, store, flags...)
	var keys [4]string // each party has a share of the cap, which is less than all of it
	for i := range keys {
		keys[i] = strings.TrimSpace(mustRun(t, "rp", "add", fmt.Sprint("desk-", i), "--store", store, "--tenant", "1", "--role", "issuer,verifier"))
	}
	ids := enrolPeople(t, newTestClient(t, server.url, keys[3]), 4)
	minute := func() int { return time.Now().Minute() }
	for range 3 {
		begun := minute()
		for i := range 3 {
			asker{server.url, keys[i]}.full(t, "POST", "/v1/verifications", "application/json", question(ids[i], 50+i))
		}
		server.kill(t)
		server = startProcess(t, store, flags...)
		status, _, text := asker{server.url, keys[3]}.full(t, "POST", "/v1/verifications", "application/json", question(ids[3], 3))
		if minute() != begun {
			continue // the next minute has a cap of its own
		}
		if status != 429 || !strings.Contains(text, "non_matches_capped") {
			t.Errorf("%d: %s", status, text)
		}
		return
	}
	t.Skip("a restart takes longer than a minute")
}

// probeOf is a capture of a person that is not the one enrolled.
func probeOf(person int) bench.Vectors {
	probe := bench.Vectors{Dim: people.Dim, Float32: make([]float32, people.Dim)}
	people.Probe(person, 0, probe.Float32)
	return probe
}

func tryAs(t *testing.T, client *bench.Client, id zhenni.CredentialID, person int) zhenni.Outcome {
	t.Helper()
	got, err := client.Verify(id, probeOf(person))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// sameAnswers wants two questions answered alike, but for what names the transaction and the moment.
func sameAnswers(t *testing.T, ask asker, x, y string) {
	t.Helper()
	var answers [2]string
	for i, q := range []string{x, y} {
		status, header, text := ask.full(t, "POST", "/v1/verifications", "application/json", q)
		text = strings.ReplaceAll(text, header.Get("Transaction-Id"), "T")
		before, after, found := strings.Cut(text, `"time":"`)
		if !found || status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		_, after, _ = strings.Cut(after, `"`)
		answers[i] = before + after
	}
	if answers[0] != answers[1] {
		t.Errorf("%s\n%s", answers[0], answers[1])
	}
}
