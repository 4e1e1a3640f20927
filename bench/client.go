package bench

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// Target is a server and the key to ask it with.
type Target struct {
	// URL is the scheme, host and port, as in "http://127.0.0.1:8080".
	URL string
	// Key is the written form of an API key.
	Key string
	// Signer signs every request, in the place of an API key.
	Signer *httpsig.Signer
	// Prefer is a preference that every request has (RFC 7240), as signed-result; empty is none.
	Prefer string
	// TLS is used with an https URL; nil takes the system's roots.
	TLS *tls.Config
	// Timeout bounds one request, reading its answer included. 0 is one minute.
	Timeout time.Duration
}

// Client asks a server over one kept-alive connection. It reuses its buffers, so an answer is valid until the next
// request. It is not safe for concurrent use: a load has one client a worker.
type Client struct {
	host fasthttp.HostClient
	base string
	// authority is the host of base, which signatures are over.
	authority string
	signing   signing
	timeout   time.Duration
	request   fasthttp.Request
	response  fasthttp.Response
	parser    fastjson.Parser
	body      []byte
	answers   answerForm
	observe   func(answer []byte)
}

// maxAnswerBytes bounds what a client reads in one answer.
const maxAnswerBytes = 64 << 20

// maxIdle is how long a silent connection is used again. A server closes one after a minute: a client that comes back
// later, as after reading a long file, must dial anew and not send into a connection that is gone.
const maxIdle = 10 * time.Second

// NewClient prepares a client; it dials with the first request.
func NewClient(target Target) (*Client, error) {
	u, err := url.Parse(target.URL)
	if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: server URL %q: want http://host:port or https://host:port", zhenni.ErrBadValue, target.URL)
	}
	if target.Timeout <= 0 {
		target.Timeout = time.Minute
	}
	c := &Client{base: u.Scheme + "://" + u.Host, authority: u.Host, timeout: target.Timeout, signing: signing{signer: target.Signer}}
	c.host = fasthttp.HostClient{
		Addr: withPort(u), IsTLS: u.Scheme == "https", TLSConfig: target.TLS, MaxConns: 1,
		NoDefaultUserAgentHeader: true, MaxResponseBodySize: maxAnswerBytes, MaxIdleConnDuration: maxIdle,
		RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		Dial:       func(addr string) (net.Conn, error) { return fasthttp.DialTimeout(addr, 5*time.Second) },
	}
	if target.Signer == nil {
		c.As(target.Key)
	}
	if target.Prefer != "" {
		c.request.Header.Set("Prefer", target.Prefer)
	}
	return c, nil
}

func withPort(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

// As asks from now on with the written form of another API key.
func (c *Client) As(key string) { c.request.Header.Set(fasthttp.HeaderAuthorization, "Bearer "+key) }

// Observe has the body of every answer of status 2xx shown to a function, before it is read; nil ends it. The body is valid
// until the next request.
func (c *Client) Observe(see func(answer []byte)) { c.observe = see }

// Close closes the connection.
func (c *Client) Close() { c.host.CloseIdleConnections() }

// Post sends body and returns the answer's body, which is valid until the next request. body is read until Post
// returns. A status other than 2xx is a [*Refusal].
func (c *Client) Post(path, contentType string, body []byte) ([]byte, error) {
	c.request.Header.SetMethod(http.MethodPost)
	c.request.Header.SetContentType(contentType)
	c.request.SetBodyRaw(body)
	defer c.request.ResetBody()
	return c.do(path)
}

// Get returns the body of the answer, valid until the next request.
func (c *Client) Get(path string) ([]byte, error) {
	c.request.Header.SetMethod(http.MethodGet)
	c.request.Header.Del(fasthttp.HeaderContentLength) // of the request before
	c.request.Header.SetContentType("")
	return c.do(path)
}

func (c *Client) do(path string) ([]byte, error) {
	c.request.SetRequestURI(c.base + path)
	if c.signing.signer != nil {
		if err := c.sign(path); err != nil {
			return nil, err
		}
	}
	return c.exchange()
}

// exchange sends the request in hand.
func (c *Client) exchange() ([]byte, error) {
	c.response.Reset()
	if err := c.host.DoTimeout(&c.request, &c.response, c.timeout); err != nil {
		return nil, fmt.Errorf("%s: %w", c.base, err)
	}
	body := c.response.Body()
	if status := c.response.StatusCode(); status/100 != 2 {
		return nil, c.refusal(status, body)
	}
	if c.observe != nil {
		c.observe(body)
	}
	return body, nil
}

// Refusal is a request the server did not answer (RFC 9457).
type Refusal struct {
	Status int
	// Code is the server's fixed word for the reason, Detail its text for people.
	Code, Detail string
	// Retryable reports whether the same request may be sent again.
	Retryable bool
	// RetryAfter is the pause the server asks for, or 0.
	RetryAfter time.Duration
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("server refused with %d %s: %s", r.Status, r.Code, r.Detail)
}

// Is makes a request that the server did not start [zhenni.ErrOverloaded], and one whose end it did not wait for
// [zhenni.ErrDeadline].
func (r *Refusal) Is(target error) bool {
	late := r.Code == "deadline"
	switch target {
	case zhenni.ErrDeadline:
		return late
	case zhenni.ErrOverloaded:
		return !late && (r.Status == http.StatusServiceUnavailable || r.Status == http.StatusTooManyRequests)
	}
	return false
}

func (c *Client) refusal(status int, body []byte) error {
	r := &Refusal{Status: status, Code: "unknown", Detail: http.StatusText(status)}
	if seconds, err := time.ParseDuration(string(c.response.Header.Peek("Retry-After")) + "s"); err == nil {
		r.RetryAfter = min(seconds, time.Minute)
	}
	if problem, err := c.parser.ParseBytes(body); err == nil {
		r.Code = string(problem.GetStringBytes("code"))
		r.Detail = string(problem.GetStringBytes("detail"))
		r.Retryable = problem.GetBool("retryable")
	}
	return r
}
