package bench

import (
	"bytes"
	"path/filepath"
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
	target := serveTestWith(b, 2, change)
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
