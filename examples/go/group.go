package main

import (
	"fmt"
	"strconv"
)

// group is a matter that passes when so many of those who are named have agreed, each on the own phone. It prints a link for each. How
// one answered is told at the end alone.
func group(args []string) {
	quorum, err := strconv.Atoi(args[0])
	if err != nil {
		fail(err)
	}
	registry, view := byKey(), session{}
	registry.ask("POST", "/v1/sessions", map[string]any{
		"kind": "group", "credentials": args[1:], "quorum": quorum, "service": "vote", "purpose": "resolve", "expires_in_s": 7 * 24 * 3600,
	}, &view, once(drawn()))
	for _, link := range view.Links {
		fmt.Println("For a phone: " + server + "/s#" + link)
	}
	registry.follow(&view, func() { fmt.Println(view.Opened, "have opened it,", view.Answered, "have answered") })
	registry.ended(&view, quorum)
	fmt.Println(view.Seats)
}
