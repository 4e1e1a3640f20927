package main

import (
	"strings"
	"testing"

	"zhenni"
)

// flow is one way in which parties come together. live lives it, and returns the asking party and those asked.
type flow struct {
	name, title string
	// decisions is how many comparisons it takes.
	decisions int
	live      func(w *flowWorld) (*askerParty, []*phoneParty)
	// end is how it ends, where that is no yes.
	end zhenni.SessionEnd
}

func (f flow) want() outcome {
	if f.end != zhenni.SessionLive {
		return outcome{End: f.end}
	}
	return outcome{zhenni.SessionCompleted, true}
}

var flows = []flow{
	{"counter", "A citizen at a counter: the phone scans the code on the screen, and the digits are read out.", 1, counterFlow, 0},
	{"two-of-three", "Two of three shareholders are to agree, each where they are.", 2, quorumFlow, 0},
	{"all", "All three shareholders are to agree.", 3, allFlow, 0},
	{"payment", "A payment, bound to payee, amount and reference.", 1, paymentFlow, 0},
	{"life", "A proof of life that is due.", 1, lifeFlow, 0},
	{"kiosk", "A terminal asks, and captures by itself.", 1, kioskFlow, 0},
	{"hotel", "A guest arrives by a printed code: the hotel's device captures, and the phone brings the key that the capture is rotated by.", 1, hotelFlow, 0},
	{"person", "A person asks another one by name, who lets them see name and picture, once.", 1, personFlow, 0},
	{"person-back", "A person asks another one, who shows the name alone, and asks back.", 2, backFlow, 0},
	{"person-refused", "A person does not want to be asked.", 0, declinedFlow, zhenni.SessionRefused},
	{"person-reported", "A person reports and blocks who asks, and is asked once more.", 0, blockedFlow, zhenni.SessionRefused},
	{"person-wrong-code", "A person types other digits than those that were read out.", 0, wrongCodeFlow, zhenni.SessionWrongCode},
}

func counterFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	clerk, citizen := w.begins("clerk", "counter", "--service", "visitor", "--purpose", "enter"), w.holders["citizen"]
	followed := []*following{clerk.follows()}
	seen := citizen.opens(clerk.scan)
	followed = append(followed, citizen.follows())
	clerk.runs(0, "session", "code", seen.Code)
	citizen.answers("--liveness", "passive")
	w.both(followed)
	clerk.runs(0, "session", "results")
	return clerk, []*phoneParty{citizen}
}

// both waits until those who follow a session are told how it ended, and holds them to one end.
func (w *flowWorld) both(followed []*following) {
	w.t.Helper()
	first := ""
	for _, f := range followed {
		told := <-f.ended
		w.say("   %-9s is told: %s", f.name, strings.TrimSpace(told))
		if first == "" {
			first = told
		}
		if told != first {
			w.t.Errorf("%s is told %q, %s %q", f.name, told, followed[0].name, first)
		}
	}
}

// shareholders begins a session of the three, of whom so many are to be confirmed.
func (w *flowWorld) shareholders(quorum string) (*askerParty, []*phoneParty) {
	three := []*phoneParty{w.holders["ann"], w.holders["ben"], w.holders["eve"]}
	args := []string{"--service", "vote", "--purpose", "resolve", "--quorum", quorum}
	for _, p := range three {
		args = append(args, "--credential", p.id)
	}
	return w.begins("registry", "group", args...), three
}

func quorumFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	registry, three := w.shareholders("2")
	for i, p := range three {
		p.opens(registry.link(i))
	}
	followed := []*following{registry.follows(), three[0].follows(), three[1].follows(), three[2].follows()}
	three[0].answers()
	three[1].does(0, "decline")
	if seen := registry.runs(0, "session", "see"); len(seen.Seats) != 0 || seen.Answered != 2 {
		w.t.Errorf("the registry sees how a shareholder answered before the end: %+v", seen)
	}
	three[2].answers()
	w.both(followed)
	return registry, three
}

func allFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	registry, three := w.shareholders("3")
	for i, p := range three {
		p.opens(registry.link(i))
		p.answers()
	}
	registry.runs(0, "session", "results")
	return registry, three
}

func paymentFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	payee := w.begins("payee", "payment", "--service", "wallet", "--purpose", "pay", "--payee", "水务局", "--amount", "12300", "--reference", "2026-11")
	payer := w.holders["payer"]
	followed := []*following{payee.follows()}
	if seen := payer.opens(payee.link(0)); seen.Payment == nil || seen.Payment.Amount != 12300 || seen.Payment.Payee != "水务局" {
		w.t.Errorf("the payer sees %+v", seen.Payment)
	}
	followed = append(followed, payer.follows())
	payer.answers()
	w.both(followed)
	payee.runs(0, "session", "results")
	return payee, []*phoneParty{payer}
}

func lifeFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	pensioner := w.holders["pensioner"]
	office := w.begins("office", "life", "--service", "pension", "--purpose", "alive", "--credential", pensioner.id, "--due-in", "30s", "--longest", "60s")
	if seen := pensioner.opens(office.link(0)); seen.Due.IsZero() {
		w.t.Error("the pensioner does not see when it is due")
	}
	pensioner.answers("--liveness", "passive")
	office.runs(0, "session", "results")
	return office, []*phoneParty{pensioner}
}

func kioskFlow(w *flowWorld) (*askerParty, []*phoneParty) {
	visitor := w.holders["visitor"]
	kiosk := w.begins("kiosk", "kiosk", "--service", "gate", "--purpose", "enter", "--credential", visitor.id)
	kiosk.runs(0, "terminal", "capture", "--credential", visitor.id, "--probe", visitor.in("live"), "--liveness", "passive")
	kiosk.runs(0, "session", "results")
	return kiosk, nil
}

// told returns how a session ended, as every party is told when it asks again, and holds them to one outcome.
func (w *flowWorld) told(asks *askerParty, asked []*phoneParty) outcome {
	w.t.Helper()
	seen := asks.runs(0, asks.sees()...)
	one := outcome{seen.Outcome, seen.Confirmed}
	for _, p := range asked {
		v := p.does(0, "see")
		own := outcome{v.Outcome, v.Confirmed}
		if own.End == zhenni.SessionCredentialUnusable {
			own.End = zhenni.SessionCompleted // who asks is not told
		}
		if own != one {
			w.t.Errorf("%s is told %v, %s %v", asks.name, one, p.name, own)
		}
	}
	return one
}

// Every flow over a server and a process for each thing that a party does. Run with -v it is the transcript.
//
// FAULTS: C11 Z11
func TestFlows(t *testing.T) {
	t.Parallel()
	w := startFlows(t, len(flowPeople))
	w.apart = true
	for i, f := range flows {
		w.say("\n%d. %s", i+1, f.title)
		asks, asked := f.live(w)
		if got := w.told(asks, asked); got != f.want() {
			t.Errorf("%s: %v, want %v", f.name, got, f.want())
		}
	}
	if err := w.server.terminate(t); err != nil {
		t.Error(err)
	}
}
