package gateway

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// goodDocument is a verification the fake node matches.
func goodDocument() string {
	return `{"credential":"` + testID(1).String() + `","probe_int8":"` + int8Probe(testDim, true) + `"}`
}

// verification is a whole request for one verification, with extra header lines.
func verification(extra ...string) string {
	doc := goodDocument()
	lines := append([]string{
		"POST /v1/verifications HTTP/1.1", "Host: x", "Authorization: Bearer " + keyOf("verifier").String(),
		"Content-Type: application/json", "Content-Length: " + itoa(len(doc)),
	}, extra...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + doc
}

// replaced returns request with old replaced by replacement, which must change it.
func replaced(t *testing.T, request, old, replacement string) string {
	t.Helper()
	if !strings.Contains(request, old) {
		t.Fatalf("%q is not in the request", old)
	}
	return strings.Replace(request, old, replacement, 1)
}

// A fault is a request that is refused with its status.
type fault struct {
	raw    string
	status int
}

// FAULTS: P1 P2 P3 P4 P5 P10
func TestGuardRefusesFraming(t *testing.T) {
	good := verification()
	length := "Content-Length: " + itoa(len(goodDocument())) + "\r\n"
	refuseAndClose(t, map[string]fault{
		"CL and TE":            {verification("Transfer-Encoding: chunked"), 400},
		"TE and CL":            {replaced(t, good, length, "Transfer-Encoding: chunked\r\n"+length), 400},
		"CL twice, equal":      {verification(length[:len(length)-2]), 400},
		"CL twice, different":  {verification("Content-Length: 0"), 400},
		"CL with plus":         {replaced(t, good, length, "Content-Length: +4\r\n"), 400},
		"CL negative":          {replaced(t, good, length, "Content-Length: -1\r\n"), 400},
		"CL list":              {replaced(t, good, length, "Content-Length: 4, 4\r\n"), 400},
		"CL huge":              {replaced(t, good, length, "Content-Length: 21000000000000000000\r\n"), 400},
		"CL hexadecimal":       {replaced(t, good, length, "Content-Length: 0x10\r\n"), 400},
		"CL with leading zero": {replaced(t, good, length, "Content-Length: 010\r\n"), 400},
		"CL empty":             {replaced(t, good, length, "Content-Length:\r\n"), 400},
		"CL beyond the bound":  {replaced(t, good, length, "Content-Length: 67108865\r\n"), 413},
		"TE chunked":           {replaced(t, good, length, "Transfer-Encoding: chunked\r\n"), 411},
		"TE xchunked":          {replaced(t, good, length, "Transfer-Encoding: xchunked\r\n"), 400},
		"TE list":              {replaced(t, good, length, "Transfer-Encoding: chunked, identity\r\n"), 400},
		"TE identity":          {replaced(t, good, length, "Transfer-Encoding: identity\r\n"), 400},
		"TE twice":             {replaced(t, good, length, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
		"TE on HTTP/1.0":       {strings.Replace(replaced(t, good, length, "Transfer-Encoding: chunked\r\n"), "HTTP/1.1", "HTTP/1.0", 1), 400},
		"chunk size 0x4":       {chunked("0x4\r\nabcd\r\n0\r\n\r\n"), 411},
		"chunk size overflow":  {chunked("fffffffffffffffff\r\n"), 411},
		"chunk extension LF":   {chunked("4;a\nb\r\nabcd\r\n0\r\n\r\n"), 411},
		"chunk extension long": {chunked("4;" + strings.Repeat("a", 10000)), 411},
	})
}

// FAULTS: P6 P9 P10
func TestGuardRefusesLines(t *testing.T) {
	good := verification()
	refuseAndClose(t, map[string]fault{
		"space before colon": {verification("X : y"), 400},
		"tab before colon":   {verification("X\t: y"), 400},
		"space in name":      {verification("X Y: z"), 400},
		"empty name":         {verification(": y"), 400},
		"no colon":           {verification("X"), 400},
		"NUL in value":       {verification("X: a\x00b"), 400},
		"NUL in name":        {verification("X\x00: b"), 400},
		"bare CR":            {verification("X: a\rb"), 400},
		"bare LF":            {verification("X: a\nY: b"), 400},
		"bare LF first line": {replaced(t, good, "HTTP/1.1\r\n", "HTTP/1.1\n"), 400},
		"bare LF last line":  {replaced(t, good, "\r\n\r\n", "\r\n\n"), 400},
		"empty first line":   {"\r\n" + good, 400},
		"obs-fold":           {verification("X: a", " b"), 400},
		"obs-fold first":     {replaced(t, good, "Host: x", " Host: x"), 400},
		"non-ASCII value":    {verification("X: \xc3\xa9"), 400},
		"65 fields":          {verification(strings.Split(strings.Repeat("X: y,", 60)+"X: y", ",")...), 431},
		"head over 4 KiB":    {verification("X: " + strings.Repeat("y", 4096)), 431},
		"endless head":       {"GET /" + strings.Repeat("y", 10000), 431},
	})
}

// FAULTS: P7 P8 P10
func TestGuardRefusesWhatIsNotServed(t *testing.T) {
	good := verification()
	refuseAndClose(t, map[string]fault{
		"no Host":               {replaced(t, good, "Host: x\r\n", ""), 400},
		"empty Host":            {replaced(t, good, "Host: x", "Host:"), 400},
		"two Hosts":             {verification("Host: x"), 400},
		"Host with bad port":    {replaced(t, good, "Host: x", "Host: x:y"), 400},
		"Host with bracket":     {replaced(t, good, "Host: x", "Host: [::1"), 400},
		"Host with slash":       {replaced(t, good, "Host: x", "Host: x/y"), 400},
		"absolute-form":         {replaced(t, good, "/v1", "http://other/v1"), 400},
		"HTTP/0.9":              {"GET /livez\r\n\r\n", 400},
		"HTTP/1.0":              {replaced(t, good, "HTTP/1.1", "HTTP/1.0"), 400},
		"HTTP/9.9":              {replaced(t, good, "HTTP/1.1", "HTTP/9.9"), 400},
		"HTTP/2 preface":        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		"h2c upgrade":           {verification("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), 400},
		"TRACE":                 {"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		"CONNECT":               {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		"PUT":                   {replaced(t, good, "POST", "PUT"), 405},
		"HEAD":                  {"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		"lower-case method":     {replaced(t, good, "POST", "post"), 400},
		"two spaces":            {replaced(t, good, "POST ", "POST  "), 400},
		"GET with body":         {"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 400},
		"Expect something else": {verification("Expect: 200-ok"), 417},
		"Expect, capital":       {verification("Expect: 100-Continue"), 417},
		"Expect without a body": {"GET /livez HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", 417},
		"Trailer":               {verification("Trailer: X"), 400},
		"two keys":              {verification("Authorization: Bearer zk_a"), 400},
		"two types":             {verification("Content-Type: text/plain"), 400},
		"odd Connection":        {verification("Connection: close, Authorization"), 400},
	})
}

// refuseAndClose sends each request with a good one behind it: it is answered with its status, nothing of it or behind
// it is executed, and the connection ends.
func refuseAndClose(t *testing.T, faults map[string]fault) {
	f := start(t, nil)
	for name, c := range faults {
		t.Run(name, func(t *testing.T) {
			answers, closed := f.exchange([]byte(c.raw+verification()), 3)
			if len(answers) != 1 || !closed {
				t.Fatalf("%d answers, closed %v: want one and a closed connection", len(answers), closed)
			}
			if a := answers[0]; a.status != c.status || !strings.Contains(string(a.body), `"code":"`) {
				t.Errorf("status %d, want %d: %s", a.status, c.status, a.body)
			}
			if n := f.node.asked(); n != 0 {
				t.Fatalf("the node was asked %d times", n)
			}
		})
	}
}

func chunked(body string) string {
	return "POST /v1/verifications HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

func TestAnotherMethodIsToldWhich(t *testing.T) {
	f := start(t, nil)
	for path, allow := range map[string]string{"/v1/verifications": "POST", "/livez": "GET", "/v1/credentials/x/revoke": "POST"} {
		method := "GET"
		if allow == "GET" {
			method = "POST"
		}
		if a := f.call(method, path, "both", "", nil); a.status != 405 || a.header.Get("Allow") != allow {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
}

// FAULTS: P15
func TestGuardRefusesQueries(t *testing.T) {
	f := start(t, nil)
	for _, query := range []string{"?a=1", "?a=1&a=2", "?", "?tenant=2"} {
		answers, closed := f.exchange([]byte(strings.Replace(verification(), "/v1/verifications", "/v1/verifications"+query, 1)), 2)
		if len(answers) != 1 || answers[0].status != 400 || !closed {
			t.Errorf("%s: %v", query, answers)
		}
	}
	if f.node.asked() != 0 {
		t.Error("the node was asked")
	}
}

// FAULTS: P14
func TestGuardRefusesBrokenEscapes(t *testing.T) {
	f := start(t, nil)
	for _, tail := range []string{"%", "%2", "%zz", "%%20"} {
		answers, closed := f.exchange([]byte(strings.Replace(verification(), "/v1/verifications", "/v1/verifications"+tail, 1)), 2)
		if len(answers) != 1 || answers[0].status != 400 || !closed {
			t.Errorf("%s: %v", tail, answers)
		}
	}
	if f.node.asked() != 0 {
		t.Error("the node was asked")
	}
}

// FAULTS: P14 L13 Z9
func TestOnlyTheExactPathIsARoute(t *testing.T) {
	f := start(t, nil)
	for _, path := range []string{
		"/v1%2fverifications", "/v1/x/../verifications", "//v1/verifications", "/v1//verifications", "/v1/verifications/",
		"/v1/verifications;a=b", "/v1/verifications%00", "/v1/%c0%afverifications", "/v1/verification%73",
		"/V1/verifications", "/v1/./verifications", "/v1/verifications\\", "/v1/credentials/../../etc/passwd", "/",
		"/debug/pprof/", "/admin/stats", "/admin/shards", "/admin/relying-parties", "/debug/vars",
	} {
		for _, method := range []string{"POST", "GET"} {
			a := f.call(method, path, "both", mediaJSON, nil)
			if a.status != 404 {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
}

// A connection serves well-formed requests one after the other, sent at once or not.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	f := start(t, nil)
	answers, _ := f.exchange([]byte(verification("Transaction-Id: a")+verification("Transaction-Id: b")+verification("Transaction-Id: c")), 3)
	for i, want := range []string{"a", "b", "c"} {
		if len(answers) != 3 || answers[i].status != 200 || answers[i].header.Get("Transaction-Id") != want {
			t.Fatalf("answers %v", answers)
		}
	}
}

// A request may arrive a byte at a time.
func TestARequestMayArriveInPieces(t *testing.T) {
	f := start(t, nil)
	conn := f.dial()
	_ = conn.(*net.TCPConn).SetNoDelay(true)
	go func() {
		for _, b := range []byte(verification() + verification()) {
			_, _ = conn.Write([]byte{b})
		}
	}()
	if answers, _ := readAnswers(conn, 2); len(answers) != 2 || answers[0].status != 200 || answers[1].status != 200 {
		t.Errorf("%v", answers)
	}
	for _, raw := range []string{verification(), "GET / HTTP/1.1\r\nX: \ry\r\n\r\n", "GET / HTTP/1.1\n\n", "\r\n\r\n"} {
		want, refused := scanHead([]byte(raw), 0)
		for i := 1; ; i++ {
			size, r := scanHead([]byte(raw[:i]), i-1)
			if size != 0 || r != nil {
				if size != want || (r == nil) != (refused == nil) {
					t.Errorf("%q: read in pieces as %d %v, whole as %d %v", raw, size, r, want, refused)
				}
				break
			}
		}
	}
}

// A refused body is never read as a request.
//
// FAULTS: P10
func TestAnUnreadBodyIsNoRequest(t *testing.T) {
	f := start(t, nil)
	inner := verification()
	for _, head := range []string{
		"POST /v1/verifications HTTP/1.1\r\nHost: x\r\n",                              // no key
		"POST /nope HTTP/1.1\r\nHost: x\r\n",                                          // no route
		strings.Split(verification("Model: another"), "\r\nContent-Type")[0] + "\r\n", // no media type
	} {
		raw := head + "Content-Length: " + itoa(len(inner)) + "\r\n\r\n" + inner
		answers, closed := f.exchange([]byte(raw), 2)
		if len(answers) != 1 || !closed || f.node.asked() != 0 {
			t.Errorf("%d answers, closed %v, node asked %d times", len(answers), closed, f.node.asked())
		}
	}
}

// FAULTS: P11 P12
func TestSlowSendersAreCut(t *testing.T) {
	f := start(t, func(c *Config) {
		c.HeaderTimeout, c.BodyTimeout, c.IdleTimeout = 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond
	})
	good := verification()
	for name, c := range map[string]struct {
		part   string
		status int // 0: closed without an answer
	}{
		"nothing":                 {"", 0},
		"head stops":              {good[:20], 408},
		"body stops":              {good[:len(good)-1], 408},
		"body stops at its start": {good[:strings.Index(good, "\r\n\r\n")+4], 408},
	} {
		t.Run(name, func(t *testing.T) {
			conn := f.dial()
			if _, err := conn.Write([]byte(c.part)); err != nil {
				t.Fatal(err)
			}
			answers, closed := readAnswers(conn, 2)
			if !closed || len(answers) != min(c.status, 1) || c.status != 0 && answers[0].status != c.status {
				t.Fatalf("%v, closed %v", answers, closed)
			}
			if f.node.asked() != 0 {
				t.Fatal("the node was asked")
			}
		})
	}
	f.awaitConns(0)
}

// A client that asks to be told when to send its body is told, and cut where it then sends none.
//
// FAULTS: P13
func TestExpectContinue(t *testing.T) {
	f := start(t, func(c *Config) { c.BodyTimeout = time.Second })
	head, body, _ := strings.Cut(verification("Expect: 100-continue"), "\r\n\r\n")
	for _, sends := range []bool{true, false} {
		conn := f.dial()
		if _, err := conn.Write([]byte(head + "\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if answers, _ := readAnswers(conn, 1); len(answers) != 1 || answers[0].status != 100 {
			t.Fatalf("%v", answers)
		}
		want := 408
		if sends {
			want = 200
			if _, err := conn.Write([]byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		if answers, _ := readAnswers(conn, 1); len(answers) != 1 || answers[0].status != want {
			t.Fatalf("body sent %v: %v", sends, answers)
		}
	}
	if f.node.asked() != 1 {
		t.Errorf("the node was asked %d times", f.node.asked())
	}
}

// A head that trickles in is cut when its time is over, however little is missing.
//
// FAULTS: P11
func TestATrickledSecondHeadIsCut(t *testing.T) {
	f := start(t, func(c *Config) { c.HeaderTimeout, c.IdleTimeout = 500*time.Millisecond, time.Minute })
	conn := f.dial()
	if _, err := conn.Write([]byte(verification() + "G")); err != nil {
		t.Fatal(err)
	}
	answers, closed := readAnswers(conn, 3)
	if len(answers) != 2 || answers[0].status != 200 || answers[1].status != 408 || !closed {
		t.Fatalf("%v, closed %v", answers, closed)
	}
}

// FAULTS: P12
func TestABodyThatEndsEarlyIsRefused(t *testing.T) {
	f := start(t, nil)
	good := verification()
	for _, cut := range []int{20, strings.Index(good, "\r\n\r\n") + 4, len(good) - 1} {
		conn := f.dial()
		if _, err := conn.Write([]byte(good[:cut])); err != nil {
			t.Fatal(err)
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		answers, closed := readAnswers(conn, 2)
		if len(answers) != 1 || answers[0].status != 400 || !closed || f.node.asked() != 0 {
			t.Errorf("cut at %d: %v, closed %v", cut, answers, closed)
		}
	}
}

// A body longer than its length is the start of a request that is malformed.
//
// FAULTS: P12
func TestABodyThatIsTooLongEndsTheConnection(t *testing.T) {
	f := start(t, nil)
	answers, closed := f.exchange([]byte(verification()+"xx\r\n\r\n"), 3)
	if len(answers) != 2 || answers[0].status != 200 || answers[1].status != 400 || !closed {
		t.Fatalf("%v, closed %v", answers, closed)
	}
}

// FAULTS: P11
func TestASlowReaderIsCut(t *testing.T) {
	f := start(t, func(c *Config) {
		c.BodyTimeout, c.MinRate = 2*time.Second, 1<<30
	})
	var body bytes.Buffer
	for range 60000 {
		body.WriteString(goodDocument() + "\n")
	}
	head := "POST /v1/verification-batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + keyOf("verifier").String() +
		"\r\nContent-Type: " + mediaNDJSON + "\r\nContent-Length: " + itoa(body.Len()) + "\r\n\r\n"
	conn := f.dial()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	if _, err := conn.Write(append([]byte(head), body.Bytes()...)); err != nil {
		t.Fatal(err)
	}
	f.awaitConns(1)
	f.awaitConns(0) // the answer, some nine megabytes, is not read, and the server has given up on it
}

// FAULTS: O7
func TestConnectionsBeyondTheBoundAreTurnedAway(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"in all":     func(c *Config) { c.MaxConns = 1 },
		"by address": func(c *Config) { c.MaxConnsPerIP = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, change)
			first := f.dial()
			if _, err := first.Write([]byte(verification())); err != nil {
				t.Fatal(err)
			}
			if answers, _ := readAnswers(first, 1); len(answers) != 1 {
				t.Fatal("the first connection is not served")
			}
			answers, closed := f.exchange([]byte(verification()), 2)
			if len(answers) != 1 || answers[0].status != http.StatusServiceUnavailable || answers[0].header.Get("Retry-After") != "1" || !closed {
				t.Fatalf("%v", answers)
			}
		})
	}
}
