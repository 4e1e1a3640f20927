package identity

import (
	"encoding/base64"
	"fmt"

	"zhenni"
)

// SealedRotationTyp is the typ of the header of a sealed rotation key, which is of the form of a sealed identity.
const SealedRotationTyp = "zhenni-rotation+jwe"

// RotationKeySize is the size of a rotation key, in bytes.
const RotationKeySize = 32

// The holder's phone passes its rotation key into a session at whose counter or hotel another device captures: the engine
// rotates that one capture and forgets the key.

// SealRotation seals a rotation key for a session, as the holder's device does; else it is like [Seal].
func SealRotation(to PublicKey, key [RotationKeySize]byte, session string) (string, error) {
	if to.key == nil || session == "" {
		return "", fmt.Errorf("%w: sealing a rotation key wants a key and a session", zhenni.ErrBadValue)
	}
	return sealAs(to, SealedRotationTyp, struct {
		Rotation string `json:"rotation"`
		Session  string `json:"session"`
	}{base64.RawURLEncoding.EncodeToString(key[:]), session})
}

// OpenRotation opens a rotation key that was sealed for a session, as [Opener.Open] opens an identity. What is wrong is a
// [Fault]. The opened text is overwritten before OpenRotation returns; the caller overwrites the key.
func (o *Opener) OpenRotation(sealed, session string) (key [RotationKeySize]byte, err error) {
	plain, err := o.unseal(sealed, SealedRotationTyp)
	if err != nil {
		return key, err
	}
	defer clear(plain)
	var written, sealedFor []byte
	ok := readObject(plain, func(s *scanner, member string) bool {
		switch member {
		case "rotation":
			return s.string(&written)
		case "session":
			return s.string(&sealedFor)
		}
		return false
	})
	if !ok || sealedFor == nil || len(written) != base64.RawURLEncoding.EncodedLen(RotationKeySize) {
		return key, SealedRotationPayload
	}
	if !isFor(sealedFor, session) {
		return key, SealedTransaction
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(key[:], written); err != nil {
		return [RotationKeySize]byte{}, SealedRotationPayload
	}
	return key, nil
}
