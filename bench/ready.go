package bench

import (
	"net/http"
	"slices"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// A Ready request waits to be sent, with all that is to be signed signed. A signed one is good once, and for
// [httpsig.MaxAge].
type Ready struct {
	path, contentType         string
	body                      []byte
	fields                    []httpsig.Field
	digest, inputs, signature []byte
	items                     int // of a request in bulk
}

// Size is the length of the body, in bytes.
func (r *Ready) Size() int { return len(r.body) }

// A Question is about one credential, with what the service it names asks for beside the probe.
type Question struct {
	ID    zhenni.CredentialID
	Probe Vectors
	// Transaction names the request; empty leaves that to the server.
	Transaction string
	// Service and Purpose go together, and Evidence goes with them: tokens as package evidence makes them.
	Service, Purpose string
	Evidence         [][]byte
}

// appendMembers writes the question as a document that is still open.
func (q Question) appendMembers(body []byte) []byte {
	body = appendQuestion(append(body, '{'), q.ID, q.Probe)
	for _, member := range [...]struct{ name, value string }{
		{"transaction", q.Transaction}, {"service", q.Service}, {"purpose", q.Purpose},
	} {
		if member.value != "" {
			body = append(append(append(append(append(body, `,"`...), member.name...), `":"`...), member.value...), '"')
		}
	}
	separator := `,"evidence":["`
	for _, token := range q.Evidence {
		body = append(append(body, separator...), token...)
		separator = `","`
	}
	if len(q.Evidence) > 0 {
		body = append(body, `"]`...)
	}
	return body
}

// ReadyOne makes a single verification ready. Where the client signs, nonce is of that signature: 16–64 characters of the
// base64url alphabet.
func (c *Client) ReadyOne(q Question, nonce string) (*Ready, error) {
	body := q.appendMembers(nil)
	r := &Ready{path: pathSingle, contentType: mediaJSON, body: append(body, '}')}
	return r, c.signReady(r, nonce)
}

// ReadyArrow makes a request in bulk ready for a service, or for none where it is empty. The batch does not change until it was
// sent.
func (c *Client) ReadyArrow(batch *ArrowBatch, service, purpose, nonce string) (*Ready, error) {
	return c.readyBulk(&Ready{contentType: mediaArrow, body: batch.body, items: batch.Len()}, service, purpose, nonce)
}

// A LineBatch is the body of a request in NDJSON.
type LineBatch struct {
	items int
	body  []byte
}

// NewLineBatch writes the question "is probe i the person behind ids[i]?" for all i.
func NewLineBatch(ids []zhenni.CredentialID, probes Vectors) *LineBatch {
	return &LineBatch{len(ids), appendLines(nil, ids, probes)}
}

// ReadyLines is [Client.ReadyArrow] of lines.
func (c *Client) ReadyLines(batch *LineBatch, service, purpose, nonce string) (*Ready, error) {
	return c.readyBulk(&Ready{contentType: mediaNDJSON, body: batch.body, items: batch.items}, service, purpose, nonce)
}

func (c *Client) readyBulk(r *Ready, service, purpose, nonce string) (*Ready, error) {
	r.path = pathBatch
	if service != "" {
		r.fields = []httpsig.Field{{Name: "service", Value: []byte(service)}, {Name: "purpose", Value: []byte(purpose)}}
	}
	return r, c.signReady(r, nonce)
}

// signReady signs the request, where the client signs.
func (c *Client) signReady(r *Ready, nonce string) error {
	if c.signing.signer == nil {
		return nil
	}
	signed := httpsig.Request{
		Method: []byte(http.MethodPost), Authority: []byte(c.authority), TLS: c.host.IsTLS, Path: []byte(r.path), Body: r.body,
		Fields: append(slices.Clone(r.fields), httpsig.Field{Name: "content-type", Value: []byte(r.contentType)}),
	}
	if err := c.signing.signer.Sign(&signed, httpsig.Stamp{Created: time.Now(), Nonce: nonce}); err != nil {
		return err
	}
	r.digest, r.inputs, r.signature = signed.ContentDigest, signed.SignatureInput, signed.Signature
	return nil
}

// SendOne asks what [Client.ReadyOne] made ready.
func (c *Client) SendOne(r *Ready) (zhenni.Outcome, error) { return c.outcome(c.send(r)) }

// SendArrow asks what [Client.ReadyArrow] made ready, and appends one outcome for each item, in order, to dst.
func (c *Client) SendArrow(r *Ready, dst []zhenni.Outcome) ([]zhenni.Outcome, error) {
	answer, err := c.send(r)
	return c.arrowOutcomes(answer, err, r.items, dst)
}

// SendLines is [Client.SendArrow] of what [Client.ReadyLines] made ready.
func (c *Client) SendLines(r *Ready, dst []zhenni.Outcome) ([]zhenni.Outcome, error) {
	answer, err := c.send(r)
	return c.lineOutcomes(answer, err, r.items, dst)
}

func (c *Client) send(r *Ready) ([]byte, error) {
	header := &c.request.Header
	header.SetMethod(http.MethodPost)
	header.SetContentType(r.contentType)
	c.request.SetRequestURI(c.base + r.path)
	for _, f := range r.fields {
		header.SetBytesV(f.Name, f.Value)
	}
	if r.signature != nil {
		header.SetBytesV("Content-Digest", r.digest)
		header.SetBytesV("Signature-Input", r.inputs)
		header.SetBytesV("Signature", r.signature)
	}
	c.request.SetBodyRaw(r.body)
	defer c.request.ResetBody()
	return c.exchange()
}
