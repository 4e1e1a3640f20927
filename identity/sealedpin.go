package identity

import "zhenni/identity/pin"

// OpenPIN opens a PIN that was sealed for a transaction, as [Opener.Open] opens an identity: what is wrong with the sealed
// text is a [Fault], what is wrong with the digits a [pin.Fault]. The opened text is overwritten before OpenPIN returns; the
// caller forgets the digits.
func (o *Opener) OpenPIN(sealed, transaction string) (pin.Digits, error) {
	plain, err := o.unseal(sealed, SealedPINTyp)
	if err != nil {
		return pin.Digits{}, err
	}
	defer clear(plain)
	var digits, sealedFor []byte
	ok := readObject(plain, func(s *scanner, member string) bool {
		switch member {
		case "pin":
			return s.string(&digits)
		case "transaction":
			return s.string(&sealedFor)
		}
		return false
	})
	if !ok || digits == nil || sealedFor == nil {
		return pin.Digits{}, SealedPINPayload
	}
	if !isFor(sealedFor, transaction) {
		return pin.Digits{}, SealedTransaction
	}
	return pin.Parse(digits)
}
