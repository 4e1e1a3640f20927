package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
)

// references is a stream of enrolments; every third row is one that can not be enrolled.
func references(t *testing.T, n int, levels []string) []byte {
	rows := make([]byte, n*testDim)
	for i := range n {
		rows[i*testDim] = 1
		if i%3 == 2 {
			rows[i*testDim] = 0x80
		}
	}
	fields := []arrow.Field{{Name: "item", Type: arrow.PrimitiveTypes.Int64}, {Name: "reference", Type: bytesOf(testDim)}}
	columns := []arrow.Array{itemsFrom(0, n, arrow.PrimitiveTypes.Int64), wrap(bytesOf(testDim), n, 0, nil, rows)}
	if levels != nil {
		offsets, data := []int32{0}, ""
		for i := range n {
			data += levels[i%len(levels)]
			offsets = append(offsets, int32(len(data)))
		}
		fields = append(fields, arrow.Field{Name: "level", Type: arrow.BinaryTypes.String})
		columns = append(columns, wrap(arrow.BinaryTypes.String, n, 0, nil, int32Bytes(offsets), []byte(data)))
	}
	return writeArrow(t, arrow.NewSchema(fields, nil), columns, int64(n))
}

func TestEnrolmentStream(t *testing.T) {
	f := start(t, nil)
	const n = 2500 // several chunks
	a := f.call("POST", "/v1/enrolments", "issuer", mediaArrow, references(t, n, []string{"lite", "full", "odd"}))
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got := readArrow(t, a.body)
	enrolled := 0
	for i := range n {
		want := "enrolled (null)"
		if i%3 == 2 {
			want = "refused bad_item"
		} else {
			enrolled++
		}
		if fmt.Sprint(got.outcomes[i], " ", got.reasons[i]) != want || got.items[i] != itoa(i) {
			t.Fatalf("item %d: %s %s, want %s", i, got.outcomes[i], got.reasons[i], want)
		}
	}
	if len(f.node.applied) != enrolled {
		t.Fatalf("%d commands for %d items", len(f.node.applied), enrolled)
	}
	first, second := f.node.applied[0].(zhenni.Enrol), f.node.applied[1].(zhenni.Enrol)
	if first.Level != zhenni.LevelLite || second.Level != zhenni.LevelFull || first.ID == second.ID || first.Tenant != 1 ||
		first.Model != "test-model" || len(first.Row) != testDim || first.Row[0] != 1 || cap(first.Row) != testDim {
		t.Errorf("%+v", first)
	}
}

// FAULTS: L7
func TestEnrolmentLines(t *testing.T) {
	f := start(t, nil)
	good := `"reference_int8":"` + int8Probe(testDim, true) + `"}`
	body := `{"item":"a",` + good + "\n" + `{"item":"b","level":"king",` + good + "\n" + `{"item":3,"reference_float32":"` +
		float32Probe(testDim, 0) + "\"}\n" + `{"item":"c","reference_int8":"` + int8Probe(testDim-1, true) + "\"}\n" +
		`{"item":"d","model":"other",` + good + "\n" + `{"tenant":2,` + good + "\n"
	a := f.call("POST", "/v1/enrolments", "issuer", mediaNDJSON, []byte(body))
	lines := strings.Split(strings.TrimSpace(string(a.body)), "\n")
	for i, want := range []string{
		`{"item":"a","outcome":"enrolled","credential":"`, `{"item":"b","outcome":"refused","reason":"bad_item"`,
		`{"item":3,"outcome":"enrolled","credential":"`, `{"item":"c","outcome":"refused","reason":"bad_probe"`,
		`{"item":"d","outcome":"refused","reason":"bad_item"`, `{"outcome":"refused","reason":"bad_item"`,
	} {
		if len(lines) != 6 || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d: %s, want %s", i, lines[i], want)
		}
	}
}

// Vectors that are no reference are refused before anything is stored.
//
// FAULTS: N1 N2 N3 N4 N5 N6 N7
func TestBadReferencesAreNotEnrolled(t *testing.T) {
	f := start(t, nil)
	zero := float32(0)
	for name, vector := range map[string]string{
		"NaN":      `"reference_float32":"` + float32Probe(testDim, zero/zero) + `"`,
		"Inf":      `"reference_float32":"` + float32Probe(testDim, 1/zero) + `"`,
		"zero":     `"reference_int8":"` + strings.Repeat("A", 11) + `="`,
		"-128":     `"reference_int8":"gAAAAAAAAAA="`,
		"small":    `"reference_float32":"` + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0, 0, 0, 0x38}, testDim)) + `"`,
		"denormal": `"reference_float32":"` + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1, 0, 0, 0}, testDim)) + `"`,
		"dim 0":    `"reference_float32":""`,
		"dim 1":    `"reference_int8":"AQ=="`,
		"dim - 1":  `"reference_int8":"` + int8Probe(testDim-1, true) + `"`,
		"dim + 1":  `"reference_float32":"` + float32Probe(testDim+1, 1) + `"`,
	} {
		a := f.call("POST", "/v1/enrolments", "issuer", mediaJSON, []byte("{"+vector+"}"))
		if a.status != 422 || f.node.asked() != 0 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// An enrolment whose later chunk fails tells the ids of those before it; one whose first fails is a problem.
func TestEnrolmentThatGivesOut(t *testing.T) {
	f := start(t, nil)
	line := []byte(`{"reference_int8":"` + int8Probe(testDim, true) + "\"}\n")
	f.node.applyErr = zhenni.ErrOverloaded
	if a := f.call("POST", "/v1/enrolments", "issuer", mediaNDJSON, line); a.status != 503 {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.node.applyErr = nil
	s := looseServer(t)
	s.node = &flakyNode{fakeNode: newFakeNode()}
	rq, items := looseRequest(s), make([]enrolment, 2*enrolChunk)
	if err := s.applyAll(rq, items, make([]int8, 2*enrolChunk*testDim)); err != nil {
		t.Fatal(err)
	}
	for i, e := range items {
		if (e.outcome == zhenni.Pending) != (i < enrolChunk) || i >= enrolChunk && e.outcome != zhenni.RefusedUnavailable {
			t.Fatalf("item %d: outcome %d", i, e.outcome)
		}
	}
}

// Without entropy no id is drawn and nothing is enrolled.
//
// FAULTS: R12
func TestWithoutEntropyNothingIsEnrolled(t *testing.T) {
	f := start(t, func(c *Config) { c.Entropy = iotest.ErrReader(errors.New("x")) })
	body := []byte(`{"reference_int8":"` + int8Probe(testDim, true) + `"}`)
	for _, extra := range []string{"Transaction-Id: t", "Model: test-model"} {
		if a := f.call("POST", "/v1/enrolments", "issuer", mediaJSON, body, extra); a.status != 503 || f.node.asked() != 0 {
			t.Errorf("%s: %d", extra, a.status)
		}
	}
}

// A credential of another tenant is answered, in every byte but the transaction, like one that is not there.
//
// FAULTS: Z1 Z4
func TestAnotherTenantSeesNothing(t *testing.T) {
	f := start(t, nil)
	f.node.records[testID(1)] = zhenni.Credential{ID: testID(1), Tenant: 1, Level: zhenni.LevelFull, Status: zhenni.StatusActive, Generation: 1}
	there, absent := testID(1).String(), testID(2).String()
	for _, c := range [][2]string{{"GET", "/v1/credentials/%s"}, {"POST", "/v1/credentials/%s/revoke"}, {"POST", "/v1/credentials/%s/erase"}} {
		ask := func(id string) answer {
			return f.call(c[0], fmt.Sprintf(c[1], id), "other", "", nil, "Transaction-Id: t")
		}
		a, b := ask(there), ask(absent)
		if a.status != 404 || a.status != b.status || !bytes.Equal(a.body, b.body) {
			t.Errorf("%s: %d %s, and absent %d %s", c[1], a.status, a.body, b.status, b.body)
		}
		if a := f.call(c[0], fmt.Sprintf(c[1], there), "verifier", "", nil); a.status != 403 {
			t.Errorf("%s as a verifier: %d", c[1], a.status)
		}
	}
	if f.node.records[testID(1)].Status != zhenni.StatusActive {
		t.Error("another tenant revoked it")
	}
	for _, c := range [][2]string{ // C9: a repeated change is the same answer
		{"revoke", "revoked"}, {"revoke", "revoked"}, {"erase", "erased"}, {"erase", "erased"},
	} {
		var record struct{ Status string }
		a := f.call("POST", "/v1/credentials/"+there+"/"+c[0], "issuer", "", nil)
		if err := json.Unmarshal(a.body, &record); err != nil || a.status != 200 || record.Status != c[1] {
			t.Errorf("%s: %d %s", c[0], a.status, a.body)
		}
	}
}

func TestKeysThatAreNotValid(t *testing.T) {
	f := start(t, nil)
	right := keyOf("verifier").String()
	stranger := keyOf("stranger")
	stolen := keyOf("issuer")
	stolen.Party = "verifier"
	for _, field := range []string{
		"Bearer " + stranger.String(), "Bearer " + stolen.String(), "Bearer " + right[:len(right)-1], "Bearer  " + right,
		"bearer " + right, "Basic " + right, right, "Bearer", "Bearer zk__", "",
	} {
		a := f.call("GET", "/v1/profiles", "", "", nil, "Authorization: "+field)
		if a.status != 401 || a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: %d", field, a.status)
		}
	}
}

// What is logged when things go wrong has no key, no id and no body in it.
//
// FAULTS: L11
func TestLogsHoldNothingOfARequest(t *testing.T) {
	var log syncBuffer
	f := start(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	f.node.verify = func(*zhenni.Batch, time.Time) error { panic(testID(1).String()) }
	answers, closed := f.exchange([]byte(verification("X: log\tinjection")), 2)
	if len(answers) != 1 || answers[0].status != 500 || !closed {
		t.Errorf("%v, closed %v", answers, closed)
	}
	f.call("POST", "/v1/verifications", "", mediaJSON, []byte(goodDocument()))
	for _, secret := range []string{testID(1).String(), int8Probe(testDim, true), keyOf("verifier").String(), "injection"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "panicked") {
		t.Error("the panic is not logged")
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no profile":      func(c *Config) { c.Profile = zhenni.Profile{} },
		"edited profile":  func(c *Config) { c.Profile.FMRTarget = 0.5 },
		"half of TLS":     func(c *Config) { c.TLSCert = "x" },
		"no such TLS":     func(c *Config) { c.TLSCert, c.TLSKey = "/nope", "/nope" },
		"negative":        func(c *Config) { c.MaxConns = -1 },
		"body too large":  func(c *Config) { c.MaxBodyBytes = 5 << 20 },
		"batch too large": func(c *Config) { c.MaxBatchBytes = 65 << 20 },
		"too little held": func(c *Config) { c.MaxHeldBytes = 1 },
	} {
		config := testConfig(t)
		change(&config)
		if _, err := New(config, newFakeNode()); !errors.Is(err, zhenni.ErrBadValue) && !errors.Is(err, zhenni.ErrBadProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
