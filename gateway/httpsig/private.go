package httpsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"zhenni"
)

// ParseSigner reads a private key: PKCS #8 in PEM, or a JSON Web Key with its member d. Ed25519 and P-256 are taken, and a
// JSON Web Key whose halves fit. No error repeats any of it.
func ParseSigner(document []byte) (*Signer, error) {
	if len(document) > maxJWK {
		return nil, badPrivate("more than 8192 bytes")
	}
	if bytes.HasPrefix(bytes.TrimSpace(document), []byte("{")) {
		return parsePrivateJWK(document)
	}
	block, _ := pem.Decode(document)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, badPrivate("neither PKCS #8 in PEM nor a JSON Web Key")
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, badPrivate("not PKCS #8")
	}
	switch key := private.(type) {
	case ed25519.PrivateKey:
		return NewEd25519Signer(key)
	case *ecdsa.PrivateKey:
		return NewP256Signer(key)
	}
	return nil, badPrivate("neither Ed25519 nor on P-256")
}

func badPrivate(fault string) error {
	return fmt.Errorf("%w: private key: %s", zhenni.ErrBadValue, fault)
}

func parsePrivateJWK(document []byte) (*Signer, error) {
	members, err := readMembers(document)
	if err != nil {
		return nil, err
	}
	d, err := members.octets("d")
	if err != nil {
		return nil, err
	}
	curve, err := members.text("crv")
	if err != nil {
		return nil, err
	}
	var s *Signer
	switch curve {
	case "Ed25519":
		s, err = NewEd25519Signer(ed25519.NewKeyFromSeed(d))
	case "P-256":
		var private *ecdsa.PrivateKey
		if private, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), d); err != nil {
			return nil, badJWK("d is not a number of P-256")
		}
		s, err = NewP256Signer(private)
	default:
		return nil, badJWK("crv: want Ed25519 or P-256")
	}
	if err != nil {
		return nil, err
	}
	if err := members.checkPublic(s.key); err != nil {
		return nil, err
	}
	return s, nil
}

// checkPublic refuses a private key beside the public key of another.
func (m jwkMembers) checkPublic(own *Key) error {
	delete(m, "d")
	delete(m, "key_ops") // that of a private key is sign
	public, err := parsePublic(m)
	if err != nil {
		return err
	}
	if public.id != own.id {
		return badJWK("d is not of the public key beside it")
	}
	return nil
}
