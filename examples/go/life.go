package main

import (
	"fmt"
	"strings"
	"time"
)

// life is a proof of life that is due each half year: the pensioner gives it on the phone, within the time of grace. It prints the
// link, and the session that follows once the proof is given.
func life(args []string) {
	office, view := byKey(), session{}
	due := time.Now().AddDate(0, 0, 10).UTC().Format(time.RFC3339)
	office.ask("POST", "/v1/sessions", map[string]any{
		"kind": "life", "credential": args[0], "service": "pension", "purpose": "prove", "due": due, "every": 6,
	}, &view, once(drawn()))
	fmt.Println("For the phone: " + server + "/s#" + view.Links[0])
	// It may take weeks. What is kept is the session: ask for it now and then, or have a webhook tell you (zhenni rp webhook).
	office.follow(&view, func() {})
	office.ended(&view, 1)
	next, _, _ := strings.Cut(view.Next, ".")
	fmt.Println("The next one:", next)
}
