package identity

import (
	"fmt"

	"zhenni"
)

// SealedNameTyp is the typ of the header of a sealed name, which is of the form of a sealed identity.
const SealedNameTyp = "zhenni-name+jwe"

// Whoever asks another person whether it is really them says whom they expect by a name alone.

// SealName seals a name for a transaction, as the phone of who asks does; else it is like [Seal].
func SealName(to PublicKey, name, transaction string) (string, error) {
	if to.key == nil || transaction == "" {
		return "", fmt.Errorf("%w: sealing a name wants a key and a transaction", zhenni.ErrBadValue)
	}
	return sealAs(to, SealedNameTyp, struct {
		Name        string `json:"name"`
		Transaction string `json:"transaction"`
	}{name, transaction})
}

// OpenName opens a name that was sealed for a transaction, as [Opener.Open] opens an identity. What is wrong is a [Fault]. The
// opened text is overwritten before OpenName returns; the caller forgets the name.
func (o *Opener) OpenName(sealed, transaction string) (Name, error) {
	plain, err := o.unseal(sealed, SealedNameTyp)
	if err != nil {
		return Name{}, err
	}
	defer clear(plain)
	var name, sealedFor []byte
	ok := readObject(plain, func(s *scanner, member string) bool {
		switch member {
		case "name":
			return s.string(&name)
		case "transaction":
			return s.string(&sealedFor)
		}
		return false
	})
	if !ok || name == nil || sealedFor == nil {
		return Name{}, SealedNamePayload
	}
	if !isFor(sealedFor, transaction) {
		return Name{}, SealedTransaction
	}
	return ParseName(name)
}
