package bench

import (
	"crypto/rand"
	"encoding/base64"
	"time"

	"zhenni/gateway/httpsig"
)

// signing is what a client that signs its requests reuses.
type signing struct {
	signer  *httpsig.Signer
	request httpsig.Request
	fields  [1]httpsig.Field
}

// sign signs the request in hand, each with a nonce of its own, and sets its fields.
func (c *Client) sign(path string) error {
	var random [18]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	header, s := &c.request.Header, &c.signing
	s.fields[0] = httpsig.Field{Name: "content-type", Value: header.ContentType()}
	r := &s.request
	r.Method, r.Authority, r.TLS, r.Path = header.Method(), []byte(c.authority), c.host.IsTLS, []byte(path)
	r.Fields, r.Body = s.fields[:], c.request.Body()
	stamp := httpsig.Stamp{Created: time.Now(), Nonce: base64.RawURLEncoding.EncodeToString(random[:])}
	if err := s.signer.Sign(r, stamp); err != nil {
		return err
	}
	header.Del("Content-Digest")
	if len(r.ContentDigest) > 0 {
		header.SetBytesV("Content-Digest", r.ContentDigest)
	}
	header.SetBytesV("Signature-Input", r.SignatureInput)
	header.SetBytesV("Signature", r.Signature)
	return nil
}
