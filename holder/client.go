package holder

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// ClientConfig is on whose behalf a server is asked, and how. A party proves who it is by its API key or by signatures; who asks in one
// session without an account, as a person does, by the token of that.
type ClientConfig struct {
	// URL is that of the server: scheme and host.
	URL string
	// APIKey is used where Signer is nil.
	APIKey zhenni.APIKey
	// Signer signs the requests of Party.
	Signer *httpsig.Signer
	Party  string
	// Asker is [Begun.AskerToken]. Where it is not zero nothing else proves anything, and there is no Party.
	Asker zhenni.SessionToken
	// Transport does the requests. It follows no redirection, and its time is limited by the context of each request.
	Transport http.RoundTripper
	// Now is the clock of the signatures.
	Now func() time.Time
}

// Client asks a server's API as one relying party: that of an app, which is an issuer, or that of a terminal; or as who asks in one
// session, of which the methods of a session are answered. It is safe for
// concurrent use. A request is done once; one under a transaction may be repeated with the same arguments.
//
// Errors are a [*Refusal] of the server, zhenni.ErrUnavailable for what did not come to an answer, and zhenni.ErrBadValue for
// arguments that no server takes. [Again] says of which the same request may be sent once more.
type Client struct {
	config ClientConfig
	wire
}

// NewClient checks a configuration: zhenni.ErrBadValue.
func NewClient(c ClientConfig) (*Client, error) {
	w, err := newWire(c.URL, c.Transport)
	if err != nil {
		return nil, err
	}
	if c.Signer == nil {
		c.Party = c.APIKey.Party
	}
	if c.Asker == (zhenni.SessionToken{}) && !zhenni.ValidName(c.Party) || c.Now == nil {
		return nil, fmt.Errorf("%w: a client wants a party and a clock", zhenni.ErrBadValue)
	}
	return &Client{c, w}, nil
}

// sealedFor is what is named in a text that is sealed for a transaction, so that no other party can send it on.
func (c *Client) sealedFor(transaction string) string { return c.config.Party + "/" + transaction }

// ask does one request and reads the answer into what it is of. A body of nil is none.
func (c *Client) ask(ctx context.Context, method, path, transaction string, body, into any) error {
	return c.askBy(ctx, method, path, transaction, "", body, into)
}

// askBy is ask with the nonce of the signature; "" draws one.
func (c *Client) askBy(ctx context.Context, method, path, transaction, nonce string, body, into any) error {
	if transaction != "" && !zhenni.ValidName(transaction) {
		return fmt.Errorf("%w: transaction %q: want 1–64 of a–z, 0–9, dot, dash and underscore", zhenni.ErrBadValue, transaction)
	}
	request, text, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	if transaction != "" {
		request.Header.Set("Transaction-Id", transaction)
	}
	if err := c.prove(request, text, nonce); err != nil {
		return err
	}
	_, err = c.read(request, into)
	return err
}

// prove says in a request who asks. The nonce is of a signature; "" draws one.
func (c *Client) prove(request *http.Request, body []byte, nonce string) error {
	switch {
	case c.config.Asker != (zhenni.SessionToken{}):
		request.Header.Set("Session-Token", c.config.Asker.String())
		return nil
	case c.config.Signer == nil:
		request.Header.Set("Authorization", "Bearer "+c.config.APIKey.String())
		return nil
	}
	return c.sign(request, body, cmp.Or(nonce, rand.Text()))
}

// sign signs a request.
func (c *Client) sign(request *http.Request, body []byte, nonce string) error {
	r := &httpsig.Request{
		Method: []byte(request.Method), Authority: []byte(request.URL.Host), TLS: request.URL.Scheme == "https",
		Path: []byte(request.URL.EscapedPath()), Body: body,
		Fields: []httpsig.Field{
			{Name: "content-type", Value: []byte(request.Header.Get("Content-Type"))},
			{Name: "transaction-id", Value: []byte(request.Header.Get("Transaction-Id"))},
		},
	}
	if err := c.config.Signer.Sign(r, httpsig.Stamp{Created: c.config.Now(), Nonce: nonce}); err != nil {
		return err
	}
	for name, value := range map[string][]byte{
		"Content-Digest": r.ContentDigest, "Signature-Input": r.SignatureInput, "Signature": r.Signature,
	} {
		if len(value) > 0 {
			request.Header.Set(name, string(value))
		}
	}
	return nil
}
