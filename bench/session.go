package bench

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"zhenni/gateway/httpsig"
)

const pathSession = "/v1/session-keys"

// OpenSession asks for a session key, by the key that the client signs with, and signs with it from then on. It is good for
// an hour at most, and for as long as the server runs.
func (c *Client) OpenSession() error {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	own := private.PublicKey().Bytes()
	answer, err := c.Post(pathSession, mediaJSON, []byte(`{"public_key":"`+base64.StdEncoding.EncodeToString(own)+`"}`))
	if err != nil {
		return err
	}
	parsed, err := c.parser.ParseBytes(answer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	id := string(parsed.GetStringBytes("key_id"))
	server, err := base64.StdEncoding.DecodeString(string(parsed.GetStringBytes("public_key")))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	secret, err := httpsig.SessionSecret(private, own, server, id)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	signer, err := httpsig.NewHMACSigner(id, secret)
	if err != nil {
		return err
	}
	c.signing.signer = signer.Digesting(c.signing.signer.Digests())
	return nil
}
