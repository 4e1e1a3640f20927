package zhenni

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Payment is what a verification of a payment is bound to. The phone shows it, and the hash of it is in the signed result:
// whoever pays another payee or amount has no result for it.
type Payment struct {
	// Payee and Reference are 1–[MaxPaymentText] bytes of printable text each.
	Payee, Reference string
	// Amount is in the smallest unit of Currency, at least 1.
	Amount int64
	// Currency is the three capital letters of ISO 4217.
	Currency string
}

// MaxPaymentText bounds the texts of a [Payment], in bytes.
const MaxPaymentText = 140

// Validate reports the first field that is out of range, as [ErrBadValue].
func (p *Payment) Validate() error {
	switch {
	case !validText(p.Payee, MaxPaymentText):
		return fmt.Errorf("%w: payment payee: want 1–%d bytes of printable text", ErrBadValue, MaxPaymentText)
	case !validText(p.Reference, MaxPaymentText):
		return fmt.Errorf("%w: payment reference: want 1–%d bytes of printable text", ErrBadValue, MaxPaymentText)
	case p.Amount < 1:
		return fmt.Errorf("%w: payment amount: want 1 or more, in the smallest unit", ErrBadValue)
	case !validCurrency(p.Currency):
		return fmt.Errorf("%w: payment currency: want three capital letters of ISO 4217", ErrBadValue)
	}
	return nil
}

func validCurrency(s string) bool {
	if len(s) != 3 {
		return false
	}
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}

// Hash is the SHA-256 of "zhenni payment 1" and the fields in the order of payee, reference, currency and amount, each text
// behind its length in four bytes, big-endian, and the amount in eight.
func (p *Payment) Hash() [32]byte {
	b := []byte("zhenni payment 1")
	for _, text := range []string{p.Payee, p.Reference, p.Currency} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(p.Amount)))
}
