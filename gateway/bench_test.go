package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"zhenni"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/valyala/fasthttp"
)

const benchDim = 512

// instantNode matches every item without looking at it.
type instantNode struct{ *fakeNode }

func (instantNode) Verify(b *zhenni.Batch, _ time.Time) error {
	for i := range b.Outcomes {
		b.Outcomes[i] = zhenni.Match
	}
	return nil
}

func benchServer(b *testing.B) *Server {
	config := testConfig(b)
	config.Profile = testProfile(b, benchDim, true)
	s, err := New(config, instantNode{newFakeNode()})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// benchItems reports the time of one item where an operation has n.
func benchItems(b *testing.B, n int, operation func(*Server, *request)) {
	s := benchServer(b)
	rq := &request{ctx: &fasthttp.RequestCtx{}, transaction: "t-1", lease: lease{depot: &s.depot}}
	b.ReportAllocs()
	for b.Loop() {
		operation(s, rq)
		rq.ctx.Response.ResetBody()
		rq.lease.end()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
}

// BenchmarkArrow decodes a stream of one record batch and encodes its answer; the body is not copied.
func BenchmarkArrow(b *testing.B) {
	for _, n := range []int{1024, 65536 / 4} {
		body := arrowBody(b, benchDim, listOf(arrow.PrimitiveTypes.Float32, benchDim), nil, n)
		b.Run("rows="+strconv.Itoa(n), func(b *testing.B) {
			benchItems(b, n, func(s *Server, rq *request) {
				in, err := readStream(body, form{id: true, vector: "probe", dim: benchDim})
				if err != nil {
					b.Fatal(err)
				}
				outcomes := asOutcomes(rq.lease.take(in.total))
				if err := s.verify(rq, s.streamBatch(rq, in.parts[0], outcomes), time.Now().Add(time.Second)); err != nil {
					b.Fatal(err)
				}
				s.writeStream(rq, s.served[0].streams[streamShape{}], in, outcomes)
			})
		})
	}
}

// BenchmarkNDJSON decodes lines and encodes their answers.
func BenchmarkNDJSON(b *testing.B) {
	const n = 1024
	for name, probe := range map[string]string{"int8": int8Probe(benchDim, true), "float32": float32Probe(benchDim, 1)} {
		var body bytes.Buffer
		for i := range n {
			body.WriteString(`{"item":"` + itoa(i) + `","credential":"` + testID(i).String() + `","probe_` + name + `":"` + probe + "\"}\n")
		}
		b.Run(name, func(b *testing.B) {
			benchItems(b, n, func(s *Server, rq *request) {
				batch, err := s.decodeLines(rq, body.Bytes())
				if err != nil {
					b.Fatal(err)
				}
				for i := range batch.parts {
					if err := s.verifyPart(rq, batch, &batch.parts[i], time.Now().Add(time.Second)); err != nil {
						b.Fatal(err)
					}
				}
				s.writeLines(rq, batch, append(s.appendOrigin(nil, rq, true), "}\n"...))
			})
		})
	}
}

// BenchmarkSingle sends single verifications over one connection; BenchmarkEcho sends the same bytes to a bare fasthttp
// server, which is what the listener, the guard, the key and the document are to be measured against.
func BenchmarkSingle(b *testing.B) {
	s := benchServer(b)
	benchLoopback(b, s.Serve, func() { _ = s.http.Shutdown() })
}

func BenchmarkEcho(b *testing.B) {
	s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyRaw(ctx.PostBody()[:160]) }}
	benchLoopback(b, s.Serve, func() { _ = s.Shutdown() })
}

func benchLoopback(b *testing.B, serve func(net.Listener) error, stop func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = serve(ln) }()
	defer stop()
	doc := `{"credential":"` + testID(1).String() + `","probe_int8":"` + int8Probe(benchDim, true) + `"}`
	raw := []byte("POST /v1/verifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + keyOf("verifier").String() +
		"\r\nContent-Type: application/json\r\nContent-Length: " + itoa(len(doc)) + "\r\n\r\n" + doc)
	b.SetParallelism(4)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		br := bufio.NewReader(c)
		for pb.Next() {
			if _, err := c.Write(raw); err != nil {
				b.Error(err)
				return
			}
			response, err := http.ReadResponse(br, nil)
			if err != nil || response.StatusCode != 200 {
				b.Errorf("%v %v", response, err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
		}
	})
}
