package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
)

// No message goes to an address that is not of the public internet, however it is written.
func TestMessagesStayOutside(t *testing.T) {
	inside := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
		"::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::", "3fff::1", "fc00::1",
		"fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1",
	}
	for _, a := range inside {
		if mayReach(netip.MustParseAddr(a), nil) {
			t.Errorf("%s is taken for public", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "100.128.0.1", "172.32.0.1", "::ffff:1.1.1.1", "2606:4700:4700::1111", "2400:3200::1"} {
		if !mayReach(netip.MustParseAddr(a), nil) {
			t.Errorf("%s is not taken for public", a)
		}
	}
	everything := prefixes("0.0.0.0/0", "::/0")
	for a, may := range map[string]bool{"10.0.0.1": true, "::ffff:10.0.0.1": true, "fd00::1": true, "224.0.0.1": false, "0.0.0.0": false, "::": false, "ff02::1": false} {
		if mayReach(netip.MustParseAddr(a), everything) != may {
			t.Errorf("%s with every network allowed: want %v", a, may)
		}
	}
	if mayReach(netip.Addr{}, everything) {
		t.Error("no address is taken for one")
	}
}

// FAULTS: L11
func TestAddressesOfEndpoints(t *testing.T) {
	loopback := prefixes("127.0.0.0/8")
	for _, good := range []string{"https://example.com/hook?a=b", "https://example.com:8443/", "https://1.1.1.1/", "http://127.0.0.1:80/", "https://127.0.0.1/"} {
		if _, err := readURL(good, loopback); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "example.com", "http://example.com/", "http://localhost/", "ftp://example.com/", "https://", "https:///path", "https:example.com",
		"https://user@example.com/", "https://user:pass@example.com/", "https://example.com/#part", "https://EXAMPLE.com/", "https://10.0.0.1/",
		"http://10.0.0.1/", "https://[::1]/", "https://[fe80::1%25eth0]/", "https://example.com/a b", "https://例.com/", "https://example.com/\r\n",
		"https://example.com/" + strings.Repeat("a", maxURL), "unix:///run/socket", "https://[::ffff:10.0.0.1]/",
	} {
		if _, err := readURL(bad, loopback); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := readURL("http://127.0.0.1/", nil); err == nil {
		t.Error("plain HTTP without an allowance")
	}
}

// names is a resolver that answers one after the other.
type names struct {
	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
}

func (n *names) LookupNetIP(_ context.Context, _, _ string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	answer := n.answers[0]
	if len(n.answers) > 1 {
		n.answers = n.answers[1:]
	}
	return answer, nil
}

// receiver is a TLS server with what came to it.
type receiver struct {
	*httptest.Server
	got    chan *http.Request
	bodies chan []byte
}

func startReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{got: make(chan *http.Request, 64), bodies: make(chan []byte, 64)}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.got <- q
		r.bodies <- body
		answer(w, q)
	}))
	r.Config.ErrorLog = quiet()
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return pool
}

// url names the receiver by the name in its certificate.
func (r *receiver) url(path string) string {
	_, port, _ := strings.Cut(strings.TrimPrefix(r.URL, "https://"), ":")
	return "https://example.com:" + port + path
}

func local(addrs ...string) (all []netip.Addr) {
	for _, a := range addrs {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

func TestMessageArrives(t *testing.T) {
	r := startReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(204)
	})
	c := NewClient(ClientConfig{Allow: prefixes("127.0.0.0/8"), Roots: r.roots(), Resolver: &names{answers: [][]netip.Addr{local("127.0.0.1")}}})
	defer c.Close()
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	secret, now := drawn(t, 1), time.Now()
	for range 2 {
		status, err := c.Post(context.Background(), Message{URL: r.url("/hook"), ID: "msg_1", At: now, Body: []byte(`{"a":1}`), Secrets: []Secret{secret}})
		if err != nil || status != 204 {
			t.Fatal(status, err)
		}
		q, body := <-r.got, <-r.bodies
		h := q.Header
		if err := Verify(h.Get(FieldID), h.Get(FieldTimestamp), h.Get(FieldSignature), body, now, secret); err != nil || string(body) != `{"a":1}` {
			t.Errorf("%v: %q", err, body)
		}
		if q.Method != "POST" || q.URL.Path != "/hook" || h.Get("Cookie") != "" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v", q.Method, q.URL, h)
		}
	}
}

// A name that leads outside when it is registered and inside when it is sent to, or to both at once, gets nothing.
func TestReboundNameGetsNothing(t *testing.T) {
	r := startReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	for name, answers := range map[string][][]netip.Addr{
		"inside":            {local("127.0.0.1")},
		"both":              {local("1.1.1.1", "127.0.0.1")},
		"mapped":            {local("::ffff:127.0.0.1")},
		"metadata":          {local("169.254.169.254")},
		"allowed, then not": {local("127.0.0.9"), local("127.0.0.1")},
		"none":              {nil},
		"too many":          {make([]netip.Addr, maxResolved+1)},
	} {
		n := &names{answers: answers}
		c := NewClient(ClientConfig{Allow: prefixes("127.0.0.9/32"), Roots: r.roots(), Resolver: n})
		for range 2 {
			status, err := c.Post(context.Background(), Message{URL: r.url("/"), ID: "msg_1", At: time.Now()})
			if !errors.Is(err, zhenni.ErrUnavailable) || status != 0 {
				t.Errorf("%s: %d %v", name, status, err)
			}
		}
		if n.asked != 2 {
			t.Errorf("%s: a name was resolved %d times for two connections", name, n.asked)
		}
		c.Close()
	}
	if len(r.got) != 0 {
		t.Error("a message went inside")
	}
}

// What an endpoint answers is its status: no redirect is followed, no body is kept, nothing waited for.
func TestAnswersAreBounded(t *testing.T) {
	r := startReceiver(t, nil)
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/redirect":
			http.Redirect(w, q, "/elsewhere", http.StatusTemporaryRedirect)
		case "/endless":
			for w.WriteHeader(200); ; {
				if _, err := w.Write(bytes.Repeat([]byte{0}, 32<<10)); err != nil {
					return
				}
			}
		case "/head":
			w.Header().Set("Large", strings.Repeat("a", 2*maxAnswerHead))
		case "/elsewhere":
			t.Error("a redirect was followed")
		}
	})
	c := NewClient(ClientConfig{Allow: prefixes("127.0.0.0/8"), Roots: r.roots(), Resolver: &names{answers: [][]netip.Addr{local("127.0.0.1")}}})
	defer c.Close()
	for path, want := range map[string]int{"/redirect": 307, "/endless": 200, "/head": 0} {
		status, err := c.Post(context.Background(), Message{URL: r.url(path), ID: "msg_1", At: time.Now()})
		if status != want || (err == nil) != (want != 0) {
			t.Errorf("%s: %d %v", path, status, err)
		}
	}
}

// Only who is certified for the name is told, and over nothing older than TLS 1.2.
func TestReceiverIsCertified(t *testing.T) {
	old := startReceiver(t, func(http.ResponseWriter, *http.Request) {})
	old.TLS.MinVersion, old.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for name, config := range map[string]ClientConfig{"an old version": {Roots: old.roots()}, "nobody's certificate": {Roots: x509.NewCertPool()}} {
		config.Allow, config.Resolver = prefixes("127.0.0.0/8"), &names{answers: [][]netip.Addr{local("127.0.0.1")}}
		c := NewClient(config)
		if _, err := c.Post(context.Background(), Message{URL: old.url("/"), ID: "msg_1", At: time.Now()}); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}
