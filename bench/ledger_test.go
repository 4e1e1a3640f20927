package bench

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/simd"
	"zhenni/storage/audit"
	"zhenni/storage/ledger"
)

// openRecords opens an audit log and the ledger beside it.
func openRecords(t testing.TB, dir string) *ledger.Ledger {
	t.Helper()
	files := audit.Folder(filepath.Join(dir, "audit"))
	secrets, err := audit.OpenSecrets(files, keptKeys{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(audit.Options{Files: files, Signer: secrets.Signer, Key: secrets.Key})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Options{Dir: filepath.Join(dir, "ledger"), Key: make([]byte, 32), Log: log, Bytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// keptKeys wrap nothing: the tests have no secret.
type keptKeys struct{}

func (keptKeys) Wrap(key, _ []byte) ([]byte, error)       { return bytes.Clone(key), nil }
func (keptKeys) Unwrap(wrapped, _ []byte) ([]byte, error) { return bytes.Clone(wrapped), nil }

// Shards move while named transactions are asked, each until it is answered: every answer is given once, the same bytes
// come again on a retry, and the ledger balances.
//
// FAULTS: R2 R10
func TestLedgerBalancesWhileShardsMove(t *testing.T) {
	l := openRecords(t, t.TempDir())
	target, node := serveTestWith(t, 1, func(c *gateway.Config) { c.Ledger = l })
	moved := make(chan struct{})
	var asking sync.WaitGroup
	answered := make([]map[string]string, 4)
	for worker := range answered {
		answered[worker] = map[string]string{}
		asking.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-moved:
					return
				default:
				}
				transaction := fmt.Sprintf("t-%d-%d", worker, i)
				answered[worker][transaction] = ask(t, target, transaction, worker*1000+i)
			}
		})
	}
	for _, shards := range []int{4, 2, 8, 1, 3} {
		if err := node.SetShards(t.Context(), shards); err != nil {
			t.Error(err)
		}
	}
	close(moved)
	asking.Wait()
	total := 0
	for worker, all := range answered {
		i := 0
		for range all {
			transaction := fmt.Sprintf("t-%d-%d", worker, i)
			if again := ask(t, target, transaction, worker*1000+i); again != all[transaction] {
				t.Errorf("%s is answered %s, then %s", transaction, all[transaction], again)
			}
			i++
		}
		total += i
	}
	s := l.Stats()
	if s.Admitted != s.Answered+s.Refused+s.InHand || s.InHand != 0 || s.Answered != uint64(total) || s.Replayed != uint64(total) || total == 0 {
		t.Errorf("%d answers: %+v", total, s)
	}
}

// ask verifies under a transaction until it is answered.
func ask(t *testing.T, target Target, transaction string, person int) string {
	id := zhenni.CredentialID{byte(person), byte(person >> 8)}
	probe := bytes.Repeat([]byte{1, 2}, testPeople.Dim/2)
	body := fmt.Sprintf(`{"credential":"%s","probe_int8":"%s"}`, id, base64.StdEncoding.EncodeToString(probe))
	for {
		request, err := http.NewRequestWithContext(t.Context(), "POST", target.URL+"/v1/verifications", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return ""
		}
		request.Header.Set("Authorization", "Bearer "+target.Key)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Transaction-Id", transaction)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			return ""
		}
		answer, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Error(err)
			return ""
		}
		if response.StatusCode == 200 && response.Header.Get("Log-Index") != "" {
			return string(answer)
		}
	}
}

// BenchmarkRecorded presses the same questions on a node that records its answers and on one that does not, in turns:
// the ratio is what the ledger and the audit log cost.
func BenchmarkRecorded(b *testing.B) {
	const people = 5000
	drivers := map[bool]*Driver{}
	for _, recorded := range []bool{false, true} {
		drivers[recorded] = recordedDriver(b, people, recorded)
	}
	var bulk, singles [2]float64
	var p99 [2]time.Duration
	rounds := 0
	for b.Loop() {
		rounds++
		for i, recorded := range []bool{false, true} {
			result, _, err := drivers[recorded].Bulk(b.Context(), 400*time.Millisecond)
			if err != nil {
				b.Fatal(err)
			}
			bulk[i] += result.ItemsPerSecond()
			if result, _, err = drivers[recorded].Singles(b.Context(), 400*time.Millisecond, 0); err != nil {
				b.Fatal(err)
			}
			singles[i] += result.CallsPerSecond()
			p99[i] += result.Quantile(0.99)
		}
	}
	n := float64(rounds)
	b.ReportMetric(bulk[1]/n, "items/s")
	b.ReportMetric(bulk[1]/bulk[0], "bulk-ratio")
	b.ReportMetric(singles[1]/n, "singles/s")
	b.ReportMetric(singles[1]/singles[0], "single-ratio")
	b.ReportMetric(p99[1].Seconds()*1000/n, "single-p99-ms")
	b.ReportMetric(p99[0].Seconds()*1000/n, "single-p99-off-ms")
}

func recordedDriver(b *testing.B, people int, recorded bool) *Driver {
	var change func(*gateway.Config)
	if recorded {
		l := openRecords(b, b.TempDir())
		change = func(c *gateway.Config) { c.Ledger = l }
	}
	target, _ := serveTestWith(b, 2, change)
	client, err := NewClient(target)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	references := Vectors{Dim: testPeople.Dim, Int8: make([]int8, people*testPeople.Dim)}
	embedding := make([]float32, testPeople.Dim)
	for i := range people {
		testPeople.Reference(i, embedding)
		simd.Quantize(references.Slice(i, i+1).Int8, embedding, 0)
	}
	answers, err := client.EnrolLines(zhenni.LevelFull, references, nil)
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]zhenni.CredentialID, people)
	for i, answer := range answers {
		ids[i] = answer.ID
	}
	driver, err := Drill{
		Target: target, Subjects: testPeople, IDs: ids, Dim: testPeople.Dim, Connections: 8, BatchItems: 1024, Distinct: 1 << 15, Seed: 1,
	}.Prepare(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(driver.Close)
	return driver
}
