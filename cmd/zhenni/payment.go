package main

import (
	"strconv"

	"zhenni"
)

// boundPayment says what was paid.
type boundPayment struct {
	Payment map[string]string `mapsep:"," placeholder:"payee=…,amount=…,currency=…,reference=…" help:"The payment that the result must be of, its amount in the smallest unit of the currency. A comma in a text stands behind a backslash, or give the flag once for each field."`
}

// payment is what was paid, nil where nothing is said of it.
func (b boundPayment) payment() (*zhenni.Payment, error) {
	if len(b.Payment) == 0 {
		return nil, nil
	}
	for name := range b.Payment {
		switch name {
		case "payee", "amount", "currency", "reference":
		default:
			return nil, usage("--payment: there is no %q: want payee, amount, currency and reference", name)
		}
	}
	amount, err := strconv.ParseInt(b.Payment["amount"], 10, 64)
	if err != nil {
		return nil, usage("--payment: amount: want a whole number of the smallest unit")
	}
	p := &zhenni.Payment{Payee: b.Payment["payee"], Reference: b.Payment["reference"], Currency: b.Payment["currency"], Amount: amount}
	if err := p.Validate(); err != nil {
		return nil, usage("--payment: %w", err)
	}
	return p, nil
}
