package identity

import (
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"zhenni"
)

// Seal seals a name and an ID number for a transaction, as a client does: ECDH-ES+A256KW with A256GCM. They need not be
// in their one form. A text that comes out too long is [SealedLong]; a transaction has to be named. The ephemeral key
// and the content key are drawn by go-jose from the system's source, which ends the program where it fails.
func Seal(to PublicKey, name, number, transaction string) (string, error) {
	if to.key == nil || transaction == "" {
		return "", fmt.Errorf("%w: sealing an identity wants a key and a transaction", zhenni.ErrBadValue)
	}
	return sealAs(to, SealedTyp, struct {
		Name        string `json:"name"`
		Number      string `json:"number"`
		Transaction string `json:"transaction"`
	}{name, number, transaction})
}

// SealPIN seals the digits of a PIN for a transaction, as a client does; else it is like [Seal].
func SealPIN(to PublicKey, digits, transaction string) (string, error) {
	if to.key == nil || transaction == "" {
		return "", fmt.Errorf("%w: sealing a PIN wants a key and a transaction", zhenni.ErrBadValue)
	}
	return sealAs(to, SealedPINTyp, struct {
		PIN         string `json:"pin"`
		Transaction string `json:"transaction"`
	}{digits, transaction})
}

// sealAs returns the compact form of a payload, of at most [MaxSealed] bytes.
func sealAs(to PublicKey, typ string, payload any) (string, error) {
	plain, err := json.Marshal(payload)
	if err != nil {
		return "", SealedPayload
	}
	defer clear(plain)
	sealed, err := seal(to, typ, plain)
	if err != nil {
		return "", fmt.Errorf("%w: nothing can be sealed to this key", zhenni.ErrBadValue)
	}
	if len(sealed) > MaxSealed {
		return "", SealedLong
	}
	return sealed, nil
}

// seal returns the compact form of plain.
func seal(to PublicKey, typ string, plain []byte) (string, error) {
	recipient := jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: to.key, KeyID: to.id}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, recipient, new(jose.EncrypterOptions).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	message, err := encrypter.Encrypt(plain)
	if err != nil {
		return "", err
	}
	return message.CompactSerialize()
}
