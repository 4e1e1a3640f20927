package main

import (
	"fmt"
	"maps"
)

// payment shows a payer payee and amount on the phone; the signed result is bound to them and to nothing else. It prints the link.
func payment(args []string) {
	bill := drawn() // stands for the number of your own bill, under which a payment is begun once
	paid := map[string]any{"payee": "水务局", "amount": 12300, "currency": "CNY", "reference": bill}
	asked := map[string]any{"kind": "payment", "credential": args[0], "service": "wallet", "purpose": "pay"}
	maps.Copy(asked, paid)
	payee, view := byKey(), session{}
	payee.ask("POST", "/v1/sessions", asked, &view, once("bill."+bill))
	fmt.Println("For the phone: " + server + "/s#" + view.Links[0])
	payee.follow(&view, func() {})
	bound := []string{}
	for name, value := range paid {
		bound = append(bound, fmt.Sprintf("--payment=%s=%v", name, value))
	}
	payee.ended(&view, 1, bound...)
}
