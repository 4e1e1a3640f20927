package gateway

import (
	"bytes"
	"crypto"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// In bulk a service is named once; items whose credential does not carry it are a no, in either form.
func TestServicesInBulk(t *testing.T) {
	doc := loadDescription(t)
	d := startDesk(t, nil)
	d.enrol(testID(0), 1, zhenni.LevelFull, zhenni.StatusActive)
	d.enrol(testID(3), 2, zhenni.LevelFull, zhenni.StatusActive)
	lines := strings.Replace(goodDocument(), testID(1).String(), testID(0).String(), 1) + "\n" + goodDocument() + "\n" +
		strings.Replace(goodDocument(), testID(1).String(), testID(2).String(), 1) + "\n{}\n" +
		strings.Replace(goodDocument(), testID(1).String(), testID(3).String(), 1) + "\n"
	for service, want := range map[string]string{
		"full": "match match no_match refused no_match", "open": "match match match refused no_match",
	} {
		a := d.call("POST", "/v1/verification-batches", "hotel", mediaNDJSON, []byte(lines), "Service: "+service, "Purpose: enter")
		checkDescribed(t, doc, "POST", "/v1/verification-batches", a)
		if got := strings.Join(outcomesOf(a.body), " "); got != want {
			t.Errorf("%s: %s, want %s", service, got, want)
		}
		stream := arrowBody(t, testDim, bytesOf(testDim), nil, 2, 2)
		d.node.verify = func(b *zhenni.Batch, _ time.Time) error {
			for i := range b.Outcomes {
				b.Outcomes[i] = zhenni.Match
			}
			return d.withhold(b)
		}
		a = d.call("POST", "/v1/verification-batches", "hotel", mediaArrow, stream, "Service: "+service, "Purpose: enter")
		if want := strings.Replace(want, "refused ", "", 1); strings.Join(readArrow(t, a.body).outcomes, " ") != want {
			t.Errorf("%s, Arrow: %v, want %s", service, readArrow(t, a.body).outcomes, want)
		}
		d.node.verify = d.answer
	}
	for _, service := range []string{"strict", "carded"} {
		purpose := map[string]string{"strict": "open", "carded": "enter"}[service]
		asked := d.node.asked()
		a := d.call("POST", "/v1/verification-batches", "hotel", mediaNDJSON, []byte(lines), "Service: "+service, "Purpose: "+purpose)
		checkDescribed(t, doc, "POST", "/v1/verification-batches", a)
		if a.status != 422 || !strings.Contains(string(a.body), "one at a time") || d.node.asked() != asked {
			t.Errorf("%s: %d %s", service, a.status, a.body)
		}
	}
}

// outcomesOf are the outcomes of the lines of an answer.
func outcomesOf(body []byte) (words []string) {
	for line := range bytes.Lines(body) {
		_, rest, _ := bytes.Cut(line, []byte(`"outcome":"`))
		word, _, _ := bytes.Cut(rest, []byte(`"`))
		words = append(words, string(word))
	}
	return words
}

// A transaction sent again gets its answer, although the evidence is old by then and the service no longer granted; for
// another service it is another request.
//
// FAULTS: A16
func TestServicesAreReplayed(t *testing.T) {
	l := openLedger(t, t.TempDir(), &leafLog{})
	now := testNow()
	d := startDesk(t, func(c *Config) { c.Ledger, c.Now = l, func() time.Time { return now } })
	ask := func(media string, body []byte, extra ...string) answer {
		path := map[string]string{mediaJSON: "/v1/verifications", mediaNDJSON: "/v1/verification-batches"}[media]
		return d.call("POST", path, "hotel", media, body, extra...)
	}
	document := []byte(d.question().document(t))
	first := ask(mediaJSON, document, "Transaction-Id: t-1")
	lines := []byte(goodDocument() + "\n")
	bulk := ask(mediaNDJSON, lines, "Transaction-Id: b-1", "Service: full", "Purpose: enter")
	if first.status != 200 || bulk.status != 200 || first.header.Get("Log-Index") == "" {
		t.Fatalf("%d %s, %d %s", first.status, first.body, bulk.status, bulk.body)
	}
	if a := ask(mediaNDJSON, lines, "Transaction-Id: b-1", "Service: open", "Purpose: enter"); a.status != 409 {
		t.Errorf("another service under the same transaction: %d %s", a.status, a.body)
	}
	now = now.Add(time.Hour)
	checkReplay(t, "single", ask(mediaJSON, document, "Transaction-Id: t-1"), first)
	checkReplay(t, "bulk", ask(mediaNDJSON, lines, "Transaction-Id: b-1", "Service: full", "Purpose: enter"), bulk)
	if a := ask(mediaJSON, document, "Transaction-Id: t-2"); a.status != 422 || a.header.Get("Log-Index") != "" {
		t.Errorf("the same evidence for another transaction: %d %s", a.status, a.body)
	}
	if s := l.Stats(); s.InHand != 0 || s.Refused != 1 {
		t.Errorf("%+v, want the refused request dropped", s)
	}
}

// The handler takes the terms of a document exactly where the description does, and answers as it describes.
func TestServicesAreDescribed(t *testing.T) {
	doc := loadDescription(t)
	d := startDesk(t, nil)
	schema := doc.Paths.Value("/v1/verifications").Post.RequestBody.Value.Content[mediaJSON].Schema.Value
	good := strings.TrimSuffix(goodDocument(), "}")
	for _, members := range []string{
		`"service":"open","purpose":"enter"`, `"service":"open","purpose":"enter","evidence":[]`, `"service":"open"`, `"purpose":"enter"`,
		`"service":"open","purpose":"enter","captured_at":"2023-11-14T22:13:20Z"`, `"service":"open","purpose":"enter","captured_at":"2023-11-14T22:13:20.123Z"`,
		`"service":"open","purpose":"enter","captured_at":"2023-11-14"`, `"service":"open","purpose":"enter","captured_at":7`,
		`"service":"Open","purpose":"enter"`, `"service":"open","purpose":7`, `"service":"open","purpose":"enter","evidence":"x"`,
		`"service":"open","purpose":"enter","evidence":[7]`, `"service":"open","purpose":"enter","evidence":[` + strings.Repeat(`"",`, 8) + `""]`,
	} {
		document := []byte(good + "," + members + "}")
		a := d.call("POST", "/v1/verifications", "hotel", mediaJSON, document)
		checkDescribed(t, doc, "POST", "/v1/verifications", a)
		if described := visit(schema, document) == nil; described != (a.status == 200) {
			t.Errorf("%s: described %v, answered %d %s", members, described, a.status, a.body)
		}
	}
	for _, change := range []func(*question){
		func(*question) {}, func(q *question) { q.about(testID(2)) }, func(q *question) { q.liveBy = nil }, func(q *question) { q.purpose = "none" },
	} {
		q := d.question()
		change(q)
		checkDescribed(t, doc, "POST", "/v1/verifications", d.ask(q))
	}
	if answer := doc.Components.Schemas["Answer"].Value; visit(answer, []byte(`{"outcome":"match","fmr":0.5,"profile":"`+strings.Repeat("0", 32)+`","transaction":"t","time":"2023-11-14T22:13:20.000Z"}`)) == nil {
		t.Error("an answer with a part of what a yes carries is described")
	}
}

// A store that can not be read decides nothing.
func TestFactsThatCanNotBeRead(t *testing.T) {
	d := startDesk(t, func(c *Config) { c.Devices = brokenDevices{} })
	if a := d.ask(d.question()); a.status != 503 || strings.Contains(string(a.body), "match") {
		t.Errorf("devices: %d %s", a.status, a.body)
	}
	d = startDesk(t, func(c *Config) { c.Devices = nil })
	if a := d.ask(d.question()); !bytes.Contains(a.body, []byte(`"no_match"`)) {
		t.Errorf("no devices at all: %s", a.body)
	}
}

type brokenDevices struct{ deviceBook }

func (brokenDevices) Credential(zhenni.CredentialID) (zhenni.Credential, error) {
	return zhenni.Credential{}, zhenni.ErrUnavailable
}

// countingDevices notes which credentials are looked up, and whether they are there.
type countingDevices struct {
	deviceBook
	found, missed int
}

func (d *countingDevices) Credential(id zhenni.CredentialID) (zhenni.Credential, error) {
	record, err := d.deviceBook.Credential(id)
	if err == nil {
		d.found++
	} else {
		d.missed++
	}
	return record, err
}

// A device is looked up by as much work as none is: one look that finds, and one that does not. What the look in place of
// another finds is of no use.
//
// FAULTS: Z2
func TestDevicesAreLookedUpAlike(t *testing.T) {
	devices := &countingDevices{}
	d := startDesk(t, func(c *Config) { c.Devices = devices })
	devices.fakeNode = d.node
	for i, id := range []zhenni.CredentialID{testID(1), testID(77), testID(2), testID(1)} {
		q := d.question()
		q.about(id)
		a := d.ask(q)
		if want := id == testID(1); bytes.Contains(a.body, []byte(`"match"`)) != want {
			t.Errorf("%d: %s, want a match %v", i, a.body, want)
		}
		if devices.found != i+1 || devices.missed != i+1 {
			t.Errorf("%d: found %d, missed %d", i, devices.found, devices.missed)
		}
	}
}

// BenchmarkPermit rules on a verification for a service, without evidence and with that of a terminal (Ed25519) and a device
// (P-256), beside the two signatures alone.
func BenchmarkPermit(b *testing.B) {
	d := startDesk(b, nil)
	q := d.question()
	batch := &zhenni.Batch{Dim: testDim, IDs: []zhenni.CredentialID{q.id}, Int8: make([]int8, testDim), Outcomes: make([]zhenni.Outcome, 1)}
	q.live.Capture, q.possession.Capture = captureOf(batch), captureOf(batch)
	var tokens [][]byte
	for claims, by := range map[evidence.Claims]crypto.Signer{q.live: d.terminal, q.possession: d.device} {
		token, err := evidence.Sign(claims, by)
		if err != nil {
			b.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	hotel, _ := d.node.RelyingParty("hotel")
	for name, t := range map[string]terms{
		"none":            {},
		"service":         {service: "open", purpose: "enter"},
		"service, tokens": {service: "strict", purpose: "open", tokens: tokens, capturedAt: testNow()},
	} {
		b.Run(name, func(b *testing.B) {
			rq := &request{party: hotel, transaction: "t-1"}
			if t.service == "" {
				rq.party.Services = nil
			}
			b.ReportAllocs()
			for b.Loop() {
				rq.terms = t
				if err := d.server.permit(rq, batch); err != nil || t.service != "" && rq.terms.ruling != zhenni.Admitted {
					b.Fatal(err, rq.terms.ruling)
				}
			}
		})
	}
	message, signature := make([]byte, 400), make([]byte, zhenni.SignatureSize)
	for _, key := range []zhenni.PublicKey{publicOf(b, d.terminal), publicOf(b, d.device)} {
		signature[0], signature[32] = 1, 1
		b.Run(key.Algorithm().String()+" alone", func(b *testing.B) {
			for b.Loop() {
				key.Verify(message, signature)
			}
		})
	}
}
