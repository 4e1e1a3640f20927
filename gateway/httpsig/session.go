package httpsig

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"zhenni"
)

// SessionSecret derives the secret of a session key on either side of its making: HKDF with SHA-256 over the X25519 secret
// that both sides share, without salt, of [MinSecret] bytes. Its info is
//
//	"zhenni session key 1" | 0 | client's public key [32] | server's [32] | key id
//
// Own is the private key of one of the two. It fails with [zhenni.ErrBadValue] for what is no public key, or one that
// shares a secret with nobody in particular.
func SessionSecret(own *ecdh.PrivateKey, client, server []byte, id string) ([]byte, error) {
	other := server
	if bytes.Equal(own.PublicKey().Bytes(), server) {
		other = client
	}
	public, err := ecdh.X25519().NewPublicKey(other)
	if err != nil {
		return nil, fmt.Errorf("%w: X25519 public key of %d bytes: want 32", zhenni.ErrBadValue, len(other))
	}
	shared, err := own.ECDH(public)
	if err != nil {
		return nil, fmt.Errorf("%w: X25519 public key of small order", zhenni.ErrBadValue)
	}
	info := "zhenni session key 1\x00" + string(client) + string(server) + id
	return hkdf.Key(sha256.New, shared, nil, info, MinSecret)
}
