package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/valyala/fasthttp"
)

// Whatever comes as a stream is refused, or read as items inside the body.
//
// FAULTS: L6 L12
func FuzzDecodeArrow(f *testing.F) {
	for _, probe := range []arrow.DataType{bytesOf(testDim), listOf(arrow.PrimitiveTypes.Int8, testDim), listOf(arrow.PrimitiveTypes.Float32, testDim)} {
		f.Add(arrowBody(f, testDim, probe, arrow.BinaryTypes.String, 2, 1))
		f.Add(arrowBody(f, testDim, probe, arrow.PrimitiveTypes.Int64, 1))
	}
	want := form{id: true, vector: "probe", dim: testDim}
	f.Fuzz(func(t *testing.T, body []byte) {
		body = bytes.Clone(body) // in which labels are rebased in place
		if in, err := readStream(body, want); err == nil {
			checkInside(t, in, want, body)
		}
	})
}

// Every line gets one outcome, none of them a verdict, and only JSON is handed on.
//
// FAULTS: L2 L3 L4 L12
func FuzzDecodeNDJSON(f *testing.F) {
	f.Add([]byte(goodDocument() + "\n" + `{"item":"a\u0041","credential":"x"}` + "\n{}\n"))
	f.Add([]byte(`{"item":7,"credential":"` + testID(1).String() + `","probe_float32":"` + float32Probe(testDim, 1) + "\"}\n"))
	s := looseServer(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		rq := looseRequest(s)
		defer rq.lease.end()
		lines := bytes.Split(body, []byte("\n"))
		b, err := s.decodeLines(rq, bytes.Clone(body)) // which unescapes in place
		if err != nil {
			return
		}
		if len(b.outcomes) != len(lines)-1 {
			t.Fatalf("%d outcomes for %d lines", len(b.outcomes), len(lines)-1)
		}
		pending := 0
		for i, outcome := range b.outcomes {
			if outcome == zhenni.Match || outcome == zhenni.NoMatch {
				t.Fatal("a verdict without a node")
			}
			if outcome == zhenni.Pending {
				pending++
				if !json.Valid(lines[i]) {
					t.Fatalf("line %q is not JSON", lines[i])
				}
			}
			b.appendLabel(nil, b.labels[i])
		}
		if handed := b.parts[0].count + b.parts[1].count; handed != pending {
			t.Fatalf("%d items handed on, %d pending", handed, pending)
		}
	})
}

// A document that is taken says the same to the standard library.
//
// FAULTS: L2 L3 L4
func FuzzDecodeVerification(f *testing.F) {
	f.Add([]byte(goodDocument()))
	f.Add([]byte(strings.TrimSuffix(goodDocument(), "}") + `,"transaction":"\u0061\/","model":"test-model"}`))
	f.Add([]byte(`{"credential":"` + testID(1).String() + `","probe_float32":"` + float32Probe(testDim, 1) + `"}`))
	s := looseServer(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		rq := looseRequest(s)
		defer rq.lease.end()
		batch, err := s.decodeVerification(rq, bytes.Clone(body)) // which unescapes in place
		if err != nil {
			return
		}
		var document struct {
			Credential  zhenni.CredentialID `json:"credential"`
			ProbeInt8   []byte              `json:"probe_int8"`
			ProbeFloat  []byte              `json:"probe_float32"`
			Transaction string              `json:"transaction"`
			Model       string              `json:"model"`
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&document); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		same := document.Credential == batch.IDs[0] && batch.Outcomes[0] == zhenni.Pending
		if batch.Int8 != nil {
			same = same && bytes.Equal(document.ProbeInt8, int8Bytes(batch.Int8))
		} else {
			same = same && bytes.Equal(document.ProbeFloat, float32Bytes(batch.Float32))
		}
		if !same {
			t.Fatalf("%q is read in another way", body)
		}
	})
}

// A head that the guard lets through is one request, the same one, to fasthttp and to the standard library.
//
// FAULTS: P1 P2 P3 P4 P6 P7 P8
func FuzzGuard(f *testing.F) {
	f.Add([]byte(verification()))
	f.Add([]byte("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: [::1]:80\r\ncontent-LENGTH: 5\r\nConnection: Close\r\n\r\nabcde"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxHeadBytes {
			data = data[:maxHeadBytes]
		}
		size, r := scanHead(data, 0)
		if r != nil || size == 0 {
			return
		}
		h, r := checkHead(data[:size])
		if r != nil {
			return
		}
		raw := data[:size]
		standard, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			t.Fatalf("%q: the standard library: %v", raw, err)
		}
		var fast fasthttp.RequestHeader
		br := bufio.NewReaderSize(bytes.NewReader(raw), 2*maxHeadBytes)
		if err := fast.Read(br); err != nil {
			t.Fatalf("%q: fasthttp: %v", raw, err)
		}
		if br.Buffered() != 0 || standard.Host != string(h.host) || string(fast.Host()) != string(h.host) ||
			standard.ContentLength != h.contentLength || max(0, int64(fast.ContentLength())) != h.contentLength ||
			standard.Method != string(fast.Method()) || standard.RequestURI != string(fast.RequestURI()) || !fast.IsHTTP11() {
			t.Fatalf("%q is read in two ways", raw)
		}
	})
}
