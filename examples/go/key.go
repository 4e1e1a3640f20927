package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
)

var b64url = base64.RawURLEncoding

// signingKey is an Ed25519 key, and the thumbprint (RFC 7638) by which the server knows it.
type signingKey struct {
	private ed25519.PrivateKey
	id      string
}

// readKey reads the key of ZHENNI_SIGNING_KEY_FILE: PKCS #8 in PEM, as zhenni rp keys new makes it.
func readKey() signingKey {
	block, _ := pem.Decode([]byte(read("ZHENNI_SIGNING_KEY_FILE")))
	if block == nil {
		fail("ZHENNI_SIGNING_KEY_FILE: no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, is := key.(ed25519.PrivateKey)
	if err != nil || !is {
		fail("ZHENNI_SIGNING_KEY_FILE: no Ed25519 key in PKCS #8:", err)
	}
	x := b64url.EncodeToString(private.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return signingKey{private, b64url.EncodeToString(sum[:])}
}

func (k signingKey) sign(message string) []byte { return ed25519.Sign(k.private, []byte(message)) }

// token is a JSON Web Signature in compact form.
func (k signingKey) token(head string, claims any) string {
	text, _ := json.Marshal(claims) // texts and numbers have a written form
	message := b64url.EncodeToString([]byte(head)) + "." + b64url.EncodeToString(text)
	return message + "." + b64url.EncodeToString(k.sign(message))
}
