package holder

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// key is the private key of a device or a terminal.
type key struct {
	private crypto.Signer
	signer  *httpsig.Signer
	public  zhenni.PublicKey
}

// newKey draws one from the system's source.
func newKey(a zhenni.KeyAlgorithm) (k key, err error) {
	switch a {
	case zhenni.KeyEd25519:
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	case zhenni.KeyP256:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return k, fmt.Errorf("%w: a key of neither Ed25519 nor P-256", zhenni.ErrBadValue)
	}
	if err != nil {
		return key{}, fmt.Errorf("%w: no entropy for a key: %w", zhenni.ErrUnavailable, err)
	}
	return k.complete()
}

// complete makes what follows from the private key.
func (k key) complete() (_ key, err error) {
	switch private := k.private.(type) {
	case ed25519.PrivateKey:
		if k.signer, err = httpsig.NewEd25519Signer(private); err == nil {
			k.public, err = zhenni.NewPublicKey(zhenni.KeyEd25519, private.Public().(ed25519.PublicKey))
		}
	case *ecdsa.PrivateKey:
		var point []byte
		if k.signer, err = httpsig.NewP256Signer(private); err == nil {
			if point, err = private.PublicKey.Bytes(); err == nil {
				k.public, err = zhenni.NewPublicKey(zhenni.KeyP256, point)
			}
		}
	default:
		err = fmt.Errorf("%w: a key of neither Ed25519 nor P-256", zhenni.ErrBadValue)
	}
	if err != nil {
		return key{}, err
	}
	return k, nil
}

// pkcs8 is the written form, for its caller to seal and overwrite.
func (k key) pkcs8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.private) }

// parseKey reads what pkcs8 wrote.
func parseKey(der []byte) (k key, err error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return k, fmt.Errorf("%w: not a private key", zhenni.ErrWrongKey)
	}
	k.private, _ = parsed.(crypto.Signer)
	return k.complete()
}

// Public is the public half: what the server knows the device or terminal by.
func (k key) Public() zhenni.PublicKey { return k.public }

// Signer signs requests.
func (k key) Signer() *httpsig.Signer { return k.signer }

// Format implements fmt.Formatter: whatever the verb, a key is not shown.
func (key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[private key]") }
