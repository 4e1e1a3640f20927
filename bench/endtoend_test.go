package bench

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/simd"
)

func TestEveryWayOfAskingGivesTheDecisionsOfTheRule(t *testing.T) {
	const people = 80
	v, trials := samples(people), mixedTrials(people, 600)
	want := make([]zhenni.Outcome, len(trials))
	for i, trial := range trials {
		want[i] = decide(t, v, trial)
	}
	if n := len(want); !slices.Contains(want, zhenni.Match) || !slices.Contains(want, zhenni.NoMatch) {
		t.Fatalf("%d trials of one outcome", n)
	}
	for _, shards := range []int{1, 8} {
		got, err := EndToEnd{Target: serveTest(t, shards), Embeddings: v, Trials: trials}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for way, list := range map[string][]zhenni.Outcome{"NDJSON": got.Lines, "Arrow": got.Arrow, "one at a time": got.Singles} {
			if !slices.Equal(list, want) {
				t.Errorf("%d shards: %s differs", shards, way)
			}
		}
	}
}

// One bad item, duplicates and one credential many times are answered item by item, in order; an empty batch and one
// item too many are refused whole.
//
// FAULTS: L7 L9
func TestBatchesAreAnsweredItemByItem(t *testing.T) {
	client, err := NewClient(serveTest(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	v := samples(2)
	id, err := client.Enrol(zhenni.LevelLite, v.Slice(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	ids := slices.Repeat([]zhenni.CredentialID{id}, n)
	probes := v.pick(slices.Repeat([]int{0}, n))
	want := slices.Repeat([]zhenni.Outcome{zhenni.Match}, n)
	probes.Float32[7777*v.Dim+3], want[7777] = float32(math.NaN()), zhenni.RefusedProbe
	copy(probes.Slice(5, 6).Float32, v.Slice(2, 3).Float32)
	want[5] = zhenni.NoMatch
	ids[9], want[9] = zhenni.CredentialID{9}, zhenni.NoMatch
	for way, ask := range map[string]func([]zhenni.CredentialID, Vectors, []zhenni.Outcome) ([]zhenni.Outcome, error){
		"NDJSON": client.VerifyLines, "Arrow": client.verifyVectors,
	} {
		if got, err := ask(ids, probes, nil); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v; the answers differ: %v", way, err, !slices.Equal(got, want))
		}
		var refused *Refusal
		over := zhenni.MaxBatchItems + 1
		_, err := ask(slices.Repeat(ids[:1], over), Vectors{Dim: v.Dim, Int8: make([]int8, over*v.Dim)}, nil)
		if !errors.As(err, &refused) || refused.Status != 413 {
			t.Errorf("%s: %d items: %v, want a refusal with 413", way, over, err)
		}
	}
	if _, err := client.Verify(id, Vectors{Dim: 3, Float32: []float32{1, 2, 3}}); err != nil {
		t.Errorf("a probe of another dimension: %v, want an outcome", err)
	}
}

func TestClientTellsRefusalsApart(t *testing.T) {
	target := serveTest(t, 1)
	target.Key = zhenni.APIKey{Party: "bench"}.String()
	client, err := NewClient(target)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var refused *Refusal
	if _, err := client.Enrol(zhenni.LevelLite, samples(1).Slice(0, 1)); !errors.As(err, &refused) || refused.Status != 401 || refused.Code != "unauthorized" {
		t.Errorf("with a wrong key: %v", err)
	}
	for code, want := range map[string]error{"overloaded": zhenni.ErrOverloaded, "unavailable": zhenni.ErrOverloaded, "deadline": zhenni.ErrDeadline} {
		if err := error(&Refusal{Status: 503, Code: code}); !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	for _, url := range []string{"", "ftp://host", "http://", "http://host/path", "127.0.0.1:80"} {
		if _, err := NewClient(Target{URL: url}); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("URL %q: %v", url, err)
		}
	}
}

// A server closes a silent connection after its idle timeout; the client must have let go of it before.
func TestClientLetsGoOfAConnectionBeforeTheServerDoes(t *testing.T) {
	client, err := NewClient(Target{URL: "http://127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if server := (gateway.Config{}).WithDefaults().IdleTimeout; client.host.MaxIdleConnDuration*2 > server {
		t.Errorf("kept for %v, the server keeps it for %v", client.host.MaxIdleConnDuration, server)
	}
}

// What answers need not be zhenni.
func TestClientRefusesAModelThatCanNotBe(t *testing.T) {
	for _, answer := range []string{"", "{}", `{"profiles":[{}]}`, `{"profiles":[{"model":{"id":"m","dim":-1}}]}`, `{"profiles":[{"model":{"id":"m","dim":4096}}]}`} {
		s, err := NewSink([]byte(answer))
		if err != nil {
			t.Fatal(err)
		}
		client, err := NewClient(Target{URL: s.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, dim, err := client.Model(); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: dimension %d, %v", answer, dim, err)
		}
		client.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestArrowBatchIsOpenToNewClaims(t *testing.T) {
	probes := Vectors{Dim: 5, Int8: []int8{1, 2, 3, 4, 5, -1, -2, -3, -4, -5, 7, 7, 7, 7, 7}}
	ids := []zhenni.CredentialID{{1}, {2}, {3}}
	batch, err := NewArrowBatch(ids, probes)
	if err != nil {
		t.Fatal(err)
	}
	batch.Claim(1, zhenni.CredentialID{9})
	for i, want := range []zhenni.CredentialID{{1}, {9}, {3}} {
		if got := batch.Claimed(i); got != want {
			t.Errorf("item %d claims %s, want %s", i, got, want)
		}
	}
	if batch.Len() != 3 || !slices.Equal(batch.Probes().Int8, probes.Int8) {
		t.Errorf("%d items with probes %v", batch.Len(), batch.Probes().Int8)
	}
	if _, err := NewArrowBatch(ids[:2], probes); !errors.Is(err, zhenni.ErrBadBatch) {
		t.Errorf("two claims for three probes: %v", err)
	}
}

func TestDrillCountsAnswersAgainstTheTruth(t *testing.T) {
	target := serveTest(t, 2)
	client, err := NewClient(target)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const people = 200
	references := Vectors{Dim: testPeople.Dim, Int8: make([]int8, people*testPeople.Dim)}
	embedding := make([]float32, testPeople.Dim)
	for i := range people {
		testPeople.Reference(i, embedding)
		simd.Quantize(references.Slice(i, i+1).Int8, embedding, 0)
	}
	answers, err := client.EnrolLines(zhenni.LevelFull, references, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]zhenni.CredentialID, people)
	for i, answer := range answers {
		ids[i] = answer.ID
	}
	driver, err := Drill{
		Target: target, Subjects: testPeople, IDs: ids, Dim: testPeople.Dim, Connections: 2, BatchItems: 100, Distinct: 1000, Seed: 1,
	}.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Close()
	result, tally, err := driver.Bulk(t.Context(), 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if tally.Refused != 0 || tally.Mated != tally.NonMated || tally.Mated+tally.NonMated != result.Items || result.Items == 0 {
		t.Errorf("%+v of %d items", tally, result.Items)
	}
	if tally.FMR() > 0.01 || tally.FNMR() > 0.2 {
		t.Errorf("FMR %v, FNMR %v: the answers do not follow the truth", tally.FMR(), tally.FNMR())
	}
	beside, err := driver.BulkBesideTransport(t.Context(), 150*time.Millisecond, 3)
	if err != nil || beside.Tally.Refused != 0 || beside.Tally.Mated+beside.Tally.NonMated != beside.Result.Items || beside.Limit <= 0 || beside.Ratio <= 0 {
		t.Errorf("%+v, %v", beside, err)
	}
	if result, tally, err = driver.Singles(t.Context(), 100*time.Millisecond, 200); err != nil || tally.Refused != 0 || result.Calls != 20 {
		t.Errorf("%d calls, %+v, %v, want 20 calls", result.Calls, tally, err)
	}
}

func TestDrillRefusesWhatItCanNotAsk(t *testing.T) {
	for name, d := range map[string]Drill{
		"one credential": {IDs: make([]zhenni.CredentialID, 1), Connections: 1, BatchItems: 2},
		"no connection":  {IDs: make([]zhenni.CredentialID, 2), BatchItems: 2},
		"large batch":    {IDs: make([]zhenni.CredentialID, 2), Connections: 1, BatchItems: zhenni.MaxBatchItems + 1},
	} {
		if _, err := d.Prepare(t.Context()); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
