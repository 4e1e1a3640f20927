package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"zhenni"
)

// pings are those that a client sent to a receiver which lies at a loopback address, by a name that leads there.
func pings(t *testing.T, r *receiver, allow []netip.Prefix, resolver Resolver) *Client {
	t.Helper()
	c := NewClient(ClientConfig{Allow: allow, Roots: r.roots(), Resolver: resolver})
	t.Cleanup(c.Close)
	return c
}

var pingBody = []byte(`{"auth_req_id":"r"}`)

// A ping has the token of the client and nothing of a webhook; what is answered decides whether another attempt makes sense.
func TestPing(t *testing.T) {
	status := http.StatusNoContent
	r := startReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	c := pings(t, r, prefixes("127.0.0.0/8"), &names{answers: [][]netip.Addr{local("127.0.0.1")}})
	for _, one := range []struct {
		status int
		want   error
	}{
		{200, nil}, {204, nil}, {302, ErrNotTaken}, {307, ErrNotTaken}, {400, ErrNotTaken}, {401, ErrNotTaken}, {410, ErrNotTaken},
		{408, zhenni.ErrUnavailable}, {429, zhenni.ErrUnavailable}, {500, zhenni.ErrUnavailable}, {503, zhenni.ErrUnavailable},
	} {
		status = one.status
		if err := c.Ping(t.Context(), r.url("/ping"), "token", pingBody); !errors.Is(err, one.want) {
			t.Errorf("%d: %v", one.status, err)
		}
		q, body := <-r.got, <-r.bodies
		h := q.Header
		if q.Method != "POST" || q.URL.Path != "/ping" || h.Get("Authorization") != "Bearer token" || h.Get("Content-Type") != "application/json" ||
			h.Get(FieldSignature) != "" || h.Get("Cookie") != "" || string(body) != string(pingBody) {
			t.Errorf("%s %s %v %s", q.Method, q.URL, h, body)
		}
	}
}

// Server-side request forgery: a ping goes to no address inside, whether it is written so, the name leads there, leads there as well,
// or leads there by the time that it is connected to.
func TestPingsStayOutside(t *testing.T) {
	r := startReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	for name, answers := range map[string][][]netip.Addr{
		"private":           {local("10.0.0.1")},
		"loopback":          {local("127.0.0.1")},
		"metadata":          {local("169.254.169.254")},
		"both":              {local("1.1.1.1", "127.0.0.1")},
		"mapped":            {local("::ffff:192.168.0.1")},
		"allowed, then not": {local("127.0.0.9"), local("127.0.0.1")},
	} {
		c := pings(t, r, prefixes("127.0.0.9/32"), &names{answers: answers})
		for range 2 {
			if err := c.Ping(t.Context(), r.url("/ping"), "token", pingBody); !errors.Is(err, zhenni.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	c := pings(t, r, nil, &names{answers: [][]netip.Addr{local("1.1.1.1")}})
	for _, address := range []string{
		"https://10.0.0.1/ping", "https://169.254.169.254/latest/meta-data", "https://[::1]/ping", "https://[::ffff:10.0.0.1]/", "http://example.com/ping",
		"https://user@example.com/", "file:///etc/passwd",
	} {
		if err := c.Ping(t.Context(), address, "token", pingBody); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if len(r.got) != 0 {
		t.Error("a ping went inside")
	}
}

// An endpoint that redirects, to the metadata of the cloud or to another host, sends the ping and its token nowhere.
func TestPingFollowsNoRedirect(t *testing.T) {
	elsewhere := startReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	for _, to := range []string{"http://169.254.169.254/latest/meta-data/", elsewhere.URL + "/ping", "/again"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			r := startReceiver(t, func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, to, status) })
			// Were it followed, nothing else would stop it: both networks are allowed.
			c := pings(t, r, prefixes("127.0.0.0/8", "169.254.0.0/16"), &names{answers: [][]netip.Addr{local("127.0.0.1")}})
			if err := c.Ping(t.Context(), r.url("/ping"), "token", pingBody); !errors.Is(err, ErrNotTaken) {
				t.Errorf("%d to %s: %v", status, to, err)
			}
			if len(r.got) != 1 || len(elsewhere.got) != 0 {
				t.Errorf("%d to %s: %d requests, %d elsewhere", status, to, len(r.got), len(elsewhere.got))
			}
		}
	}
}

// An endpoint that answers without end, or not at all, ends with the body's bound or with the context.
func TestPingIsBounded(t *testing.T) {
	stay := make(chan struct{})
	defer close(stay)
	r := startReceiver(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/silent" {
			<-stay
			return
		}
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	c := pings(t, r, prefixes("127.0.0.0/8"), &names{answers: [][]netip.Addr{local("127.0.0.1")}})
	if err := c.Ping(t.Context(), r.url("/endless"), "token", pingBody); err != nil {
		t.Error(err)
	}
	<-r.got
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-r.got; cancel() }()
	if err := c.Ping(ctx, r.url("/silent"), "token", pingBody); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Error(err)
	}
	if c.http.Timeout != attemptTimeout || attemptTimeout > 30*time.Second {
		t.Errorf("an attempt takes up to %v", c.http.Timeout)
	}
}
