package gateway

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Twenty thousand signed requests, each changed in one to three bytes of what is signed: none is taken, and none spends the
// nonce of the request it was made of.
//
// FAULTS: A2 A4 A6 A7 A12 A19
func TestMutatedSignedRequests(t *testing.T) { sendMutated(t, 20_000) }

// sendMutated sends that many changed requests to a real server.
func sendMutated(t *testing.T, requests int64) {
	f := startSigning(t, nil)
	originals := []string{
		f.question(f.hotel, f.stamp()).raw(), f.question(f.hotelP256, f.stamp()).raw(),
		f.signLines("t-1").raw(),
	}
	var sent, refusedByKey, refusedByDigest atomic.Int64
	var wait sync.WaitGroup
	for worker := range uint64(4) {
		source := rand.New(rand.NewPCG(1, worker))
		wait.Go(func() {
			c := &client{f: f}
			defer c.close()
			for sent.Add(1) <= requests {
				original := originals[source.IntN(len(originals))]
				raw := mutated(original, source)
				status, body := c.send(raw)
				if status < 400 {
					t.Errorf("status %d, accepted: %q", status, raw)
					return
				}
				switch {
				case bytes.Contains(body, []byte(`"unauthorized"`)):
					refusedByKey.Add(1)
				case bytes.Contains(body, []byte(`"digest_mismatch"`)):
					refusedByDigest.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if asked := f.node.asked(); asked != 0 {
		t.Errorf("the node was asked %d times", asked)
	}
	t.Logf("%d requests: %d refused by the key, %d by the digest", requests, refusedByKey.Load(), refusedByDigest.Load())
	for _, original := range originals {
		if answers, _ := f.exchange([]byte(original), 1); len(answers) != 1 || answers[0].status != 200 {
			t.Errorf("unchanged: %v", answers)
		}
	}
}

// mutated changes one to three bytes of what a signature covers: the method, the path, the values of the fields, the body.
// Names of fields and the length of the body are left alone, for they are read in any case, or end the connection.
func mutated(original string, source *rand.Rand) []byte {
	raw := []byte(original)
	head := strings.Index(original, "\r\n\r\n")
	for range 1 + source.IntN(3) {
		at := source.IntN(len(raw))
		if source.IntN(3) > 0 { // most of the bytes are the body's, and the least of what there is to try
			at = source.IntN(head)
		}
		for !covered(original, head, at) {
			at = source.IntN(len(raw))
		}
		old := raw[at]
		for raw[at] == old || strings.EqualFold(string(raw[at]), string(old)) { // a host is one in any case
			switch source.IntN(4) {
			case 0:
				raw[at] = byte(source.IntN(256))
			case 1:
				raw[at] = old ^ 1<<source.IntN(8)
			default: // what fits most places, and gets far
				raw[at] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[source.IntN(62)]
			}
		}
	}
	if bytes.Equal(raw, []byte(original)) { // one change undid another
		return mutated(original, source)
	}
	return raw
}

// covered reports whether the byte is one of those that mutated may change.
func covered(original string, head, at int) bool {
	if at >= head+4 {
		return true
	}
	start := strings.LastIndex(original[:at], "\r\n") + 2
	if start == 1 { // the request line, but for the protocol
		return at < strings.Index(original, " HTTP/1.1")
	}
	line, _, _ := strings.Cut(original[start:], "\r\n")
	name, _, found := strings.Cut(line, ": ")
	return found && name != "Content-Length" && at >= start+len(name)+2 && at < start+len(line)
}

// A client sends raw requests over one connection for as long as the server keeps it.
type client struct {
	f    *signedFixture
	conn net.Conn
	in   *bufio.Reader
}

func (c *client) send(raw []byte) (status int, body []byte) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.f.addr)
		if err != nil {
			c.f.t.Error(err)
			return 0, nil
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	_, _ = c.conn.Write(raw) // a server that refuses early may have closed
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.close()
		return 499, nil // cut off, as slow or malformed
	}
	body, _ = io.ReadAll(response.Body)
	if response.Close {
		c.close()
	}
	return response.StatusCode, body
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// What mutated may change is what is signed.
func TestMutationsAreOfWhatIsSigned(t *testing.T) {
	f := startSigning(t, nil)
	original := f.question(f.hotel, f.stamp()).raw()
	head := strings.Index(original, "\r\n\r\n")
	var changeable []byte
	for at := range head {
		if covered(original, head, at) {
			changeable = append(changeable, original[at])
		}
	}
	for _, part := range []string{"POST /v1/verifications", "x", mediaJSON, "sha-256=:", "nonce-of-a-test", "sig=:"} {
		if !bytes.Contains(changeable, []byte(part)) {
			t.Errorf("%s is never changed", part)
		}
	}
	for _, part := range []string{"HTTP/1.1", "Signature:", "Content-Length"} {
		if bytes.Contains(changeable, []byte(part)) {
			t.Errorf("%s is changed", part)
		}
	}
	if slices.Contains(changeable, '\n') {
		t.Error("line ends are changed")
	}
}
