package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"zhenni"
)

// Bounds of one attempt.
const (
	connectTimeout = 5 * time.Second
	attemptTimeout = 15 * time.Second
	maxAnswer      = 64 << 10
	maxAnswerHead  = 16 << 10
	maxResolved    = 16
)

// errInside: the host is at an address to which no message goes.
var errInside = errors.New("webhook: the address is not public, and not allowed")

// Resolver finds the addresses of a host; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// ClientConfig says where a [Client] may go.
type ClientConfig struct {
	// Allow are networks beside the public internet that messages may go to.
	Allow []netip.Prefix
	// Roots are the authorities of endpoints; nil are the system's.
	Roots *x509.CertPool
	// Resolver is [net.DefaultResolver] where it is nil.
	Resolver Resolver
}

// Client sends messages. It is safe for concurrent use.
type Client struct {
	config ClientConfig
	dialer net.Dialer
	http   http.Client
}

// NewClient makes one that reads nothing of its environment.
func NewClient(config ClientConfig) *Client {
	if config.Resolver == nil {
		config.Resolver = net.DefaultResolver
	}
	c := &Client{config: config}
	c.http = http.Client{
		Timeout:       attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: c.dial, DisableCompression: true,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.Roots},
			TLSHandshakeTimeout: connectTimeout, MaxResponseHeaderBytes: maxAnswerHead,
			MaxIdleConns: maxInHand, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
		},
	}
	return c
}

// Close ends the connections that wait for another message.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// dial resolves a host, once, and connects to one of the addresses that were looked at. A name that also leads inside is refused
// whole.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs {
		if !mayReach(addr, c.config.Allow) {
			return nil, errInside
		}
	}
	var failed error
	for _, addr := range addrs {
		conn, err := c.dialer.DialContext(ctx, network, net.JoinHostPort(addr.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := c.config.Resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && (len(addrs) == 0 || len(addrs) > maxResolved) {
		err = fmt.Errorf("%w: webhook: a host of %d addresses", zhenni.ErrUnavailable, len(addrs))
	}
	return addrs, err
}

// Message is one as it is sent.
type Message struct {
	URL, ID string
	At      time.Time
	Body    []byte
	Secrets []Secret
}

// Post sends a message and returns the status of the answer, of which nothing else is kept. Its error says that there was none.
func (c *Client) Post(ctx context.Context, m Message) (status int, err error) {
	return c.send(ctx, m.URL, m.Body, http.Header{
		"User-Agent": {"zhenni-webhook/1"}, FieldID: {m.ID}, FieldTimestamp: {fmt.Sprint(m.At.Unix())},
		FieldSignature: {Sign(m.ID, m.At, m.Body, m.Secrets...)},
	})
}

// send posts a document in JSON to an address at which messages may be.
func (c *Client) send(ctx context.Context, address string, body []byte, header http.Header) (status int, err error) {
	if err := c.Check(address); err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("%w: webhook: %w", zhenni.ErrBadValue, err)
	}
	request.Header = header
	header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("%w: webhook: %w", zhenni.ErrUnavailable, err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // the connection is used again where it was all
	return response.StatusCode, nil
}

// Check reports why nothing may be sent to an address, as [zhenni.ErrBadValue]. What a name leads to is seen when it is sent to.
func (c *Client) Check(address string) error {
	_, err := readURL(address, c.config.Allow)
	return err
}
