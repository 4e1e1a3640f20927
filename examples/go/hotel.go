package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// hotel has a guest scan the printed code, which names the hotel alone, and read out the two digits that the phone shows; the hotel's
// own camera, for which a file stands, takes the face, and the hotel learns yes or no.
func hotel(args []string) {
	desk, view := byKey(), session{}
	desk.awaitGuest()
	fmt.Println("A guest waits.")
	desk.ask("POST", "/v1/arrivals/claim", map[string]any{"code": typed()}, &view, nil)
	desk.capture(&view, args[0])
	desk.ended(&view, 1)
}

// awaitGuest waits until a phone has scanned the code that hangs at the desk, by long polls.
func (c *caller) awaitGuest() {
	for has, guests := "", (struct{ Waiting int }{}); guests.Waiting == 0; {
		response := c.send("GET", "/v1/arrivals", nil, fields{"Prefer": "wait=25", "If-None-Match": has})
		has = response.Header.Get("ETag")
		if response.StatusCode == http.StatusOK {
			if err := json.NewDecoder(io.LimitReader(response.Body, longestAnswer)).Decode(&guests); err != nil {
				fail(err)
			}
		}
		_ = response.Body.Close()
	}
}

// capture shows the person, another capture each time: how many there may be is told by the session.
func (c *caller) capture(view *session, camera string) {
	for view.Outcome == "live" {
		probe, err := os.ReadFile(camera)
		if err != nil {
			fail(err)
		}
		captured := time.Now().UTC().Format("2006-01-02T15:04:05Z")
		try := view.Transaction // sent again, it takes no other try
		c.step(view, "/capture", map[string]any{"probe_float32": probe, "captured_at": captured}, fields{"Transaction-Id": try})
		if view.Outcome == "live" && view.Transaction == try {
			fail("no capture is taken")
		}
	}
}
