package gateway

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/valyala/fasthttp"
)

// request without a connection, for what decodes.
func looseRequest(s *Server) *request {
	return &request{ctx: &fasthttp.RequestCtx{}, transaction: "t-1", lease: lease{depot: &s.depot}}
}

func looseServer(t testing.TB) *Server {
	s, err := New(testConfig(t), newFakeNode())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A compressed body is refused by its header, whatever it would grow to; none is ever inflated.
//
// FAULTS: L1
func TestCompressedBodiesAreRefused(t *testing.T) {
	f := start(t, nil)
	for _, encoding := range []string{"gzip", "zstd", "br", "deflate", "gzip, gzip", "identity, gzip"} {
		for _, path := range []string{"/v1/verifications", "/v1/verification-batches", "/v1/enrolments"} {
			a := f.call("POST", path, "both", mediaNDJSON, bytes.Repeat([]byte{0x1f, 0x8b}, 1000), "Content-Encoding: "+encoding)
			if a.status != 415 || f.node.asked() != 0 {
				t.Errorf("%s to %s: %d", encoding, path, a.status)
			}
		}
	}
}

// FAULTS: L2 L3 L4 P15
func TestDocumentsThatAreRefused(t *testing.T) {
	f := start(t, nil)
	good := strings.TrimSuffix(goodDocument(), "}")
	probe := int8Probe(testDim, true)
	with := func(s string) string { return strings.Replace(goodDocument(), probe, s, 1) }
	for name, c := range map[string]struct {
		document string
		status   int
	}{
		"depth 1e5":              {strings.Repeat("[", 1e5), 400},
		"depth 1e5 as a value":   {good + `,"transaction":` + strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5) + "}", 400},
		"1e5 keys":               {good + strings.Repeat(`,"x":1`, 1e5) + "}", 400},
		"number 1e400":           {good + `,"transaction":1e400}`, 400},
		"lone high surrogate":    {good + `,"transaction":"\ud800"}`, 400},
		"lone low surrogate":     {good + `,"transaction":"\udc00"}`, 400},
		"surrogates swapped":     {good + `,"transaction":"\udc00\ud800"}`, 400},
		"invalid UTF-8":          {good + ",\"transaction\":\"\xff\"}", 400},
		"overlong UTF-8":         {good + ",\"transaction\":\"\xc0\xaf\"}", 400},
		"raw control character":  {good + ",\"transaction\":\"a\nb\"}", 400},
		"trailing data":          {goodDocument() + "{}", 400},
		"trailing comma":         {good + ",}", 400},
		"NUL behind":             {goodDocument() + "\x00", 400},
		"BOM":                    {"\xef\xbb\xbf" + goodDocument(), 400},
		"empty":                  {"", 400},
		"key twice":              {good + `,"probe_int8":"` + probe + `"}`, 400},
		"key twice, escaped":     {good + `,"probe_int\u0038":"` + probe + `"}`, 400},
		"key in another case":    {good + `,"Credential":"` + testID(2).String() + `"}`, 400},
		"unknown field tenant":   {good + `,"tenant":1}`, 400},
		"unknown threshold":      {good + `,"threshold":0}`, 400},
		"unknown status":         {good + `,"status":"active"}`, 400},
		"unknown evaluation":     {good + `,"evaluation":true}`, 400},
		"base64 with newline":    {with(probe[:4] + `\n` + probe[4:]), 422},
		"base64 with space":      {with(probe[:4] + " " + probe[4:]), 422},
		"base64 url alphabet":    {with(base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, testDim))), 422},
		"base64 without padding": {with(strings.TrimRight(probe, "=")), 422},
		"base64 loose padding":   {with(loosen(probe)), 422},
		"base64 double padding":  {with(probe + "="), 422},
		"dimension 0":            {with(""), 422},
		"dimension less 1":       {with(int8Probe(testDim-1, true)), 422},
		"dimension and 1":        {with(int8Probe(testDim+1, true)), 422},
		"float32 sent as int8":   {with(float32Probe(testDim, 1)), 422},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(c.document))
			if a.status != c.status || f.node.asked() != 0 {
				t.Errorf("status %d, want %d; node asked %d times: %s", a.status, c.status, f.node.asked(), a.body)
			}
		})
	}
}

// loosen sets the bits of a base64 string that its padding makes meaningless.
func loosen(s string) string {
	i := strings.IndexByte(s, '=') - 1
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return s[:i] + string(alphabet[strings.IndexByte(alphabet, s[i])+1]) + s[i+1:]
}

// Escapes are read as what they stand for: some encoders escape the solidus of base64.
func TestEscapesAreRead(t *testing.T) {
	f := start(t, nil)
	probe := base64.StdEncoding.EncodeToString([]byte{63, 0xff, 0xff, 0xff, 1, 2, 3, 4})
	document := `{"credential":"\u0030` + testID(1).String()[1:] + `","probe_int8":"` + strings.ReplaceAll(probe, "/", `\/`) + `"}`
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(document)); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	lines := `{"item":"a\"\\\u0041","credential":"` + testID(1).String() + `","probe_int8":"` + probe + "\"}\n"
	a := f.call("POST", "/v1/verification-batches", "verifier", mediaNDJSON, []byte(lines))
	if !strings.HasPrefix(string(a.body), `{"item":"a\"\\A","outcome":"match"`) {
		t.Errorf("%s", a.body)
	}
}

// One line of every kind that can not be read, between lines that can: each is refused alone and the order is kept.
//
// FAULTS: L7 L10 L11
func TestABadLineIsRefusedAlone(t *testing.T) {
	f := start(t, nil)
	id := testID(1).String()
	bad := map[string]string{
		``:                     "bad_item",
		`{`:                    "bad_item",
		`{"item":"\u202etxt"}`: "bad_item",
		`{"item":"a\r\nb"}`:    "bad_item",
		`{"item":"\u0000"}`:    "bad_item",
		`{"item":"e\u0301"}`:   "bad_item",
		`{"item":1.5}`:         "bad_item",
		`{"item":01}`:          "bad_item",
		`{"item":null}`:        "bad_item",
		`{"unknown":1}`:        "bad_item",
		`{"item":1,"item":2}`:  "bad_item",
		`{"credential":"` + id: "bad_item",
		`{}`:                   "bad_credential",
		`{"credential":"0"}`:   "bad_credential",
		`{"credential":1}`:     "bad_credential",
		`{"item":"` + strings.Repeat("a", 65) + `"}`:                       "bad_item",
		`{"x":"` + strings.Repeat("a", 100000) + `"}`:                      "bad_item",
		`{"credential":"` + strings.ToUpper("ab"+id[2:]) + `"}`:            "bad_credential",
		`{"credential":"` + id + `"}`:                                      "bad_probe",
		`{"credential":"` + id + `","probe_int8":"AAAA"}`:                  "bad_probe",
		`{"credential":"` + id + `","probe_int8":"","probe_float32":"aa"}`: "bad_probe",
	}
	var body bytes.Buffer
	var want []string
	for line, reason := range bad {
		body.WriteString(goodDocument() + "\n" + line + "\n")
		want = append(want, `"outcome":"match"`, `"reason":"`+reason+`"`)
	}
	a := f.call("POST", "/v1/verification-batches", "verifier", mediaNDJSON, body.Bytes())
	got := strings.Split(strings.TrimSuffix(string(a.body), "\n"), "\n")
	if a.status != 200 || len(got) != len(want) {
		t.Fatalf("status %d, %d lines, want %d", a.status, len(got), len(want))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("line %d: %s, want %s", i, got[i], want[i])
		}
	}
}

// FAULTS: L7
func TestBatchSizes(t *testing.T) {
	f := start(t, nil)
	line := goodDocument() + "\n"
	for name, c := range map[string]struct {
		media  string
		body   []byte
		status int
	}{
		"no line":               {mediaNDJSON, nil, 400},
		"no last newline":       {mediaNDJSON, []byte(goodDocument()), 400},
		"65,537 lines":          {mediaNDJSON, bytes.Repeat([]byte("{}\n"), 65537), 413},
		"1,000 times the same":  {mediaNDJSON, bytes.Repeat([]byte(line), 1000), 200},
		"no rows":               {mediaArrow, arrowBody(t, testDim, bytesOf(testDim), nil, 0), 400},
		"65,536 rows":           {mediaArrow, arrowBody(t, testDim, bytesOf(testDim), nil, 65536), 200},
		"65,537 rows":           {mediaArrow, arrowBody(t, testDim, bytesOf(testDim), nil, 65537), 413},
		"65,537 rows in two":    {mediaArrow, arrowBody(t, testDim, bytesOf(testDim), nil, 65536, 1), 413},
		"another dimension":     {mediaArrow, arrowBody(t, testDim+1, bytesOf(testDim+1), nil, 1), 400},
		"float64 elements":      {mediaArrow, arrowBody(t, testDim, listOf(arrow.PrimitiveTypes.Float64, testDim/2), nil, 1), 400},
		"uint8 elements":        {mediaArrow, arrowBody(t, testDim, listOf(arrow.PrimitiveTypes.Uint8, testDim), nil, 1), 400},
		"items of another type": {mediaArrow, arrowWithItem(t), 400},
	} {
		t.Run(name, func(t *testing.T) {
			before := f.node.asked()
			a := f.call("POST", "/v1/verification-batches", "verifier", c.media, c.body)
			if a.status != c.status || (f.node.asked() > before) != (c.status == 200) {
				t.Errorf("status %d, want %d: %.200s", a.status, c.status, a.body)
			}
		})
	}
}

// FAULTS: L7
func TestOneBadInTenThousand(t *testing.T) {
	f := start(t, nil)
	var body bytes.Buffer
	for i := range 10000 {
		if i == 7777 {
			body.WriteString("{\n")
			continue
		}
		body.WriteString(`{"item":` + itoa(i) + `,"credential":"` + testID(i).String() + `","probe_int8":"` + int8Probe(testDim, i%3 == 0) + "\"}\n")
	}
	a := f.call("POST", "/v1/verification-batches", "verifier", mediaNDJSON, body.Bytes())
	for i, line := range strings.Split(strings.TrimSuffix(string(a.body), "\n"), "\n") {
		want := `{"item":` + itoa(i) + `,"outcome":"no_match",`
		switch {
		case i == 7777:
			want = `{"outcome":"refused","reason":"bad_item","retryable":false,`
		case i%3 == 0:
			want = `{"item":` + itoa(i) + `,"outcome":"match",`
		}
		if !strings.HasPrefix(line, want) {
			t.Fatalf("line %d: %s", i, line)
		}
	}
	if n := len(f.node.verified[0]); len(f.node.verified) != 1 || n != 9999 {
		t.Errorf("the node was asked about %d items in %d batches", n, len(f.node.verified))
	}
}

// Lines may mix the two kinds of probe.
func TestMixedLinesKeepOrder(t *testing.T) {
	f := start(t, nil)
	var body, want strings.Builder
	for i := range 100 {
		probe := `"probe_int8":"` + int8Probe(testDim, i%3 == 0) + `"`
		if i%2 == 0 {
			probe = `"probe_float32":"` + float32Probe(testDim, float32(1-i%3)) + `"`
		}
		outcome := "no_match"
		if i%3 == 0 {
			outcome = "match"
		}
		body.WriteString(`{"credential":"` + testID(i).String() + `",` + probe + "}\n")
		want.WriteString(outcome + " ")
	}
	a := f.call("POST", "/v1/verification-batches", "verifier", mediaNDJSON, []byte(body.String()))
	got := ""
	for line := range strings.Lines(string(a.body)) {
		got += strings.Split(line, `"`)[3] + " "
	}
	if got != want.String() || len(f.node.verified) != 2 {
		t.Errorf("got  %s\nwant %s in two batches, not %d", got, want.String(), len(f.node.verified))
	}
}

// FAULTS: L9
func TestAnotherModelIsRefused(t *testing.T) {
	f := start(t, nil)
	body := arrowBody(t, testDim, bytesOf(testDim), nil, 1)
	if a := f.call("POST", "/v1/verification-batches", "verifier", mediaArrow, body, "Model: test-model"); a.status != 200 {
		t.Errorf("the served model: %d", a.status)
	}
	before := f.node.asked()
	for _, model := range []string{"other", "TEST-MODEL", ""} {
		if a := f.call("POST", "/v1/verification-batches", "verifier", mediaArrow, body, "Model: "+model); a.status != 400 {
			t.Errorf("model %q: %d", model, a.status)
		}
	}
	document := strings.TrimSuffix(goodDocument(), "}") + `,"model":"other"}`
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(document)); a.status != 400 {
		t.Errorf("model in the document: %d", a.status)
	}
	if f.node.asked() != before {
		t.Error("the node was asked")
	}
}

// FAULTS: L10 L11
func TestTransactionIDs(t *testing.T) {
	f := start(t, nil)
	for _, given := range []string{"A", "a b", strings.Repeat("a", 65), "a/b", "é", "%0d%0a", ""} {
		if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: "+given); a.status != 400 {
			t.Errorf("%q: %d", given, a.status)
		}
	}
	document := strings.TrimSuffix(goodDocument(), "}") + `,"transaction":"from-body"}`
	a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(document))
	if a.header.Get("Transaction-Id") != "from-body" || !strings.Contains(string(a.body), `"transaction":"from-body"`) {
		t.Errorf("%v %s", a.header, a.body)
	}
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(document), "Transaction-Id: another"); a.status != 400 {
		t.Errorf("two transaction ids: %d", a.status)
	}
}

// A stream cut short anywhere is refused, and so is a line; nothing of either is handed on.
//
// FAULTS: L12
func TestTruncatedBodiesAreRefused(t *testing.T) {
	s := looseServer(t)
	stream := arrowBody(t, testDim, listOf(arrow.PrimitiveTypes.Float32, testDim), arrow.BinaryTypes.String, 3, 2)
	f := form{id: true, vector: "probe", dim: testDim}
	for i := range stream {
		cut := bytes.Clone(stream[:i])
		if _, err := readStream(cut, f); err == nil {
			t.Fatalf("a stream cut at %d of %d is read", i, len(stream))
		}
	}
	line := []byte(goodDocument() + "\n")
	for i := range line {
		rq := looseRequest(s)
		if _, err := s.decodeLines(rq, bytes.Clone(line[:i])); err == nil {
			t.Fatalf("a line cut at %d is read", i)
		}
	}
	document := []byte(goodDocument())
	for i := range document {
		if _, err := s.decodeVerification(looseRequest(s), bytes.Clone(document[:i])); err == nil {
			t.Fatalf("a document cut at %d is read", i)
		}
	}
}

// A stream with one byte changed is refused, or is read as items of the same shape: no change of a byte makes more
// items, or reaches outside the body.
//
// FAULTS: L6
func TestChangedStreamsStayInside(t *testing.T) {
	stream := arrowBody(t, testDim, listOf(arrow.PrimitiveTypes.Float32, testDim), arrow.BinaryTypes.String, 3)
	f := form{id: true, vector: "probe", dim: testDim}
	for i := range stream {
		for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff, stream[i] ^ 1, stream[i] + 8} {
			changed := bytes.Clone(stream)
			changed[i] = b
			if in, err := readStream(changed, f); err == nil {
				checkInside(t, in, f, changed)
			}
		}
	}
}

// checkInside holds a decoded stream to its body.
func checkInside(t testing.TB, in *stream, f form, body []byte) {
	t.Helper()
	total := 0
	for _, part := range in.parts {
		total += part.count
		bytesPerRow := len(part.ids) + len(part.int8s) + len(part.floats)
		width := 4 * f.dim
		if part.floats == nil {
			width = f.dim
		}
		if part.count < 1 || bytesPerRow != part.count*(16+width) || bytesPerRow > len(body) {
			t.Fatalf("a part of %d items has %d bytes of a body of %d", part.count, bytesPerRow, len(body))
		}
		if part.items.offsets != nil {
			for i := range part.count {
				if !validLabel(part.items.at(i)) {
					t.Fatal("a label is not one")
				}
			}
		}
	}
	if total != in.total || total < 1 || total > zhenni.MaxBatchItems {
		t.Fatalf("%d items in parts of %d", in.total, total)
	}
}
